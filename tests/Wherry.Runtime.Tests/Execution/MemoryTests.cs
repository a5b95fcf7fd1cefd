using System.Runtime.CompilerServices;
using Wherry.Execution.Memories;

namespace Wherry.Tests.Execution;

public sealed unsafe class MemoryTests
{
    private static readonly MemoryType s_twoPages = new(2, 5);

    [Fact]
    public void An_access_beyond_a_memory_is_an_exception_and_tells_its_address()
    {
        SkipWithoutArena();
        using var store = new Store(Engine.Default);
        Memory memory = Memory.Create(store, s_twoPages);

        foreach (ulong address in new ulong[] { 2 * 65536, (2 * 65536) + 1, 5 * 65536, uint.MaxValue, (2UL * uint.MaxValue) + 8 })
        {
            _ = Assert.Throws<NullReferenceException>(() => Read(memory.Base + address));
            Assert.True(FaultHandler.TryTakeFault(out nint fault, out _));
            Assert.Equal(address, (ulong)(fault - (nint)memory.Base));
            Assert.Equal(address, store.FindAddress(fault));
        }

        Assert.Equal(0, Read(memory.Base + (2 * 65536) - 1));
    }

    [Fact]
    public void Growing_keeps_the_base_and_adds_zeroes()
    {
        using var store = new Store(Engine.Default);
        Memory memory = Memory.Create(store, s_twoPages);
        byte* former = memory.Base;
        using MemoryLease lease = memory.Lease();
        lease.Span.Fill(7);

        Assert.Equal(2, memory.Grow(3));

        Assert.True(former == memory.Base);
        Assert.Equal(5UL, memory.PageCount);
        Assert.Equal(7, lease.Span[(2 * 65536) - 1]);
        Assert.Equal(-1, lease.Span[(2 * 65536)..].IndexOfAnyExcept((byte)0));
        Assert.Equal(-1, memory.Grow(1));
        Assert.Equal(5, memory.Grow(0));
        Assert.Equal(-1, memory.Grow(ulong.MaxValue));
    }

    [Fact]
    public void Address_space_is_used_again_with_zeroes()
    {
        nint first = 0;
        for (int i = 0; i < 50; i++)
        {
            using var store = new Store(Engine.Default);
            Memory memory = Memory.Create(store, s_twoPages);
            first = first == 0 ? (nint)memory.Base : first;
            using MemoryLease lease = memory.Lease();
            Assert.Equal(-1, lease.Span.IndexOfAnyExcept((byte)0));
            lease.Span.Fill(9);
        }
    }

    [Fact]
    public void Ten_thousand_dropped_memories_fit_where_far_fewer_would()
    {
        for (int i = 0; i < 10_000; i++)
        {
            CreateAndDrop();
        }

        [MethodImpl(MethodImplOptions.NoInlining)]
        static void CreateAndDrop() => Memory.Create(new Store(Engine.Default), new MemoryType(1)).Base[0] = 1;
    }

    [Fact]
    public void Two_thousand_memories_can_be_used_at_once()
    {
        using var store = new Store(Engine.Default);
        var memories = new Memory[2000];
        for (int i = 0; i < memories.Length; i++)
        {
            memories[i] = Memory.Create(store, new MemoryType(1, 1));
            memories[i].Base[0] = (byte)i;
        }

        for (int i = 0; i < memories.Length; i++)
        {
            Assert.Equal((byte)i, memories[i].Base[0]);
        }
    }

    [Fact]
    public void A_lease_outlives_its_store()
    {
        var store = new Store(Engine.Default);
        Memory memory = Memory.Create(store, s_twoPages);
        MemoryLease lease = memory.Lease();
        lease.Span.Fill(3);
        Memory<byte> part = lease.AsMemory(65536, 10);

        store.Dispose();

        Assert.Equal(3, lease.Slice(65536, 1)[0]);
        Assert.Equal(3, part.Span[9]);
        _ = Assert.Throws<ObjectDisposedException>(() => memory.Lease());
        lease.Dispose();
        lease.Dispose();
        _ = Assert.Throws<ObjectDisposedException>(() => lease.Span.Length);
        Assert.Equal(0UL, memory.Size);
    }

    [Fact]
    public void Leases_reach_no_further_than_the_memory()
    {
        using var store = new Store(Engine.Default);
        using MemoryLease lease = Memory.Create(store, s_twoPages).Lease();
        Assert.Equal(0, lease.Slice(2 * 65536, 0).Length);
        Assert.Equal(2 * 65536, lease.Span.Length);
        _ = Assert.Throws<ArgumentOutOfRangeException>(() => lease.Slice((2 * 65536) - 1, 2).Length);
        _ = Assert.Throws<ArgumentOutOfRangeException>(() => lease.Slice(ulong.MaxValue, 1).Length);
        _ = Assert.Throws<ArgumentOutOfRangeException>(() => lease.Slice(0, -1).Length);
    }

    [Fact]
    public void The_limit_of_a_store_counts_all_of_its_memories()
    {
        using var store = new Store(Engine.Default, new StoreOptions { Limits = new ResourceLimits { MemoryBytes = 4 * 65536 } });
        Memory first = Memory.Create(store, new MemoryType(1));
        Memory second = Memory.Create(store, new MemoryType(1));
        Assert.Equal(1, first.Grow(1));
        Assert.Equal(1, second.Grow(1));
        Assert.Equal(-1, first.Grow(1));
        LinkException exception = Assert.Throws<LinkException>(() => Memory.Create(store, new MemoryType(1)));
        Assert.Contains("limit of 262144 bytes", exception.Message);
    }

    [Fact]
    public void An_interrupted_store_makes_its_safepoint_pages_unreadable_until_it_is_cleared()
    {
        SkipWithoutArena();
        using var store = new Store(Engine.Default);
        Memory memory = Memory.Create(store, s_twoPages);
        byte* own = store.SafepointPage;
        Assert.Equal(0, Read(memory.SafepointPage));
        Assert.Equal(0, Read(own));
        Assert.True(memory.SafepointPage == memory.Base - MemoryArena.SafepointDistance);

        store.Interrupt();
        Memory late = Memory.Create(store, s_twoPages);

        foreach (nint page in new[] { (nint)memory.SafepointPage, (nint)own, (nint)late.SafepointPage })
        {
            _ = Assert.Throws<NullReferenceException>(() => Read((byte*)page));
            Assert.True(FaultHandler.TryTakeFault(out nint fault, out _));
            Assert.Equal(page, fault);
            Assert.True(MemoryArena.IsSafepointPage(fault));
        }

        Assert.False(MemoryArena.IsSafepointPage((nint)memory.Base));
        store.ClearInterruption();
        Assert.Equal(0, Read(memory.SafepointPage) + Read(own) + Read(late.SafepointPage));
    }

    [Fact]
    public void A_64_bit_memory_may_span_slots()
    {
        using var store = new Store(Engine.Default);
        Memory memory = Memory.Create(store, new MemoryType(1, 400_000, Is64Bit: true));
        Assert.Equal(1, memory.Grow(300_000));
        memory.Base[300_000UL * 65536] = 5;
        Assert.Equal(5, Read(memory.Base + (300_000UL * 65536)));
    }

    [MethodImpl(MethodImplOptions.NoInlining)]
    private static byte Read(byte* address) => Volatile.Read(ref *address);

    private static void SkipWithoutArena()
    {
        if (!MemoryArena.IsGuarded)
        {
            Assert.Skip("Faults become exceptions on Linux on x64 only.");
        }
    }
}
