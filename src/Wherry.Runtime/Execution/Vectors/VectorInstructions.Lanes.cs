using System.Runtime.CompilerServices;
using System.Runtime.Intrinsics;
using System.Runtime.Intrinsics.X86;
using V = System.Runtime.Intrinsics.Vector128<byte>;

namespace Wherry.Execution.Vectors;

/// <summary>
/// Vector instructions, one static method for each, named as its <see cref="Instructions.Opcode"/>; the compiler calls them by that name.
/// They are written for RyuJIT to inline into a few instructions; where a portable operation is slow, x86 has a form of its own.
/// Here: bits and lanes (specification, 4.4.5).
/// </summary>
internal static partial class VectorInstructions
{
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static V V128Not(V a) => ~a;

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static V V128And(V a, V b) => a & b;

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static V V128Andnot(V a, V b) => Vector128.AndNot(a, b);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static V V128Or(V a, V b) => a | b;

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static V V128Xor(V a, V b) => a ^ b;

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static V V128Bitselect(V a, V b, V mask) => Vector128.ConditionalSelect(mask, a, b);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static int V128AnyTrue(V a) => Vector128.EqualsAll(a, V.Zero) ? 0 : 1;

    /// <summary>Lanes of two vectors by constant indices, which the compiler splits into one mask for each (an index out of range gives zero).</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static V I8x16Shuffle(V a, V b, V indicesIntoA, V indicesIntoB) => Vector128.Shuffle(a, indicesIntoA) | Vector128.Shuffle(b, indicesIntoB);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static V I8x16Swizzle(V a, V indices) => Vector128.Shuffle(a, indices);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static V I8x16Splat(int value) => Vector128.Create((byte)value);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static V I16x8Splat(int value) => Vector128.Create((short)value).AsByte();

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static V I32x4Splat(int value) => Vector128.Create(value).AsByte();

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static V I64x2Splat(long value) => Vector128.Create(value).AsByte();

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static V F32x4Splat(float value) => Vector128.Create(value).AsByte();

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static V F64x2Splat(double value) => Vector128.Create(value).AsByte();

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static int I8x16ExtractLaneS(V a, byte lane) => a.AsSByte().GetElement(lane);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static int I8x16ExtractLaneU(V a, byte lane) => a.GetElement(lane);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static int I16x8ExtractLaneS(V a, byte lane) => a.AsInt16().GetElement(lane);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static int I16x8ExtractLaneU(V a, byte lane) => a.AsUInt16().GetElement(lane);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static int I32x4ExtractLane(V a, byte lane) => a.AsInt32().GetElement(lane);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static long I64x2ExtractLane(V a, byte lane) => a.AsInt64().GetElement(lane);

    // A lane of a constant vector would become a constant float, where the JIT makes signalling NaNs quiet. It does not look through a shuffle.
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static float F32x4ExtractLane(V a, byte lane)
    {
        Vector128<float> lanes = a.AsSingle();
        return !Sse.IsSupported ? lanes.GetElement(lane)
            : lane == 0 ? Sse.Shuffle(lanes, lanes, 0b00_00_00_00).ToScalar()
            : lane == 1 ? Sse.Shuffle(lanes, lanes, 0b01_01_01_01).ToScalar()
            : lane == 2 ? Sse.Shuffle(lanes, lanes, 0b10_10_10_10).ToScalar()
            : Sse.Shuffle(lanes, lanes, 0b11_11_11_11).ToScalar();
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static double F64x2ExtractLane(V a, byte lane) => a.AsDouble().GetElement(lane);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static V I8x16ReplaceLane(V a, int value, byte lane) => a.WithElement(lane, (byte)value);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static V I16x8ReplaceLane(V a, int value, byte lane) => a.AsInt16().WithElement(lane, (short)value).AsByte();

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static V I32x4ReplaceLane(V a, int value, byte lane) => a.AsInt32().WithElement(lane, value).AsByte();

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static V I64x2ReplaceLane(V a, long value, byte lane) => a.AsInt64().WithElement(lane, value).AsByte();

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static V F32x4ReplaceLane(V a, float value, byte lane) => a.AsSingle().WithElement(lane, value).AsByte();

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static V F64x2ReplaceLane(V a, double value, byte lane) => a.AsDouble().WithElement(lane, value).AsByte();
}
