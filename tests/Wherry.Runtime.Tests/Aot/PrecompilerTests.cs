using System.Runtime.CompilerServices;
using Wherry.Aot;
using Wherry.Tests.Execution;

namespace Wherry.Tests.Aot;

/// <summary>Code that crossgen2 made native. Skipped where crossgen2 is not, except in CI.</summary>
public sealed class PrecompilerTests
{
    private const string Traps =
        """
        (module
          (memory 1)
          (table $t 4 funcref)
          (type $unary (func (param i32) (result i32)))
          (elem (i32.const 0) $divide)
          (global $counter (mut i64) (i64.const 7))
          (func $inner (param i32) (result i32) (nop) (i32.load offset=4 (local.get 0)))
          (func $middle (param i32) (result i32) (i32.add (i32.const 1) (call $inner (local.get 0))))
          (func (export "load") (param i32) (result i32) (nop) (call $middle (local.get 0)))
          (func $divide (export "divide") (param i32) (result i32) (i32.div_s (i32.const 1) (local.get 0)))
          (func (export "indirect") (param i32) (result i32) (call_indirect (type $unary) (i32.const 5) (local.get 0)))
          (func (export "wrong") (param i32) (result i64) (call_indirect (param i64) (result i64) (i64.const 5) (local.get 0)))
          (func (export "stop") (param i32) (unreachable))
          (func $deep (export "deep") (param i32) (result i32) (i32.add (i32.const 1) (call $deep (local.get 0))))
          (func (export "count") (param i32) (result i64)
            (global.set $counter (i64.add (global.get $counter) (i64.extend_i32_u (local.get 0)))) (global.get $counter)))
        """;

    [Theory]
    [InlineData(BoundsChecks.Guard)]
    [InlineData(BoundsChecks.Explicit)]
    public void Native_code_traps_as_jitted_code_does_with_names_and_offsets(BoundsChecks boundsChecks)
    {
        RequireCrossgen();
        var options = new EngineOptions { BoundsChecks = boundsChecks };
        byte[] bytes = WatConverter.ToBinary(Traps, emitNames: true);
        Instance expected = Instantiate(new Engine(options), bytes);
        Instance actual = Instantiate(new Engine(options with { CreateCode = Precompiler.CompileAndLoad }), bytes);
        Assert.True(actual.Module.IsPrecompiled);
        foreach ((string name, int argument) in ((string, int)[])[("load", 8), ("divide", 1), ("indirect", 0), ("count", 5), ("count", 6)])
        {
            Assert.Equal(expected.GetFunction(name)!.Invoke(argument), actual.GetFunction(name)!.Invoke(argument));
        }

        foreach ((string name, int argument) in ((string, int)[])[("load", -1), ("load", 65530), ("divide", 0), ("indirect", 1), ("indirect", 9), ("wrong", 0), ("stop", 0)])
        {
            TrapException wanted = Assert.Throws<TrapException>(() => expected.GetFunction(name)!.Invoke(argument));
            TrapException trap = Assert.Throws<TrapException>(() => actual.GetFunction(name)!.Invoke(argument));
            Assert.Equal(wanted.Message, trap.Message);
            Assert.Equal(wanted.GuestStack, trap.GuestStack);
        }

        TrapException exhausted = Assert.Throws<TrapException>(() => actual.GetFunction("deep")!.Invoke(1));
        Assert.Equal(TrapKind.StackExhausted, exhausted.Kind);
        Assert.Equal("deep", exhausted.GuestStack[0].FunctionName);
    }

    [Theory]
    [InlineData(BoundsChecks.Guard)]
    [InlineData(BoundsChecks.Explicit)]
    public void A_trap_in_native_code_tells_the_offset_of_its_instruction(BoundsChecks boundsChecks)
    {
        RequireCrossgen();
        byte[] bytes = TrapPlaceTests.CreateModule();
        Instance expected = TrapPlaceTests.Instantiate(Execution.Guests.Engine(BoundsChecks.Explicit), bytes);
        Instance actual = TrapPlaceTests.Instantiate(new Engine(new EngineOptions { BoundsChecks = boundsChecks, CreateCode = Precompiler.CompileAndLoad }), bytes);
        Assert.True(actual.Module.IsPrecompiled);
        foreach (TheoryDataRow<string, string> row in TrapPlaceTests.Codes)
        {
            (string name, _) = row.Data;
            Assert.True(TrapPlaceTests.Trap(expected, name) == TrapPlaceTests.Trap(actual, name), name);
        }
    }

    [Fact]
    public void An_endless_loop_in_native_code_can_be_interrupted()
    {
        RequireCrossgen();
        Instance guest = Instantiate(
            new Engine(new EngineOptions { CreateCode = Precompiler.CompileAndLoad }),
            WatConverter.ToBinary("""(module (func (export "run") (param i32) (loop $l (br $l))))"""));
        using var started = new ManualResetEventSlim();
        TrapException? trap = null;
        var thread = new Thread(() =>
        {
            started.Set();
            trap = Assert.Throws<TrapException>(() => guest.GetFunction("run")!.Invoke(1));
        });
        thread.Start();
        Guests.Await(started);
        guest.Store.Interrupt();
        Guests.Join(thread);
        Assert.Equal(TrapKind.Interrupted, trap!.Kind);
    }

    [Fact]
    public void Functions_without_native_code_are_named_and_work()
    {
        RequireCrossgen();
        const string Parameters = "(param i64 i64 i64 i64 i64 i64 i64 i64 i64 i64)";
        const string Arguments = "(local.get 0) (i64.const 1) (i64.const 2) (i64.const 3) (i64.const 4) (i64.const 5) (i64.const 6) (i64.const 7) (i64.const 8) (local.get 0)";
        byte[] bytes = WatConverter.ToBinary(
            $"""
            (module
              (func $many {Parameters} (result i64) (i64.div_s (i64.sub (local.get 0) (local.get 8)) (local.get 1)))
              (func (export "slow") (param i64) (result i64) (return_call $many {Arguments}))
              (func (export "fast") (param i64) (result i64) (if (result i64) (i64.eqz (local.get 0)) (then (i64.const 9)) (else (return_call 2 (i64.sub (local.get 0) (i64.const 1)))))))
            """);
        string path = Path.Combine(Path.GetTempPath(), $"wherry-{Guid.NewGuid():N}.cwasm");
        try
        {
            Assert.Equal([1], Precompiler.Compile(Module.Load(Engine.Default, bytes), path));
            Module module = Module.UnsafeLoadPrecompiled(Engine.Default, path);
            Instance guest = new Linker(Engine.Default).Instantiate(new Store(Engine.Default), module);
            Assert.Equal(100L - 8, guest.GetFunction("slow")!.Invoke(100L)[0]);
            Assert.Equal(9L, guest.GetFunction("fast")!.Invoke(1_000_000L)[0]);
        }
        finally
        {
            File.Delete(path);
        }
    }

    public static TheoryData<string> RealPrograms()
    {
        var programs = new TheoryData<string>();
        foreach (string file in Directory.GetFiles(SharedFiles.Find("bench"), "*.wasm").Order(StringComparer.Ordinal))
        {
            programs.Add(Path.GetFileNameWithoutExtension(file));
        }

        return programs;
    }

    [Theory]
    [MemberData(nameof(RealPrograms), DisableDiscoveryEnumeration = true)]
    public void All_functions_of_real_programs_have_native_code(string name)
    {
        RequireCrossgen();
        Module module = Module.LoadFile(Engine.Default, SharedFiles.Find($"bench/{name}.wasm"));
        Assert.Empty(Precompiler.CompileCode(module).LeftFunctions);
    }

    [Fact]
    public void Code_is_loaded_once_and_any_number_of_instances_share_it()
    {
        RequireCrossgen();
        string path = Path.Combine(Path.GetTempPath(), $"wherry-{Guid.NewGuid():N}.cwasm");
        byte[] bytes = WatConverter.ToBinary(
            """
            (module (memory 1) (global $g (mut i32) (i32.const 0))
              (func (export "next") (result i32) (global.set $g (i32.add (global.get $g) (i32.const 1))) (i32.store (i32.const 8) (global.get $g)) (i32.load (i32.const 8))))
            """);
        try
        {
            Assert.Empty(Precompiler.Compile(Module.Load(Engine.Default, bytes), path));
            List<WeakReference> instances = RunRounds(path, 200, out Type[] types);
            Assert.Single(types);
            for (int i = 0; i < 10 && instances.Exists(instance => instance.IsAlive); i++)
            {
                GC.Collect();
                GC.WaitForPendingFinalizers();
            }

            // The JIT may keep what a frame used last; one instance is not one for each round.
            Assert.True(instances.Count(instance => instance.IsAlive) <= 1, "instances of precompiled modules stay in memory");
        }
        finally
        {
            File.Delete(path);
        }
    }

    [MethodImpl(MethodImplOptions.NoInlining)]
    private static List<WeakReference> RunRounds(string path, int count, out Type[] types)
    {
        var instances = new List<WeakReference>();
        var found = new HashSet<Type>();
        for (int i = 0; i < count; i++)
        {
            Module module = Module.UnsafeLoadPrecompiled(Engine.Default, path);
            using var store = new Store(Engine.Default);
            Instance instance = new Linker(Engine.Default).Instantiate(store, module);
            Func<int> next = instance.GetFunction<Func<int>>("next")!;
            Assert.Equal(1, next());
            Assert.Equal(2, next());
            instances.Add(new WeakReference(instance.Guest));
            found.Add(instance.Guest.GetType());
        }

        types = [.. found];
        return instances;
    }

    internal static void RequireCrossgen()
    {
        if (!Precompiler.IsAvailable)
        {
            const string Reason = "crossgen2 is not there: wherry compile gets it";
            if (Environment.GetEnvironmentVariable("WHERRY_CI") == "1")
            {
                Assert.Fail(Reason);
            }

            Assert.Skip(Reason);
        }
    }

    private static Instance Instantiate(Engine engine, byte[] bytes) => new Linker(engine).Instantiate(new Store(engine), Module.Load(engine, bytes));
}
