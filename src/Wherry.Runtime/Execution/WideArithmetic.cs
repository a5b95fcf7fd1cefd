using System.Runtime.CompilerServices;

namespace Wherry.Execution;

/// <summary>128-bit arithmetic on pairs of 64-bit numbers (wide arithmetic proposal). Each returns the low half; the high one goes out by reference.</summary>
internal static class WideArithmetic
{
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static long I64Add128(long leftLow, long leftHigh, long rightLow, long rightHigh, out long high)
    {
        ulong low = (ulong)leftLow + (ulong)rightLow;
        high = leftHigh + rightHigh + (low < (ulong)leftLow ? 1 : 0);
        return (long)low;
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static long I64Sub128(long leftLow, long leftHigh, long rightLow, long rightHigh, out long high)
    {
        high = leftHigh - rightHigh - ((ulong)leftLow < (ulong)rightLow ? 1 : 0);
        return leftLow - rightLow;
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static long I64MulWideS(long left, long right, out long high)
    {
        high = Math.BigMul(left, right, out long low);
        return low;
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static long I64MulWideU(long left, long right, out long high)
    {
        high = (long)Math.BigMul((ulong)left, (ulong)right, out ulong low);
        return (long)low;
    }
}
