namespace Wherry.Wasi.Determinism;

/// <summary>
/// The time of a deterministic guest. It starts at 2000-01-01T00:00:00Z, each reading of any clock moves it on by a microsecond, and a wait by exactly the time waited for, which
/// nobody waits. Nothing else moves it.
/// </summary>
internal sealed class VirtualClock
{
    /// <summary>Nanoseconds from 1970 to the start.</summary>
    public const ulong Start = 946_684_800_000_000_000;

    /// <summary>What a reading moves it on by, in nanoseconds: no two readings are alike.</summary>
    public const ulong Step = 1_000;

    /// <summary>Nanoseconds since the start: the monotonic clock, and those of processor time.</summary>
    public ulong Elapsed { get; private set; }

    /// <summary>Nanoseconds since the start, read by the guest.</summary>
    public ulong Read() => Elapsed += Step;

    /// <summary>Lets time pass, to the end of time at most.</summary>
    public void Wait(ulong nanoseconds) => Elapsed += Math.Min(nanoseconds, (ulong.MaxValue / 2) - Elapsed);
}
