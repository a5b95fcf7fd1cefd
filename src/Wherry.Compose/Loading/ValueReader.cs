using System.Globalization;
using Wherry.Compose.Yaml;

namespace Wherry.Compose.Loading;

/// <summary>Reads values of the type that a key has; what has another one is told.</summary>
internal sealed class ValueReader(DiagnosticList diagnostics)
{
    public YamlMapping? Mapping(YamlMapping parent, string key, string what)
    {
        YamlNode? node = parent[key];
        switch (node)
        {
            case null or { IsNull: true }:
                return null;
            case YamlMapping mapping:
                return mapping;
            default:
                diagnostics.Error(node.Location, $"{what} is a mapping (NAME: VALUE), not {node.Kind}.");
                return null;
        }
    }

    public IReadOnlyList<YamlNode> Items(YamlMapping parent, string key, string what)
    {
        YamlNode? node = parent[key];
        switch (node)
        {
            case null or { IsNull: true }:
                return [];
            case YamlSequence sequence:
                return sequence.Items;
            default:
                diagnostics.Error(node.Location, $"{what} is a list (- VALUE), not {node.Kind}.");
                return [];
        }
    }

    public string? Text(YamlMapping parent, string key, string what)
    {
        YamlNode? node = parent[key];
        switch (node)
        {
            case null or { IsNull: true }:
                return null;
            case YamlScalar scalar:
                return scalar.Value;
            default:
                diagnostics.Error(node.Location, $"{what} is a single value, not {node.Kind}.");
                return null;
        }
    }

    public IReadOnlyList<string> Texts(YamlMapping parent, string key, string what)
    {
        var texts = new List<string>();
        foreach (YamlNode item in Items(parent, key, what))
        {
            if (item is YamlScalar scalar)
            {
                texts.Add(scalar.Value);
            }
            else
            {
                diagnostics.Error(item.Location, $"{what} is a list of single values; this is {item.Kind}.");
            }
        }

        return texts;
    }

    public bool Truth(YamlMapping parent, string key, string what, bool otherwise = false)
    {
        string? text = Text(parent, key, what);
        switch (text?.ToLowerInvariant())
        {
            case null:
                return otherwise;
            case "true" or "yes" or "on" or "1":
                return true;
            case "false" or "no" or "off" or "0":
                return false;
            default:
                diagnostics.Error(parent[key]!.Location, $"{what} is true or false, not \"{text}\".");
                return otherwise;
        }
    }

    public int? Count(YamlMapping parent, string key, string what, int most = int.MaxValue)
    {
        string? text = Text(parent, key, what);
        if (text is null)
        {
            return null;
        }

        if (int.TryParse(text, NumberStyles.None, CultureInfo.InvariantCulture, out int value) && value <= most)
        {
            return value;
        }

        diagnostics.Error(parent[key]!.Location, $"{what} is a whole number{(most < int.MaxValue ? $" from 0 to {most}" : "")}, not \"{text}\".");
        return null;
    }

    public double? Number(YamlMapping parent, string key, string what)
    {
        string? text = Text(parent, key, what);
        if (text is null)
        {
            return null;
        }

        if (double.TryParse(text, NumberStyles.AllowDecimalPoint, CultureInfo.InvariantCulture, out double value))
        {
            return value;
        }

        diagnostics.Error(parent[key]!.Location, $"{what} is a number such as 0.5, not \"{text}\".");
        return null;
    }

    public TimeSpan? Duration(YamlMapping parent, string key, string what)
    {
        string? text = Text(parent, key, what);
        if (text is null)
        {
            return null;
        }

        if (Quantity.TryParseDuration(text, out TimeSpan duration))
        {
            return duration;
        }

        diagnostics.Error(parent[key]!.Location, $"{what} is a time with a unit, such as 10s, 1m30s or 500ms, not \"{text}\".");
        return null;
    }

    public long? Size(YamlMapping parent, string key, string what)
    {
        string? text = Text(parent, key, what);
        if (text is null)
        {
            return null;
        }

        if (Quantity.TryParseSize(text, out long bytes))
        {
            return bytes;
        }

        diagnostics.Error(parent[key]!.Location, $"{what} is a size such as 64m, 1.5g or a number of bytes, not \"{text}\".");
        return null;
    }
}
