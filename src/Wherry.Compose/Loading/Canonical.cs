using System.Globalization;
using System.Net;
using Wherry.Compose.Yaml;

namespace Wherry.Compose.Loading;

/// <summary>
/// Brings what may be written in several ways into one form, file by file, before files are merged: short forms become long ones, lists of NAME=VALUE become
/// mappings, commands become lists, paths become absolute. What has a wrong shape is left as it is, for <see cref="ServiceReader"/> to tell.
/// </summary>
internal sealed class Canonical(string folder, DiagnosticList diagnostics)
{
    private const int MaximumPorts = 10_000;

    /// <summary>The canonical form of a file.</summary>
    public YamlMapping Apply(YamlMapping root) => new(
        [
            .. root.Entries.Select(entry => entry.Key switch
            {
                "services" => entry with { Value = Each(entry.Value, Service) },
                "secrets" or "configs" => entry with { Value = Each(entry.Value, item => Path(item, "file")) },
                _ => entry,
            }),
        ],
        root.Location,
        root.Tag);

    /// <summary>The canonical form of a service.</summary>
    private YamlNode Service(YamlNode node)
    {
        if (node is not YamlMapping service)
        {
            return node;
        }

        var entries = new List<YamlEntry>();
        foreach (YamlEntry entry in service.Entries)
        {
            YamlNode value = entry.Value;
            if (value.Tag != MergeTag.Reset)
            {
                value = entry.Key switch
                {
                    "environment" or "labels" => NamesAndValues(value),
                    "ports" => Items(value, Port),
                    "volumes" => Items(value, Volume),
                    "secrets" or "configs" => Items(value, Source),
                    "depends_on" => Names(value, name => new YamlMapping([Entry("condition", "service_started", name.Location)], name.Location)),
                    "networks" => Names(value, name => new YamlScalar("", name.Location)),
                    "env_file" => Items(value, EnvironmentFile),
                    "command" or "entrypoint" => Words(value),
                    "healthcheck" => HealthCheck(value),
                    "extends" => value is YamlScalar ? new YamlMapping([new YamlEntry("service", value.Location, value)], value.Location) : Path(value, "file"),
                    "dns" or "tmpfs" or "profiles" or "expose" => value is YamlScalar ? new YamlSequence([value], value.Location, value.Tag) : value,
                    "image" => Image(value),
                    "x-wherry" => Extension(value),
                    _ => value,
                };
            }

            entries.Add(entry with { Value = value });
        }

        return new YamlMapping(entries, service.Location, service.Tag);
    }

    /// <summary>Whether an image is a file rather than a name in a registry.</summary>
    public static bool IsModulePath(string image) =>
        image.StartsWith("./", StringComparison.Ordinal) || image.StartsWith("../", StringComparison.Ordinal) || image.StartsWith('/') || image.StartsWith('~')
        || image.EndsWith(".wasm", StringComparison.Ordinal) || image.EndsWith(".wat", StringComparison.Ordinal) || image.EndsWith(".cwasm", StringComparison.Ordinal);

    private static YamlEntry Entry(string key, string value, SourceLocation location, bool isPlain = true) => new(key, location, new YamlScalar(value, location, isPlain));

    private static YamlNode Each(YamlNode node, Func<YamlNode, YamlNode> transform) => node is YamlMapping mapping
        ? new YamlMapping([.. mapping.Entries.Select(entry => entry with { Value = transform(entry.Value) })], mapping.Location, mapping.Tag)
        : node;

    private static YamlNode NamesAndValues(YamlNode node)
    {
        if (node is not YamlSequence sequence || !sequence.Items.All(item => item is YamlScalar))
        {
            return node;
        }

        var entries = new OrderedDictionary<string, YamlEntry>();
        foreach (YamlScalar item in sequence.Items.Cast<YamlScalar>())
        {
            int separator = item.Value.IndexOf('=', StringComparison.Ordinal);
            string name = separator < 0 ? item.Value : item.Value[..separator];
            YamlScalar value = separator < 0 ? new YamlScalar("", item.Location) : new YamlScalar(item.Value[(separator + 1)..], item.Location, isPlain: false);
            entries[name] = new YamlEntry(name, item.Location, value);
        }

        return new YamlMapping([.. entries.Values], sequence.Location, sequence.Tag);
    }

    private static YamlNode Names(YamlNode node, Func<YamlScalar, YamlNode> value)
    {
        if (node is not YamlSequence sequence || !sequence.Items.All(item => item is YamlScalar))
        {
            return node;
        }

        return new YamlMapping(
            [.. sequence.Items.Cast<YamlScalar>().DistinctBy(item => item.Value).Select(item => new YamlEntry(item.Value, item.Location, value(item)))], sequence.Location, sequence.Tag);
    }

    private static YamlSequence Items(YamlNode node, Func<YamlNode, IEnumerable<YamlNode>> transform) => new(
        [.. (node is YamlSequence sequence ? sequence.Items : node.IsNull ? [] : [node]).SelectMany(transform)], node.Location, node.Tag);

    private YamlNode Words(YamlNode node)
    {
        if (node is not YamlScalar { IsNullText: false } scalar)
        {
            return node;
        }

        try
        {
            return new YamlSequence([.. ShellWords.Split(scalar.Value).Select(word => new YamlScalar(word, scalar.Location, isPlain: false))], scalar.Location, scalar.Tag);
        }
        catch (FormatException exception)
        {
            diagnostics.Error(scalar.Location, exception.Message);
            return new YamlSequence([], scalar.Location, scalar.Tag);
        }
    }

    private static YamlNode HealthCheck(YamlNode node)
    {
        if (node is YamlMapping mapping && mapping["test"] is YamlScalar { IsNullText: false } test)
        {
            return mapping.With("test", new YamlSequence([new YamlScalar("CMD-SHELL", test.Location), test], test.Location, test.Tag));
        }

        return node;
    }

    private YamlNode Image(YamlNode node) => node is YamlScalar scalar && IsModulePath(scalar.Value)
        ? new YamlScalar(Absolute(scalar.Value), scalar.Location, isPlain: false, scalar.Tag)
        : node;

    private YamlNode Extension(YamlNode node)
    {
        if (Path(Path(node, "module"), "static") is not YamlMapping mapping)
        {
            return node;
        }

        if (mapping["process"] is YamlScalar process)
        {
            mapping = mapping.With("process", Words(process));
        }

        return mapping["connect"] is YamlScalar connect ? mapping.With("connect", new YamlSequence([connect], connect.Location, connect.Tag)) : mapping;
    }

    /// <summary>Makes the path under a key absolute.</summary>
    private YamlNode Path(YamlNode node, string key) => node is YamlMapping mapping && mapping[key] is YamlScalar { IsNullText: false } path
        ? mapping.With(key, new YamlScalar(Absolute(path.Value), path.Location, isPlain: false, path.Tag))
        : node;

    private string Absolute(string path)
    {
        if (path == "~" || path.StartsWith("~/", StringComparison.Ordinal))
        {
            path = Environment.GetFolderPath(Environment.SpecialFolder.UserProfile) + path[1..];
        }

        return System.IO.Path.GetFullPath(path, folder);
    }

    private IEnumerable<YamlNode> EnvironmentFile(YamlNode node)
    {
        if (node is YamlScalar scalar)
        {
            return [new YamlMapping([Entry("path", Absolute(scalar.Value), scalar.Location, isPlain: false)], scalar.Location)];
        }

        return [Path(node, "path")];
    }

    private static IEnumerable<YamlNode> Source(YamlNode node) =>
        [node is YamlScalar scalar ? new YamlMapping([Entry("source", scalar.Value, scalar.Location, isPlain: false)], scalar.Location) : node];

    private IEnumerable<YamlNode> Volume(YamlNode node)
    {
        if (node is YamlMapping mapping)
        {
            return [mapping["type"] is YamlScalar { Value: "bind" } ? Path(mapping, "source") : mapping];
        }

        if (node is not YamlScalar scalar)
        {
            return [node];
        }

        string[] parts = scalar.Value.Split(':');
        if (parts.Length > 3 || parts.Any(part => part.Length == 0))
        {
            diagnostics.Error(scalar.Location, $"\"{scalar.Value}\" is no volume: write SOURCE:TARGET, SOURCE:TARGET:ro or TARGET.");
            return [];
        }

        string? source = parts.Length > 1 ? parts[0] : null;
        string target = parts.Length > 1 ? parts[1] : parts[0];
        bool isPath = source is not null && (source[0] is '.' or '/' or '~');
        var entries = new List<YamlEntry> { Entry("type", isPath ? "bind" : "volume", scalar.Location) };
        if (source is not null)
        {
            entries.Add(Entry("source", isPath ? Absolute(source) : source, scalar.Location, isPlain: false));
        }

        entries.Add(Entry("target", target, scalar.Location, isPlain: false));
        foreach (string mode in parts.Length == 3 ? parts[2].Split(',') : [])
        {
            switch (mode)
            {
                case "ro":
                    entries.Add(Entry("read_only", "true", scalar.Location));
                    break;
                case "rw" or "z" or "Z" or "cached" or "delegated" or "consistent" or "nocopy":
                    break;
                default:
                    diagnostics.Error(scalar.Location, $"\"{scalar.Value}\": the mode \"{mode}\" is unknown; there are ro and rw. The form is SOURCE:TARGET:MODE.");
                    break;
            }
        }

        return [new YamlMapping(entries.DistinctBy(entry => entry.Key).ToList(), scalar.Location)];
    }

    private IEnumerable<YamlNode> Port(YamlNode node)
    {
        if (node is YamlScalar scalar)
        {
            try
            {
                return ShortPort(scalar);
            }
            catch (FormatException exception)
            {
                diagnostics.Error(scalar.Location, $"\"{scalar.Value}\" is no port: {exception.Message} The form is [ADDRESS:][PUBLISHED:]PORT[/udp], with ranges such as 8000-8010.");
                return [];
            }
        }

        return [node];
    }

    private static List<YamlNode> ShortPort(YamlScalar scalar)
    {
        string text = scalar.Value;
        string protocol = "tcp";
        int slash = text.IndexOf('/', StringComparison.Ordinal);
        if (slash >= 0)
        {
            protocol = text[(slash + 1)..];
            text = text[..slash];
        }

        string? address = null;
        int colon = text.LastIndexOf(':');
        string target = text[(colon + 1)..];
        string? published = null;
        if (colon >= 0)
        {
            string front = text[..colon];
            colon = front.LastIndexOf(':');
            published = front[(colon + 1)..];
            address = colon < 0 ? null : front[..colon];

            // 127.0.0.1::80 lets the system choose.
            published = published.Length == 0 ? null : published;
        }

        if (address is not null)
        {
            string bare = address.StartsWith('[') && address.EndsWith(']') ? address[1..^1] : address;
            address = IPAddress.TryParse(bare, out _) && (bare.Contains(':', StringComparison.Ordinal) || bare.Count(c => c == '.') == 3)
                ? bare
                : throw new FormatException($"\"{address}\" is not an IP address.");
        }

        (int First, int Last) targets = ParseRange(target);
        (int First, int Last)? from = published is null ? null : ParseRange(published);
        int count = targets.Last - targets.First + 1;
        if (from is { } range && range.Last - range.First + 1 != count && count != 1)
        {
            throw new FormatException($"{published} and {target} have different lengths.");
        }

        if (count > MaximumPorts)
        {
            throw new FormatException($"these are more than {MaximumPorts} ports.");
        }

        var ports = new List<YamlNode>();
        for (int i = 0; i < count; i++)
        {
            var entries = new List<YamlEntry>();
            if (address is not null)
            {
                entries.Add(Entry("host_ip", address, scalar.Location, isPlain: false));
            }

            entries.Add(Entry("target", Number(targets.First + i), scalar.Location));
            if (from is { } first)
            {
                string host = count == 1 && first.Last > first.First ? $"{first.First}-{first.Last}" : Number(first.First + i);
                entries.Add(Entry("published", host, scalar.Location, isPlain: false));
            }

            entries.Add(Entry("protocol", protocol, scalar.Location));
            ports.Add(new YamlMapping(entries, scalar.Location));
        }

        return ports;
    }

    private static string Number(int number) => number.ToString(CultureInfo.InvariantCulture);

    /// <summary>A port or a range of them.</summary>
    /// <exception cref="FormatException">It is neither.</exception>
    public static (int First, int Last) ParseRange(string text)
    {
        int dash = text.IndexOf('-', StringComparison.Ordinal);
        int first = ParsePort(dash < 0 ? text : text[..dash]);
        int last = dash < 0 ? first : ParsePort(text[(dash + 1)..]);
        return last >= first ? (first, last) : throw new FormatException($"the range {text} ends before it begins.");
    }

    private static int ParsePort(string text) => int.TryParse(text, NumberStyles.None, CultureInfo.InvariantCulture, out int port) && port <= 65535
        ? port
        : throw new FormatException(text.Length == 0 ? "a port is missing." : $"\"{text}\" is not a number from 0 to 65535.");
}
