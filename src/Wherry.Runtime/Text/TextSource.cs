using System.Text;
using Wherry.Diagnostics;

namespace Wherry.Text;

/// <summary>A text cut into tokens. A lexical error is kept until the parser comes to it.</summary>
internal sealed class TextSource
{
    private const int MaximumExcerpt = 120;

    public TextSource(byte[] bytes, string? name)
    {
        Bytes = bytes;
        Name = name;
        new Lexer(this).Run(out Token[] tokens, out Annotation[] annotations);
        Tokens = tokens;
        Annotations = annotations;
    }

    public byte[] Bytes { get; }

    public string? Name { get; }

    /// <summary>All tokens outside of annotations; the last is of kind End or Error.</summary>
    public Token[] Tokens { get; }

    /// <summary>The annotations that mean something, in order.</summary>
    public Annotation[] Annotations { get; }

    /// <summary>What stopped the lexer.</summary>
    public string? LexicalError { get; set; }

    public ReadOnlySpan<byte> Text(in Token token) => Bytes.AsSpan(token.Start, token.Length);

    /// <summary>The text of a token, for messages and for keywords.</summary>
    public string Show(in Token token) => Encoding.UTF8.GetString(Text(token));

    public bool Is(in Token token, ReadOnlySpan<byte> keyword) => token.Kind == TokenKind.Keyword && Text(token).SequenceEqual(keyword);

    public TextFormatException Error(in Token token, string reason) => Error(token.Start, reason);

    public TextFormatException Error(int offset, string reason)
    {
        (int line, int column, string excerpt) = Locate(offset);
        return new TextFormatException(ErrorText.Clean(reason, ErrorText.MaximumMessage), Name, line, column, excerpt);
    }

    /// <summary>The line and column of an offset, both from 1, and the line shown with a caret.</summary>
    public (int Line, int Column, string Excerpt) Locate(int offset)
    {
        offset = Math.Min(offset, Bytes.Length);
        ReadOnlySpan<byte> before = Bytes.AsSpan(0, offset);
        int line = before.Count((byte)'\n') + 1;
        int start = before.LastIndexOf((byte)'\n') + 1;
        int length = Bytes.AsSpan(start).IndexOfAny((byte)'\n', (byte)'\r');
        int end = length < 0 ? Bytes.Length : start + length;
        offset = Math.Min(offset, end);
        int column = Encoding.UTF8.GetCharCount(Bytes, start, offset - start) + 1;

        string text = Encoding.UTF8.GetString(Bytes, start, end - start);
        int caret = column - 1;
        if (text.Length > MaximumExcerpt)
        {
            int from = Math.Clamp(caret - (MaximumExcerpt / 2), 0, text.Length - MaximumExcerpt);
            text = text.Substring(from, MaximumExcerpt);
            caret -= from;
        }

        var excerpt = new StringBuilder(text.Length + caret + 4);
        foreach (char c in text)
        {
            excerpt.Append(char.IsControl(c) && c != '\t' ? '\uFFFD' : c);
        }

        excerpt.Append('\n');
        for (int i = 0; i < caret; i++)
        {
            excerpt.Append(text[i] == '\t' ? '\t' : ' ');
        }

        excerpt.Append('^');
        return (line, column, excerpt.ToString());
    }
}
