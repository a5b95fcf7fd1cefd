using System.Diagnostics;
using System.Diagnostics.CodeAnalysis;
using System.Runtime.CompilerServices;
using Wherry.Execution;

namespace Wherry;

/// <content>Entering guests: which thread runs, how much stack it has, how long it may.</content>
public sealed unsafe partial class Store
{
    private const int DisposedOwner = -1;

    // A thread that has called so often in a row is remembered; four times as often whenever another thread came in between.
    private const int FirstBiasThreshold = 4;
    private const int LastBiasThreshold = 1 << 30;

    private readonly bool _usesCallScope;
    private readonly bool _setsStackAtEachCall;
    private readonly bool _mayBias;

    // The number of the thread that runs guests, or that has the bias; 0 if there is none.
    private int _owner;

    // Of calls that did not enter by the bias.
    private int _depth;
    private nint _stackLimit;
    private int _stackThread;

    // Changed under the lock. One that was revoked stays until its thread has left: then the thread gives the store up.
    private EntryBias _bias = EntryBias.None;
    private int _biasThreshold = FirstBiasThreshold;

    // The owner's.
    private int _lastThread;
    private int _lastThreadCalls;

    /// <summary>Whether a guest is running.</summary>
    internal bool IsRunning
    {
        get
        {
            EntryBias bias = Volatile.Read(ref _bias);
            int owner = Volatile.Read(ref _owner);
            return owner > 0 && (bias.Thread != owner || bias.IsInside);
        }
    }

    /// <summary>Before a call from .NET into a guest. <see cref="Exit"/> must follow, unless it throws.</summary>
    /// <param name="bias">What <see cref="Exit"/> needs.</param>
    /// <returns>As well.</returns>
    /// <exception cref="InvalidOperationException">Another thread runs a guest of the store.</exception>
    /// <exception cref="TrapException">The store was interrupted.</exception>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    internal bool TryEnter(out EntryBias bias, out Entered entered)
    {
        bias = _bias;
        return bias.TryEnter(out entered);
    }

    /// <summary>The same as <see cref="TryEnter"/>, and <see cref="EnterUnbiased"/> where that fails.</summary>
    internal Entered Enter(out EntryBias bias)
    {
        bias = _bias;
        if (!bias.TryEnter(out Entered entered))
        {
            EnterUnbiased();
        }

        return entered;
    }

    [MethodImpl(MethodImplOptions.NoInlining)]
    internal void Exit(EntryBias bias, Entered entered)
    {
        // A call that was within another leaves the end to that.
        if (entered == Entered.Unbiased)
        {
            ExitUnbiased();
        }
        else if (entered == Entered.Outermost)
        {
            ExitRevoked(bias);
        }
    }

    /// <summary>The same as <see cref="Enter"/>, always with all that belongs to an entry. <see cref="ExitUnbiased"/> must follow, unless it throws.</summary>
    [MethodImpl(MethodImplOptions.NoInlining)]
    internal void EnterUnbiased()
    {
        int thread = ThreadNumber.Current;
        if (Volatile.Read(ref _bias) != EntryBias.None)
        {
            LookAtBias(thread);
        }

        if (_owner != thread)
        {
            EnterOutermost(thread);
        }

        _depth++;
        FrameBudget?.Enter();
    }

    [MethodImpl(MethodImplOptions.NoInlining)]
    internal void ExitUnbiased()
    {
        if (Meter is { } meter)
        {
            meter.Owed = 0;
        }

        FrameBudget?.Exit();

        // Another thread's bias may still be there for a moment.
        EntryBias bias = _bias;
        bool isBelowBias = bias.Thread == _owner && bias.IsInside;
        if (--_depth == 0 && !isBelowBias)
        {
            ExitOutermost();
        }
    }

    /// <summary>What an exception of a guest's call stands for, mostly a trap, or null if it passes unchanged; <see cref="TrapTranslator.Complete"/> must follow behind all blocks. Between <see cref="Enter"/> and <see cref="Exit"/>.</summary>
    internal Exception? Translate(Exception exception)
    {
        Meter?.Settle();
        return TrapTranslator.Translate(this, exception);
    }

    // A thread whose bias was revoked while it was inside has kept the store until now.
    [MethodImpl(MethodImplOptions.NoInlining)]
    private void ExitRevoked(EntryBias bias)
    {
        lock (_lock)
        {
            if (_bias != bias || bias.IsInside)
            {
                return;
            }

            _bias = EntryBias.None;
        }

        ExitOutermost();
    }

    // Before an entry without the bias. Afterwards the thread owns the store only if it is inside.
    private void LookAtBias(int thread)
    {
        lock (_lock)
        {
            // A thread that is not inside any more may have been kept from giving the store up (Thread.Interrupt).
            EntryBias bias = _bias;
            if (bias != EntryBias.None && (bias.Thread == thread ? !bias.IsInside : bias.IsStanding || !bias.IsInside))
            {
                if (bias.Thread != thread)
                {
                    _biasThreshold = _biasThreshold >= LastBiasThreshold / 4 ? LastBiasThreshold : _biasThreshold * 4;
                }

                RevokeBias(thread);
            }
        }
    }

    /// <summary>Whoever enters next does it with all that belongs to it, and whoever is inside looks up when he leaves. Under the lock.</summary>
    /// <param name="caller">The number of the current thread.</param>
    private void RevokeBias(int caller)
    {
        EntryBias bias = _bias;
        if (bias == EntryBias.None)
        {
            return;
        }

        bias.Revoke(caller);
        if (bias.IsInside)
        {
            return;
        }

        try
        {
            if (_isCallScoped)
            {
                // Its call has ended, and its thread will find nothing to end.
                EndInterruption();
            }
        }
        finally
        {
            // In this order: a thread that finds no bias, and itself as the owner, is inside.
            Volatile.Write(ref _owner, 0);
            Volatile.Write(ref _bias, EntryBias.None);
        }
    }

    // Where each entry and exit has something to do, there is no bias.
    private bool MayBias() => Meter is null && FrameBudget is null && _suspension is null && !_setsStackAtEachCall && !Options.HasTimeLimitBelow(LeastWatchedLimit);

    private bool TryBias()
    {
        int thread = _owner;
        if (_lastThread != thread)
        {
            _lastThread = thread;
            _lastThreadCalls = 0;
        }

        if (++_lastThreadCalls < _biasThreshold)
        {
            return false;
        }

        _lastThreadCalls = 0;
        lock (_lock)
        {
            if (_reason != InterruptionReason.None || _isDisposed)
            {
                return false;
            }

            if (_usesCallScope && Watchdog.IsBusy)
            {
                return false;
            }

            if (EntryBias.TryCreate(thread) is not { } bias)
            {
                return false;
            }

            Volatile.Write(ref _bias, bias);
            bool isDone = false;
            try
            {
                if (_usesCallScope)
                {
                    WatchBias(bias);
                }

                isDone = true;
            }
            finally
            {
                if (!isDone)
                {
                    bias.Revoke(thread);
                    Volatile.Write(ref _bias, EntryBias.None);
                }
            }

            return true;
        }
    }

    private void EnterOutermost(int thread)
    {
        if (Interlocked.CompareExchange(ref _owner, thread, 0) != 0)
        {
            ThrowBusy();
        }

        if (_stackThread != thread || _setsStackAtEachCall || _reason != InterruptionReason.None || _usesCallScope)
        {
            Prepare(thread);
        }
    }

    private void Prepare(int thread)
    {
        InterruptionReason reason;
        lock (_lock)
        {
            reason = _reason;
            if (_stackThread != thread || _setsStackAtEachCall)
            {
                SetStackOf(thread);
            }
        }

        if (reason != InterruptionReason.None)
        {
            ExitOutermost();
            throw TrapTranslator.FromCause(this) ?? TrapTranslator.Create(
                reason == InterruptionReason.TimeLimit ? TrapKind.TimeLimit : TrapKind.Interrupted,
                "the store was interrupted; Store.ClearInterruption allows calls again");
        }

        if (Options.HasTimeLimit)
        {
            StartTimeLimit(Options.TimeLimit!.Value);
        }
    }

    // Under the lock.
    private void SetStackOf(int thread)
    {
        nint limit = StackBounds.GuestLimit;
        if (Options.Limits.StackBytes is long bytes)
        {
            // Not below zero, however much is asked for.
            nint current = StackBounds.Current;
            limit = Math.Max(limit, current - (nint)Math.Clamp(bytes, 0, current));
        }

        _stackThread = thread;
        _stackLimit = limit;
        if (_reason == InterruptionReason.None)
        {
            SetStackLimits(limit);
        }
    }

    private void ExitOutermost()
    {
        bool keeps = false;
        try
        {
            if (_usesCallScope || _hasScopedCancellation)
            {
                EndCallScope();
            }

            keeps = _mayBias && TryBias();
        }
        finally
        {
            // Whatever happens: a wait for a lock can be interrupted.
            if (!keeps)
            {
                Volatile.Write(ref _owner, 0);
                if (_isDisposed && Interlocked.CompareExchange(ref _owner, DisposedOwner, 0) == 0)
                {
                    ReleaseMemories();
                }
            }
        }
    }

    private void SetStackLimits(nint limit)
    {
        if (_pooledGuest is not null)
        {
            _pooledGuest.StackLimit = limit;
        }

        foreach (GuestInstance guest in _guests.GetAll())
        {
            guest.StackLimit = limit;
        }

        Meter?.SetInterrupted(limit == nint.MaxValue);
    }

    [DoesNotReturn]
    [StackTraceHidden]
    private void ThrowBusy()
    {
        ObjectDisposedException.ThrowIf(_isDisposed, this);
        throw new InvalidOperationException(
            "Another thread is running a guest of this store, or a call of it waits. A store runs one call at a time: use a store for each thread, or take turns.");
    }
}
