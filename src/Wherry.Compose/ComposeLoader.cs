using Wherry.Compose.Loading;
using Wherry.Compose.Yaml;

namespace Wherry.Compose;

/// <summary>Reads Compose files (the Compose Specification).</summary>
public static class ComposeLoader
{
    private static readonly string[] FileNames = ["compose.yaml", "compose.yml", "docker-compose.yaml", "docker-compose.yml"];

    private static readonly Keys VolumeKeys = new(
        ["name", "external", "labels"],
        [KeyValuePair.Create("driver", "volumes are folders of this machine."), KeyValuePair.Create("driver_opts", "volumes are folders of this machine.")]);

    private static readonly Keys NetworkKeys = new(
        ["name", "internal", "labels", "driver", "attachable", "enable_ipv4", "enable_ipv6", "external"],
        [KeyValuePair.Create("ipam", "addresses are Wherry's affair; services reach each other by name."), KeyValuePair.Create("driver_opts", "the network is inside the process.")]);

    private static readonly Keys ContentKeys = new(
        ["file", "environment", "content", "name", "external", "labels"],
        new[] { "driver", "driver_opts", "template_driver" }.Select(key => KeyValuePair.Create(key, "contents are files or variables.")));

    /// <summary>Reads a project.</summary>
    /// <exception cref="ComposeFileException">The files are wrong: the exception has all that is.</exception>
    public static ComposeProject Load(ComposeLoadOptions options)
    {
        ArgumentNullException.ThrowIfNull(options);
        var diagnostics = new DiagnosticList();
        IReadOnlyList<string> files = options is { Configured: not null, Files.Count: 0 } ? [] : FindFiles(options, diagnostics);
        diagnostics.ThrowIfErrors();
        string folder = Path.GetFullPath(options.ProjectFolder ?? (files.Count > 0 ? Path.GetDirectoryName(files[0])! : options.Folder), options.Folder);
        IReadOnlyList<string> environmentFiles = options.EnvironmentFiles.Count > 0
            ? [.. options.EnvironmentFiles.Select(file => Path.GetFullPath(file, options.Folder))]
            : File.Exists(Path.Combine(folder, ".env")) ? [Path.Combine(folder, ".env")] : [];
        var loader = new FileLoader(options.Environment, diagnostics);
        YamlMapping? root = loader.Load(files, folder, environmentFiles, default, options.Configured);
        diagnostics.ThrowIfErrors();
        if (root?["services"] is not YamlMapping { Entries.Count: > 0 } services)
        {
            diagnostics.Error(options.Configured?.Location ?? new SourceLocation(files[0], 0, 0), "there are no services. A Compose file begins with services:, and below it NAME: and image: ./app.wasm");
            throw new ComposeFileException(diagnostics.All);
        }

        Func<string, string?> variables = loader.Variables(environmentFiles);
        string name = FindName(options, root, folder, variables, diagnostics);
        YamlMapping active = SelectActive(services, options, diagnostics);
        var reader = new ServiceReader(root, variables, diagnostics);
        List<ComposeService> read = [.. active.Entries.Select(reader.Read).OfType<ComposeService>()];
        CheckDependencies(read, services, active, diagnostics);
        CheckPublishedPorts(read, diagnostics);
        Dictionary<string, ComposeVolume> volumes = ReadVolumes(root, name, diagnostics);
        Dictionary<string, ComposeNetwork> networks = ReadNetworks(root, read, diagnostics);
        CheckContents(root, diagnostics);
        diagnostics.ThrowIfErrors();
        return new ComposeProject
        {
            Name = name,
            Folder = folder,
            Files = loader.Files,
            Services = read,
            Volumes = volumes,
            Networks = networks,
            Warnings = diagnostics.All,
            Source = root.With("services", active),
        };
    }

    private static IReadOnlyList<string> FindFiles(ComposeLoadOptions options, DiagnosticList diagnostics)
    {
        if (options.Files.Count > 0)
        {
            return [.. options.Files.Select(file => Path.GetFullPath(file, options.Folder))];
        }

        for (DirectoryInfo? folder = new(options.ProjectFolder ?? options.Folder); folder is not null; folder = folder.Parent)
        {
            foreach (string name in FileNames)
            {
                string path = Path.Combine(folder.FullName, name);
                if (File.Exists(path))
                {
                    string extension = Path.GetExtension(path);
                    string? over = new[] { extension, extension == ".yaml" ? ".yml" : ".yaml" }
                        .Select(other => Path.ChangeExtension(path, null) + ".override" + other).FirstOrDefault(File.Exists);
                    return over is null ? [path] : [path, over];
                }
            }
        }

        diagnostics.Error(
            new SourceLocation(options.Folder, 0, 0), "there is no compose.yaml here or in a folder above. Name the file: wherry up -f FILE");
        return [];
    }

    private static string FindName(ComposeLoadOptions options, YamlMapping root, string folder, Func<string, string?> variables, DiagnosticList diagnostics)
    {
        string? given = options.ProjectName ?? variables("COMPOSE_PROJECT_NAME");
        SourceLocation location = root["name"]?.Location ?? root.Location;
        if (string.IsNullOrEmpty(given))
        {
            given = (root["name"] as YamlScalar)?.Value;
        }

        if (string.IsNullOrEmpty(given))
        {
            string derived = new string([.. Path.GetFileName(folder).ToLowerInvariant().Where(c => char.IsAsciiLetterOrDigit(c) || c is '_' or '-')]).TrimStart('_', '-');
            return derived.Length == 0 ? "project" : derived;
        }

        if (given.Length > 63 || !char.IsAsciiLetterOrDigit(given[0]) || !given.All(c => char.IsAsciiLetterLower(c) || char.IsAsciiDigit(c) || c is '_' or '-'))
        {
            diagnostics.Error(location, $"\"{given}\" can't be a project's name: lower case letters, digits, dashes and underscores can, a letter or digit first.");
        }

        return given;
    }

    /// <summary>The services without a profile, with one that is on, or asked for by name.</summary>
    private static YamlMapping SelectActive(YamlMapping services, ComposeLoadOptions options, DiagnosticList diagnostics)
    {
        foreach (string wanted in options.Services.Where(wanted => services.Find(wanted) is null))
        {
            diagnostics.Error(services.Location, $"there is no service \"{wanted}\". There are {string.Join(", ", services.Entries.Select(entry => entry.Key))}.");
        }

        return new YamlMapping([.. services.Entries.Where(IsActive)], services.Location);

        bool IsActive(YamlEntry entry)
        {
            if ((entry.Value as YamlMapping)?["profiles"] is not { IsNull: false } node)
            {
                return true;
            }

            if (node is not YamlSequence profiles || !profiles.Items.All(item => item is YamlScalar))
            {
                diagnostics.Error(node.Location, $"services.{entry.Key}.profiles is a list of names.");
                return true;
            }

            return profiles.Items.Count == 0 || options.Profiles.Contains("*") || options.Services.Contains(entry.Key)
                || profiles.Items.Cast<YamlScalar>().Any(profile => options.Profiles.Contains(profile.Value));
        }
    }

    private static void CheckDependencies(List<ComposeService> services, YamlMapping all, YamlMapping active, DiagnosticList diagnostics)
    {
        var byName = services.ToDictionary(service => service.Name);
        foreach (ComposeService service in services)
        {
            SourceLocation location = ((all[service.Name] as YamlMapping)?["depends_on"] ?? all).Location;
            foreach (ComposeDependency dependency in service.DependsOn)
            {
                if (all.Find(dependency.Service) is null)
                {
                    diagnostics.Error(location, $"services.{service.Name}.depends_on: there is no service \"{dependency.Service}\".");
                }
                else if (active.Find(dependency.Service) is null && dependency.IsRequired)
                {
                    string profiles = string.Join(" or ", (((all[dependency.Service] as YamlMapping)?["profiles"] as YamlSequence)?.Items ?? []).OfType<YamlScalar>().Select(item => item.Value));
                    diagnostics.Error(location, $"services.{service.Name} depends on {dependency.Service}, whose profile is off: --profile {profiles} turns it on.");
                }
                else if (dependency.Condition == ComposeDependencyCondition.Healthy && byName.TryGetValue(dependency.Service, out ComposeService? other) && other.HealthCheck is null)
                {
                    diagnostics.Error(
                        location, $"services.{service.Name} waits until {dependency.Service} is healthy, but {dependency.Service} has no health check. Give it healthcheck: with test:, x-http: or x-tcp:");
                }
            }
        }

        var done = new HashSet<string>();
        foreach (ComposeService service in services)
        {
            FindCycle(service.Name, []);
        }

        void FindCycle(string name, List<string> path)
        {
            int start = path.IndexOf(name);
            if (start >= 0)
            {
                diagnostics.Error(byName[name].Location, $"services wait for each other: {string.Join(" → ", path.Skip(start))} → {name}. Remove one depends_on.");
                return;
            }

            if (!byName.TryGetValue(name, out ComposeService? service) || !done.Add(name))
            {
                return;
            }

            done.Remove(name);
            path.Add(name);
            foreach (ComposeDependency dependency in service.DependsOn)
            {
                FindCycle(dependency.Service, path);
            }

            path.RemoveAt(path.Count - 1);
            done.Add(name);
        }
    }

    private static void CheckPublishedPorts(List<ComposeService> services, DiagnosticList diagnostics)
    {
        var taken = new Dictionary<(string, int, bool), string>();
        foreach (ComposeService service in services)
        {
            foreach (ComposePort port in service.Ports.Where(port => port.First > 0 && port.First == port.Last))
            {
                if (!taken.TryAdd((port.Address.ToString(), port.First, port.IsUdp), service.Name))
                {
                    string other = taken[(port.Address.ToString(), port.First, port.IsUdp)];
                    diagnostics.Error(port.Location, $"services.{service.Name}: the host's port {port.First} is published already, by {(other == service.Name ? "the same service" : other)}. Choose another: \"OTHER:{port.Target}\"");
                }
            }
        }
    }

    private static Dictionary<string, ComposeVolume> ReadVolumes(YamlMapping root, string project, DiagnosticList diagnostics)
    {
        var values = new ValueReader(diagnostics);
        var volumes = new Dictionary<string, ComposeVolume>();
        foreach (YamlEntry entry in (root["volumes"] as YamlMapping)?.Entries ?? [])
        {
            string what = $"volumes.{entry.Key}";
            YamlMapping mapping = entry.Value as YamlMapping ?? new YamlMapping([], entry.KeyLocation);
            if (entry.Value is not YamlMapping && !entry.Value.IsNull)
            {
                diagnostics.Error(entry.Value.Location, $"{what} is a mapping, or empty, not {entry.Value.Kind}.");
            }

            VolumeKeys.Check(mapping, what, diagnostics);
            bool isExternal = values.Truth(mapping, "external", $"{what}.external");
            string name = values.Text(mapping, "name", $"{what}.name") ?? (isExternal ? entry.Key : $"{project}_{entry.Key}");
            if (!IsFileName(name))
            {
                diagnostics.Error(entry.KeyLocation, $"{what}: \"{name}\" can't be a volume's name: letters, digits, dots, dashes and underscores can.");
            }

            volumes[entry.Key] = new ComposeVolume(name, isExternal);
        }

        return volumes;
    }

    private static Dictionary<string, ComposeNetwork> ReadNetworks(YamlMapping root, List<ComposeService> services, DiagnosticList diagnostics)
    {
        var values = new ValueReader(diagnostics);
        var networks = new Dictionary<string, ComposeNetwork>();
        foreach (YamlEntry entry in (root["networks"] as YamlMapping)?.Entries ?? [])
        {
            string what = $"networks.{entry.Key}";
            YamlMapping mapping = entry.Value as YamlMapping ?? new YamlMapping([], entry.KeyLocation);
            NetworkKeys.Check(mapping, what, diagnostics);
            if (values.Text(mapping, "driver", $"{what}.driver") == "host")
            {
                diagnostics.Error(mapping["driver"]!.Location, $"{what}: the host's network is refused. Publish ports with ports:, and give hosts that may be reached with x-wherry: connect: [HOST:PORT]");
            }

            if (values.Truth(mapping, "external", $"{what}.external"))
            {
                diagnostics.Warn(mapping["external"]!.Location, $"{what} is not shared with other projects: each has networks of its own.");
            }

            networks[entry.Key] = new ComposeNetwork(values.Truth(mapping, "internal", $"{what}.internal"));
        }

        if (services.Exists(service => service.Networks.ContainsKey("default")))
        {
            networks.TryAdd("default", new ComposeNetwork(false));
        }

        return networks;
    }

    /// <summary>Whether a folder or file can have the name, which stays where it is put.</summary>
    private static bool IsFileName(string name) => name.Length > 0 && name[0] != '.' && name.All(c => char.IsAsciiLetterOrDigit(c) || c is '_' or '-' or '.');

    private static void CheckContents(YamlMapping root, DiagnosticList diagnostics)
    {
        foreach (string section in (ReadOnlySpan<string>)["secrets", "configs"])
        {
            foreach (YamlEntry entry in (root[section] as YamlMapping)?.Entries ?? [])
            {
                if (!IsFileName(entry.Key))
                {
                    diagnostics.Error(entry.KeyLocation, $"{section}: \"{entry.Key}\" can't be a name there: letters, digits, dots, dashes and underscores can, a dot not first.");
                }

                if (entry.Value is YamlMapping mapping)
                {
                    ContentKeys.Check(mapping, $"{section}.{entry.Key}", diagnostics);
                }
                else
                {
                    diagnostics.Error(entry.KeyLocation, $"{section}.{entry.Key} has no content: write file: ./FILE or environment: NAME");
                }
            }
        }
    }
}
