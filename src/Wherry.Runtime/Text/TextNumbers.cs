using System.Globalization;
using System.Numerics;

namespace Wherry.Text;

/// <summary>Numbers of the text format (specification, 6.3.1 and 6.3.2).</summary>
internal static class TextNumbers
{
    /// <summary>Natural, Integer or Float if the text is such a number, otherwise Reserved.</summary>
    public static TokenKind Classify(ReadOnlySpan<byte> text)
    {
        int i = text[0] is (byte)'+' or (byte)'-' ? 1 : 0;
        ReadOnlySpan<byte> rest = text[i..];
        if (rest.SequenceEqual("inf"u8) || rest.SequenceEqual("nan"u8))
        {
            return TokenKind.Float;
        }

        if (rest.StartsWith("nan:0x"u8))
        {
            return SkipDigits(rest, 6, isHexadecimal: true) == rest.Length ? TokenKind.Float : TokenKind.Reserved;
        }

        bool hexadecimal = rest.StartsWith("0x"u8);
        int position = SkipDigits(rest, hexadecimal ? 2 : 0, hexadecimal);
        if (position < 0)
        {
            return TokenKind.Reserved;
        }

        if (position == rest.Length)
        {
            return i == 0 ? TokenKind.Natural : TokenKind.Integer;
        }

        if (rest[position] == '.')
        {
            position++;
            if (position < rest.Length && IsDigit(rest[position], hexadecimal))
            {
                position = SkipDigits(rest, position, hexadecimal);
                if (position < 0)
                {
                    return TokenKind.Reserved;
                }
            }
        }

        if (position < rest.Length && (rest[position] | 0x20) == (hexadecimal ? 'p' : 'e'))
        {
            position++;
            if (position < rest.Length && rest[position] is (byte)'+' or (byte)'-')
            {
                position++;
            }

            position = SkipDigits(rest, position, isHexadecimal: false);
        }

        return position == rest.Length ? TokenKind.Float : TokenKind.Reserved;
    }

    /// <summary>A natural number; false if it does not fit 64 bits.</summary>
    public static bool TryNatural(ReadOnlySpan<byte> text, out ulong value)
    {
        value = 0;
        bool hexadecimal = text.StartsWith("0x"u8);
        foreach (byte c in hexadecimal ? text[2..] : text)
        {
            if (c == '_')
            {
                continue;
            }

            uint digit = (uint)HexValue(c);
            UInt128 next = ((UInt128)value * (hexadecimal ? 16u : 10u)) + digit;
            if (next > ulong.MaxValue)
            {
                return false;
            }

            value = (ulong)next;
        }

        return true;
    }

    /// <summary>An integer of so many bits, signed or unsigned, as its bits; false if it does not fit.</summary>
    public static bool TryInteger(ReadOnlySpan<byte> text, int bits, out ulong value)
    {
        bool negative = text[0] == '-';
        if (!TryNatural(text[0] is (byte)'+' or (byte)'-' ? text[1..] : text, out value))
        {
            return false;
        }

        ulong mask = bits == 64 ? ulong.MaxValue : (1UL << bits) - 1;
        if (!negative)
        {
            return value <= mask;
        }

        if (value > 1UL << (bits - 1))
        {
            return false;
        }

        value = (0 - value) & mask;
        return true;
    }

    /// <summary>The bits of a 32-bit float; false if it overflows or its payload does not fit.</summary>
    public static bool TryFloat32(ReadOnlySpan<byte> text, out uint bits)
    {
        bool done = TryFloat(text, mantissaBits: 23, minimumExponent: -126, maximumExponent: 127, out ulong result);
        bits = (uint)result;
        return done;
    }

    /// <summary>The bits of a 64-bit float; false if it overflows or its payload does not fit.</summary>
    public static bool TryFloat64(ReadOnlySpan<byte> text, out ulong bits) =>
        TryFloat(text, mantissaBits: 52, minimumExponent: -1022, maximumExponent: 1023, out bits);

    private static bool TryFloat(ReadOnlySpan<byte> text, int mantissaBits, int minimumExponent, int maximumExponent, out ulong bits)
    {
        int exponentBits = mantissaBits == 23 ? 8 : 11;
        ulong sign = text[0] == '-' ? 1UL << (mantissaBits + exponentBits) : 0;
        ulong infinity = ((1UL << exponentBits) - 1) << mantissaBits;
        text = text[0] is (byte)'+' or (byte)'-' ? text[1..] : text;
        bits = sign | infinity;
        if (text.SequenceEqual("inf"u8))
        {
            return true;
        }

        if (text.SequenceEqual("nan"u8))
        {
            bits |= 1UL << (mantissaBits - 1);
            return true;
        }

        if (text.StartsWith("nan:"u8))
        {
            if (!TryNatural(text[4..], out ulong payload) || payload == 0 || payload >= 1UL << mantissaBits)
            {
                return false;
            }

            bits |= payload;
            return true;
        }

        if (text.StartsWith("0x"u8))
        {
            ulong magnitude = Hexadecimal(text[2..], mantissaBits, minimumExponent, maximumExponent);
            bits = sign | magnitude;
            return magnitude < infinity;
        }

        string digits = System.Text.Encoding.ASCII.GetString(text).Replace("_", "", StringComparison.Ordinal);
        const NumberStyles Style = NumberStyles.AllowDecimalPoint | NumberStyles.AllowExponent;
        ulong value = mantissaBits == 23
            ? BitConverter.SingleToUInt32Bits(float.Parse(digits, Style, CultureInfo.InvariantCulture))
            : BitConverter.DoubleToUInt64Bits(double.Parse(digits, Style, CultureInfo.InvariantCulture));
        bits = sign | value;
        return value < infinity;
    }

    /// <summary>A hexadecimal float without sign and 0x, rounded to the nearest, ties to even.</summary>
    private static ulong Hexadecimal(ReadOnlySpan<byte> text, int mantissaBits, int minimumExponent, int maximumExponent)
    {
        // The value is significand * 2^exponent; digits beyond 64 bits only matter as "not zero".
        ulong significand = 0;
        bool sticky = false;
        bool afterPoint = false;
        long exponent = 0;
        int i = 0;
        for (; i < text.Length && (text[i] | 0x20) != 'p'; i++)
        {
            if (text[i] == '_')
            {
                continue;
            }

            if (text[i] == '.')
            {
                afterPoint = true;
                continue;
            }

            int digit = HexValue(text[i]);
            if (significand >> 60 == 0)
            {
                significand = (significand << 4) | (uint)digit;
                exponent -= afterPoint ? 4 : 0;
            }
            else
            {
                sticky |= digit != 0;
                exponent += afterPoint ? 0 : 4;
            }
        }

        if (i < text.Length)
        {
            exponent += DecimalExponent(text[(i + 1)..]);
        }

        if (significand == 0)
        {
            return 0;
        }

        int shift = BitOperations.LeadingZeroCount(significand);
        significand <<= shift;
        exponent -= shift;

        // Now the top bit is set: the value is 1.xxx * 2^(exponent + 63).
        long unbiased = exponent + 63;
        if (unbiased > maximumExponent)
        {
            return ulong.MaxValue >> 1;
        }

        int dropped = 63 - mantissaBits;
        long biased = unbiased - minimumExponent + 1;
        if (biased <= 0)
        {
            dropped += (int)Math.Min(1 - biased, 100);
            biased = 0;
        }

        if (dropped > 64)
        {
            return 0;
        }

        ulong kept = dropped == 64 ? 0 : significand >> dropped;
        ulong half = 1UL << (dropped - 1);
        ulong rest = dropped == 64 ? significand : significand & ((1UL << dropped) - 1);
        if (rest > half || (rest == half && (sticky || (kept & 1) != 0)))
        {
            kept++;
        }

        // A carry out of the mantissa moves into the exponent by itself; the hidden bit is taken off for normal numbers.
        return biased == 0 ? kept : ((ulong)(biased - 1) << mantissaBits) + kept;
    }

    private static long DecimalExponent(ReadOnlySpan<byte> text)
    {
        long value = 0;
        bool negative = text[0] == '-';
        foreach (byte c in text)
        {
            if (c is >= (byte)'0' and <= (byte)'9')
            {
                value = Math.Min((value * 10) + (c - '0'), 1_000_000_000_000);
            }
        }

        return negative ? -value : value;
    }

    /// <summary>The position after a run of digits with single underscores between them, or -1 if there is none.</summary>
    private static int SkipDigits(ReadOnlySpan<byte> text, int position, bool isHexadecimal)
    {
        bool afterDigit = false;
        while (position < text.Length)
        {
            if (IsDigit(text[position], isHexadecimal))
            {
                afterDigit = true;
            }
            else if (text[position] == '_' && afterDigit)
            {
                afterDigit = false;
            }
            else
            {
                break;
            }

            position++;
        }

        return afterDigit ? position : -1;
    }

    private static bool IsDigit(byte c, bool isHexadecimal) => isHexadecimal ? char.IsAsciiHexDigit((char)c) : char.IsAsciiDigit((char)c);

    private static int HexValue(byte c) => c <= '9' ? c - '0' : (c | 0x20) - 'a' + 10;
}
