using System.Runtime.CompilerServices;

namespace Wherry.Tests.Execution;

/// <summary>Pooled instances that nobody disposes, and as many as a process can have.</summary>
[Collection(nameof(Alone))]
public sealed class PoolLifetimeTests
{
    private const string Small = """
        (module
          (import "host" "collect" (func $collect))
          (memory (export "memory") 1)
          (table (export "table") 1 funcref)
          (elem (i32.const 0) $read)
          (func $read (export "read") (param i32) (result i32) (i32.load (local.get 0)))
          (func (export "write") (param i32 i32) (i32.store (local.get 0) (local.get 1)))
          (func (export "write_and_collect") (result i32)
            (i32.store (i32.const 64) (i32.const 7))
            (call $collect)
            (i32.load (i32.const 64))))
        """;

    [Fact]
    public void An_instance_that_is_not_disposed_goes_back_when_nothing_references_it()
    {
        using InstancePool pool = CreatePool();
        Drop(pool);
        for (int i = 0; i < 10 && pool.InstancesInUse > 0; i++)
        {
            Collect();
        }

        Assert.Equal(0, pool.InstancesInUse);
        for (int i = 0; i < 10 && pool.IdleCount < 5; i++)
        {
            Collect();
        }

        Assert.Equal(5, pool.IdleCount);
        using PooledInstance next = pool.Instantiate();
        Assert.Equal(0, Read(next, 64));

        [MethodImpl(MethodImplOptions.NoInlining)]
        static void Drop(InstancePool pool)
        {
            for (int i = 0; i < 5; i++)
            {
                Write(pool.Instantiate(), 64, 0x5EC7E7);
            }
        }
    }

    [Fact]
    public void What_references_an_instance_keeps_its_memory()
    {
        using InstancePool pool = CreatePool();
        Func<int, int> byDelegate = GetDelegate(pool, 1);
        Table byTable = GetTable(pool, 2);
        Memory byMemory = GetMemory(pool, 3);
        MemoryLease byLease = GetLease(pool, 4);
        Collect();
        Collect();

        // Whoever took a memory that is still referenced would overwrite it.
        var others = new List<PooledInstance>();
        for (int i = 0; i < 20; i++)
        {
            others.Add(pool.Instantiate());
            Assert.Equal(0, Read(others[i], 64));
            Write(others[i], 64, 99);
        }

        Assert.Equal(1, byDelegate(64));
        Assert.Equal(2, ((Function)byTable[0]!).Invoke(64)[0]);
        using (MemoryLease lease = byMemory.Lease())
        {
            Assert.Equal(3, lease.Span[64]);
        }

        Assert.Equal(4, byLease.Span[64]);
        Assert.Equal(24, pool.InstancesInUse);
        byLease.Dispose();
        others.ForEach(other => other.Dispose());

        [MethodImpl(MethodImplOptions.NoInlining)]
        static PooledInstance Make(InstancePool pool, int value)
        {
            PooledInstance instance = pool.Instantiate();
            Write(instance, 64, value);
            return instance;
        }

        [MethodImpl(MethodImplOptions.NoInlining)]
        static Func<int, int> GetDelegate(InstancePool pool, int value) => Make(pool, value).GetFunction<Func<int, int>>("read")!;

        [MethodImpl(MethodImplOptions.NoInlining)]
        static Table GetTable(InstancePool pool, int value) => Make(pool, value).Instance.GetTable("table")!;

        [MethodImpl(MethodImplOptions.NoInlining)]
        static Memory GetMemory(InstancePool pool, int value) => Make(pool, value).Instance.GetMemory("memory")!;

        [MethodImpl(MethodImplOptions.NoInlining)]
        static MemoryLease GetLease(InstancePool pool, int value) => Make(pool, value).Instance.GetMemory("memory")!.Lease();
    }

    [Fact]
    public void A_running_frame_keeps_the_memory_of_its_instance()
    {
        InstancePool? pool = null;
        pool = CreatePool(() =>
        {
            for (int i = 0; i < 5; i++)
            {
                Collect();
                PooledInstance other = pool!.Instantiate();
                Assert.Equal(0, Read(other, 64));
                Write(other, 64, 99);
            }
        });
        Assert.Equal(7, Run(pool));
        pool.Dispose();

        [MethodImpl(MethodImplOptions.NoInlining)]
        static int Run(InstancePool pool) => pool.Instantiate().GetFunction<Func<int>>("write_and_collect")!();
    }

    [Fact]
    public void When_the_address_space_is_used_up_another_instance_is_refused_and_none_is_harmed()
    {
        using InstancePool pool = CreatePool();
        var instances = new List<PooledInstance>();
        LinkException? refusal = null;
        try
        {
            while (refusal is null)
            {
                Assert.True(instances.Count < 100_000, "there is no end");
                try
                {
                    instances.Add(pool.Instantiate());
                    if (instances.Count % 1000 == 1)
                    {
                        Write(instances[^1], 64, instances.Count);
                    }
                }
                catch (LinkException exception)
                {
                    refusal = exception;
                }
            }

            Assert.True(instances.Count > 1_000, $"there were but {instances.Count}");
            _ = Assert.Throws<LinkException>(() => Memory.Create(new Store(Engine.Default), new MemoryType(1)));
            for (int i = 0; i < instances.Count; i += 1000)
            {
                Assert.Equal(i + 1, Read(instances[i], 64));
                Write(instances[i], 64, 0);
            }

            // The rest of the process can still map what it needs.
            GC.Collect();
            byte[] large = new byte[256 << 20];
            large[^1] = 1;
            instances[0].Dispose();
            instances[0] = pool.Instantiate();
            Assert.Equal(0, Read(instances[0], 64));
        }
        finally
        {
            instances.ForEach(instance => instance.Dispose());
        }

        // What the pool keeps is no obstacle to others.
        Assert.True(pool.IdleCount <= pool.Options.MaximumIdleInstances);
        using var store = new Store(Engine.Default);
        _ = Memory.Create(store, new MemoryType(1));
    }

    [Fact]
    public void Idle_memories_of_a_pool_give_way_to_others()
    {
        using InstancePool pool = CreatePool(maximumIdle: 100_000);
        var instances = new List<PooledInstance>();
        try
        {
            while (true)
            {
                instances.Add(pool.Instantiate());
            }
        }
        catch (LinkException)
        {
            instances.ForEach(instance => instance.Dispose());
        }

        Assert.Equal(instances.Count, pool.IdleCount);
        using var store = new Store(Engine.Default);
        _ = Memory.Create(store, new MemoryType(1));
        Assert.Equal(0, pool.IdleCount);
    }

    [Fact]
    public void A_hundred_thousand_instances_leave_memory_flat()
    {
        using InstancePool pool = CreatePool();
        Use(pool, 1_000);
        Collect();
        long before = Environment.WorkingSet;
        Use(pool, 100_000);
        Collect();
        long growth = Environment.WorkingSet - before;
        Assert.True(growth < 100 << 20, $"grew by {growth >> 20} MiB");

        static void Use(InstancePool pool, int count)
        {
            for (int i = 0; i < count; i++)
            {
                using PooledInstance instance = pool.Instantiate();
                Write(instance, 64, i);
            }
        }
    }

    private static InstancePool CreatePool(Action? collect = null, int maximumIdle = 256)
    {
        var linker = new Linker(Engine.Default);
        linker.DefineFunction("host", "collect", collect ?? (static () => { }));
        return new InstancePool(linker, Module.Load(Engine.Default, WatConverter.ToBinary(Small)), new InstancePoolOptions { MaximumIdleInstances = maximumIdle });
    }

    private static int Read(PooledInstance instance, int address) => instance.GetFunction<Func<int, int>>("read")!(address);

    private static void Write(PooledInstance instance, int address, int value) => instance.GetFunction<Action<int, int>>("write")!(address, value);

    private static void Collect()
    {
        GC.Collect();
        GC.WaitForPendingFinalizers();
    }
}
