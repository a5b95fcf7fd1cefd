using System.Buffers.Binary;
using System.Globalization;

namespace Wherry.Tests.Execution;

/// <summary>A 64-bit memory of 6 GiB, used past what 32 bits reach. Few of its pages are touched, so that it takes little of the machine's memory.</summary>
[Collection(nameof(Alone))]
public sealed class LargeMemoryTests
{
    private const ulong FourGiB = 1UL << 32;
    private const ulong Size = 6UL << 30;

    private const string Text = """
        (module
          (memory (export "memory") i64 1 98304 SHARED)
          (data $bytes "0123456789abcdefghijklmnopqrstuv")
          (func (export "grow") (param i64) (result i64) (memory.grow (local.get 0)))
          (func (export "size") (result i64) (memory.size))
          (func (export "load") (param i64) (result i64) (i64.load (local.get 0)))
          (func (export "load8") (param i64) (result i32) (i32.load8_u (local.get 0)))
          (func (export "store") (param i64 i64) (i64.store (local.get 0) (local.get 1)))
          (func (export "load_far") (param i64) (result i64) (i64.load offset=0x100000000 (local.get 0)))
          (func (export "load_farther") (param i64) (result i64) (i64.load offset=0xFFFFFFFFFFFFFFF0 (local.get 0)))
          (func (export "vector") (param i64) (result i64)
            (v128.store (local.get 0) (i64x2.splat (i64.const 0x0102030405060708)))
            (i64x2.extract_lane 1 (v128.load (local.get 0))))
          (func (export "fill") (param i64 i32 i64) (memory.fill (local.get 0) (local.get 1) (local.get 2)))
          (func (export "copy") (param i64 i64 i64) (memory.copy (local.get 0) (local.get 1) (local.get 2)))
          (func (export "init") (param i64 i32 i32) (memory.init $bytes (local.get 0) (local.get 1) (local.get 2)))
          (func (export "add") (param i64 i64) (result i64) (i64.atomic.rmw.add (local.get 0) (local.get 1)))
          (func (export "exchange") (param i64 i32 i32) (result i32) (i32.atomic.rmw16.cmpxchg_u (local.get 0) (local.get 1) (local.get 2)))
          (func (export "atomic_load") (param i64) (result i32) (i32.atomic.load (local.get 0)))
          (func (export "notify") (param i64) (result i32) (memory.atomic.notify (local.get 0) (i32.const 1)))
          (func (export "wait") (param i64 i32) (result i32) (memory.atomic.wait32 (local.get 0) (local.get 1) (i64.const 0)))
        )
        """;

    public static TheoryData<BoundsChecks, bool> Modes => new()
    {
        { BoundsChecks.Guard, false }, { BoundsChecks.Guard, true }, { BoundsChecks.Explicit, false }, { BoundsChecks.Explicit, true },
    };

    [Theory]
    [MemberData(nameof(Modes))]
    public void It_is_used_past_4_GiB(BoundsChecks checks, bool isShared)
    {
        long before = ResidentBytes();
        Instance guest = Guests.Instantiate(Text.Replace("SHARED", isShared ? "shared" : "", StringComparison.Ordinal), checks);
        using Store store = guest.Store;
        using MemoryLease lease = guest.GetMemory("memory")!.Lease();

        Traps("store", FourGiB, 1L);
        Assert.Equal(1L, Call("grow", 98303UL));
        Assert.Equal(-1L, Call("grow", 1UL));
        Assert.Equal(98304L, Call("size"));
        Assert.Equal(Size, guest.GetMemory("memory")!.Size);

        // Accesses: below the line, across it, beyond it, at the end and one byte too far.
        foreach (ulong address in new ulong[] { 0, FourGiB - 8, FourGiB - 3, FourGiB, FourGiB + 5, Size - 8 })
        {
            long value = 0x1122334455667788 ^ (long)address;
            Call("store", address, value);
            Assert.Equal(value, Call("load", address));
            Assert.Equal(value, BinaryPrimitives.ReadInt64LittleEndian(lease.Slice(address, 8)));
        }

        Assert.Equal(Call("load", FourGiB + 5), Call("load_far", 5UL));
        Assert.Equal(0x0102030405060708, Call("vector", FourGiB - 7));
        foreach (ulong address in new ulong[] { Size - 7, Size, Size + FourGiB, 1UL << 63, ulong.MaxValue - 7, ulong.MaxValue })
        {
            Traps("load", address);
            Traps("store", address, 1L);
        }

        Traps("load_far", Size - FourGiB - 7);
        Traps("load_farther", 0UL);
        Traps("load_farther", 100UL);
        Traps("vector", Size - 15);

        // Nothing wrapped around to the low addresses.
        Assert.Equal(0x1122334455667788, Call("load", 0UL));

        // Whole stretches across the line.
        Call("fill", FourGiB - 1000, 7, 2000UL);
        Assert.Equal(2000, lease.Slice(FourGiB - 1000, 2000).Count((byte)7));
        Assert.Equal(0, lease.Slice(FourGiB + 1000, 1)[0]);
        Call("init", FourGiB - 16, 0, 32);
        Assert.Equal("0123456789abcdefghijklmnopqrstuv"u8, lease.Slice(FourGiB - 16, 32));
        Call("copy", Size - 32, FourGiB - 16, 32UL);
        Assert.Equal("0123456789abcdefghijklmnopqrstuv"u8, lease.Slice(Size - 32, 32));
        Call("copy", FourGiB - 12, FourGiB - 16, 32UL);
        Assert.Equal("01230123456789abcdefghijklmnopqrstuv"u8, lease.Slice(FourGiB - 16, 36));
        Call("copy", FourGiB - 16, FourGiB - 12, 32UL);
        Assert.Equal("0123456789abcdefghijklmnopqrstuv"u8, lease.Slice(FourGiB - 16, 32));
        Traps("fill", Size - 10, 1, 11UL);
        Traps("fill", FourGiB, 1, ulong.MaxValue - FourGiB + 1);
        Traps("init", Size - 31, 0, 32);
        Traps("copy", 0UL, Size - 31, 32UL);
        Traps("copy", Size - 31, 0UL, 32UL);
        Call("fill", Size, 1, 0UL);
        Traps("fill", Size + 1, 1, 0UL);

        // Atomics.
        Call("store", FourGiB + 64, 40L);
        Assert.Equal(40L, Call("add", FourGiB + 64, 2L));
        Assert.Equal(42L, Call("load", FourGiB + 64));
        Call("store", Size - 8, 0L);
        Assert.Equal(0, Call("exchange", Size - 2, 0, 0xBEEF));
        Assert.Equal(0xBEEF, Call("exchange", Size - 2, 1, 2));
        Assert.Equal(unchecked((int)0xBEEF0000), Call("atomic_load", Size - 4));
        Traps("add", Size, 1L);
        Traps("atomic_load", Size);
        Assert.Equal(TrapKind.UnalignedAtomic, Trap("add", FourGiB + 65, 1L));
        Assert.Equal(TrapKind.UnalignedAtomic, Trap("atomic_load", FourGiB - 2));
        Assert.Equal(0, Call("notify", FourGiB + 64));
        if (isShared)
        {
            Assert.Equal(1, Call("wait", FourGiB + 64, 1));
            Assert.Equal(2, Call("wait", FourGiB + 64, 42));
        }
        else
        {
            Assert.Equal(TrapKind.ExpectedSharedMemory, Trap("wait", FourGiB + 64, 42));
        }

        Traps("notify", Size);

        // Far less than what lies between the touched pages.
        Assert.True(ResidentBytes() - before < 1L << 30, $"{ResidentBytes() - before} bytes of the machine's memory are used");

        object? Call(string name, params object[] arguments)
        {
            object?[] results = guest.GetFunction(name)!.Invoke(Array.ConvertAll<object, object?>(arguments, argument => argument is ulong number ? unchecked((long)number) : argument));
            return results.Length == 0 ? null : results[0];
        }

        TrapKind Trap(string name, params object[] arguments) => Assert.Throws<TrapException>(() => Call(name, arguments)).Kind;

        void Traps(string name, params object[] arguments) => Assert.Equal(TrapKind.MemoryOutOfBounds, Trap(name, arguments));
    }

    private static long ResidentBytes()
    {
        string line = File.ReadLines("/proc/self/status").First(line => line.StartsWith("VmRSS:", StringComparison.Ordinal));
        return long.Parse(line.AsSpan("VmRSS:".Length).Trim(" \tkB"), CultureInfo.InvariantCulture) << 10;
    }
}
