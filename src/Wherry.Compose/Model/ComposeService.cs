using System.Net;

namespace Wherry.Compose;

/// <summary>What runs a service.</summary>
public enum ComposeServiceKind
{
    /// <summary>A WebAssembly module.</summary>
    Guest,

    /// <summary>A folder of files, served over HTTP (<c>x-wherry: static</c>).</summary>
    Static,

    /// <summary>A program of this machine (<c>x-wherry: process</c>).</summary>
    Process,

    /// <summary>An image that only a container engine can run.</summary>
    Container,
}

/// <summary>A service.</summary>
public sealed record ComposeService
{
    /// <summary>Its name, by which others reach it.</summary>
    public required string Name { get; init; }

    /// <summary>Where it is declared.</summary>
    public required SourceLocation Location { get; init; }

    /// <summary>What runs it.</summary>
    public required ComposeServiceKind Kind { get; init; }

    /// <summary>The image as written; a path is absolute.</summary>
    public string? Image { get; init; }

    /// <summary>A guest's module.</summary>
    public string? ModulePath { get; init; }

    /// <summary>A static site's folder.</summary>
    public string? StaticFolder { get; init; }

    /// <summary>A helper's program and arguments.</summary>
    public IReadOnlyList<string> Process { get; init; } = [];

    /// <summary>Arguments; null if the file names none.</summary>
    public IReadOnlyList<string>? Command { get; init; }

    /// <summary>What stands before the command; null if the file names none.</summary>
    public IReadOnlyList<string>? Entrypoint { get; init; }

    /// <summary>Environment variables, those of <c>env_file</c> among them.</summary>
    public IReadOnlyList<KeyValuePair<string, string>> Environment { get; init; } = [];

    /// <summary>Where helpers work, and containers.</summary>
    public string? WorkingDirectory { get; init; }

    /// <summary>Ports that the host listens on for it.</summary>
    public IReadOnlyList<ComposePort> Ports { get; init; } = [];

    /// <summary>Ports that it has for other services only. Guests need not name theirs.</summary>
    public IReadOnlyList<int> Expose { get; init; } = [];

    /// <summary>Folders that it gets.</summary>
    public IReadOnlyList<ComposeMount> Mounts { get; init; } = [];

    /// <summary>Secrets and configs that it gets.</summary>
    public IReadOnlyList<ComposeFile> Files { get; init; } = [];

    /// <summary>What must have started before.</summary>
    public IReadOnlyList<ComposeDependency> DependsOn { get; init; } = [];

    /// <summary>What happens when it has ended.</summary>
    public ComposeRestart Restart { get; init; } = new(ComposeRestartCondition.Never, null, null);

    /// <summary>How its health is asked; null if it has no check.</summary>
    public ComposeHealthCheck? HealthCheck { get; init; }

    /// <summary>The networks that it is on, with its other names there.</summary>
    public IReadOnlyDictionary<string, IReadOnlyList<string>> Networks { get; init; } = new Dictionary<string, IReadOnlyList<string>>();

    /// <summary>How many of it run.</summary>
    public int Replicas { get; init; } = 1;

    /// <summary>The most processors that it may use, in cores; null for all.</summary>
    public double? Cpus { get; init; }

    /// <summary>The most memory that it may have, in bytes; null for no limit.</summary>
    public long? MemoryBytes { get; init; }

    /// <summary>How long it may take to stop.</summary>
    public TimeSpan StopGracePeriod { get; init; } = TimeSpan.FromSeconds(10);

    /// <summary>The signal that asks a helper to stop, such as SIGTERM.</summary>
    public string StopSignal { get; init; } = "SIGTERM";

    /// <summary>Whether requests that a guest is sent over HTTP/1.1 get a <c>traceparent</c> header, if they have none.</summary>
    public bool IsHttp { get; init; }

    /// <summary>Whether a guest is started by the first connection to one of its ports, and leaves when it has had none for a while (<c>x-wherry: start: on-demand</c>).</summary>
    public bool StartsOnDemand { get; init; }

    /// <summary>How long a guest that is started on demand stays without an open connection (<c>x-wherry: idle</c>).</summary>
    public TimeSpan Idle { get; init; } = TimeSpan.FromMinutes(1);

    /// <summary>Hosts outside of the project that a guest may connect to: HOST[:PORT].</summary>
    public IReadOnlyList<string> Connect { get; init; } = [];
}

/// <summary>A port that the host listens on for a service.</summary>
/// <param name="Target">The service's own port.</param>
/// <param name="First">The host's first port that may be used; 0 lets the system choose.</param>
/// <param name="Last">The last one; the same as the first unless a range was given.</param>
/// <param name="Address">Where the host listens.</param>
/// <param name="IsUdp">UDP; else TCP.</param>
/// <param name="Location">Where it is declared.</param>
public sealed record ComposePort(int Target, int First, int Last, IPAddress Address, bool IsUdp, SourceLocation Location);

/// <summary>What a mount is of.</summary>
public enum ComposeMountKind
{
    /// <summary>A folder or file of the host.</summary>
    Bind,

    /// <summary>A named volume, or one without a name that goes with the project.</summary>
    Volume,

    /// <summary>An empty folder, gone when the service ends.</summary>
    Temporary,
}

/// <summary>A folder that a service gets.</summary>
/// <param name="Kind">What it is of.</param>
/// <param name="Source">The host's path, or the volume's name in the project; null for a volume without a name.</param>
/// <param name="Target">Its path for the service.</param>
/// <param name="IsReadOnly">Whether the service may not change it.</param>
/// <param name="CreatesSource">Whether a missing folder of the host is made.</param>
/// <param name="Location">Where it is declared.</param>
public sealed record ComposeMount(ComposeMountKind Kind, string? Source, string Target, bool IsReadOnly, bool CreatesSource, SourceLocation Location);

/// <summary>A secret or a config: one file that a service can read.</summary>
/// <param name="Name">Its name in the project.</param>
/// <param name="Target">Its path for the service.</param>
/// <param name="Path">The host's file with its content, if it is one.</param>
/// <param name="Content">Its content, if it is not a file's.</param>
/// <param name="IsSecret">Whether it is a secret; else a config.</param>
public sealed record ComposeFile(string Name, string Target, string? Path, string? Content, bool IsSecret)
{
    /// <summary>Leaves the content out: it may be a secret.</summary>
    public override string ToString() => $"{Name} at {Target}";
}

/// <summary>When a dependency counts as there.</summary>
public enum ComposeDependencyCondition
{
    /// <summary>When it runs.</summary>
    Started,

    /// <summary>When its health check says so.</summary>
    Healthy,

    /// <summary>When it has ended with code 0.</summary>
    Completed,
}

/// <summary>A service that another waits for.</summary>
/// <param name="Service">Its name.</param>
/// <param name="Condition">When it counts as there.</param>
/// <param name="IsRequired">Whether the project can't do without it.</param>
/// <param name="Restarts">Whether a restart of it restarts the other too.</param>
public sealed record ComposeDependency(string Service, ComposeDependencyCondition Condition, bool IsRequired, bool Restarts);

/// <summary>After which end a service is started again.</summary>
public enum ComposeRestartCondition
{
    /// <summary>After none.</summary>
    Never,

    /// <summary>When it failed.</summary>
    OnFailure,

    /// <summary>Always, until it is stopped.</summary>
    Always,
}

/// <summary>What happens when a service has ended.</summary>
/// <param name="Condition">After which end it is started again.</param>
/// <param name="MaximumAttempts">How often; null for no limit.</param>
/// <param name="Delay">How long before the first attempt; null for a tenth of a second. It doubles with each further one.</param>
public sealed record ComposeRestart(ComposeRestartCondition Condition, int? MaximumAttempts, TimeSpan? Delay);

/// <summary>How a health check asks.</summary>
public enum ComposeHealthTest
{
    /// <summary>A program that ends with code 0.</summary>
    Command,

    /// <summary>A port that accepts a connection.</summary>
    Tcp,

    /// <summary>An HTTP GET that is answered with a status below 400.</summary>
    Http,
}

/// <summary>How a service's health is asked.</summary>
public sealed record ComposeHealthCheck
{
    /// <summary>How it asks.</summary>
    public required ComposeHealthTest Test { get; init; }

    /// <summary>The program and its arguments.</summary>
    public IReadOnlyList<string> Command { get; init; } = [];

    /// <summary>The service's own port, for TCP and HTTP.</summary>
    public int Port { get; init; }

    /// <summary>Path and query, for HTTP.</summary>
    public string Path { get; init; } = "/";

    /// <summary>The time between two checks.</summary>
    public TimeSpan Interval { get; init; } = TimeSpan.FromSeconds(30);

    /// <summary>How long one may take.</summary>
    public TimeSpan Timeout { get; init; } = TimeSpan.FromSeconds(30);

    /// <summary>How many failures in a row make it unhealthy.</summary>
    public int Retries { get; init; } = 3;

    /// <summary>How long after the start failures don't count.</summary>
    public TimeSpan StartPeriod { get; init; }

    /// <summary>The time between two checks in the start period.</summary>
    public TimeSpan StartInterval { get; init; } = TimeSpan.FromSeconds(1);
}
