using System.Net;
using Wherry.Wasi.Network;
using Wherry.Wasi.Network.InProcess;
using Wherry.Wasi.Paths;
using Wherry.Wasi.Scheduling;

namespace Wherry.Wasi;

/// <summary>What a guest is given: arguments, environment, standard streams, folders, network, clock and randomness.</summary>
public sealed record WasiOptions
{
    // Null where nothing was given: what stands for that then need not be loaded for most guests, which don't have it.
    private readonly IReadOnlyList<IPEndPoint>? tcpListeners;
    private readonly TimeProvider? timeProvider;

    /// <summary>The command line, the program's name first.</summary>
    public IReadOnlyList<string> Arguments { get; init; } = [];

    /// <summary>Environment variables. The host's own are never passed on by themselves.</summary>
    public IReadOnlyDictionary<string, string> Environment { get; init; } = new Dictionary<string, string>();

    /// <summary>Standard input; null inherits the process's.</summary>
    public Stream? StandardInput { get; init; }

    /// <summary>Standard output; null inherits the process's.</summary>
    public Stream? StandardOutput { get; init; }

    /// <summary>Standard error; null inherits the process's.</summary>
    public Stream? StandardError { get; init; }

    /// <summary>The only folders that the guest reaches; the first one is file descriptor 3.</summary>
    public IReadOnlyList<PreopenedDirectory> Directories { get; init; } = [];

    /// <summary>What the guest may do on the network.</summary>
    public NetworkPolicy NetworkPolicy { get; init; } = NetworkPolicy.None;

    /// <summary>Where listening TCP sockets are opened for the guest; their file descriptors follow those of the folders.</summary>
    public IReadOnlyList<IPEndPoint> TcpListeners { get => tcpListeners ?? []; init => tcpListeners = value; }

    /// <summary>The wall clock and the monotonic clock; not those of a deterministic guest.</summary>
    public TimeProvider TimeProvider { get => timeProvider ?? TimeProvider.System; init => timeProvider = value; }

    /// <summary>Fills a buffer with random bytes; null uses the system's cryptographic source.</summary>
    public RandomSource? RandomSource { get; init; }

    /// <summary>
    /// Whether the guest sees the same world in every run, given the same arguments, environment, standard input and contents of its folders. Its clocks are virtual: they start at 2000-01-01T00:00:00Z (the
    /// wall clock) and 0 (all others), each reading of any of them moves all on by a microsecond, and <c>poll_oneoff</c> by exactly the time that is waited for, at once. Random bytes follow from
    /// <see cref="RandomSeed"/>, unless there is a <see cref="RandomSource"/>. Folders are listed in the order of the names' bytes; inodes are numbers in the order in which the guest first
    /// meets the files; all times of files are the clock's start, the size of a folder is 0. To poll, descriptors are always ready, and standard input is read in pieces of 16 KiB. There is no
    /// network and there are no threads. The engine's part is <see cref="EngineOptions.Deterministic"/>.
    /// </summary>
    public bool Deterministic { get; init; }

    /// <summary>What a deterministic guest's random bytes follow from. They are no secret: nothing that must not be guessed may come from them.</summary>
    public ulong RandomSeed { get; init; }

    /// <summary>How many file descriptors the guest may have open at once. Each costs one of the process's own.</summary>
    public int MaximumDescriptors { get; init; } = 16_384;

    /// <summary>How many threads the guest may have at once besides the first, if it starts any (<see cref="WasiContext.AddThreadsTo"/>).</summary>
    public int MaximumThreads { get; init; } = 64;

    /// <summary>Whether there are any <see cref="TcpListeners"/>.</summary>
    internal bool HasTcpListeners => tcpListeners is { Count: > 0 };

    /// <summary>Whether <see cref="TimeProvider"/> is the system's.</summary>
    internal bool HasSystemTime => timeProvider is null || timeProvider == TimeProvider.System;

    /// <summary>The guest's place on a network inside the process; null if it is on none. What is not on that network goes by <see cref="NetworkPolicy"/>.</summary>
    internal NetworkMember? NetworkMember { get; init; }

    /// <summary>Where the guest's connections are recorded; null for nowhere.</summary>
    internal EgressRecord? Egress { get; init; }

    /// <summary>Told by each thread that the guest starts: true when it begins, false when it ends.</summary>
    internal Action<bool>? ThreadRuns { get; init; }

    /// <summary>How paths are kept inside the folders; both ways give the same answers, and tests take each.</summary>
    internal PathResolution PathResolution { get; init; }

    /// <summary>Where the guest runs, if it has no thread of its own: its waits do not block then. Such a guest has no threads.</summary>
    internal GuestScheduler? Scheduler { get; init; }
}

/// <summary>Fills <paramref name="buffer"/> with random bytes.</summary>
public delegate void RandomSource(Span<byte> buffer);
