using System.ComponentModel;
using Wherry.Execution;
using Wherry.Execution.Memories;

namespace Wherry;

/// <content>Interruption: of all that the store runs, or of one call.</content>
public sealed unsafe partial class Store
{
    // Calls that enter by a bias are looked at each hundredth of the time limit, or more often: so much later it ends.
    private const int WatchedShare = 100;
    private const long LongestWatchedPart = 10;
    private const long IdleTime = 500;

    private const long LeastWatchedLimit = 100;

    // Written under the lock; read without it by bulk operations and entries.
    private volatile InterruptionReason _reason;
    private volatile Exception? _cause;

    // Whether the interruption ends with the call that it was meant for.
    private bool _isCallScoped;
    private bool _hasScopedCancellation;
    private CancellationTokenSource? _interruption;

    // Counts the outermost calls, so that a late time limit doesn't hit the next call. The deadline is 0 while no call has one.
    private long _callNumber;
    private long _deadline;
    private bool _isWatched;

    /// <summary>
    /// Cancelled when the guest that runs now is interrupted or over its time limit: host functions that wait should wait with it. After an
    /// interruption that has ended there is another token, so ask anew in each call.
    /// </summary>
    public CancellationToken InterruptionToken
    {
        get
        {
            lock (_lock)
            {
                if (_interruption is null)
                {
                    _interruption = new CancellationTokenSource();
                    if (_reason != InterruptionReason.None)
                    {
                        _interruption.Cancel();
                    }
                }

                return _interruption.Token;
            }
        }
    }

    /// <summary>Whether the guest must stop: long operations look at it now and then.</summary>
    internal bool IsInterrupted => _reason != InterruptionReason.None;

    /// <summary>The kind of trap of the interruption that is under way.</summary>
    internal TrapKind InterruptionKind => _reason == InterruptionReason.TimeLimit ? TrapKind.TimeLimit : TrapKind.Interrupted;

    /// <summary>
    /// Ends the guest that runs now with a <see cref="TrapException"/> of kind <see cref="TrapKind.Interrupted"/>, and refuses later calls in the
    /// same way until <see cref="ClearInterruption"/>. May be called from any thread; a guest's own code stops at once, a host function when it ends or
    /// heeds <see cref="InterruptionToken"/>.
    /// </summary>
    public void Interrupt() => InterruptCore(InterruptionReason.Interrupted, callNumber: null);

    /// <summary>
    /// The same, but the guest's call ends with what happened elsewhere: the trap, the exit or the exception of another of its threads. Calls that come
    /// later end so too.
    /// </summary>
    internal void InterruptBecause(Exception cause) => InterruptCore(InterruptionReason.Interrupted, callNumber: null, cause);

    /// <summary>The same for a thread, in the way in which the store that started it was interrupted.</summary>
    internal void InterruptAs(Store starter) => InterruptCore(starter._reason == InterruptionReason.TimeLimit ? InterruptionReason.TimeLimit : InterruptionReason.Interrupted, callNumber: null);

    /// <summary>What ends a call that was interrupted.</summary>
    internal Exception? InterruptionCause => _cause;

    /// <summary>Allows calls again after <see cref="Interrupt"/>. The guest was stopped anywhere: whether it is still sound only the embedder can know.</summary>
    /// <exception cref="InvalidOperationException">A guest is still running.</exception>
    public void ClearInterruption()
    {
        lock (_lock)
        {
            if (IsRunning)
            {
                throw new InvalidOperationException("The guest has not stopped yet: its call must end first.");
            }

            EndInterruption();
        }
    }

    /// <summary>Between the parts of an operation that may take long.</summary>
    /// <exception cref="GuestTrapException">The guest must stop.</exception>
    internal void ThrowIfInterrupted()
    {
        if (IsInterrupted)
        {
            throw new GuestTrapException(InterruptionKind);
        }
    }

    /// <summary>Makes the token interrupt the call that this thread is in, and no later one.</summary>
    internal CancellationTokenRegistration InterruptCallWhenCancelled(CancellationToken token)
    {
        long number;
        lock (_lock)
        {
            _hasScopedCancellation = true;
            number = _callNumber;
        }

        return token.UnsafeRegister(state => ((Store)state!).InterruptCore(InterruptionReason.Interrupted, number), this);
    }

    /// <summary>Interrupts at the deadline, if the call that has it is still running.</summary>
    /// <returns>When to look again, or null if nothing with a deadline is running.</returns>
    internal long? CheckDeadline(long now)
    {
        long number;
        lock (_lock)
        {
            if (_deadline == 0)
            {
                _isWatched = false;
                return null;
            }

            if (now < _deadline)
            {
                return _deadline;
            }

            _isWatched = false;
            _deadline = 0;
            number = _callNumber;
        }

        Quietly(() => InterruptCore(InterruptionReason.TimeLimit, number));
        return null;
    }

    /// <summary>The same for calls that enter by a bias: looks whether one goes on for longer than it may.</summary>
    /// <returns>When to look again, or null if it needs not be watched any more.</returns>
    internal long? CheckBias(EntryBias bias, long now)
    {
        long limit = ToMilliseconds(Options.TimeLimit!.Value);
        int number = bias.Calls;
        bool isInside = bias.IsInside;
        if (Volatile.Read(ref _bias) != bias)
        {
            // Its thread is not inside, and from now on each call has a deadline.
            return null;
        }

        if (bias.Watched.IsInside != isInside || bias.Watched.Number != number)
        {
            bias.Watched = new WatchedCall(isInside, number, now);
        }

        long passed = now - bias.Watched.Since;
        if (!isInside && passed >= IdleTime)
        {
            Quietly(() => RevokeIdle(bias));
        }
        else if (isInside && passed >= limit && !IsInterrupted)
        {
            Quietly(() => InterruptCore(InterruptionReason.TimeLimit, number, bias: bias));
        }

        // The same call is looked at less and less often: it is known when it ends. So are stores without one.
        long share = Math.Clamp(limit / WatchedShare, 1, LongestWatchedPart);
        long pause = isInside ? Math.Max(share, passed / WatchedShare) : Math.Min(4 * share, LongestWatchedPart);
        return now + (isInside && passed < limit ? Math.Min(pause, limit - passed) : pause);
    }

    private void RevokeIdle(EntryBias bias)
    {
        lock (_lock)
        {
            if (_bias == bias)
            {
                RevokeBias(caller: 0);
            }
        }
    }

    // The watchdog serves all stores and goes on.
    private static void Quietly(Action interrupt)
    {
        try
        {
            interrupt();
        }
        catch (Exception exception) when (exception is AggregateException or Win32Exception)
        {
            // A callback of the embedder's failed, or a page kept its protection; there is nobody to tell.
        }
    }

    private void InterruptCore(InterruptionReason reason, long? callNumber, Exception? cause = null, EntryBias? bias = null)
    {
        CancellationTokenSource? interruption;
        lock (_lock)
        {
            EntryBias standing = _bias;
            RevokeBias(ThreadNumber.Current);
            if (bias is not null ? standing != bias || !bias.IsInside || bias.Calls != callNumber : callNumber is not null && (callNumber != _callNumber || !IsRunning))
            {
                return;
            }

            if (_reason != InterruptionReason.None)
            {
                _isCallScoped &= callNumber is not null;
                return;
            }

            _isCallScoped = callNumber is not null;
            _cause = cause;
            _reason = reason;
            SetStackLimits(nint.MaxValue);
            SetPages(isInterrupted: true);
            interruption = _interruption;
        }

        SampleRequest?.Gate?.Wake();

        // Outside of the lock, since it runs the callbacks of host functions.
        interruption?.Cancel();
    }

    private void StartTimeLimit(TimeSpan timeLimit)
    {
        lock (_lock)
        {
            _deadline = Math.Max(1, Environment.TickCount64 + ToMilliseconds(timeLimit));
            if (!_isWatched)
            {
                _isWatched = true;
                Watchdog.Watch(this, _deadline);
            }
        }
    }

    // Under the lock.
    private void WatchBias(EntryBias bias)
    {
        long now = Environment.TickCount64;
        bias.Watched = new WatchedCall(IsInside: false, Number: 0, now);
        Watchdog.Watch(this, now + 1, bias);
    }

    private static long ToMilliseconds(TimeSpan limit) => (long)Math.Clamp(limit.TotalMilliseconds, 0, long.MaxValue / 4);

    private void EndCallScope()
    {
        lock (_lock)
        {
            _callNumber++;
            _deadline = 0;
            _hasScopedCancellation = false;
            if (_reason != InterruptionReason.None && _isCallScoped)
            {
                EndInterruption();
            }
        }
    }

    private void EndInterruption()
    {
        if (_reason != InterruptionReason.None)
        {
            _reason = InterruptionReason.None;
            _cause = null;
            _interruption = null;
            SetStackLimits(_stackLimit);
            SetPages(isInterrupted: false);
        }
    }

    private void SetPages(bool isInterrupted)
    {
        if (_safepointPage is not null)
        {
            SafepointPages.SetInterrupted(_safepointPage.Address, isInterrupted);
        }

        foreach (Memory memory in GetMemories())
        {
            // Code with a shared memory reads the store's own page: other stores' guests must not stop.
            if (!memory.Type.IsShared)
            {
                memory.SetInterrupted(isInterrupted);
            }
        }
    }
}
