using System.Runtime.CompilerServices;
using System.Runtime.Intrinsics;
using V = System.Runtime.Intrinsics.Vector128<byte>;

namespace Wherry.Execution.Vectors;

/// <summary>Loads and stores of parts of vectors (specification, 4.6.11).</summary>
internal static partial class VectorInstructions
{
    // Never written, which the JIT does not know.
#pragma warning disable CS0649
    private static long s_zero;
#pragma warning restore CS0649

    /// <summary>A constant, which the JIT folds.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static V V128Const(long low, long high) => Vector128.Create(low, high).AsByte();

    /// <summary>A constant that the JIT does not take for one: it loses some of which the first lane is zero.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static V V128ConstOpaque(long low, long high) => V128Const(low, high) ^ Vector128.CreateScalar(Volatile.Read(ref s_zero)).AsByte();

    // The pointers come from compiled code, which has computed an address inside guarded or checked memory.

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static unsafe V V128Load8x8S(byte* address) => Vector128.WidenLower(Vector128.CreateScalarUnsafe(Unsafe.ReadUnaligned<long>(address)).AsSByte()).AsByte();

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static unsafe V V128Load8x8U(byte* address) => Vector128.WidenLower(Vector128.CreateScalarUnsafe(Unsafe.ReadUnaligned<long>(address)).AsByte()).AsByte();

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static unsafe V V128Load16x4S(byte* address) => Vector128.WidenLower(Vector128.CreateScalarUnsafe(Unsafe.ReadUnaligned<long>(address)).AsInt16()).AsByte();

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static unsafe V V128Load16x4U(byte* address) => Vector128.WidenLower(Vector128.CreateScalarUnsafe(Unsafe.ReadUnaligned<long>(address)).AsUInt16()).AsByte();

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static unsafe V V128Load32x2S(byte* address) => Vector128.WidenLower(Vector128.CreateScalarUnsafe(Unsafe.ReadUnaligned<long>(address)).AsInt32()).AsByte();

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static unsafe V V128Load32x2U(byte* address) => Vector128.WidenLower(Vector128.CreateScalarUnsafe(Unsafe.ReadUnaligned<long>(address)).AsUInt32()).AsByte();

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static unsafe V V128Load8Splat(byte* address) => Vector128.Create(*address);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static unsafe V V128Load8Lane(byte* address, V a, byte lane) => a.WithElement(lane, *address);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static unsafe void V128Store8Lane(byte* address, V a, byte lane) => *address = a.GetElement(lane);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static unsafe V V128Load16Splat(byte* address) => Vector128.Create(Unsafe.ReadUnaligned<ushort>(address)).AsByte();

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static unsafe V V128Load16Lane(byte* address, V a, byte lane) => a.AsUInt16().WithElement(lane, Unsafe.ReadUnaligned<ushort>(address)).AsByte();

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static unsafe void V128Store16Lane(byte* address, V a, byte lane) => Unsafe.WriteUnaligned(address, a.AsUInt16().GetElement(lane));

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static unsafe V V128Load32Splat(byte* address) => Vector128.Create(Unsafe.ReadUnaligned<uint>(address)).AsByte();

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static unsafe V V128Load32Lane(byte* address, V a, byte lane) => a.AsUInt32().WithElement(lane, Unsafe.ReadUnaligned<uint>(address)).AsByte();

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static unsafe void V128Store32Lane(byte* address, V a, byte lane) => Unsafe.WriteUnaligned(address, a.AsUInt32().GetElement(lane));

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static unsafe V V128Load64Splat(byte* address) => Vector128.Create(Unsafe.ReadUnaligned<ulong>(address)).AsByte();

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static unsafe V V128Load64Lane(byte* address, V a, byte lane) => a.AsUInt64().WithElement(lane, Unsafe.ReadUnaligned<ulong>(address)).AsByte();

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static unsafe void V128Store64Lane(byte* address, V a, byte lane) => Unsafe.WriteUnaligned(address, a.AsUInt64().GetElement(lane));

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static unsafe V V128Load32Zero(byte* address) => Vector128.CreateScalar(Unsafe.ReadUnaligned<uint>(address)).AsByte();

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static unsafe V V128Load64Zero(byte* address) => Vector128.CreateScalar(Unsafe.ReadUnaligned<ulong>(address)).AsByte();
}
