namespace Wherry.Execution;

/// <summary>
/// The fuel of a store, as metered code sees it. A function keeps the count in a local and pays for a stretch of straight code at its start. It writes the
/// local here before whatever may see it, so that what is here is exact there; before an instruction that may trap it notes
/// how much of what it paid is still to be executed.
/// </summary>
internal sealed class Meter
{
    /// <summary>For <see cref="Unexecuted"/>: a trap gives the size of a bulk operation back.</summary>
    public const int SizeIsUnexecuted = -1;

    /// <summary>What is left; below zero if the stretch in which it ran out was executed to its end.</summary>
    public nint Remaining;

    /// <summary>What a trap at this point gives back.</summary>
    public int Unexecuted;

    /// <summary>Zero, or nothing but the sign to interrupt, so that one look at it and the count tells both.</summary>
    public nint Interruption;

    /// <summary>All that was ever put in.</summary>
    private long _supplied;

    // Of the last bulk operation.
    private nint _size;

    public Meter(long fuel)
    {
        _supplied = fuel;
        Remaining = (nint)fuel;
    }

    /// <summary>What was used up since the start. It wraps around after 2^64.</summary>
    public ulong Consumed => unchecked((ulong)(_supplied - Remaining));

    /// <summary>The part of it that was for the sizes of bulk operations.</summary>
    public ulong ConsumedBySizes { get; private set; }

    public void Set(long fuel)
    {
        _supplied = unchecked(_supplied + (fuel - Remaining));
        Remaining = (nint)fuel;
    }

    /// <summary>Gives half of what is left to a thread that the guest starts. Called by the guest's own thread.</summary>
    public Meter Split()
    {
        long half = Math.Max(0, (long)Remaining / 2);
        Set(Remaining - half);
        return new Meter(half);
    }

    public void SetInterrupted(bool isInterrupted) => Volatile.Write(ref Interruption, isInterrupted ? nint.MinValue : 0);

    /// <summary>Makes the count exact after a trap. Nothing is left to give back afterwards.</summary>
    public void Settle()
    {
        if (Unexecuted == SizeIsUnexecuted)
        {
            ConsumedBySizes -= (ulong)_size;
            Remaining += _size;
        }
        else
        {
            Remaining += Unexecuted;
        }

        Unexecuted = 0;
    }

    /// <summary>Pays for the size of a bulk operation, which gets it back if it traps: <see cref="Unexecuted"/> says so.</summary>
    /// <exception cref="GuestTrapException">There is not enough.</exception>
    public void ChargeBulk(ulong count, int perUnit)
    {
        ulong cost = count / (ulong)perUnit;
        cost += cost * (ulong)perUnit == count ? 0UL : 1UL;
        _size = 0;
        if (Remaining < 0 || cost > (ulong)Remaining)
        {
            throw new GuestTrapException(TrapKind.OutOfFuel);
        }

        Remaining -= (nint)cost;
        _size = (nint)cost;
        ConsumedBySizes += cost;
    }
}
