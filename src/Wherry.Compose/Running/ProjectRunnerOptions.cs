namespace Wherry.Compose;

/// <summary>What a project may do besides running guests, and how it is run.</summary>
public sealed record ProjectRunnerOptions
{
    /// <summary>Whether <c>x-wherry: process</c> may start programs of this machine, with all rights of this user.</summary>
    public bool AllowsProcesses { get; init; }

    /// <summary>Whether images that are not modules are run by docker or podman.</summary>
    public bool AllowsContainers { get; init; }

    /// <summary>The code that modules are compiled to is kept here and taken from here; null for nowhere.</summary>
    public CodeCache? CodeCache { get; init; }

    /// <summary>Where named volumes are; null for <c>volumes</c> in the user's data folder.</summary>
    public string? VolumeFolder { get; init; }

    /// <summary>How many replicas services have, in place of what the files say.</summary>
    public IReadOnlyDictionary<string, int> Replicas { get; init; } = new Dictionary<string, int>();

    /// <summary>Told each line of the services, and what Wherry has to say about them. Must not wait.</summary>
    public Action<LogLine>? Log { get; init; }
}
