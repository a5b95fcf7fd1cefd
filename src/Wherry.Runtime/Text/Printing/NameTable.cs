namespace Wherry.Text.Printing;

/// <summary>The identifiers of one index space: each differs from all others, whatever the name section says.</summary>
/// <param name="find">The name of a member, or null.</param>
internal sealed class NameTable(int count, Func<int, string?> find)
{
    private readonly string?[] identifiers = Choose(count, find);

    /// <summary>The identifier with its sign if there is one, else the index.</summary>
    public string Reference(int index) => Identifier(index) ?? index.ToString(System.Globalization.CultureInfo.InvariantCulture);

    /// <summary>The identifier with its sign, or null.</summary>
    public string? Identifier(int index) =>
        (uint)index < (uint)identifiers.Length && identifiers[index] is string name ? TextOutput.Identifier(name) : null;

    /// <summary>The identifier, the annotation that keeps the name where it is another, and the index as a comment.</summary>
    public string Declaration(int index)
    {
        string? name = find(index);
        string? identifier = (uint)index < (uint)identifiers.Length ? identifiers[index] : null;
        string annotation = name is not null && name != identifier ? $"(@name {TextOutput.Quote(name)}) " : "";
        return $"{(identifier is null ? "" : TextOutput.Identifier(identifier) + " ")}{annotation}(;{index};)";
    }

    private static string?[] Choose(int count, Func<int, string?> find)
    {
        var chosen = new string?[count];
        var used = new HashSet<string>();
        for (int i = 0; i < count; i++)
        {
            if (find(i) is string { Length: > 0 } name)
            {
                chosen[i] = used.Add(name) ? name : null;
            }
        }

        return chosen;
    }
}
