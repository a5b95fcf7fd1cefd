using Wherry.Compose.Yaml;

namespace Wherry.Compose.Loading;

/// <summary>Reads files, one over the other, with what they extend and include, into one canonical tree.</summary>
internal sealed class FileLoader(Func<string, string?> host, DiagnosticList diagnostics)
{
    private const int MaximumInclusions = 50;

    private static readonly Keys Root = new(["version", "name", "include", "services", "networks", "volumes", "secrets", "configs"], [KeyValuePair.Create("models", "there are no models.")]);
    private static readonly Keys ExtendKeys = new(["service", "file"]);
    private static readonly Keys IncludeKeys = new(["path", "project_directory", "env_file"]);

    private readonly List<string> open = [];

    public List<string> Files { get; } = [];

    /// <summary>Reads files of one project.</summary>
    /// <param name="files">Absolute paths.</param>
    /// <param name="folder">What relative paths are relative to.</param>
    /// <param name="environmentFiles">Files of variables.</param>
    /// <param name="requested">Where the files are named, for messages.</param>
    /// <param name="configured">What is laid over them, from elsewhere.</param>
    public YamlMapping? Load(IReadOnlyList<string> files, string folder, IReadOnlyList<string> environmentFiles, SourceLocation requested, YamlMapping? configured = null)
    {
        Func<string, string?> variables = Variables(environmentFiles);
        YamlMapping? merged = null;
        var includes = new List<YamlNode>();
        foreach (string file in files)
        {
            foreach (YamlMapping root in ReadFile(file, folder, variables, requested))
            {
                if (root["include"] is { } include)
                {
                    includes.AddRange(include is YamlSequence sequence ? sequence.Items : [include]);
                }

                YamlMapping own = root.Without("include");
                merged = merged is null ? own : Merging.Merge(merged, own);
            }
        }

        if (configured is not null && Prepare(configured, folder, variables) is { } over)
        {
            merged = merged is null ? over : Merging.Merge(merged, over);
        }

        if (merged is null)
        {
            return null;
        }

        string name = files.Count > 0 ? files[0] : merged.Location.File;
        merged = ResolveExtensions(merged, name, folder, variables);
        open.Add(name);
        foreach (YamlNode include in includes)
        {
            merged = Include(merged, include, folder, environmentFiles);
        }

        open.RemoveAt(open.Count - 1);
        return (YamlMapping)Merging.Clean(merged);
    }

    /// <summary>The variables that a file's values may name: the host's, then those of the files.</summary>
    public Func<string, string?> Variables(IReadOnlyList<string> environmentFiles)
    {
        var variables = new Dictionary<string, string>();
        foreach (string path in environmentFiles)
        {
            if (!File.Exists(path))
            {
                diagnostics.Error(new SourceLocation(path, 0, 0), "the file of variables is not there.");
                continue;
            }

            foreach ((string name, string value) in EnvironmentFile.Read(path, host, isRaw: false, diagnostics))
            {
                variables[name] = value;
            }
        }

        return name => host(name) ?? variables.GetValueOrDefault(name);
    }

    private List<YamlMapping> ReadFile(string file, string folder, Func<string, string?> variables, SourceLocation requested)
    {
        var roots = new List<YamlMapping>();
        string text;
        try
        {
            text = File.ReadAllText(file);
        }
        catch (Exception exception) when (exception is IOException or UnauthorizedAccessException)
        {
            diagnostics.Error(
                requested.Line == 0 ? new SourceLocation(file, 0, 0) : requested,
                exception is FileNotFoundException or DirectoryNotFoundException ? $"there is no file {file}." : $"{file} can't be read: {exception.Message}");
            return roots;
        }

        if (!Files.Contains(file))
        {
            Files.Add(file);
        }

        foreach (YamlNode document in YamlReader.Read(file, text, diagnostics))
        {
            if (document is YamlMapping root)
            {
                roots.Add(Prepare(root, folder, variables));
            }
            else if (!document.IsNull)
            {
                diagnostics.Error(document.Location, $"a Compose file is a mapping that begins with services:, not {document.Kind}.");
            }
        }

        return roots;
    }

    /// <summary>A document as it is worked with: its sections checked, its variables replaced, all in long form.</summary>
    private YamlMapping Prepare(YamlMapping root, string folder, Func<string, string?> variables)
    {
        Root.Check(root, "", diagnostics);
        foreach (string section in (ReadOnlySpan<string>)["services", "networks", "volumes", "secrets", "configs"])
        {
            if (root[section] is { IsNull: false } node and not YamlMapping)
            {
                diagnostics.Error(node.Location, $"{section} is a mapping (NAME: …), not {node.Kind}.");
                root = root.Without(section);
            }
        }

        return new Canonical(folder, diagnostics).Apply((YamlMapping)new Interpolation(variables, diagnostics).Apply(root));
    }

    private YamlMapping ResolveExtensions(YamlMapping root, string file, string folder, Func<string, string?> variables)
    {
        if (root["services"] is not YamlMapping services)
        {
            return root;
        }

        foreach (YamlEntry entry in services.Entries)
        {
            if (entry.Value is YamlMapping service && service["extends"] is not null)
            {
                services = services.With(entry.Key, Extend(service, entry.Key, (YamlMapping)root["services"]!, file, folder, variables, []));
            }
        }

        return root.With("services", services);
    }

    /// <summary>A service laid over the one that it extends, which may extend another.</summary>
    private YamlMapping Extend(YamlMapping service, string name, YamlMapping siblings, string file, string folder, Func<string, string?> variables, HashSet<(string, string)> path)
    {
        if (service["extends"] is not YamlMapping extends || extends.Tag == MergeTag.Reset)
        {
            return service.Without("extends");
        }

        ExtendKeys.Check(extends, $"services.{name}.extends", diagnostics);
        service = service.Without("extends");
        if (extends["service"] is not YamlScalar { Value.Length: > 0 } target)
        {
            diagnostics.Error(extends.Location, $"services.{name}.extends has no service: extends: {{service: NAME}}, with file: FILE if it is in another one.");
            return service;
        }

        if (!path.Add((file, name)))
        {
            diagnostics.Error(extends.Location, $"services.{name} extends itself, by way of {string.Join(", ", path.Select(step => step.Item2))}.");
            return service;
        }

        YamlMapping? others = siblings;
        string otherFile = file;
        string otherFolder = folder;
        if (extends["file"] is YamlScalar { IsNullText: false } other && other.Value != file)
        {
            otherFile = other.Value;
            otherFolder = Path.GetDirectoryName(otherFile)!;
            others = null;
            foreach (YamlMapping root in ReadFile(otherFile, otherFolder, variables, other.Location))
            {
                others = root["services"] as YamlMapping;
            }

            if (others is null)
            {
                return service;
            }
        }

        if (others[target.Value] is not YamlMapping below)
        {
            diagnostics.Error(target.Location, $"services.{name}.extends: there is no service \"{target.Value}\" in {otherFile}.");
            return service;
        }

        below = Extend(below, target.Value, others, otherFile, otherFolder, variables, path);
        return Merging.MergeService(below, service);
    }

    private YamlMapping Include(YamlMapping root, YamlNode include, string folder, IReadOnlyList<string> environmentFiles)
    {
        var paths = new List<string>();
        string? includedFolder = null;
        IReadOnlyList<string> variables = environmentFiles;
        switch (include)
        {
            case YamlScalar scalar:
                paths.Add(Path.GetFullPath(scalar.Value, folder));
                break;
            case YamlMapping mapping:
                IncludeKeys.Check(mapping, "include", diagnostics);
                paths.AddRange(Scalars(mapping["path"]).Select(path => Path.GetFullPath(path, folder)));
                includedFolder = mapping["project_directory"] is YamlScalar directory ? Path.GetFullPath(directory.Value, folder) : null;
                if (mapping["env_file"] is { } given)
                {
                    variables = [.. Scalars(given).Select(path => Path.GetFullPath(path, folder))];
                }

                break;
        }

        if (paths.Count == 0)
        {
            diagnostics.Error(include.Location, "include names files: include: [FILE], or mappings with path: FILE");
            return root;
        }

        if (open.Contains(paths[0]) || open.Count > MaximumInclusions)
        {
            diagnostics.Error(include.Location, $"{paths[0]} includes itself, by way of {string.Join(", ", open.Select(Path.GetFileName))}.");
            return root;
        }

        includedFolder ??= Path.GetDirectoryName(paths[0])!;
        string own = Path.Combine(includedFolder, ".env");
        if (variables == environmentFiles && File.Exists(own))
        {
            variables = [own, .. environmentFiles];
        }

        return Load(paths, includedFolder, variables, include.Location) is { } included ? Add(root, included) : root;
    }

    /// <summary>Adds what an included project declares. Nothing may be declared twice, unless it is the same.</summary>
    private YamlMapping Add(YamlMapping root, YamlMapping included)
    {
        foreach (string section in (ReadOnlySpan<string>)["services", "networks", "volumes", "secrets", "configs"])
        {
            if (included[section] is not YamlMapping added)
            {
                continue;
            }

            YamlMapping own = root[section] as YamlMapping ?? new YamlMapping([], added.Location);
            foreach (YamlEntry entry in added.Entries)
            {
                if (own.Find(entry.Key) is not { } other)
                {
                    own = own.With(entry.Key, entry.Value);
                }
                else if (other.KeyLocation != entry.KeyLocation && !(other.Value.IsNull && entry.Value.IsNull))
                {
                    diagnostics.Error(other.KeyLocation, $"{section}.{entry.Key} is declared in the included {entry.KeyLocation} too. Rename one, or give both files with -f to merge them.");
                }
            }

            root = root.With(section, own);
        }

        return root;
    }

    private static IEnumerable<string> Scalars(YamlNode? node) => node switch
    {
        YamlScalar scalar => [scalar.Value],
        YamlSequence sequence => sequence.Items.OfType<YamlScalar>().Select(item => item.Value),
        _ => [],
    };
}
