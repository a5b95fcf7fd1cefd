using System.Runtime.CompilerServices;
using System.Runtime.Intrinsics;
using System.Runtime.Intrinsics.X86;
using V = System.Runtime.Intrinsics.Vector128<byte>;

namespace Wherry.Execution.Vectors;

/// <summary>
/// Relaxed vector instructions: what the processor does fastest among the results that the specification allows. Where that differs between
/// processors, a second form whose name ends in Deterministic always gives the same.
/// </summary>
internal static partial class VectorInstructions
{
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static V I8x16RelaxedSwizzle(V a, V indices) => Ssse3.IsSupported ? Ssse3.Shuffle(a, indices) : Vector128.Shuffle(a, indices);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static V I32x4RelaxedTruncF32x4S(V a) => I32x4TruncSatF32x4S(a);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static V I32x4RelaxedTruncF32x4U(V a) => I32x4TruncSatF32x4U(a);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static V I32x4RelaxedTruncF64x2SZero(V a) => I32x4TruncSatF64x2SZero(a);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static V I32x4RelaxedTruncF64x2UZero(V a) => I32x4TruncSatF64x2UZero(a);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static V F32x4RelaxedMadd(V a, V b, V c) => Fma.IsSupported ? Fma.MultiplyAdd(a.AsSingle(), b.AsSingle(), c.AsSingle()).AsByte() : ((a.AsSingle() * b.AsSingle()) + c.AsSingle()).AsByte();

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static V F32x4RelaxedNmadd(V a, V b, V c) => Fma.IsSupported ? Fma.MultiplyAddNegated(a.AsSingle(), b.AsSingle(), c.AsSingle()).AsByte() : (c.AsSingle() - (a.AsSingle() * b.AsSingle())).AsByte();

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static V F32x4RelaxedMaddDeterministic(V a, V b, V c) => ((a.AsSingle() * b.AsSingle()) + c.AsSingle()).AsByte();

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static V F32x4RelaxedNmaddDeterministic(V a, V b, V c) => (c.AsSingle() - (a.AsSingle() * b.AsSingle())).AsByte();

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static V F32x4RelaxedMin(V a, V b) => Sse2.IsSupported ? F32x4Pmin(a, b) : F32x4Min(a, b);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static V F32x4RelaxedMax(V a, V b) => Sse2.IsSupported ? F32x4Pmax(a, b) : F32x4Max(a, b);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static V F32x4RelaxedMinDeterministic(V a, V b) => F32x4Min(a, b);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static V F32x4RelaxedMaxDeterministic(V a, V b) => F32x4Max(a, b);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static V F64x2RelaxedMadd(V a, V b, V c) => Fma.IsSupported ? Fma.MultiplyAdd(a.AsDouble(), b.AsDouble(), c.AsDouble()).AsByte() : ((a.AsDouble() * b.AsDouble()) + c.AsDouble()).AsByte();

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static V F64x2RelaxedNmadd(V a, V b, V c) => Fma.IsSupported ? Fma.MultiplyAddNegated(a.AsDouble(), b.AsDouble(), c.AsDouble()).AsByte() : (c.AsDouble() - (a.AsDouble() * b.AsDouble())).AsByte();

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static V F64x2RelaxedMaddDeterministic(V a, V b, V c) => ((a.AsDouble() * b.AsDouble()) + c.AsDouble()).AsByte();

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static V F64x2RelaxedNmaddDeterministic(V a, V b, V c) => (c.AsDouble() - (a.AsDouble() * b.AsDouble())).AsByte();

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static V F64x2RelaxedMin(V a, V b) => Sse2.IsSupported ? F64x2Pmin(a, b) : F64x2Min(a, b);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static V F64x2RelaxedMax(V a, V b) => Sse2.IsSupported ? F64x2Pmax(a, b) : F64x2Max(a, b);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static V F64x2RelaxedMinDeterministic(V a, V b) => F64x2Min(a, b);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static V F64x2RelaxedMaxDeterministic(V a, V b) => F64x2Max(a, b);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static V I8x16RelaxedSwizzleDeterministic(V a, V indices) => Vector128.Shuffle(a, indices);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static V I8x16RelaxedLaneselect(V a, V b, V mask) => Vector128.ConditionalSelect(mask, a, b);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static V I16x8RelaxedLaneselect(V a, V b, V mask) => Vector128.ConditionalSelect(mask, a, b);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static V I32x4RelaxedLaneselect(V a, V b, V mask) => Vector128.ConditionalSelect(mask, a, b);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static V I64x2RelaxedLaneselect(V a, V b, V mask) => Vector128.ConditionalSelect(mask, a, b);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static V I16x8RelaxedQ15mulrS(V a, V b) => Ssse3.IsSupported ? Ssse3.MultiplyHighRoundScale(a.AsInt16(), b.AsInt16()).AsByte() : I16x8Q15mulrSatS(a, b);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static V I16x8RelaxedQ15mulrSDeterministic(V a, V b) => I16x8Q15mulrSatS(a, b);

    /// <summary>The second operand's lanes are meant to have seven bits; x86 takes them as unsigned.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static V I16x8RelaxedDotI8x16I7x16S(V a, V b) => Ssse3.IsSupported ? Ssse3.MultiplyAddAdjacent(b, a.AsSByte()).AsByte() : I16x8RelaxedDotI8x16I7x16SDeterministic(a, b);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static V I16x8RelaxedDotI8x16I7x16SDeterministic(V a, V b)
    {
        Vector128<short> even = Vector128.ShiftRightArithmetic(Vector128.ShiftLeft(a.AsInt16(), 8), 8) * Vector128.ShiftRightArithmetic(Vector128.ShiftLeft(b.AsInt16(), 8), 8);
        Vector128<short> odd = Vector128.ShiftRightArithmetic(a.AsInt16(), 8) * Vector128.ShiftRightArithmetic(b.AsInt16(), 8);
        return (even + odd).AsByte();
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static V I32x4RelaxedDotI8x16I7x16AddS(V a, V b, V c) => (I32x4ExtaddPairwiseI16x8S(I16x8RelaxedDotI8x16I7x16S(a, b)).AsInt32() + c.AsInt32()).AsByte();

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static V I32x4RelaxedDotI8x16I7x16AddSDeterministic(V a, V b, V c) => (I32x4ExtaddPairwiseI16x8S(I16x8RelaxedDotI8x16I7x16SDeterministic(a, b)).AsInt32() + c.AsInt32()).AsByte();
}
