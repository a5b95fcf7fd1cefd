namespace Wherry.Compose.Yaml;

/// <summary>What an override file says about the value that it overrides.</summary>
internal enum MergeTag
{
    None,

    /// <summary><c>!reset</c>: the value is removed.</summary>
    Reset,

    /// <summary><c>!override</c>: the value replaces, rather than merges.</summary>
    Override,
}

/// <summary>A value of a file, with its place. Nodes are never changed: what is changed is made anew.</summary>
internal abstract class YamlNode(SourceLocation location, MergeTag tag)
{
    public SourceLocation Location { get; } = location;

    public MergeTag Tag { get; } = tag;

    /// <summary>What it is, for messages.</summary>
    public abstract string Kind { get; }

    public bool IsNull => this is YamlScalar { IsNullText: true };
}

/// <summary>A single value.</summary>
internal sealed class YamlScalar(string value, SourceLocation location, bool isPlain = true, MergeTag tag = MergeTag.None) : YamlNode(location, tag)
{
    public string Value { get; } = value;

    /// <summary>Written without quotes: a number, a truth value or null, if it looks like one.</summary>
    public bool IsPlain { get; } = isPlain;

    public bool IsNullText => IsPlain && Value is "" or "~" or "null" or "Null" or "NULL";

    public override string Kind => IsNullText ? "nothing" : "a single value";
}

/// <summary>A list.</summary>
internal sealed class YamlSequence(IReadOnlyList<YamlNode> items, SourceLocation location, MergeTag tag = MergeTag.None) : YamlNode(location, tag)
{
    public IReadOnlyList<YamlNode> Items { get; } = items;

    public override string Kind => "a list";
}

/// <summary>A name and its value.</summary>
internal sealed record YamlEntry(string Key, SourceLocation KeyLocation, YamlNode Value);

/// <summary>Names with values, in the file's order.</summary>
internal sealed class YamlMapping : YamlNode
{
    private readonly Dictionary<string, YamlEntry> byKey;

    public YamlMapping(IReadOnlyList<YamlEntry> entries, SourceLocation location, MergeTag tag = MergeTag.None)
        : base(location, tag)
    {
        Entries = entries;
        byKey = entries.ToDictionary(entry => entry.Key, StringComparer.Ordinal);
    }

    public IReadOnlyList<YamlEntry> Entries { get; }

    public override string Kind => "a mapping";

    public YamlNode? this[string key] => byKey.TryGetValue(key, out YamlEntry? entry) ? entry.Value : null;

    public YamlEntry? Find(string key) => byKey.GetValueOrDefault(key);

    public YamlMapping Without(string key) => byKey.ContainsKey(key) ? new YamlMapping([.. Entries.Where(entry => entry.Key != key)], Location, Tag) : this;

    /// <summary>The same with one value set, at its old place or at the end.</summary>
    public YamlMapping With(string key, YamlNode value)
    {
        var entry = new YamlEntry(key, Find(key)?.KeyLocation ?? value.Location, value);
        return new YamlMapping(byKey.ContainsKey(key) ? [.. Entries.Select(old => old.Key == key ? entry : old)] : [.. Entries, entry], Location, Tag);
    }
}
