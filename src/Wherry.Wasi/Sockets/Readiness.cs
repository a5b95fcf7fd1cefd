namespace Wherry.Wasi.Sockets;

/// <summary>What is known of a socket without asking the system.</summary>
[Flags]
internal enum Readiness : byte
{
    None = 0,

    /// <summary>A receive or an accept would not wait, as far as is known.</summary>
    Readable = 1,

    /// <summary>A send would not wait, as far as is known.</summary>
    Writable = 2,

    /// <summary>The peer will send no more: every receive returns at once from now on.</summary>
    PeerClosed = 4,

    /// <summary>Both directions are closed.</summary>
    HungUp = 8,

    /// <summary>An error waits to be fetched.</summary>
    Failed = 16,

    /// <summary>
    /// <see cref="Readable"/> may be out of date, since the last receive took exactly what it asked for. The system tells
    /// only of what arrives anew, so poll_oneoff must ask it.
    /// </summary>
    Unsure = 32,

    /// <summary>Urgent data arrived, at which a receive stops short although there is more.</summary>
    Urgent = 64,
}
