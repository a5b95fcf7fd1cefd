using System.Globalization;
using System.Numerics;
using System.Runtime.InteropServices;
using System.Runtime.Intrinsics;
using System.Text;

namespace Wherry.Text.Printing;

/// <summary>The text that a printer writes: lines with indentation, and the spelling of names, strings and numbers.</summary>
internal sealed class TextOutput
{
    // Deeper blocks are not indented further, so that deep nesting does not make the text long.
    private const int MaximumIndent = 40;
    private const string IdentifierSymbols = "!#$%&'*+-./:<=>?@\\^_`|~";

    private readonly StringBuilder text = new();

    public int Indent { get; set; }

    public override string ToString() => text.ToString();

    public TextOutput Append(string part)
    {
        text.Append(part);
        return this;
    }

    public TextOutput Append(long number)
    {
        text.Append(CultureInfo.InvariantCulture, $"{number}");
        return this;
    }

    public TextOutput Append(ulong number)
    {
        text.Append(CultureInfo.InvariantCulture, $"{number}");
        return this;
    }

    public void Line()
    {
        text.Append('\n');
        text.Append(' ', 2 * Math.Min(Indent, MaximumIndent));
    }

    /// <summary>An identifier with its sign: plain if it can be, else quoted.</summary>
    public static string Identifier(string name)
    {
        foreach (char c in name)
        {
            if (!char.IsAsciiLetterOrDigit(c) && !IdentifierSymbols.Contains(c, StringComparison.Ordinal))
            {
                return "$" + Quote(name);
            }
        }

        return "$" + name;
    }

    /// <summary>A name as a string literal: letters of any language as they are, other characters beyond ASCII escaped.</summary>
    public static string Quote(string name)
    {
        var quoted = new StringBuilder(name.Length + 2).Append('"');
        foreach (Rune rune in name.EnumerateRunes())
        {
            if (rune.Value is >= 0x20 and < 0x7F and not '"' and not '\\' || Rune.IsLetterOrDigit(rune))
            {
                quoted.Append(rune.ToString());
            }
            else
            {
                quoted.Append(CultureInfo.InvariantCulture, $"\\u{{{rune.Value:x}}}");
            }
        }

        return quoted.Append('"').ToString();
    }

    /// <summary>Bytes as a string literal.</summary>
    public TextOutput Quote(ReadOnlySpan<byte> bytes)
    {
        text.Append('"');
        foreach (byte b in bytes)
        {
            if (b is >= 0x20 and < 0x7F and not (byte)'"' and not (byte)'\\')
            {
                text.Append((char)b);
            }
            else
            {
                text.Append(CultureInfo.InvariantCulture, $"\\{b:x2}");
            }
        }

        text.Append('"');
        return this;
    }

    public TextOutput Float32(uint bits)
    {
        float value = BitConverter.UInt32BitsToSingle(bits);
        return Append(float.IsFinite(value)
            ? value.ToString("R", CultureInfo.InvariantCulture)
            : Special(bits >> 31 != 0, bits & 0x7F_FFFF, 0x40_0000));
    }

    public TextOutput Float64(ulong bits)
    {
        double value = BitConverter.UInt64BitsToDouble(bits);
        return Append(double.IsFinite(value)
            ? value.ToString("R", CultureInfo.InvariantCulture)
            : Special(bits >> 63 != 0, bits & 0xF_FFFF_FFFF_FFFF, 0x8_0000_0000_0000));
    }

    public TextOutput Vector(Vector128<byte> vector)
    {
        text.Append(" i32x4");
        foreach (uint lane in MemoryMarshal.Cast<Vector128<byte>, uint>(new ReadOnlySpan<Vector128<byte>>(in vector)))
        {
            text.Append(CultureInfo.InvariantCulture, $" 0x{lane:x8}");
        }

        return this;
    }

    private static string Special(bool isNegative, ulong payload, ulong canonical)
    {
        string sign = isNegative ? "-" : "";
        return payload == 0 ? $"{sign}inf" : payload == canonical ? $"{sign}nan" : string.Create(CultureInfo.InvariantCulture, $"{sign}nan:0x{payload:x}");
    }

    /// <summary>Offset and alignment, as far as they differ from the usual.</summary>
    public void MemoryArgument(ulong offset, int alignmentLog2, int naturalLog2)
    {
        if (offset != 0)
        {
            Append(" offset=").Append(offset);
        }

        if (alignmentLog2 != naturalLog2)
        {
            Append(" align=").Append(BigInteger.Pow(2, alignmentLog2).ToString(CultureInfo.InvariantCulture));
        }
    }
}
