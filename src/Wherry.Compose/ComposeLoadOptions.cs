namespace Wherry.Compose;

/// <summary>How a project is read.</summary>
public sealed record ComposeLoadOptions
{
    /// <summary>The files, later ones over earlier ones. Empty: compose.yaml, compose.yml, docker-compose.yaml or docker-compose.yml, in <see cref="Folder"/> or a folder above, with its override file.</summary>
    public IReadOnlyList<string> Files { get; init; } = [];

    /// <summary>Where the search begins, and what relative paths of <see cref="Files"/> are relative to.</summary>
    public string Folder { get; init; } = System.Environment.CurrentDirectory;

    /// <summary>What relative paths in the files are relative to; null for the first file's folder.</summary>
    public string? ProjectFolder { get; init; }

    /// <summary>The project's name; null for the files' own, or the folder's.</summary>
    public string? ProjectName { get; init; }

    /// <summary>Profiles that are on; <c>*</c> is all.</summary>
    public IReadOnlyList<string> Profiles { get; init; } = [];

    /// <summary>Services that are wanted whatever their profiles; what they depend on comes along only if its profile is on.</summary>
    public IReadOnlyList<string> Services { get; init; } = [];

    /// <summary>Files of variables; empty for <c>.env</c> in the project's folder, if it is there.</summary>
    public IReadOnlyList<string> EnvironmentFiles { get; init; } = [];

    /// <summary>Looks a variable of the environment up, which goes before those of the files; by default the process's own.</summary>
    public Func<string, string?> Environment { get; init; } = System.Environment.GetEnvironmentVariable;

    /// <summary>A project, or a part of one, that no file has: it is laid over the files, and none are searched for.</summary>
    internal Yaml.YamlMapping? Configured { get; init; }
}
