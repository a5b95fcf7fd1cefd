using System.Diagnostics;
using System.Runtime.CompilerServices;

namespace Wherry.Tests.Execution;

[Collection(nameof(Alone))]
public sealed class LifetimeTests
{
    private const string Small = """
        (module
          (memory (export "memory") 17)
          (data (i32.const 0) "abc")
          (global $g (mut i32) (i32.const 0))
          (table 2 funcref)
          (elem (i32.const 0) $double)
          (func $double (param i32) (result i32) (i32.mul (local.get 0) (i32.const 2)))
          (func (export "run") (param i32) (result i32)
            (global.set $g (i32.load8_u (local.get 0)))
            (i32.store offset=65536 (local.get 0) (global.get $g))
            (call_indirect (param i32) (result i32) (global.get $g) (i32.const 0)))
        )
        """;

    [Fact]
    public void Ten_thousand_rounds_of_load_run_drop_leave_memory_flat()
    {
        byte[] bytes = WatConverter.ToBinary(Small);
        Run(bytes, 500);
        long before = GetResidentBytes();
        Run(bytes, 10_000);
        long growth = GetResidentBytes() - before;
        Assert.True(growth < 100 << 20, $"grew by {growth >> 20} MiB");
    }

    [Fact]
    public void A_dropped_module_gives_its_code_back()
    {
        WeakReference code = LoadAndRun();
        for (int i = 0; i < 10 && code.IsAlive; i++)
        {
            Collect();
        }

        Assert.False(code.IsAlive);

        [MethodImpl(MethodImplOptions.NoInlining)]
        static WeakReference LoadAndRun()
        {
            Instance instance = Guests.Instantiate(Small);
            Assert.Equal('a' * 2, instance.GetFunction<Func<int, int>>("run")!(0));
            return new WeakReference(instance.Guest.GetType());
        }
    }

    [Fact]
    public void A_table_keeps_the_function_of_another_module_that_was_dropped()
    {
        var store = new Store(Engine.Default);
        Table table = Table.Create(store, new TableType(WasmValueType.FuncRef, 1));
        Fill(store, table);
        for (int i = 0; i < 10; i++)
        {
            Collect();
        }

        var linker = new Linker(Engine.Default);
        linker.Define("host", "table", table);
        Instance caller = linker.Instantiate(store, Module.Load(Engine.Default, WatConverter.ToBinary("""
            (module
              (import "host" "table" (table 1 funcref))
              (func (export "run") (param i32) (result i32) (call_indirect (param i32) (result i32) (local.get 0) (i32.const 0)))
            )
            """)));
        Assert.Equal(42 + 'x', caller.GetFunction<Func<int, int>>("run")!(42));

        [MethodImpl(MethodImplOptions.NoInlining)]
        static void Fill(Store store, Table table)
        {
            var linker = new Linker(Engine.Default);
            linker.Define("host", "table", table);
            _ = linker.Instantiate(store, Module.Load(Engine.Default, WatConverter.ToBinary("""
                (module
                  (import "host" "table" (table 1 funcref))
                  (memory 1)
                  (data (i32.const 7) "x")
                  (elem (i32.const 0) $add)
                  (func $add (param i32) (result i32) (i32.add (local.get 0) (i32.load8_u (i32.const 7))))
                )
                """)));
        }
    }

    [Fact]
    public void A_running_frame_keeps_the_memory_of_its_instance()
    {
        var store = new Store(Engine.Default);
        Table table = Table.Create(store, new TableType(WasmValueType.FuncRef, 1));
        Fill(store, table);
        Func<int> run = GetRun(store, table);
        Assert.Equal('x', run());

        [MethodImpl(MethodImplOptions.NoInlining)]
        static void Fill(Store store, Table table)
        {
            var linker = new Linker(Engine.Default);
            linker.Define("host", "table", table);
            linker.DefineFunction("host", "drop", () =>
            {
                table[0] = null;
                for (int i = 0; i < 5; i++)
                {
                    Collect();
                    _ = Memory.Create(new Store(Engine.Default), new MemoryType(1));
                }
            });
            _ = linker.Instantiate(store, Module.Load(Engine.Default, WatConverter.ToBinary("""
                (module
                  (import "host" "table" (table 1 funcref))
                  (import "host" "drop" (func $drop))
                  (memory 1)
                  (elem (i32.const 0) $f)
                  (func $f (result i32)
                    (i32.store8 (i32.const 7) (i32.const 120))
                    (call $drop)
                    (i32.load8_u (i32.const 7)))
                )
                """)));
        }

        [MethodImpl(MethodImplOptions.NoInlining)]
        static Func<int> GetRun(Store store, Table table)
        {
            var linker = new Linker(Engine.Default);
            linker.Define("host", "table", table);
            return linker.Instantiate(store, Module.Load(Engine.Default, WatConverter.ToBinary("""
                (module
                  (import "host" "table" (table 1 funcref))
                  (func (export "run") (result i32) (call_indirect (result i32) (i32.const 0)))
                )
                """))).GetFunction<Func<int>>("run")!;
        }
    }

    private static void Run(byte[] bytes, int rounds)
    {
        for (int i = 0; i < rounds; i++)
        {
            RunOnce(bytes);
        }

        for (int i = 0; i < 3; i++)
        {
            Collect();
        }
    }

    [MethodImpl(MethodImplOptions.NoInlining)]
    private static void RunOnce(byte[] bytes)
    {
        Instance instance = new Linker(Engine.Default).Instantiate(new Store(Engine.Default), Module.Load(Engine.Default, bytes));
        Assert.Equal('a' * 2, instance.GetFunction<Func<int, int>>("run")!(0));
    }

    private static void Collect()
    {
        GC.Collect();
        GC.WaitForPendingFinalizers();
    }

    private static long GetResidentBytes()
    {
        using Process process = Process.GetCurrentProcess();
        return process.WorkingSet64;
    }
}
