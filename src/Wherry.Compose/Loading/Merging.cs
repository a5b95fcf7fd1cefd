using Wherry.Compose.Yaml;

namespace Wherry.Compose.Loading;

/// <summary>
/// Lays one file, or one service, over another: mappings are merged name by name, lists are appended, single values and commands are replaced. Ports, volumes, secrets and configs that
/// mean the same thing are merged. <c>!reset</c> removes, <c>!override</c> replaces.
/// </summary>
internal static class Merging
{
    public static YamlMapping Merge(YamlMapping below, YamlMapping above) => (YamlMapping)Merge(below, above, []);

    /// <summary>Lays a service over the one that it extends.</summary>
    public static YamlMapping MergeService(YamlMapping below, YamlMapping above) => (YamlMapping)Merge(below, above, ["services", ""]);

    /// <summary>Removes what has nothing below it to be removed from.</summary>
    public static YamlNode Clean(YamlNode node) => node switch
    {
        YamlMapping mapping => new YamlMapping(
            [.. mapping.Entries.Where(entry => entry.Value.Tag != MergeTag.Reset).Select(entry => entry with { Value = Clean(entry.Value) })], mapping.Location),
        YamlSequence sequence => new YamlSequence([.. sequence.Items.Where(item => item.Tag != MergeTag.Reset).Select(Clean)], sequence.Location),
        YamlScalar scalar => new YamlScalar(scalar.Value, scalar.Location, scalar.IsPlain),
        _ => node,
    };

    private static YamlNode Merge(YamlNode below, YamlNode above, string[] path)
    {
        if (above.Tag == MergeTag.Override || below.IsNull)
        {
            return above;
        }

        // A service or a section that is named without anything changes nothing.
        if (above.IsNull && below is YamlMapping && path.Length != 3)
        {
            return below;
        }

        return (below, above) switch
        {
            (YamlMapping first, YamlMapping second) => MergeMappings(first, second, path),
            (YamlSequence first, YamlSequence second) when !IsReplaced(path) => new YamlSequence(MergeItems(first, second, path), second.Location, first.Tag),
            _ => above,
        };
    }

    private static YamlMapping MergeMappings(YamlMapping below, YamlMapping above, string[] path)
    {
        var entries = new List<YamlEntry>();
        foreach (YamlEntry entry in below.Entries)
        {
            if (above.Find(entry.Key) is not { } other)
            {
                entries.Add(entry);
            }
            else if (other.Value.Tag != MergeTag.Reset)
            {
                entries.Add(new YamlEntry(entry.Key, other.KeyLocation, Merge(entry.Value, other.Value, [.. path, entry.Key])));
            }
        }

        entries.AddRange(above.Entries.Where(entry => below.Find(entry.Key) is null && entry.Value.Tag != MergeTag.Reset));
        return new YamlMapping(entries, above.Location, below.Tag);
    }

    private static List<YamlNode> MergeItems(YamlSequence below, YamlSequence above, string[] path)
    {
        List<YamlNode> items = [.. below.Items];
        foreach (YamlNode item in above.Items)
        {
            string? key = KeyOf(item, path);
            int same = key is null ? -1 : items.FindIndex(other => KeyOf(other, path) == key);
            if (same < 0)
            {
                items.Add(item);
            }
            else
            {
                items[same] = items[same] is YamlMapping first && item is YamlMapping second ? MergeMappings(first, second, [.. path, ""]) : item;
            }
        }

        return items;
    }

    private static bool IsReplaced(string[] path) => path is ["services", _, "command" or "entrypoint"] or ["services", _, "healthcheck", "test"] or ["services", _, "x-wherry", "process"];

    private static string? KeyOf(YamlNode item, string[] path) => path is ["services", _, var name] ? (name, item) switch
    {
        ("ports", YamlMapping port) => $"{Text(port, "host_ip")}|{Text(port, "target")}|{Text(port, "published")}|{Text(port, "protocol") ?? "tcp"}",
        ("volumes", YamlMapping volume) => Text(volume, "target"),
        ("secrets" or "configs", YamlMapping source) => Text(source, "target") ?? Text(source, "source"),
        ("env_file", YamlMapping file) => Text(file, "path"),
        (_, YamlScalar scalar) => scalar.Value,
        _ => null,
    } : (item as YamlScalar)?.Value;

    private static string? Text(YamlMapping mapping, string key) => (mapping[key] as YamlScalar)?.Value;
}
