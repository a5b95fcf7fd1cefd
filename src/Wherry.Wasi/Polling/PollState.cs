namespace Wherry.Wasi.Polling;

/// <summary>What poll_oneoff notes on each descriptor while it runs: which subscription asks for which direction.</summary>
internal struct PollState
{
    /// <summary>No subscription asks for the direction.</summary>
    public const int None = -1;

    /// <summary>The subscription that asked for the direction has had its event.</summary>
    public const int Reported = -2;

    /// <summary>The call for which <see cref="Read"/> and <see cref="Write"/> hold; older notes are void.</summary>
    public uint Generation;

    /// <summary>The index of the subscription that waits for data.</summary>
    public int Read;

    /// <summary>The index of the subscription that waits for room to write.</summary>
    public int Write;
}
