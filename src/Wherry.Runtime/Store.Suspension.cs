using System.Diagnostics;
using Wherry.Compilation;
using Wherry.Execution;
using Wherry.Execution.Suspension;
using Wherry.Hosting;

namespace Wherry;

/// <content>Guests that give their thread back while they wait.</content>
public sealed unsafe partial class Store
{
    /// <summary>The owner of a store whose guest waits without a thread: no thread's number.</summary>
    private const int SuspendedOwner = int.MaxValue;

    private readonly GuestSuspension? _suspension;

    // At which depth of calls a wait may leave the guest; 0 for none.
    private int _suspensionDepth;
    private string? _suspensionRefusal;
    private long _waitsWithThread;

    // While a call is under way that may be left, its guests.
    private GuestInstance[] _suspendedGuests = [];

    /// <summary>Where its guests' frames are while they wait, if the engine compiles for that.</summary>
    internal GuestSuspension? Suspension => _suspension;

    /// <summary>Where the first memory of a pooled instance starts.</summary>
    internal ulong? PooledMemoryBase => _pooledGuest is { PooledMemories: [var memory, ..] } ? (ulong)memory.Base : null;

    /// <summary>What the stack's end is for the thread that runs now.</summary>
    internal nint StackLimit => _stackLimit;

    /// <summary>Why a wait never leaves its guests; null if it may.</summary>
    internal string? SuspensionRefusal => _suspension is null ? "the engine does not compile for it" : _suspensionRefusal;

    /// <summary>Whether a host function that is called now may leave its guest. Only the outermost call can be left, and no function may be under way that can't.</summary>
    internal bool CanSuspend
    {
        get
        {
            if (_suspensionDepth == 0 || _suspensionDepth != _depth || _suspensionRefusal is not null)
            {
                return false;
            }

            foreach (GuestInstance guest in _suspendedGuests)
            {
                if (guest.SuspensionBlocks != 0)
                {
                    return false;
                }
            }

            return true;
        }
    }

    /// <summary>
    /// Called where a wait can't leave the guest: what is found below it is compiled as code that can be left, for the next time. The first waits are looked at, and of later ones fewer and fewer, since
    /// that takes time.
    /// </summary>
    /// <returns>False: this wait keeps its thread.</returns>
    internal bool LearnsWait()
    {
        if (_suspensionDepth != 0 && _suspensionDepth == _depth && _suspensionRefusal is null && IsWorthALook(++_waitsWithThread))
        {
            WaitLearner.Learn(new StackTrace(fNeedFileInfo: false));
        }

        return false;
    }

    /// <summary>Says that a wait must not leave its guests.</summary>
    internal void RefuseSuspension(string reason) => _suspensionRefusal ??= reason;

    /// <summary>Where a module was given a function that may wait, and was not compiled for that, waits must not leave it.</summary>
    internal void CheckSuspension(CompiledModule code, Function[] imports)
    {
        if (Engine.Options.MayWait is null || code.Suspension is not { } suspension)
        {
            return;
        }

        for (int i = 0; i < imports.Length; i++)
        {
            if (!suspension.Plan.Reaches(i) && imports[i].Target is not HostFunction { Adapter.IsAsynchronous: false })
            {
                RefuseSuspension($"its import {i} may wait, which was not foreseen");
            }
        }
    }

    /// <summary>Before a call that a wait may leave, or before it goes on. <see cref="ExitSuspendable"/> must follow, unless it throws.</summary>
    /// <param name="isResumed">Whether it goes on.</param>
    internal void EnterSuspendable(bool isResumed)
    {
        int thread = ThreadNumber.Current;
        if (isResumed)
        {
            if (Interlocked.CompareExchange(ref _owner, thread, SuspendedOwner) != SuspendedOwner)
            {
                ThrowBusy();
            }

            MoveTo(thread);
        }
        else
        {
            if (_owner == thread)
            {
                throw new InvalidOperationException("A call that may be left must be the outermost one of its store.");
            }

            EnterOutermost(thread);
            FindSuspendedGuests();
            foreach (GuestInstance guest in _suspendedGuests)
            {
                guest.SuspensionBlocks = 0;
            }
        }

        // The call itself enters once more.
        _depth = 1;
        _suspensionDepth = 2;
    }

    /// <param name="failed">Whether it ended in an exception.</param>
    /// <returns>Whether the guest was left and waits.</returns>
    internal bool ExitSuspendable(bool failed)
    {
        _suspensionDepth = 0;
        _depth = 0;
        if (_suspension!.State == GuestSuspension.Unwinding && !failed)
        {
            _suspension.EndUnwinding();
            Volatile.Write(ref _owner, SuspendedOwner);
            return true;
        }

        if (_suspension.State != GuestSuspension.None)
        {
            // It ended in a trap on the way in or out.
            _suspension.Clear();
            EndRewinding();
        }

        _suspendedGuests = [];
        ExitOutermost();
        return false;
    }

    /// <summary>The call that is under way is never left.</summary>
    internal void KeepThread() => _suspensionDepth = 0;

    internal void SetSuspensionState(int state)
    {
        foreach (GuestInstance guest in _suspendedGuests)
        {
            guest.SuspensionState = state;
            if (state == GuestSuspension.Rewinding)
            {
                // So that each function finds out at its start.
                guest.StackLimit = nint.MaxValue;
            }
        }
    }

    /// <summary>The guest is where it was.</summary>
    internal void EndRewinding()
    {
        SetSuspensionState(GuestSuspension.None);
        lock (_lock)
        {
            SetStackLimits(_reason != InterruptionReason.None ? nint.MaxValue : _stackLimit);
        }
    }

    private void MoveTo(int thread)
    {
        lock (_lock)
        {
            if (_stackThread != thread || _setsStackAtEachCall)
            {
                SetStackOf(thread);
            }
        }
    }

    private static bool IsWorthALook(long number) => number <= 16 || long.IsPow2(number);

    private void FindSuspendedGuests()
    {
        lock (_lock)
        {
            _suspendedGuests = _pooledGuest is not null ? [_pooledGuest] : Array.ConvertAll(_guests.GetAll(), static guest => (GuestInstance)guest);
        }
    }

    // Under the lock.
    private void PrepareSuspension(GuestInstance guest)
    {
        if (_suspension is not null)
        {
            guest.Suspension = _suspension;
            if (_suspendedGuests.Length > 0)
            {
                _suspendedGuests = [.. _suspendedGuests, guest];
            }

            if (guest.Code.Suspension is null)
            {
                RefuseSuspension(guest.Code.SuspensionRefusal);
            }
        }
    }
}
