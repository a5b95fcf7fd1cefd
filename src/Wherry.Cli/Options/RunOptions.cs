using System.Net;
using Wherry.Wasi;

namespace Wherry.Cli.Options;

/// <summary>What <c>wherry run</c> was asked to do.</summary>
internal sealed record RunOptions
{
    public required string ModulePath { get; init; }

    /// <summary>All that followed the module.</summary>
    public required string[] GuestArguments { get; init; }

    // Null where there are none, and no empty arrays: the runtime would load their elements' types, and the assemblies of these.
    public PreopenedDirectory[]? Folders { get; init; }

    public KeyValuePair<string, string>[]? Environment { get; init; }

    public PublishedPort[]? PublishedPorts { get; init; }

    public ConnectRule[]? ConnectRules { get; init; }

    public bool HasHostNetwork { get; init; }

    /// <summary>Whether the guest has anything of a network, listening sockets that it finds open included.</summary>
    public bool ReachesOut => HasHostNetwork || PublishedPorts is not null || ConnectRules is not null || TcpListeners is not null;

    /// <summary>Whether the guest gets more than its arguments and a network.</summary>
    public bool GivesMore => Folders is not null || Environment is not null || TcpListeners is not null || Threads is not null;

    public IPEndPoint[]? TcpListeners { get; init; }

    public bool IsReactor { get; init; }

    public string? Invoke { get; init; }

    /// <summary>In milliseconds.</summary>
    public long? TimeLimit { get; init; }

    public long? Fuel { get; init; }

    public Statistics Statistics { get; init; }

    public bool CountsInstructions => Fuel is not null || (Statistics & (Statistics.Instructions | Statistics.Fuel)) != 0;

    public long? MemoryPageLimit { get; init; }

    public long? MemoryLimit { get; init; }

    /// <summary>How many threads the guest may have besides the first; null for the default.</summary>
    public int? Threads { get; init; }

    /// <summary>Whether the guest sees and does the same in every run.</summary>
    public bool IsDeterministic { get; init; }

    /// <summary>What a deterministic guest's random bytes follow from.</summary>
    public ulong RandomSeed { get; init; }

    /// <summary>Modules that are linked by name, in the order given.</summary>
    public KeyValuePair<string, string>[]? Modules { get; init; }

    public BoundsChecks BoundsChecks { get; init; }

    public WasmFeatures Features { get; init; } = WasmFeatures.Default;

    /// <summary>Whether native code is taken from the cache, and made for it.</summary>
    public bool UsesCache { get; init; }

    /// <summary>Whether native code is run that someone else may have made.</summary>
    public bool AllowsPrecompiled { get; init; }

    /// <summary>Where a profile of the guest is written, if one is wanted.</summary>
    public string? ProfilePath { get; init; }

    /// <summary>Whether perf is told the names of the guest's functions.</summary>
    public bool WritesPerfMap { get; init; }

    public bool IsVerbose { get; init; }
}
