using System.Globalization;

namespace Wherry.Text.Scripts;

internal enum ScriptValueKind : byte
{
    I32,
    I64,
    F32,
    F64,
    V128,

    /// <summary><c>ref.null</c>.</summary>
    Null,

    /// <summary><c>ref.extern n</c>: a reference of the host, passed through a guest as externref.</summary>
    Extern,

    /// <summary><c>ref.host n</c>: the same, internalized as anyref.</summary>
    Host,
    Func,
    Any,
    Eq,
    I31,
    Struct,
    Array,
    Exn,

    /// <summary>Any of several patterns.</summary>
    Either,
}

/// <summary>What a float in an expected result may be.</summary>
internal enum NanPattern : byte
{
    /// <summary>Exactly the bits given.</summary>
    None,

    /// <summary>A NaN whose payload is only its top bit.</summary>
    Canonical,

    /// <summary>A NaN whose payload has its top bit.</summary>
    Arithmetic,
}

/// <summary>An argument, or the pattern of a result.</summary>
/// <param name="Bits">The bits of a number, or the number of a host reference (-1 for any).</param>
/// <param name="Nan">The pattern of a float.</param>
/// <param name="Vector">The lanes of a vector.</param>
/// <param name="Heap">The heap type named with <c>ref.null</c>, as in <see cref="EncodedType"/>; 0 if none is, or if it is defined.</param>
internal sealed record ScriptValue(
    ScriptValueKind Kind,
    ulong Bits = 0,
    NanPattern Nan = NanPattern.None,
    VectorPattern? Vector = null,
    ScriptValue[]? Alternatives = null,
    int Heap = 0)
{
    public override string ToString() => Kind switch
    {
        ScriptValueKind.I32 => $"i32 {(int)Bits}",
        ScriptValueKind.I64 => $"i64 {(long)Bits}",
        ScriptValueKind.F32 => $"f32 {ShowFloat(32, Bits, Nan)}",
        ScriptValueKind.F64 => $"f64 {ShowFloat(64, Bits, Nan)}",
        ScriptValueKind.V128 => $"v128 {Vector}",
        ScriptValueKind.Either => $"either ({string.Join(", ", (object[])Alternatives!)})",
        ScriptValueKind.Extern or ScriptValueKind.Host when (long)Bits >= 0 => string.Create(CultureInfo.InvariantCulture, $"ref.{Kind.ToString().ToLowerInvariant()} {Bits}"),
        _ => $"ref.{Kind.ToString().ToLowerInvariant()}",
    };

    /// <summary>Whether the bits of a float fit a pattern.</summary>
    public static bool FloatMatches(int width, ulong expected, NanPattern pattern, ulong actual)
    {
        if (pattern == NanPattern.None)
        {
            return expected == actual;
        }

        (ulong sign, ulong canonical) = width == 32 ? (0x8000_0000UL, 0x7FC0_0000UL) : (0x8000_0000_0000_0000UL, 0x7FF8_0000_0000_0000UL);
        ulong magnitude = actual & ~sign;
        return pattern == NanPattern.Canonical ? magnitude == canonical : (magnitude & canonical) == canonical;
    }

    internal static string ShowFloat(int width, ulong bits, NanPattern pattern) => pattern switch
    {
        NanPattern.Canonical => "nan:canonical",
        NanPattern.Arithmetic => "nan:arithmetic",
        _ when width == 32 => string.Create(CultureInfo.InvariantCulture, $"{BitConverter.UInt32BitsToSingle((uint)bits):R} (0x{bits:x8})"),
        _ => string.Create(CultureInfo.InvariantCulture, $"{BitConverter.UInt64BitsToDouble(bits):R} (0x{bits:x16})"),
    };
}

/// <summary>A vector, lane by lane.</summary>
/// <param name="LaneBits">The width of a lane.</param>
internal sealed record VectorPattern(int LaneBits, bool IsFloat, ulong[] Lanes, NanPattern[] Nans)
{
    public void CopyTo(Span<byte> bytes)
    {
        for (int i = 0; i < 16; i++)
        {
            bytes[i] = (byte)(Lanes[i * 8 / LaneBits] >> (i * 8 % LaneBits));
        }
    }

    public bool Matches(ReadOnlySpan<byte> bytes)
    {
        for (int lane = 0; lane < Lanes.Length; lane++)
        {
            ulong actual = 0;
            for (int i = (LaneBits / 8) - 1; i >= 0; i--)
            {
                actual = (actual << 8) | bytes[(lane * LaneBits / 8) + i];
            }

            if (IsFloat ? !ScriptValue.FloatMatches(LaneBits, Lanes[lane], Nans[lane], actual) : actual != Lanes[lane])
            {
                return false;
            }
        }

        return true;
    }

    public override string ToString() => IsFloat
        ? $"f{LaneBits}x{Lanes.Length} {string.Join(' ', Lanes.Select((lane, i) => ScriptValue.ShowFloat(LaneBits, lane, Nans[i])))}"
        : $"i{LaneBits}x{Lanes.Length} {string.Join(' ', Lanes.Select(lane => $"0x{lane:x}"))}";
}
