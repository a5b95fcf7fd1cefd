using Wherry.Wasi.Network;

namespace Wherry.Compose;

/// <summary>What a replica is doing.</summary>
public enum ReplicaState
{
    /// <summary>It was not started yet.</summary>
    Created,

    /// <summary>It waits for what its service depends on.</summary>
    Waiting,

    /// <summary>It is being made ready.</summary>
    Starting,

    /// <summary>It starts with the first connection (<c>start: on-demand</c>).</summary>
    Idle,

    /// <summary>It runs.</summary>
    Running,

    /// <summary>It has ended and will be started again.</summary>
    Restarting,

    /// <summary>It was asked to stop.</summary>
    Stopping,

    /// <summary>It has ended.</summary>
    Exited,
}

/// <summary>What the health check says.</summary>
public enum ReplicaHealth
{
    /// <summary>There is none.</summary>
    None,

    /// <summary>It has not succeeded yet.</summary>
    Starting,

    /// <summary>It succeeds.</summary>
    Healthy,

    /// <summary>It failed as often as allowed.</summary>
    Unhealthy,
}

/// <summary>A replica at a moment.</summary>
/// <param name="Service">Its service.</param>
/// <param name="Replica">Which one, from 1.</param>
/// <param name="Kind">What runs it.</param>
/// <param name="State">What it is doing.</param>
/// <param name="Health">What its health check says.</param>
/// <param name="ExitCode">How it ended last.</param>
/// <param name="Restarts">How often it was started again.</param>
/// <param name="Since">When it came into its state.</param>
/// <param name="Ports">Where the host listens for it.</param>
/// <param name="MemoryBytes">Memory that it has: a guest's linear memories, a helper's resident set; null if that is not known.</param>
/// <param name="CpuTime">Processor time that it has used; null if that is not known.</param>
public sealed record ReplicaStatus(
    string Service,
    int Replica,
    ComposeServiceKind Kind,
    ReplicaState State,
    ReplicaHealth Health,
    int? ExitCode,
    int Restarts,
    DateTimeOffset Since,
    IReadOnlyList<string> Ports,
    long? MemoryBytes,
    TimeSpan? CpuTime)
{
    /// <summary>A guest's open connections from others, those that wait to be accepted not among them; null for what is no guest.</summary>
    public int? Connections { get; init; }

    /// <summary>How many connections the guest has accepted since it was started; null for what is no guest.</summary>
    public long? Accepted { get; init; }

    /// <summary>Where a guest has connected to, as far as the first thousand places.</summary>
    internal IReadOnlyList<EgressEntry> Egress { get; init; } = [];

    /// <summary>How many earlier versions of it still run, until their connections have ended.</summary>
    public int Retiring { get; init; }
}
