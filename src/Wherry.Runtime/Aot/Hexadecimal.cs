namespace Wherry.Aot;

/// <summary>Bytes as text.</summary>
internal static class Hexadecimal
{
    /// <summary>Two lower-case digits for each byte. The framework's own methods do it by vectors, which costs the JIT a millisecond at start.</summary>
    public static string Format(ReadOnlySpan<byte> bytes)
    {
        const string Digits = "0123456789abcdef";
        var text = new char[2 * bytes.Length];
        for (int i = 0; i < bytes.Length; i++)
        {
            text[2 * i] = Digits[bytes[i] >> 4];
            text[(2 * i) + 1] = Digits[bytes[i] & 15];
        }

        return new string(text);
    }
}
