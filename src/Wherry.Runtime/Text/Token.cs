namespace Wherry.Text;

internal enum TokenKind : byte
{
    /// <summary>The end of the text.</summary>
    End,
    LeftParenthesis,
    RightParenthesis,
    Keyword,

    /// <summary><c>$name</c> or <c>$"name"</c>.</summary>
    Identifier,
    String,

    /// <summary>An integer without sign.</summary>
    Natural,

    /// <summary>An integer with a sign.</summary>
    Integer,
    Float,

    /// <summary>A sequence of characters that is no token of the grammar (specification, 6.3.1, "reserved").</summary>
    Reserved,

    /// <summary>Where the lexer gave up; always the last token.</summary>
    Error,
}

/// <param name="Start">Offset of the first byte.</param>
/// <param name="Match">For a left parenthesis: the index of the token that closes it, or -1 if none does.</param>
internal readonly record struct Token(TokenKind Kind, int Start, int Length, int Match = -1)
{
    public int End => Start + Length;
}

/// <summary>An annotation that has a meaning here: <c>(@name content)</c>.</summary>
/// <param name="Name">Without the sign.</param>
/// <param name="Offset">Of its parenthesis.</param>
/// <param name="TokenIndex">The index of the first token that stands behind it.</param>
/// <param name="Content">Its tokens, without the enclosing parentheses, and then an end token.</param>
internal sealed record Annotation(string Name, int Offset, int TokenIndex, Token[] Content)
{
    /// <summary>Whether the parser has found a use for it.</summary>
    public bool IsTaken { get; set; }
}
