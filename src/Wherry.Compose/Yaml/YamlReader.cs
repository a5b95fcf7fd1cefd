using Wherry.Compose.Loading;
using YamlDotNet.Core;
using YamlDotNet.Core.Events;

namespace Wherry.Compose.Yaml;

/// <summary>Reads a file into nodes: anchors, aliases and merges (<c>&lt;&lt;</c>) are resolved, places are kept.</summary>
internal sealed class YamlReader
{
    private const int MaximumDepth = 100;

    /// <summary>Aliases of aliases can stand for any number of nodes.</summary>
    private const int MaximumNodes = 500_000;

    private readonly string file;
    private readonly DiagnosticList diagnostics;
    private readonly Parser parser;
    private readonly Dictionary<string, (YamlNode Node, int Count)> anchors = [];
    private readonly HashSet<string> openAnchors = [];
    private int nodes;

    private YamlReader(string file, string text, DiagnosticList diagnostics)
    {
        this.file = file;
        this.diagnostics = diagnostics;
        parser = new Parser(new StringReader(text));
    }

    /// <summary>The documents of a text. What is wrong is added to the diagnostics.</summary>
    public static IReadOnlyList<YamlNode> Read(string file, string text, DiagnosticList diagnostics)
    {
        var reader = new YamlReader(file, text, diagnostics);
        try
        {
            return reader.ReadDocuments();
        }
        catch (YamlException exception)
        {
            string message = exception.InnerException is { } inner ? inner.Message : exception.Message;
            int tab = Array.FindIndex(text.Split('\n'), line => line.TrimStart(' ').StartsWith('\t'));
            if (tab >= 0)
            {
                diagnostics.Error(new SourceLocation(file, tab + 1, 1), "this is not YAML: lines are indented with spaces, never with tabs.");
            }
            else
            {
                diagnostics.Error(reader.At(exception.Start), $"this is not YAML: {Plain(message)}");
            }
        }
        catch (ReadingException exception)
        {
            diagnostics.Error(exception.Location, exception.Message);
        }

        return [];
    }

    // The library's messages begin with places in a form of its own.
    private static string Plain(string message)
    {
        int end = message.StartsWith('(') ? message.IndexOf("): ", StringComparison.Ordinal) : -1;
        message = (end < 0 ? message : message[(end + 3)..]).TrimEnd('.');
        if (message.Contains("cannot start any token", StringComparison.Ordinal))
        {
            return "a value can't begin with this character (tabs don't indent; put such values in quotes).";
        }

        return message.Length == 0 ? "it can't be read." : char.ToLowerInvariant(message[0]) + message[1..] + ". Look at the indentation and the quotes here and above.";
    }

    private List<YamlNode> ReadDocuments()
    {
        var documents = new List<YamlNode>();
        while (parser.MoveNext())
        {
            if (parser.Current is DocumentStart)
            {
                parser.MoveNext();
                documents.Add(ReadNode(0));
                anchors.Clear();
            }
        }

        return documents;
    }

    private YamlNode ReadNode(int depth)
    {
        ParsingEvent current = parser.Current!;
        SourceLocation location = At(current.Start);
        if (depth > MaximumDepth)
        {
            throw new ReadingException(location, $"values are nested more than {MaximumDepth} deep.");
        }

        if (current is AnchorAlias alias)
        {
            return ReadAlias(alias, location);
        }

        int before = nodes;
        nodes++;
        string? anchor = current is NodeEvent { Anchor.IsEmpty: false } named ? named.Anchor.Value : null;
        if (anchor is not null)
        {
            openAnchors.Add(anchor);
        }

        YamlNode node = current switch
        {
            Scalar scalar => ReadScalar(scalar, location),
            SequenceStart sequence => ReadSequence(location, ReadTag(sequence, location), depth),
            MappingStart mapping => ReadMapping(location, ReadTag(mapping, location), depth),
            _ => throw new ReadingException(location, "a value is expected here."),
        };
        if (anchor is not null)
        {
            openAnchors.Remove(anchor);
            anchors[anchor] = (node, nodes - before);
        }

        return node;
    }

    private YamlNode ReadAlias(AnchorAlias alias, SourceLocation location)
    {
        string name = alias.Value.Value;
        if (openAnchors.Contains(name))
        {
            throw new ReadingException(location, $"*{name} is inside of what it stands for.");
        }

        if (!anchors.TryGetValue(name, out (YamlNode Node, int Count) anchor))
        {
            throw new ReadingException(location, $"*{name} stands for nothing: there is no &{name} above it in this file.");
        }

        nodes += anchor.Count;
        if (nodes > MaximumNodes)
        {
            throw new ReadingException(location, $"the aliases of this file stand for more than {MaximumNodes} values.");
        }

        return anchor.Node;
    }

    private YamlScalar ReadScalar(Scalar scalar, SourceLocation location) =>
        new(scalar.Value, location, scalar.Style is ScalarStyle.Plain && scalar.Tag.IsEmpty | IsMergeTag(scalar), ReadTag(scalar, location));

    private static bool IsMergeTag(NodeEvent node) => !node.Tag.IsEmpty && node.Tag.Value is "!reset" or "!override";

    private MergeTag ReadTag(NodeEvent node, SourceLocation location)
    {
        if (node.Tag.IsEmpty || node.Tag.Value == "!" || node.Tag.Value.StartsWith("tag:yaml.org,2002:", StringComparison.Ordinal))
        {
            return MergeTag.None;
        }

        switch (node.Tag.Value)
        {
            case "!reset":
                return MergeTag.Reset;
            case "!override":
                return MergeTag.Override;
            default:
                diagnostics.Error(location, $"the tag {node.Tag.Value} has no meaning here. There are !reset and !override.");
                return MergeTag.None;
        }
    }

    private YamlSequence ReadSequence(SourceLocation location, MergeTag tag, int depth)
    {
        var items = new List<YamlNode>();
        while (Next() is not SequenceEnd)
        {
            items.Add(ReadNode(depth + 1));
        }

        return new YamlSequence(items, location, tag);
    }

    private YamlMapping ReadMapping(SourceLocation location, MergeTag tag, int depth)
    {
        var entries = new List<YamlEntry>();
        var own = new Dictionary<string, SourceLocation>(StringComparer.Ordinal);
        var merged = new List<YamlMapping>();
        while (Next() is not MappingEnd)
        {
            SourceLocation keyLocation = At(parser.Current!.Start);
            bool isMerge = parser.Current is Scalar { Value: "<<", Style: ScalarStyle.Plain };
            if (ReadNode(depth + 1) is not YamlScalar key)
            {
                throw new ReadingException(keyLocation, "a name is expected here. Templates in double braces belong in quotes.");
            }

            Next();
            YamlNode value = ReadNode(depth + 1);
            if (isMerge)
            {
                AddMerged(merged, value);
            }
            else if (!own.TryAdd(key.Value, keyLocation))
            {
                diagnostics.Error(keyLocation, $"\"{key.Value}\" is here a second time; the first one is in line {own[key.Value].Line}. Remove one of them.");
            }
            else
            {
                entries.Add(new YamlEntry(key.Value, keyLocation, value));
            }
        }

        // What is written out goes before what is merged, and of that the first.
        foreach (YamlEntry entry in merged.SelectMany(mapping => mapping.Entries))
        {
            if (own.TryAdd(entry.Key, entry.KeyLocation))
            {
                entries.Add(entry);
            }
        }

        return new YamlMapping(entries, location, tag);
    }

    private void AddMerged(List<YamlMapping> merged, YamlNode value)
    {
        switch (value)
        {
            case YamlMapping mapping:
                merged.Add(mapping);
                break;
            case YamlSequence sequence when sequence.Items.All(item => item is YamlMapping):
                merged.AddRange(sequence.Items.Cast<YamlMapping>());
                break;
            default:
                diagnostics.Error(value.Location, $"<< takes a mapping, or a list of them, by their aliases (<<: *name), not {value.Kind}.");
                break;
        }
    }

    private ParsingEvent Next() => parser.MoveNext() ? parser.Current! : throw new ReadingException(new SourceLocation(file, 0, 0), "the file ends in the middle of a value.");

    private SourceLocation At(Mark mark) => new(file, (int)mark.Line, (int)mark.Column);

    private sealed class ReadingException(SourceLocation location, string message) : Exception(message)
    {
        public SourceLocation Location { get; } = location;
    }
}
