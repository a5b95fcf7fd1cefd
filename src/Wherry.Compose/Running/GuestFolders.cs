using System.Globalization;
using Wherry.Wasi;

namespace Wherry.Compose.Running;

/// <summary>
/// The folders of a replica: mounts, and copies of secrets, configs and single files, which a guest can only be given as parts of folders. What is temporary goes with it.
/// </summary>
/// <param name="service">The service.</param>
/// <param name="project">The project.</param>
/// <param name="volumes">Where named volumes are.</param>
/// <param name="temporary">Where copies and what is temporary go.</param>
/// <param name="version">Sets copies apart from those of an earlier version of the service, which may still read them.</param>
internal sealed class GuestFolders(ComposeService service, ComposeProject project, string volumes, string temporary, int version = 0)
{
    /// <summary>Makes what is missing, and gives the folders.</summary>
    /// <exception cref="IOException">A folder can't be had.</exception>
    public IReadOnlyList<PreopenedDirectory> Prepare()
    {
        var folders = new List<PreopenedDirectory>();
        var files = new List<(string Target, byte[] Content)>();
        foreach (ComposeMount mount in service.Mounts)
        {
            string source = Source(mount);
            if (File.Exists(source))
            {
                files.Add((mount.Target, mount.IsReadOnly
                    ? File.ReadAllBytes(source)
                    : throw new IOException($"{mount.Location}: {source} is a file, and a guest can be given folders. Mount its folder, or a copy that can't be written: SOURCE:TARGET:ro")));
            }
            else
            {
                folders.Add(new PreopenedDirectory(mount.Target, source, mount.IsReadOnly));
            }
        }

        files.AddRange(service.Files.Select(file => (file.Target, Content(file))));
        foreach (IGrouping<string, (string Target, byte[] Content)> group in files.GroupBy(file => Path.GetDirectoryName(file.Target)!))
        {
            if (folders.Exists(folder => folder.GuestPath.TrimEnd('/') == group.Key.TrimEnd('/')))
            {
                throw new IOException($"{group.First().Target} can't be put into {group.Key}, which is a volume. Give it another target.");
            }

            string copies = Temporary(string.Create(CultureInfo.InvariantCulture, $"files{version}{group.Key.Replace('/', '_')}"));
            foreach ((string target, byte[] content) in group)
            {
                WritePrivate(Path.Combine(copies, Path.GetFileName(target)), content);
            }

            folders.Add(new PreopenedDirectory(group.Key, copies, IsReadOnly: true));
        }

        return folders;
    }

    /// <summary>A helper's variables for its volumes and files: WHERRY_VOLUME_NAME and WHERRY_FILE_NAME, the latter a secret's where a config has the name too. Writes the files.</summary>
    public IEnumerable<KeyValuePair<string, string>> Variables()
    {
        var names = new HashSet<string>();
        foreach (ComposeMount mount in service.Mounts.Where(mount => mount is { Kind: ComposeMountKind.Volume, Source: not null }))
        {
            yield return KeyValuePair.Create("WHERRY_VOLUME_" + VariableName(mount.Source!), Source(mount));
        }

        foreach ((ComposeFile file, string path) in Files())
        {
            if (names.Add(VariableName(file.Name)))
            {
                yield return KeyValuePair.Create("WHERRY_FILE_" + VariableName(file.Name), path);
            }
        }
    }

    /// <summary>Copies of secrets and configs, which it writes.</summary>
    public IEnumerable<(ComposeFile File, string Path)> Files()
    {
        foreach (ComposeFile file in service.Files)
        {
            string path = Path.Combine(Temporary(file.IsSecret ? "secrets" : "configs"), file.Name);
            WritePrivate(path, Content(file));
            yield return (file, path);
        }
    }

    /// <summary>The host's path of a mount, which is there afterwards.</summary>
    public string Source(ComposeMount mount)
    {
        switch (mount)
        {
            case { Kind: ComposeMountKind.Bind }:
                if (!Directory.Exists(mount.Source) && !File.Exists(mount.Source))
                {
                    Directory.CreateDirectory(mount.Source!);
                }

                return mount.Source!;
            case { Kind: ComposeMountKind.Volume, Source: { } name }:
                ComposeVolume volume = project.Volumes[name];
                string path = Path.Combine(volumes, volume.Name);
                if (!Directory.Exists(path))
                {
                    if (volume.IsExternal)
                    {
                        throw new IOException($"{mount.Location}: the volume {volume.Name} is external, and not there. Make its folder: {path}");
                    }

                    Aot.UserFolders.Create(path);
                }

                return path;
            default:
                return Temporary("volume" + mount.Target.Replace('/', '_'));
        }
    }

    /// <summary>Removes what is temporary.</summary>
    public void Remove()
    {
        try
        {
            if (Directory.Exists(temporary))
            {
                Directory.Delete(temporary, recursive: true);
            }
        }
        catch (Exception exception) when (exception is IOException or UnauthorizedAccessException)
        {
            // It lies in a folder that goes with the project.
        }
    }

    private static string VariableName(string name) => new([.. name.ToUpperInvariant().Select(c => char.IsAsciiLetterOrDigit(c) ? c : '_')]);

    private static byte[] Content(ComposeFile file) => file.Path is { } path ? File.ReadAllBytes(path) : System.Text.Encoding.UTF8.GetBytes(file.Content!);

    private static void WritePrivate(string path, byte[] content)
    {
        var options = new FileStreamOptions { Mode = FileMode.Create, Access = FileAccess.Write };
        if (!OperatingSystem.IsWindows())
        {
            options.UnixCreateMode = UnixFileMode.UserRead | UnixFileMode.UserWrite;
        }

        using var stream = new FileStream(path, options);
        stream.Write(content);
    }

    private string Temporary(string name) => Aot.UserFolders.Create(Path.Combine(temporary, name)).FullName;
}
