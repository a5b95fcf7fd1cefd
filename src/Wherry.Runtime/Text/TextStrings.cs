using System.Globalization;
using System.Text;
using System.Text.Unicode;

namespace Wherry.Text;

/// <summary>String literals (specification, 6.3.3).</summary>
internal static class TextStrings
{
    /// <summary>The length of the escape at the start of <paramref name="text"/>, or 0 if there is no such escape.</summary>
    public static int EscapeLength(ReadOnlySpan<byte> text)
    {
        if (text.Length < 2)
        {
            return 0;
        }

        if (text[1] is (byte)'t' or (byte)'n' or (byte)'r' or (byte)'"' or (byte)'\'' or (byte)'\\')
        {
            return 2;
        }

        if (text[1] == 'u')
        {
            int end = text.IndexOf((byte)'}');
            return end > 3 && text[2] == '{' && TryCodePoint(text[3..end], out _) ? end + 1 : 0;
        }

        return text.Length >= 3 && char.IsAsciiHexDigit((char)text[1]) && char.IsAsciiHexDigit((char)text[2]) ? 3 : 0;
    }

    /// <summary>The bytes of a string token (with its quotation marks), which the lexer has found well-formed.</summary>
    public static byte[] Decode(ReadOnlySpan<byte> token)
    {
        ReadOnlySpan<byte> text = token[1..^1];
        if (!text.Contains((byte)'\\'))
        {
            return text.ToArray();
        }

        byte[] result = new byte[text.Length];
        int length = 0;
        for (int i = 0; i < text.Length;)
        {
            if (text[i] != '\\')
            {
                result[length++] = text[i++];
                continue;
            }

            int escape = EscapeLength(text[i..]);
            switch (text[i + 1])
            {
                case (byte)'t' when escape == 2:
                    result[length++] = (byte)'\t';
                    break;
                case (byte)'n':
                    result[length++] = (byte)'\n';
                    break;
                case (byte)'r':
                    result[length++] = (byte)'\r';
                    break;
                case (byte)'u':
                    _ = TryCodePoint(text[(i + 3)..(i + escape - 1)], out uint codePoint);
                    length += new Rune(codePoint).EncodeToUtf8(result.AsSpan(length));
                    break;
                case var c when escape == 2:
                    result[length++] = c;
                    break;
                default:
                    result[length++] = byte.Parse(text.Slice(i + 1, 2), NumberStyles.AllowHexSpecifier, CultureInfo.InvariantCulture);
                    break;
            }

            i += escape;
        }

        return result[..length];
    }

    /// <summary>A string token as text, or null if its bytes are not UTF-8.</summary>
    public static string? TryDecodeName(ReadOnlySpan<byte> token)
    {
        byte[] bytes = Decode(token);
        return Utf8.IsValid(bytes) ? Encoding.UTF8.GetString(bytes) : null;
    }

    private static bool TryCodePoint(ReadOnlySpan<byte> digits, out uint codePoint)
    {
        codePoint = 0;
        bool afterDigit = false;
        foreach (byte c in digits)
        {
            if (c == '_' && afterDigit)
            {
                afterDigit = false;
                continue;
            }

            if (!char.IsAsciiHexDigit((char)c))
            {
                return false;
            }

            codePoint = (codePoint << 4) | (uint)Convert.ToInt32(((char)c).ToString(), 16);
            if (codePoint > 0x10FFFF)
            {
                return false;
            }

            afterDigit = true;
        }

        return afterDigit && Rune.IsValid(codePoint);
    }
}
