namespace Wherry;

/// <summary>
/// Text between chars and bytes where start-up passes and it is ASCII nearly always. The framework's encodings work by vectors of many types, which take the runtime one or two milliseconds to load when first used.
/// </summary>
internal static class AsciiText
{
    /// <summary>The text, or null if it is not ASCII.</summary>
    public static string? TryDecode(ReadOnlySpan<byte> bytes)
    {
        var text = new char[bytes.Length];
        for (int i = 0; i < bytes.Length; i++)
        {
            if (bytes[i] >= 0x80)
            {
                return null;
            }

            text[i] = (char)bytes[i];
        }

        return new string(text);
    }

    /// <summary>A number that is not negative, in decimal digits.</summary>
    public static string OfNumber(int number)
    {
        const int MostDigits = 10;
        Span<char> digits = stackalloc char[MostDigits];
        int start = MostDigits;
        do
        {
            digits[--start] = (char)('0' + (number % 10));
            number /= 10;
        }
        while (number > 0);
        return new string(digits[start..]);
    }

    /// <summary>The bytes with a zero behind them, or null if the text is not ASCII or holds a zero itself.</summary>
    public static byte[]? TryEncodeTerminated(string text)
    {
        var bytes = new byte[text.Length + 1];
        for (int i = 0; i < text.Length; i++)
        {
            if (text[i] is '\0' or >= (char)0x80)
            {
                return null;
            }

            bytes[i] = (byte)text[i];
        }

        return bytes;
    }
}
