namespace Wherry.Compose;

/// <summary>A project: its services and what they share. All paths are absolute, all variables are replaced.</summary>
public sealed record ComposeProject
{
    /// <summary>Its name: given, of the first file's <c>name</c>, or of its folder.</summary>
    public required string Name { get; init; }

    /// <summary>The folder of its first file.</summary>
    public required string Folder { get; init; }

    /// <summary>The files that it was read from.</summary>
    public IReadOnlyList<string> Files { get; init; } = [];

    /// <summary>The services of the profiles that are on, in the files' order.</summary>
    public IReadOnlyList<ComposeService> Services { get; init; } = [];

    /// <summary>Named volumes.</summary>
    public IReadOnlyDictionary<string, ComposeVolume> Volumes { get; init; } = new Dictionary<string, ComposeVolume>();

    /// <summary>Networks; <c>default</c> is there if a service is on it.</summary>
    public IReadOnlyDictionary<string, ComposeNetwork> Networks { get; init; } = new Dictionary<string, ComposeNetwork>();

    /// <summary>Warnings.</summary>
    public IReadOnlyList<ComposeDiagnostic> Warnings { get; init; } = [];

    /// <summary>The resolved file.</summary>
    internal Yaml.YamlMapping Source { get; init; } = null!;
}

/// <summary>A named volume.</summary>
/// <param name="Name">Its name outside of the project.</param>
/// <param name="IsExternal">Whether it must be there already, and is not the project's to remove.</param>
public sealed record ComposeVolume(string Name, bool IsExternal);

/// <summary>A network: services on a common one reach each other.</summary>
/// <param name="IsInternal">Whether its services may reach nothing outside of the project.</param>
public sealed record ComposeNetwork(bool IsInternal);
