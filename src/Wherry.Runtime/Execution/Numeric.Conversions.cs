using System.Runtime.CompilerServices;

namespace Wherry.Execution;

/// <content>Conversions between integers and floats.</content>
internal static partial class Numeric
{
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static float ConvertUnsignedToSingle(int value) => (uint)value;

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static double ConvertUnsignedToDouble(int value) => (uint)value;

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static float ConvertUnsignedToSingle(long value) => (ulong)value;

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static double ConvertUnsignedToDouble(long value) => (ulong)value;

    // .NET's own conversions saturate, and make 0 of NaN.
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static int SaturateToInt32(float value) => (int)value;

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static int SaturateToInt32(double value) => (int)value;

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static int SaturateToUInt32(float value) => (int)(uint)value;

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static int SaturateToUInt32(double value) => (int)(uint)value;

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static long SaturateToInt64(float value) => (long)value;

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static long SaturateToInt64(double value) => (long)value;

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static long SaturateToUInt64(float value) => (long)(ulong)value;

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static long SaturateToUInt64(double value) => (long)(ulong)value;

    // The bounds are the floats next to the integer range: -2^31 itself is a float, and the double below it is -2^31 - 2^-21, but -2^31 - 1 is
    // exact in double, and what lies between is truncated to -2^31.
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static int TruncateToInt32(float value, int place) =>
        value is >= -2147483648f and < 2147483648f ? float.ConvertToIntegerNative<int>(value) : FailInt32(value, place);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static int TruncateToInt32(double value, int place) =>
        value is > -2147483649d and < 2147483648d ? double.ConvertToIntegerNative<int>(value) : FailInt32(value, place);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static int TruncateToUInt32(float value, int place) =>
        value is > -1f and < 4294967296f ? (int)float.ConvertToIntegerNative<long>(value) : FailInt32(value, place);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static int TruncateToUInt32(double value, int place) =>
        value is > -1d and < 4294967296d ? (int)double.ConvertToIntegerNative<long>(value) : FailInt32(value, place);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static long TruncateToInt64(float value, int place) =>
        value is >= -9223372036854775808f and < 9223372036854775808f ? float.ConvertToIntegerNative<long>(value) : FailInt64(value, place);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static long TruncateToInt64(double value, int place) =>
        value is >= -9223372036854775808d and < 9223372036854775808d ? double.ConvertToIntegerNative<long>(value) : FailInt64(value, place);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static long TruncateToUInt64(float value, int place) =>
        value is > -1f and < 18446744073709551616f ? (long)(ulong)value : FailInt64(value, place);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static long TruncateToUInt64(double value, int place) =>
        value is > -1d and < 18446744073709551616d ? (long)(ulong)value : FailInt64(value, place);

    [MethodImpl(MethodImplOptions.NoInlining)]
    private static int FailInt32(double value, int place) => throw ConversionTrap(value, place);

    [MethodImpl(MethodImplOptions.NoInlining)]
    private static long FailInt64(double value, int place) => throw ConversionTrap(value, place);

    private static GuestTrapException ConversionTrap(double value, int place) =>
        new GuestTrapException(double.IsNaN(value) ? TrapKind.InvalidConversionToInteger : TrapKind.IntegerOverflow) { Place = place };
}
