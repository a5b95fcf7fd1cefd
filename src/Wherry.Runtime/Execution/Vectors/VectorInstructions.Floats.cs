using System.Runtime.CompilerServices;
using System.Runtime.Intrinsics;
using System.Runtime.Intrinsics.X86;
using V = System.Runtime.Intrinsics.Vector128<byte>;

namespace Wherry.Execution.Vectors;

/// <summary>Lane-wise floating point and conversions (specification, 4.3.3, 4.3.4).</summary>
internal static partial class VectorInstructions
{
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static V F32x4Abs(V a) => Vector128.AndNot(a, Vector128.Create(-0.0f).AsByte());

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static V F32x4Neg(V a) => a ^ Vector128.Create(-0.0f).AsByte();

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static V F32x4Sqrt(V a) => Vector128.Sqrt(a.AsSingle()).AsByte();

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static V F32x4Ceil(V a) => Vector128.Ceiling(a.AsSingle()).AsByte();

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static V F32x4Floor(V a) => Vector128.Floor(a.AsSingle()).AsByte();

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static V F32x4Trunc(V a) => Vector128.Truncate(a.AsSingle()).AsByte();

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static V F32x4Nearest(V a) => Vector128.Round(a.AsSingle()).AsByte();

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static V F32x4Add(V a, V b) => (a.AsSingle() + b.AsSingle()).AsByte();

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static V F32x4Sub(V a, V b) => (a.AsSingle() - b.AsSingle()).AsByte();

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static V F32x4Mul(V a, V b) => (a.AsSingle() * b.AsSingle()).AsByte();

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static V F32x4Div(V a, V b) => (a.AsSingle() / b.AsSingle()).AsByte();

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static V F32x4Min(V a, V b) => F32x4Quiet(Vector128.Min(a.AsSingle(), b.AsSingle()));

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static V F32x4Max(V a, V b) => F32x4Quiet(Vector128.Max(a.AsSingle(), b.AsSingle()));

    /// <summary>b if it is less than a, else a; the instruction of x86 does this with its operands exchanged.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static V F32x4Pmin(V a, V b) => Sse.IsSupported ? Sse.Min(b.AsSingle(), a.AsSingle()).AsByte() : Vector128.ConditionalSelect(Vector128.LessThan(b.AsSingle(), a.AsSingle()).AsByte(), b, a);

    /// <summary>b if it is greater than a, else a.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static V F32x4Pmax(V a, V b) => Sse.IsSupported ? Sse.Max(b.AsSingle(), a.AsSingle()).AsByte() : Vector128.ConditionalSelect(Vector128.GreaterThan(b.AsSingle(), a.AsSingle()).AsByte(), b, a);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static V F64x2Abs(V a) => Vector128.AndNot(a, Vector128.Create(-0.0).AsByte());

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static V F64x2Neg(V a) => a ^ Vector128.Create(-0.0).AsByte();

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static V F64x2Sqrt(V a) => Vector128.Sqrt(a.AsDouble()).AsByte();

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static V F64x2Ceil(V a) => Vector128.Ceiling(a.AsDouble()).AsByte();

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static V F64x2Floor(V a) => Vector128.Floor(a.AsDouble()).AsByte();

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static V F64x2Trunc(V a) => Vector128.Truncate(a.AsDouble()).AsByte();

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static V F64x2Nearest(V a) => Vector128.Round(a.AsDouble()).AsByte();

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static V F64x2Add(V a, V b) => (a.AsDouble() + b.AsDouble()).AsByte();

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static V F64x2Sub(V a, V b) => (a.AsDouble() - b.AsDouble()).AsByte();

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static V F64x2Mul(V a, V b) => (a.AsDouble() * b.AsDouble()).AsByte();

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static V F64x2Div(V a, V b) => (a.AsDouble() / b.AsDouble()).AsByte();

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static V F64x2Min(V a, V b) => F64x2Quiet(Vector128.Min(a.AsDouble(), b.AsDouble()));

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static V F64x2Max(V a, V b) => F64x2Quiet(Vector128.Max(a.AsDouble(), b.AsDouble()));

    /// <summary>b if it is less than a, else a; the instruction of x86 does this with its operands exchanged.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static V F64x2Pmin(V a, V b) => Sse2.IsSupported ? Sse2.Min(b.AsDouble(), a.AsDouble()).AsByte() : Vector128.ConditionalSelect(Vector128.LessThan(b.AsDouble(), a.AsDouble()).AsByte(), b, a);

    /// <summary>b if it is greater than a, else a.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static V F64x2Pmax(V a, V b) => Sse2.IsSupported ? Sse2.Max(b.AsDouble(), a.AsDouble()).AsByte() : Vector128.ConditionalSelect(Vector128.GreaterThan(b.AsDouble(), a.AsDouble()).AsByte(), b, a);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static V I32x4TruncSatF32x4S(V a) => Vector128.ConvertToInt32(a.AsSingle()).AsByte();

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static V I32x4TruncSatF32x4U(V a) => Vector128.ConvertToUInt32(a.AsSingle()).AsByte();

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static V F32x4ConvertI32x4S(V a) => Vector128.ConvertToSingle(a.AsInt32()).AsByte();

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static V F32x4ConvertI32x4U(V a) => Vector128.ConvertToSingle(a.AsUInt32()).AsByte();

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static V I32x4TruncSatF64x2SZero(V a) => Vector128.Create((int)a.AsDouble().GetElement(0), (int)a.AsDouble().GetElement(1), 0, 0).AsByte();

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static V I32x4TruncSatF64x2UZero(V a) => Vector128.Create((uint)a.AsDouble().GetElement(0), (uint)a.AsDouble().GetElement(1), 0, 0).AsByte();

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static V F64x2ConvertLowI32x4S(V a) => Sse2.IsSupported ? Sse2.ConvertToVector128Double(a.AsInt32()).AsByte() : Vector128.Create((double)a.AsInt32().GetElement(0), a.AsInt32().GetElement(1)).AsByte();

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static V F64x2ConvertLowI32x4U(V a) => Vector128.Create((double)a.AsUInt32().GetElement(0), a.AsUInt32().GetElement(1)).AsByte();

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static V F32x4DemoteF64x2Zero(V a) => Vector128.Narrow(a.AsDouble(), Vector128<double>.Zero).AsByte();

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static V F64x2PromoteLowF32x4(V a) => Vector128.WidenLower(a.AsSingle()).AsByte();

    // A signalling NaN comes out of Min and Max as it went in, and Wasm wants it quiet.
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static V F32x4Quiet(Vector128<float> value) =>
        (value.AsUInt32() | Vector128.AndNot(Vector128.Create(0x0040_0000u), Vector128.Equals(value, value).AsUInt32())).AsByte();

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static V F64x2Quiet(Vector128<double> value) =>
        (value.AsUInt64() | Vector128.AndNot(Vector128.Create(0x0008_0000_0000_0000ul), Vector128.Equals(value, value).AsUInt64())).AsByte();

    /// <summary>The vector, with the canonical NaN in place of any.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector128<byte> CanonicalSingles(Vector128<byte> value)
    {
        Vector128<float> lanes = value.AsSingle();
        return Vector128.ConditionalSelect(Vector128.Equals(lanes, lanes).AsByte(), value, Vector128.Create(0x7FC00000).AsByte());
    }

    /// <summary>The same for 64-bit lanes.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector128<byte> CanonicalDoubles(Vector128<byte> value)
    {
        Vector128<double> lanes = value.AsDouble();
        return Vector128.ConditionalSelect(Vector128.Equals(lanes, lanes).AsByte(), value, Vector128.Create(0x7FF8000000000000).AsByte());
    }
}
