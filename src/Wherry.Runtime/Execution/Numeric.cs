using System.Numerics;
using System.Runtime.CompilerServices;
using System.Runtime.Intrinsics;

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

    // Math.Min and Max treat NaN and the sign of zero as the specification does, but that they leave a signalling NaN as it is.
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static float Minimum(float left, float right)
    {
        float result = MathF.Min(left, right);
        return float.IsNaN(result) ? left + right : result;
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static double Minimum(double left, double right)
    {
        double result = Math.Min(left, right);
        return double.IsNaN(result) ? left + right : result;
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static float Maximum(float left, float right)
    {
        float result = MathF.Max(left, right);
        return float.IsNaN(result) ? left + right : result;
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static double Maximum(double left, double right)
    {
        double result = Math.Max(left, right);
        return double.IsNaN(result) ? left + right : result;
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static float CopySign(float value, float sign) => MathF.CopySign(value, sign);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static double CopySign(double value, double sign) => Math.CopySign(value, sign);

    /// <summary>A constant that the JIT must not look through.</summary>
    [MethodImpl(MethodImplOptions.NoInlining)]
    public static float Opaque(float value) => value;

    /// <summary>A constant that the JIT must not look through.</summary>
    [MethodImpl(MethodImplOptions.NoInlining)]
    public static double Opaque(double value) => value;

    /// <summary>The number itself, of which the JIT does not know where it comes from.</summary>
    [MethodImpl(MethodImplOptions.NoInlining)]
    public static int Hide(int value) => value;

    /// <summary>The number itself, of which the JIT does not know where it comes from.</summary>
    [MethodImpl(MethodImplOptions.NoInlining)]
    public static long Hide(long value) => value;

    /// <summary>The float with these bits.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static float ReinterpretAsSingle(int bits) => Vector128.CreateScalarUnsafe(bits).AsSingle().ToScalar();

    /// <summary>A NaN with its bits as they are.</summary>
    [MethodImpl(MethodImplOptions.NoInlining)]
    public static float SingleFromBits(int bits) => BitConverter.Int32BitsToSingle(bits);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector128<byte> Vector(long low, long high) => Vector128.Create(low, high).AsByte();
}
