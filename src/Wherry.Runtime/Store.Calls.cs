using System.Diagnostics;
using System.Diagnostics.CodeAnalysis;
using System.Runtime.CompilerServices;
using Wherry.Execution;

namespace Wherry;

/// <content>Entering guests: which thread runs, how much stack it has, how long it may.</content>
public sealed unsafe partial class Store
{
    private const int DisposedOwner = -1;

    private readonly bool _usesCallScope;
    private readonly bool _setsStackAtEachCall;

    // The number of the thread that runs guests, 0 if none does.
    private int _owner;
    private int _depth;
    private nint _stackLimit;
    private int _stackThread;

    /// <summary>Whether a guest is running.</summary>
    internal bool IsRunning => Volatile.Read(ref _owner) > 0;

    /// <summary>Before a call from .NET into a guest. <see cref="Exit"/> must follow, unless it throws.</summary>
    /// <exception cref="InvalidOperationException">Another thread runs a guest of the store.</exception>
    /// <exception cref="TrapException">The store was interrupted.</exception>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    internal void Enter()
    {
        int thread = ThreadNumber.Current;
        if (_owner != thread)
        {
            EnterOutermost(thread);
        }

        _depth++;
        FrameBudget?.Enter();
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    internal void Exit()
    {
        if (Meter is { } meter)
        {
            meter.Owed = 0;
        }

        FrameBudget?.Exit();

        if (--_depth == 0)
        {
            ExitOutermost();
        }
    }

    /// <summary>What an exception of a guest's call stands for, mostly a trap, or null if it passes unchanged. Between <see cref="Enter"/> and <see cref="Exit"/>.</summary>
    internal Exception? Translate(Exception exception)
    {
        Meter?.Settle();
        return TrapTranslator.Translate(this, exception);
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

        if (Options.TimeLimit is TimeSpan timeLimit)
        {
            StartTimeLimit(timeLimit);
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
        if (_usesCallScope || _hasScopedCancellation)
        {
            EndCallScope();
        }

        Volatile.Write(ref _owner, 0);
        if (_isDisposed && Interlocked.CompareExchange(ref _owner, DisposedOwner, 0) == 0)
        {
            ReleaseMemories();
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
