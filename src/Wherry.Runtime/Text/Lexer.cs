using System.Buffers;
using System.Text;
using System.Text.Unicode;

namespace Wherry.Text;

/// <summary>
/// Cuts a text into tokens (specification, 6.2 and 6.3). Nesting of comments and annotations is counted, never recursed into.
/// </summary>
internal ref struct Lexer
{
    private static readonly SearchValues<byte> IdentifierCharacters =
        SearchValues.Create("0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz!#$%&'*+-./:<=>?@\\^_`|~"u8);

    private readonly TextSource source;
    private readonly ReadOnlySpan<byte> bytes;
    private readonly List<Token> tokens = [];
    private readonly List<int> open = [];
    private readonly List<Annotation> annotations = [];
    private int position;

    public Lexer(TextSource source)
    {
        this.source = source;
        bytes = source.Bytes;
    }

    /// <summary>The annotations that are kept; the others are comments to us.</summary>
    private static bool IsKnown(string annotation) => annotation is "custom" or "name" or "metadata.code.branch_hint";

    public void Run(out Token[] allTokens, out Annotation[] allAnnotations)
    {
        try
        {
            CheckEncoding();
            while (Next(out Token token))
            {
                Add(token);
            }

            tokens.Add(new Token(TokenKind.End, bytes.Length, 0));
        }
        catch (TextFormatException error)
        {
            source.LexicalError = error.Reason;
            tokens.Add(new Token(TokenKind.Error, position, 0));
        }

        allTokens = [.. tokens];
        allAnnotations = [.. annotations];
    }

    private void Add(Token token)
    {
        if (token.Kind == TokenKind.LeftParenthesis)
        {
            open.Add(tokens.Count);
        }
        else if (token.Kind == TokenKind.RightParenthesis && open.Count > 0)
        {
            int index = open[^1];
            open.RemoveAt(open.Count - 1);
            tokens[index] = tokens[index] with { Match = tokens.Count };
        }

        tokens.Add(token);
    }

    private void CheckEncoding()
    {
        if (Utf8.IsValid(bytes))
        {
            return;
        }

        ReadOnlySpan<byte> rest = bytes;
        while (Rune.DecodeFromUtf8(rest, out _, out int length) == OperationStatus.Done)
        {
            rest = rest[length..];
        }

        Fail(bytes.Length - rest.Length, "malformed UTF-8 encoding");
    }

    [System.Diagnostics.CodeAnalysis.DoesNotReturn]
    private void Fail(int offset, string reason)
    {
        position = offset;
        throw source.Error(offset, reason);
    }

    /// <summary>The next token outside of annotations; false at the end.</summary>
    private bool Next(out Token token)
    {
        while (SkipSpace())
        {
            if (bytes[position] == '(' && position + 1 < bytes.Length && bytes[position + 1] == '@')
            {
                ReadAnnotation();
                continue;
            }

            token = ReadToken();
            return true;
        }

        token = default;
        return false;
    }

    /// <summary>Skips white space and comments; false at the end.</summary>
    private bool SkipSpace()
    {
        while (position < bytes.Length)
        {
            byte c = bytes[position];
            if (c is (byte)' ' or (byte)'\n' or (byte)'\t' or (byte)'\r')
            {
                position++;
            }
            else if (c == ';' && position + 1 < bytes.Length && bytes[position + 1] == ';')
            {
                int length = bytes[position..].IndexOfAny((byte)'\n', (byte)'\r');
                position = length < 0 ? bytes.Length : position + length;
            }
            else if (c == '(' && position + 1 < bytes.Length && bytes[position + 1] == ';')
            {
                SkipBlockComment();
            }
            else
            {
                return true;
            }
        }

        return false;
    }

    private void SkipBlockComment()
    {
        int start = position;
        int depth = 0;
        do
        {
            int next = bytes[position..].IndexOfAny((byte)'(', (byte)';');
            if (next < 0 || position + next + 1 >= bytes.Length)
            {
                Fail(start, "unclosed comment");
            }

            position += next;
            if (bytes[position] == '(' && bytes[position + 1] == ';')
            {
                depth++;
                position += 2;
            }
            else if (bytes[position] == ';' && bytes[position + 1] == ')')
            {
                depth--;
                position += 2;
            }
            else
            {
                position++;
            }
        }
        while (depth > 0);
    }

    private void ReadAnnotation()
    {
        int start = position;
        position += 2;
        string name;
        if (position < bytes.Length && bytes[position] == '"')
        {
            int from = position;
            if (!TrySkipString())
            {
                Fail(start, "empty annotation id");
            }

            name = TextStrings.TryDecodeName(bytes[from..position]) ?? Malformed(from);
        }
        else
        {
            int from = position;
            SkipIdentifierCharacters();
            name = Encoding.ASCII.GetString(bytes[from..position]);
        }

        if (name.Length == 0)
        {
            Fail(start, "empty annotation id");
        }

        List<Token>? content = IsKnown(name) ? [] : null;
        var openInside = new List<int>();
        int depth = 1;
        while (true)
        {
            if (!SkipSpace())
            {
                Fail(start, "unclosed annotation");
            }

            Token token = ReadToken();
            depth += token.Kind switch { TokenKind.LeftParenthesis => 1, TokenKind.RightParenthesis => -1, _ => 0 };
            if (depth == 0)
            {
                break;
            }

            if (content is null)
            {
                continue;
            }

            if (token.Kind == TokenKind.LeftParenthesis)
            {
                openInside.Add(content.Count);
            }
            else if (token.Kind == TokenKind.RightParenthesis)
            {
                content[openInside[^1]] = content[openInside[^1]] with { Match = content.Count };
                openInside.RemoveAt(openInside.Count - 1);
            }

            content.Add(token);
        }

        if (content is not null)
        {
            content.Add(new Token(TokenKind.End, position - 1, 0));
            annotations.Add(new Annotation(name, start, tokens.Count, [.. content]));
        }
    }

    private string Malformed(int offset)
    {
        Fail(offset, "malformed UTF-8 encoding");
        return "";
    }

    private void SkipIdentifierCharacters()
    {
        int length = bytes[position..].IndexOfAnyExcept(IdentifierCharacters);
        position = length < 0 ? bytes.Length : position + length;
    }

    private Token ReadToken()
    {
        int start = position;
        byte c = bytes[start];
        switch (c)
        {
            case (byte)'(':
                position++;
                return new Token(TokenKind.LeftParenthesis, start, 1);
            case (byte)')':
                position++;
                return new Token(TokenKind.RightParenthesis, start, 1);
            case (byte)',' or (byte)';' or (byte)'[' or (byte)']' or (byte)'{' or (byte)'}':
                position++;
                return new Token(TokenKind.Reserved, start, 1);
        }

        if (c != '"' && !IdentifierCharacters.Contains(c))
        {
            Fail(start, c < 0x80 ? $"illegal character U+{c:X4}" : "illegal character outside of a string or comment");
        }

        // A token is the longest run of identifier characters and strings.
        int strings = 0;
        int characters = 0;
        while (position < bytes.Length)
        {
            int from = position;
            if (bytes[position] == '"')
            {
                if (!TrySkipString())
                {
                    if (from == start + 1 && c == '$')
                    {
                        Fail(start, "empty identifier");
                    }

                    bool isUnclosed = position == bytes.Length || bytes[position] is (byte)'\n' or (byte)'\r';
                    Fail(isUnclosed ? from : position, isUnclosed ? "unclosed string" : "illegal control character in a string");
                }

                strings++;
            }
            else
            {
                SkipIdentifierCharacters();
                if (position == from)
                {
                    break;
                }

                characters += position - from;
            }
        }

        return new Token(Classify(start, strings, characters), start, position - start);
    }

    private readonly TokenKind Classify(int start, int strings, int characters)
    {
        ReadOnlySpan<byte> text = bytes[start..position];
        if (strings > 0)
        {
            if (characters == 0 && strings == 1)
            {
                return TokenKind.String;
            }

            if (!(strings == 1 && characters == 1 && text[0] == '$' && text[1] == '"'))
            {
                return TokenKind.Reserved;
            }

            string name = TextStrings.TryDecodeName(text[1..]) ?? throw source.Error(start, "malformed UTF-8 encoding");
            return name.Length > 0 ? TokenKind.Identifier : throw source.Error(start, "empty identifier");
        }

        byte c = text[0];
        if (c == '$')
        {
            return text.Length > 1 ? TokenKind.Identifier : throw source.Error(start, "empty identifier");
        }

        if (c is (byte)'+' or (byte)'-' or (>= (byte)'0' and <= (byte)'9'))
        {
            return TextNumbers.Classify(text);
        }

        if (c is (byte)'i' or (byte)'n' && TextNumbers.Classify(text) == TokenKind.Float)
        {
            return TokenKind.Float;
        }

        return c is >= (byte)'a' and <= (byte)'z' ? TokenKind.Keyword : TokenKind.Reserved;
    }

    /// <summary>Skips a string with its quotation marks; false if it does not end on its line or holds a control character. Wrong escapes are errors.</summary>
    private bool TrySkipString()
    {
        position++;
        while (position < bytes.Length)
        {
            byte c = bytes[position];
            switch (c)
            {
                case (byte)'"':
                    position++;
                    return true;
                case (byte)'\\':
                    int length = TextStrings.EscapeLength(bytes[position..]);
                    if (length == 0)
                    {
                        Fail(position, "illegal escape");
                    }

                    position += length;
                    break;
                case < 0x20 or 0x7F:
                    return false;
                default:
                    position++;
                    break;
            }
        }

        return false;
    }
}
