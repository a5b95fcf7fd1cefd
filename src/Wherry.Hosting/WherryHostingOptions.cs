using Wherry.Compose;

namespace Wherry.Hosting;

/// <summary>Which services an application hosts, and what they may do. From configuration these are the section's keys, of the same names.</summary>
public sealed record WherryHostingOptions
{
    /// <summary>Compose files, later ones over earlier ones; relative paths are relative to the application's content root. A section's <c>services</c> are laid over them.</summary>
    public IReadOnlyList<string> Files { get; init; } = [];

    /// <summary>The project's name, by which its volumes are named; null for the files' own, or the content root's.</summary>
    public string? ProjectName { get; init; }

    /// <summary>Profiles that are on; <c>*</c> is all.</summary>
    public IReadOnlyList<string> Profiles { get; init; } = [];

    /// <summary>How many replicas services have, in place of what the files say.</summary>
    public IReadOnlyDictionary<string, int> Replicas { get; init; } = new Dictionary<string, int>();

    /// <summary>Whether <c>x-wherry: process</c> may start programs of this machine, with all rights of the application.</summary>
    public bool AllowsProcesses { get; init; }

    /// <summary>Whether images that are not modules are run by docker or podman.</summary>
    public bool AllowsContainers { get; init; }

    /// <summary>Where named volumes are; null for <c>volumes</c> in the user's data folder. Relative paths are relative to the content root.</summary>
    public string? VolumeFolder { get; init; }

    /// <summary>Whether compiled code is kept in the user's cache and taken from there.</summary>
    public bool UsesCodeCache { get; init; } = true;

    /// <summary>The configuration that has the services, in a Compose file's form.</summary>
    internal Microsoft.Extensions.Configuration.IConfiguration? Services { get; init; }

    internal ComposeProject Load(string contentRoot) => ComposeLoader.Load(new ComposeLoadOptions
    {
        Files = Files,
        Folder = contentRoot,
        ProjectFolder = Files.Count == 0 ? contentRoot : null,
        ProjectName = ProjectName,
        Profiles = Profiles,
        Configured = Services is null ? null : ConfiguredProject.Read(Services),
    });
}
