namespace Wherry.Execution;

/// <summary>
/// The fuel of a store, as metered code sees it. A function keeps the count in a local. It writes the
/// count here before whatever may see it, so that what is here is exact there; before an instruction that may trap it notes
/// what was executed since the count was written.
/// </summary>
internal sealed class Meter
{
    /// <summary>For <see cref="Owed"/>: a trap gives the size of a bulk operation back.</summary>
    public const int SizeIsOwed = -1;

    /// <summary>What is left; below zero if the guest went on for a while before it looked.</summary>
    public nint Remaining;

    /// <summary>What a trap at this point takes off.</summary>
    public int Owed;

    /// <summary>The least that must be left for the guest to go on: zero, or the most there is to interrupt it, so that one comparison with the count tells both.</summary>
    public nint Least;

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

    public void SetInterrupted(bool isInterrupted) => Volatile.Write(ref Least, isInterrupted ? nint.MaxValue : 0);

    /// <summary>Makes the count exact after a trap. Nothing is owed afterwards.</summary>
    public void Settle()
    {
        if (Owed == SizeIsOwed)
        {
            ConsumedBySizes -= (ulong)_size;
            Remaining += _size;
        }
        else
        {
            Remaining -= Owed;
        }

        Owed = 0;
    }

    /// <summary>Pays for the size of a bulk operation, which gets it back if it traps: <see cref="Owed"/> says so.</summary>
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
