namespace Wherry.Aot;

/// <summary>Tells a person which of the engine's options are others than those that code was made with.</summary>
internal static class OptionDifferences
{
    /// <summary>Lists what differs between two texts of records as .NET prints them, such as "IsProfiled = False, now True".</summary>
    public static string List(string made, string now)
    {
        Dictionary<string, string> old = Parse(made), current = Parse(now);
        IEnumerable<string> names = current.Keys.Union(old.Keys).Where(name => old.GetValueOrDefault(name) != current.GetValueOrDefault(name));
        return string.Join("; ", names.Select(name => $"{name} = {old.GetValueOrDefault(name, "unknown")}, now {current.GetValueOrDefault(name, "unknown")}"));
    }

    // What stands between the records is the set of features.
    private static Dictionary<string, string> Parse(string text)
    {
        var values = new Dictionary<string, string>(StringComparer.Ordinal);
        foreach (string part in text.Split([" { ", " }", ", "], StringSplitOptions.TrimEntries | StringSplitOptions.RemoveEmptyEntries))
        {
            int equals = part.IndexOf('=', StringComparison.Ordinal);
            if (equals > 0)
            {
                values[part[..equals].TrimEnd()] = part[(equals + 1)..].Trim() is { Length: > 0 } value ? value : "none";
            }
            else if (part.Split(' ') is [var features, _])
            {
                values["features"] = features;
            }
        }

        return values;
    }
}
