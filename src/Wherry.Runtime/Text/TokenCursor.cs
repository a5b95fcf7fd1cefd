using System.Diagnostics.CodeAnalysis;

namespace Wherry.Text;

/// <summary>A place in a sequence of tokens, and the questions that a parser asks there.</summary>
internal class TokenCursor(TextSource source, Token[] tokens, int position = 0)
{
    public TextSource Source { get; } = source;

    /// <summary>The index of the next token.</summary>
    public int Position { get; set; } = position;

    public ref readonly Token Current => ref tokens[Position];

    public ref readonly Token At(int index) => ref tokens[Math.Min(index, tokens.Length - 1)];

    public bool Is(TokenKind kind) => Current.Kind == kind;

    public bool IsKeyword(ReadOnlySpan<byte> keyword) => Source.Is(Current, keyword);

    /// <summary>Whether <c>(keyword</c> follows.</summary>
    public bool IsOpen(ReadOnlySpan<byte> keyword) => Is(TokenKind.LeftParenthesis) && Source.Is(At(Position + 1), keyword);

    public bool IsIndex => Current.Kind is TokenKind.Natural or TokenKind.Identifier;

    public bool TryKeyword(ReadOnlySpan<byte> keyword)
    {
        if (!IsKeyword(keyword))
        {
            return false;
        }

        Position++;
        return true;
    }

    public bool TryOpen(ReadOnlySpan<byte> keyword)
    {
        if (!IsOpen(keyword))
        {
            return false;
        }

        Position += 2;
        return true;
    }

    public bool TryClose()
    {
        if (!Is(TokenKind.RightParenthesis))
        {
            return false;
        }

        Position++;
        return true;
    }

    public void Open(ReadOnlySpan<byte> keyword)
    {
        Expect(TokenKind.LeftParenthesis);
        Keyword(keyword);
    }

    public void Keyword(ReadOnlySpan<byte> keyword)
    {
        if (!TryKeyword(keyword))
        {
            throw Unexpected();
        }
    }

    public void Close() => Expect(TokenKind.RightParenthesis);

    public Token Expect(TokenKind kind)
    {
        if (!Is(kind))
        {
            throw Unexpected();
        }

        return tokens[Position++];
    }

    /// <summary>The name of an identifier, without sign and quotation marks, or null if none follows.</summary>
    public string? TryIdentifier() => Is(TokenKind.Identifier) ? IdentifierName(tokens[Position++]) : null;

    public string IdentifierName(in Token token)
    {
        ReadOnlySpan<byte> text = Source.Text(token)[1..];
        return text[0] == '"' ? TextStrings.TryDecodeName(text)! : System.Text.Encoding.ASCII.GetString(text);
    }

    /// <summary>A string as a name, which is UTF-8.</summary>
    public string Name()
    {
        Token token = Expect(TokenKind.String);
        return TextStrings.TryDecodeName(Source.Text(token)) ?? throw Source.Error(token, "malformed UTF-8 encoding");
    }

    /// <summary>The bytes of all strings that follow, with a separator after each.</summary>
    public void Strings(ByteWriter writer, string separator = "")
    {
        while (Is(TokenKind.String))
        {
            writer.Bytes(TextStrings.Decode(Source.Text(tokens[Position++])));
            writer.Bytes(System.Text.Encoding.UTF8.GetBytes(separator));
        }
    }

    public uint Natural32()
    {
        Token token = Expect(TokenKind.Natural);
        return TextNumbers.TryNatural(Source.Text(token), out ulong value) && value <= uint.MaxValue
            ? (uint)value
            : throw Source.Error(token, "i32 constant out of range");
    }

    public ulong Natural64()
    {
        Token token = Expect(TokenKind.Natural);
        return TextNumbers.TryNatural(Source.Text(token), out ulong value) ? value : throw Source.Error(token, "i64 constant out of range");
    }

    public ulong Integer(int bits)
    {
        Token token = Current;
        if (token.Kind is not (TokenKind.Natural or TokenKind.Integer))
        {
            throw token.Kind == TokenKind.Float ? Source.Error(token, "constant out of range: an integer is needed") : Unexpected();
        }

        Position++;
        return TextNumbers.TryInteger(Source.Text(token), bits, out ulong value)
            ? value
            : throw Source.Error(token, $"constant out of range: {Source.Show(token)} does not fit i{bits}");
    }

    public uint Float32()
    {
        Token token = FloatToken();
        return TextNumbers.TryFloat32(Source.Text(token), out uint bits) ? bits : throw FloatRange(token, "f32");
    }

    public ulong Float64()
    {
        Token token = FloatToken();
        return TextNumbers.TryFloat64(Source.Text(token), out ulong bits) ? bits : throw FloatRange(token, "f64");
    }

    private TextFormatException FloatRange(Token token, string type) => Source.Error(token, $"constant out of range: {Source.Show(token)} does not fit {type}");

    private Token FloatToken() =>
        Current.Kind is TokenKind.Natural or TokenKind.Integer or TokenKind.Float ? tokens[Position++] : throw Unexpected();

    /// <summary>Moves behind the field that starts at the left parenthesis at <paramref name="index"/>.</summary>
    public void SkipField(int index)
    {
        int match = At(index).Match;
        if (match < 0)
        {
            Position = tokens.Length - 1;
            throw Unexpected();
        }

        Position = match + 1;
    }

    /// <summary>The error for a token that does not fit.</summary>
    public TextFormatException Unexpected(string? expected = null) => Unexpected(Current, expected);

    public TextFormatException Unexpected(in Token token, string? expected = null)
    {
        string shown = Source.Show(token);
        string reason = token.Kind switch
        {
            TokenKind.Error => Source.LexicalError!,
            TokenKind.End => "unexpected token: the text ends too early",
            TokenKind.Reserved => $"unknown operator {shown}",
            TokenKind.Keyword when !Keywords.IsKnown(shown) => $"unknown operator {shown}",
            _ => $"unexpected token {shown}",
        };
        return Source.Error(token, expected is null || token.Kind == TokenKind.Error ? reason : $"{reason}, expected {expected}");
    }

    [DoesNotReturn]
    public void Fail(in Token token, string reason) => throw Source.Error(token, reason);
}
