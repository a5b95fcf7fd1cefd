using System.Net;
using Wherry.Wasi.Network.InProcess;
using Wherry.Wasi.Paths;

namespace Wherry.Wasi;

/// <summary>What a guest is given: arguments, environment, standard streams, folders, network, clock and randomness.</summary>
public sealed record WasiOptions
{
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
    public IReadOnlyList<IPEndPoint> TcpListeners { get; init; } = [];

    /// <summary>The wall clock and the monotonic clock.</summary>
    public TimeProvider TimeProvider { get; init; } = TimeProvider.System;

    /// <summary>Fills a buffer with random bytes; null uses the system's cryptographic source.</summary>
    public RandomSource? RandomSource { get; init; }

    /// <summary>How many file descriptors the guest may have open at once. Each costs one of the process's own.</summary>
    public int MaximumDescriptors { get; init; } = 16_384;

    /// <summary>How many threads the guest may have at once besides the first, if it starts any (<see cref="WasiContext.AddThreadsTo"/>).</summary>
    public int MaximumThreads { get; init; } = 64;

    /// <summary>The guest's place on a network inside the process; null if it is on none. What is not on that network goes by <see cref="NetworkPolicy"/>.</summary>
    internal NetworkMember? NetworkMember { get; init; }

    /// <summary>How paths are kept inside the folders; both ways give the same answers, and tests take each.</summary>
    internal PathResolution PathResolution { get; init; }
}

/// <summary>Fills <paramref name="buffer"/> with random bytes.</summary>
public delegate void RandomSource(Span<byte> buffer);
