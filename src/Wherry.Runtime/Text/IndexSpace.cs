namespace Wherry.Text;

/// <summary>An index space with the names given to its members (specification, 6.4.1).</summary>
/// <param name="kind">For messages.</param>
internal sealed class IndexSpace(string kind)
{
    private readonly Dictionary<string, int> indices = [];
    private readonly List<(int Index, string Name)> names = [];

    public int Count { get; private set; }

    /// <summary>The names in the order of the indices, for the name section.</summary>
    public IReadOnlyList<(int Index, string Name)> Names => names;

    /// <summary>Adds a member; <paramref name="shown"/> (an annotation) takes the place of the name in the name section.</summary>
    public int Add(TokenCursor at, string? name, string? shown = null)
    {
        if (name is not null && !indices.TryAdd(name, Count))
        {
            at.Fail(at.At(at.Position - 1), $"duplicate {kind} ${name}");
        }

        if ((shown ?? name) is string text)
        {
            names.Add((Count, text));
        }

        return Count++;
    }

    public bool TryGet(string name, out int index) => indices.TryGetValue(name, out index);

    /// <summary>Reads an index: a number, which need not exist, or a name, which must.</summary>
    public int Resolve(TokenCursor at)
    {
        if (at.Is(TokenKind.Natural))
        {
            // No module has so many members: a larger number is as unknown as the largest.
            return (int)Math.Min(at.Natural32(), int.MaxValue);
        }

        if (!at.Is(TokenKind.Identifier))
        {
            throw at.Unexpected(expected: $"a {kind}");
        }

        Token token = at.Current;
        string name = at.TryIdentifier()!;
        return indices.TryGetValue(name, out int index) ? index : throw at.Source.Error(token, $"unknown {kind} ${name}");
    }
}
