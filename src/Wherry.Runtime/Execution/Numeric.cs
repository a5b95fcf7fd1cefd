using System.Numerics;
using System.Runtime.CompilerServices;
using System.Runtime.Intrinsics;
using System.Runtime.Intrinsics.X86;
using Wherry.Execution.Vectors;

namespace Wherry.Execution;

/// <summary>Numeric instructions that IL has no single instruction for (specification, 4.3). All are small, so that the JIT takes them in.</summary>
internal static partial class Numeric
{
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static int LeadingZeroCount(int value) => BitOperations.LeadingZeroCount((uint)value);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static long LeadingZeroCount(long value) => BitOperations.LeadingZeroCount((ulong)value);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static int TrailingZeroCount(int value) => BitOperations.TrailingZeroCount(value);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static long TrailingZeroCount(long value) => BitOperations.TrailingZeroCount(value);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static int PopCount(int value) => BitOperations.PopCount((uint)value);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static long PopCount(long value) => BitOperations.PopCount((ulong)value);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static int RotateLeft(int value, int count) => (int)BitOperations.RotateLeft((uint)value, count);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static long RotateLeft(long value, long count) => (long)BitOperations.RotateLeft((ulong)value, (int)count);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static int RotateRight(int value, int count) => (int)BitOperations.RotateRight((uint)value, count);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static long RotateRight(long value, long count) => (long)BitOperations.RotateRight((ulong)value, (int)count);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static int Remainder(int dividend, int divisor) => divisor == -1 ? 0 : dividend % divisor;

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static long Remainder(long dividend, long divisor) => divisor == -1 ? 0 : dividend % divisor;

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static float Abs(float value) => MathF.Abs(value);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static double Abs(double value) => Math.Abs(value);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static float Ceiling(float value) => MathF.Ceiling(value);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static double Ceiling(double value) => Math.Ceiling(value);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static float Floor(float value) => MathF.Floor(value);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static double Floor(double value) => Math.Floor(value);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static float Truncate(float value) => MathF.Truncate(value);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static double Truncate(double value) => Math.Truncate(value);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static float Nearest(float value) => MathF.Round(value);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static double Nearest(double value) => Math.Round(value);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static float SquareRoot(float value) => MathF.Sqrt(value);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static double SquareRoot(double value) => Math.Sqrt(value);

    // The processor's minimum of two zeros is the second: both ways together give the right one. Math.Min would do, were it right for a constant -0: RyuJIT
    // of .NET 10 takes the minimum of that and +0 for +0. Neither makes a signalling NaN quiet, nor would an addition of a constant -0, which the JIT takes out.
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static float Minimum(float left, float right)
    {
        float result;
        if (Sse.IsSupported)
        {
            Vector128<float> first = Vector128.CreateScalarUnsafe(left);
            Vector128<float> second = Vector128.CreateScalarUnsafe(right);
            result = (Sse.MinScalar(first, second) | Sse.MinScalar(second, first)).ToScalar();
        }
        else
        {
            result = MathF.Min(left, right);
        }

        return float.IsNaN(left) ? Quiet(left) : float.IsNaN(right) ? Quiet(right) : result;
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static double Minimum(double left, double right)
    {
        double result;
        if (Sse2.IsSupported)
        {
            Vector128<double> first = Vector128.CreateScalarUnsafe(left);
            Vector128<double> second = Vector128.CreateScalarUnsafe(right);
            result = (Sse2.MinScalar(first, second) | Sse2.MinScalar(second, first)).ToScalar();
        }
        else
        {
            result = Math.Min(left, right);
        }

        return double.IsNaN(left) ? Quiet(left) : double.IsNaN(right) ? Quiet(right) : result;
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static float Maximum(float left, float right)
    {
        float result;
        if (Sse.IsSupported)
        {
            Vector128<float> first = Vector128.CreateScalarUnsafe(left);
            Vector128<float> second = Vector128.CreateScalarUnsafe(right);
            result = (Sse.MaxScalar(first, second) & Sse.MaxScalar(second, first)).ToScalar();
        }
        else
        {
            result = MathF.Max(left, right);
        }

        return float.IsNaN(left) ? Quiet(left) : float.IsNaN(right) ? Quiet(right) : result;
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static double Maximum(double left, double right)
    {
        double result;
        if (Sse2.IsSupported)
        {
            Vector128<double> first = Vector128.CreateScalarUnsafe(left);
            Vector128<double> second = Vector128.CreateScalarUnsafe(right);
            result = (Sse2.MaxScalar(first, second) & Sse2.MaxScalar(second, first)).ToScalar();
        }
        else
        {
            result = Math.Max(left, right);
        }

        return double.IsNaN(left) ? Quiet(left) : double.IsNaN(right) ? Quiet(right) : result;
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static float CopySign(float value, float sign) => MathF.CopySign(value, sign);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static double CopySign(double value, double sign) => Math.CopySign(value, sign);

    private static float Quiet(float nan) => BitConverter.Int32BitsToSingle(BitConverter.SingleToInt32Bits(nan) | 0x40_0000);

    private static double Quiet(double nan) => BitConverter.Int64BitsToDouble(BitConverter.DoubleToInt64Bits(nan) | 0x8_0000_0000_0000);

    /// <summary>A constant that the JIT must not look through.</summary>
    [MethodImpl(MethodImplOptions.NoInlining)]
    public static float Opaque(float value) => value;

    /// <summary>A constant that the JIT must not look through.</summary>
    [MethodImpl(MethodImplOptions.NoInlining)]
    public static double Opaque(double value) => value;

    /// <summary>The float with these bits.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static float ReinterpretAsSingle(int bits) => VectorInstructions.F32x4ExtractLane(Vector128.CreateScalarUnsafe(bits).AsByte(), 0);

    /// <summary>A NaN with its bits as they are.</summary>
    [MethodImpl(MethodImplOptions.NoInlining)]
    public static float SingleFromBits(int bits) => BitConverter.Int32BitsToSingle(bits);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector128<byte> Vector(long low, long high) => Vector128.Create(low, high).AsByte();

    /// <summary>The number, or the canonical NaN in place of any.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static float CanonicalSingle(float value) => float.IsNaN(value) ? BitConverter.UInt32BitsToSingle(0x7FC00000) : value;

    /// <summary>The number, or the canonical NaN in place of any.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static double CanonicalDouble(double value) => double.IsNaN(value) ? BitConverter.UInt64BitsToDouble(0x7FF8000000000000) : value;
}
