using System.Runtime.CompilerServices;
using System.Runtime.Intrinsics.X86;

namespace Wherry.Execution.Atomics;

/// <summary>
/// Atomic accesses (threads proposal), one method for each instruction, named as its <see cref="Instructions.Opcode"/>; the compiler calls them by that name.
/// All are sequentially consistent. The pointers come from compiled code, which has computed an address inside guarded or checked memory and
/// looked at its alignment. Bits are set and cleared by loops of their own: where the result of Interlocked.And or Interlocked.Or is wanted in another register than RAX, the JIT of .NET 10 leaves it out.
/// </summary>
internal static unsafe partial class AtomicInstructions
{
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static int I32AtomicLoad(byte* address) => Volatile.Read(ref Cell<int>(address));

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static void I32AtomicStore(byte* address, int value) => Interlocked.Exchange(ref Cell<int>(address), value);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static long I64AtomicLoad(byte* address) => Volatile.Read(ref Cell<long>(address));

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static void I64AtomicStore(byte* address, long value) => Interlocked.Exchange(ref Cell<long>(address), value);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static int I32AtomicLoad8U(byte* address) => Volatile.Read(ref Cell<byte>(address));

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static void I32AtomicStore8(byte* address, int value) => Interlocked.Exchange(ref Cell<byte>(address), (byte)value);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static int I32AtomicLoad16U(byte* address) => Volatile.Read(ref Cell<ushort>(address));

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static void I32AtomicStore16(byte* address, int value) => Interlocked.Exchange(ref Cell<ushort>(address), (ushort)value);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static long I64AtomicLoad8U(byte* address) => Volatile.Read(ref Cell<byte>(address));

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static void I64AtomicStore8(byte* address, long value) => Interlocked.Exchange(ref Cell<byte>(address), (byte)value);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static long I64AtomicLoad16U(byte* address) => Volatile.Read(ref Cell<ushort>(address));

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static void I64AtomicStore16(byte* address, long value) => Interlocked.Exchange(ref Cell<ushort>(address), (ushort)value);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static long I64AtomicLoad32U(byte* address) => Volatile.Read(ref Cell<uint>(address));

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static void I64AtomicStore32(byte* address, long value) => Interlocked.Exchange(ref Cell<uint>(address), (uint)value);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static int I32AtomicRmwAdd(byte* address, int value) => Interlocked.Add(ref Cell<int>(address), value) - value;

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static int I32AtomicRmwSub(byte* address, int value) => Interlocked.Add(ref Cell<int>(address), -value) + value;

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static int I32AtomicRmwAnd(byte* address, int value)
    {
        ref int cell = ref Cell<int>(address);
        int old;
        do
        {
            old = Volatile.Read(ref cell);
        }
        while (Interlocked.CompareExchange(ref cell, old & value, old) != old);
        return old;
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static int I32AtomicRmwOr(byte* address, int value)
    {
        ref int cell = ref Cell<int>(address);
        int old;
        do
        {
            old = Volatile.Read(ref cell);
        }
        while (Interlocked.CompareExchange(ref cell, old | value, old) != old);
        return old;
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static int I32AtomicRmwXor(byte* address, int value)
    {
        ref int cell = ref Cell<int>(address);
        int old;
        do
        {
            old = Volatile.Read(ref cell);
        }
        while (Interlocked.CompareExchange(ref cell, old ^ value, old) != old);
        return old;
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static int I32AtomicRmwXchg(byte* address, int value) => Interlocked.Exchange(ref Cell<int>(address), value);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static int I32AtomicRmwCmpxchg(byte* address, int expected, int replacement) => Interlocked.CompareExchange(ref Cell<int>(address), replacement, InRegister(expected));

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static long I64AtomicRmwAdd(byte* address, long value) => Interlocked.Add(ref Cell<long>(address), value) - value;

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static long I64AtomicRmwSub(byte* address, long value) => Interlocked.Add(ref Cell<long>(address), -value) + value;

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static long I64AtomicRmwAnd(byte* address, long value)
    {
        ref long cell = ref Cell<long>(address);
        long old;
        do
        {
            old = Volatile.Read(ref cell);
        }
        while (Interlocked.CompareExchange(ref cell, old & value, old) != old);
        return old;
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static long I64AtomicRmwOr(byte* address, long value)
    {
        ref long cell = ref Cell<long>(address);
        long old;
        do
        {
            old = Volatile.Read(ref cell);
        }
        while (Interlocked.CompareExchange(ref cell, old | value, old) != old);
        return old;
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static long I64AtomicRmwXor(byte* address, long value)
    {
        ref long cell = ref Cell<long>(address);
        long old;
        do
        {
            old = Volatile.Read(ref cell);
        }
        while (Interlocked.CompareExchange(ref cell, old ^ value, old) != old);
        return old;
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static long I64AtomicRmwXchg(byte* address, long value) => Interlocked.Exchange(ref Cell<long>(address), value);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static long I64AtomicRmwCmpxchg(byte* address, long expected, long replacement) => Interlocked.CompareExchange(ref Cell<long>(address), replacement, expected);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static int I32AtomicRmw8AddU(byte* address, int value)
    {
        ref byte cell = ref Cell<byte>(address);
        byte old;
        do
        {
            old = Volatile.Read(ref cell);
        }
        while (Interlocked.CompareExchange(ref cell, (byte)(old + (byte)value), old) != old);
        return old;
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static int I32AtomicRmw8SubU(byte* address, int value)
    {
        ref byte cell = ref Cell<byte>(address);
        byte old;
        do
        {
            old = Volatile.Read(ref cell);
        }
        while (Interlocked.CompareExchange(ref cell, (byte)(old - (byte)value), old) != old);
        return old;
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static int I32AtomicRmw8AndU(byte* address, int value)
    {
        ref byte cell = ref Cell<byte>(address);
        byte old;
        do
        {
            old = Volatile.Read(ref cell);
        }
        while (Interlocked.CompareExchange(ref cell, (byte)(old & (byte)value), old) != old);
        return old;
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static int I32AtomicRmw8OrU(byte* address, int value)
    {
        ref byte cell = ref Cell<byte>(address);
        byte old;
        do
        {
            old = Volatile.Read(ref cell);
        }
        while (Interlocked.CompareExchange(ref cell, (byte)(old | (byte)value), old) != old);
        return old;
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static int I32AtomicRmw8XorU(byte* address, int value)
    {
        ref byte cell = ref Cell<byte>(address);
        byte old;
        do
        {
            old = Volatile.Read(ref cell);
        }
        while (Interlocked.CompareExchange(ref cell, (byte)(old ^ (byte)value), old) != old);
        return old;
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static int I32AtomicRmw8XchgU(byte* address, int value) => Interlocked.Exchange(ref Cell<byte>(address), (byte)value);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static int I32AtomicRmw8CmpxchgU(byte* address, int expected, int replacement)
    {
        // Of both numbers only as many bits count as the cell has.
        return Interlocked.CompareExchange(ref Cell<byte>(address), (byte)replacement, (byte)expected);
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static int I32AtomicRmw16AddU(byte* address, int value)
    {
        ref ushort cell = ref Cell<ushort>(address);
        ushort old;
        do
        {
            old = Volatile.Read(ref cell);
        }
        while (Interlocked.CompareExchange(ref cell, (ushort)(old + (ushort)value), old) != old);
        return old;
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static int I32AtomicRmw16SubU(byte* address, int value)
    {
        ref ushort cell = ref Cell<ushort>(address);
        ushort old;
        do
        {
            old = Volatile.Read(ref cell);
        }
        while (Interlocked.CompareExchange(ref cell, (ushort)(old - (ushort)value), old) != old);
        return old;
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static int I32AtomicRmw16AndU(byte* address, int value)
    {
        ref ushort cell = ref Cell<ushort>(address);
        ushort old;
        do
        {
            old = Volatile.Read(ref cell);
        }
        while (Interlocked.CompareExchange(ref cell, (ushort)(old & (ushort)value), old) != old);
        return old;
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static int I32AtomicRmw16OrU(byte* address, int value)
    {
        ref ushort cell = ref Cell<ushort>(address);
        ushort old;
        do
        {
            old = Volatile.Read(ref cell);
        }
        while (Interlocked.CompareExchange(ref cell, (ushort)(old | (ushort)value), old) != old);
        return old;
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static int I32AtomicRmw16XorU(byte* address, int value)
    {
        ref ushort cell = ref Cell<ushort>(address);
        ushort old;
        do
        {
            old = Volatile.Read(ref cell);
        }
        while (Interlocked.CompareExchange(ref cell, (ushort)(old ^ (ushort)value), old) != old);
        return old;
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static int I32AtomicRmw16XchgU(byte* address, int value) => Interlocked.Exchange(ref Cell<ushort>(address), (ushort)value);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static int I32AtomicRmw16CmpxchgU(byte* address, int expected, int replacement)
    {
        // Of both numbers only as many bits count as the cell has.
        return Interlocked.CompareExchange(ref Cell<ushort>(address), (ushort)replacement, (ushort)expected);
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static long I64AtomicRmw8AddU(byte* address, long value)
    {
        ref byte cell = ref Cell<byte>(address);
        byte old;
        do
        {
            old = Volatile.Read(ref cell);
        }
        while (Interlocked.CompareExchange(ref cell, (byte)(old + (byte)value), old) != old);
        return old;
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static long I64AtomicRmw8SubU(byte* address, long value)
    {
        ref byte cell = ref Cell<byte>(address);
        byte old;
        do
        {
            old = Volatile.Read(ref cell);
        }
        while (Interlocked.CompareExchange(ref cell, (byte)(old - (byte)value), old) != old);
        return old;
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static long I64AtomicRmw8AndU(byte* address, long value)
    {
        ref byte cell = ref Cell<byte>(address);
        byte old;
        do
        {
            old = Volatile.Read(ref cell);
        }
        while (Interlocked.CompareExchange(ref cell, (byte)(old & (byte)value), old) != old);
        return old;
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static long I64AtomicRmw8OrU(byte* address, long value)
    {
        ref byte cell = ref Cell<byte>(address);
        byte old;
        do
        {
            old = Volatile.Read(ref cell);
        }
        while (Interlocked.CompareExchange(ref cell, (byte)(old | (byte)value), old) != old);
        return old;
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static long I64AtomicRmw8XorU(byte* address, long value)
    {
        ref byte cell = ref Cell<byte>(address);
        byte old;
        do
        {
            old = Volatile.Read(ref cell);
        }
        while (Interlocked.CompareExchange(ref cell, (byte)(old ^ (byte)value), old) != old);
        return old;
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static long I64AtomicRmw8XchgU(byte* address, long value) => Interlocked.Exchange(ref Cell<byte>(address), (byte)value);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static long I64AtomicRmw8CmpxchgU(byte* address, long expected, long replacement)
    {
        // Of both numbers only as many bits count as the cell has.
        return Interlocked.CompareExchange(ref Cell<byte>(address), (byte)replacement, (byte)expected);
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static long I64AtomicRmw16AddU(byte* address, long value)
    {
        ref ushort cell = ref Cell<ushort>(address);
        ushort old;
        do
        {
            old = Volatile.Read(ref cell);
        }
        while (Interlocked.CompareExchange(ref cell, (ushort)(old + (ushort)value), old) != old);
        return old;
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static long I64AtomicRmw16SubU(byte* address, long value)
    {
        ref ushort cell = ref Cell<ushort>(address);
        ushort old;
        do
        {
            old = Volatile.Read(ref cell);
        }
        while (Interlocked.CompareExchange(ref cell, (ushort)(old - (ushort)value), old) != old);
        return old;
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static long I64AtomicRmw16AndU(byte* address, long value)
    {
        ref ushort cell = ref Cell<ushort>(address);
        ushort old;
        do
        {
            old = Volatile.Read(ref cell);
        }
        while (Interlocked.CompareExchange(ref cell, (ushort)(old & (ushort)value), old) != old);
        return old;
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static long I64AtomicRmw16OrU(byte* address, long value)
    {
        ref ushort cell = ref Cell<ushort>(address);
        ushort old;
        do
        {
            old = Volatile.Read(ref cell);
        }
        while (Interlocked.CompareExchange(ref cell, (ushort)(old | (ushort)value), old) != old);
        return old;
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static long I64AtomicRmw16XorU(byte* address, long value)
    {
        ref ushort cell = ref Cell<ushort>(address);
        ushort old;
        do
        {
            old = Volatile.Read(ref cell);
        }
        while (Interlocked.CompareExchange(ref cell, (ushort)(old ^ (ushort)value), old) != old);
        return old;
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static long I64AtomicRmw16XchgU(byte* address, long value) => Interlocked.Exchange(ref Cell<ushort>(address), (ushort)value);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static long I64AtomicRmw16CmpxchgU(byte* address, long expected, long replacement)
    {
        // Of both numbers only as many bits count as the cell has.
        return Interlocked.CompareExchange(ref Cell<ushort>(address), (ushort)replacement, (ushort)expected);
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static long I64AtomicRmw32AddU(byte* address, long value) => Interlocked.Add(ref Cell<uint>(address), (uint)value) - (uint)value;

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static long I64AtomicRmw32SubU(byte* address, long value) => Interlocked.Add(ref Cell<uint>(address), (uint)-value) + (uint)value;

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static long I64AtomicRmw32AndU(byte* address, long value)
    {
        ref uint cell = ref Cell<uint>(address);
        uint old;
        do
        {
            old = Volatile.Read(ref cell);
        }
        while (Interlocked.CompareExchange(ref cell, old & (uint)value, old) != old);
        return old;
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static long I64AtomicRmw32OrU(byte* address, long value)
    {
        ref uint cell = ref Cell<uint>(address);
        uint old;
        do
        {
            old = Volatile.Read(ref cell);
        }
        while (Interlocked.CompareExchange(ref cell, old | (uint)value, old) != old);
        return old;
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static long I64AtomicRmw32XorU(byte* address, long value)
    {
        ref uint cell = ref Cell<uint>(address);
        uint old;
        do
        {
            old = Volatile.Read(ref cell);
        }
        while (Interlocked.CompareExchange(ref cell, (uint)(old ^ (uint)value), old) != old);
        return old;
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static long I64AtomicRmw32XchgU(byte* address, long value) => Interlocked.Exchange(ref Cell<uint>(address), (uint)value);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static long I64AtomicRmw32CmpxchgU(byte* address, long expected, long replacement)
    {
        // Of both numbers only as many bits count as the cell has.
        return (uint)Interlocked.CompareExchange(ref Cell<int>(address), (int)replacement, InRegister((int)expected));
    }

    /// <summary>
    /// The number, with nothing above it in its register. The processor leaves the register as it is if what it compares is equal, but the JIT takes the result for one that fills it: of an expected number that is
    /// part of a longer one, the rest would become part of the result when that is made longer.
    /// </summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static int InRegister(int expected)
    {
        if (Bmi2.IsSupported)
        {
            return (int)Bmi2.ZeroHighBits((uint)expected, 32);
        }

        int loaded = expected;
        return Volatile.Read(ref loaded);
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static ref T Cell<T>(byte* address) => ref Unsafe.AsRef<T>(address);
}
