namespace Wherry.Wasi.Tests.Determinism;

/// <summary>How deep a guest can recurse follows from its module, whatever the frames of native code are.</summary>
public sealed class CallDepthTests
{
    private const string Guest = """
        (module
          (import "host" "again" (func $again))
          (type $step (func (param i32)))
          (table funcref (elem $indirect))
          (tag $tag)
          (global $depth (export "depth") (mut i32) (i32.const 0))
          (func $enter (global.set $depth (i32.add (global.get $depth) (i32.const 1))))
          (func $plain (export "plain") (param i32) (call $enter) (call $plain (local.get 0)))
          (func $small (export "small") (param i32) (global.set $depth (i32.add (global.get $depth) (i32.const 1))) (call $small (local.get 0)) (drop (i32.const 1)))
          (func $indirect (export "indirect") (param i32) (call $enter) (call_indirect (type $step) (local.get 0) (i32.const 0)))
          (func $large (export "large") (param i32) (local i64 i64 i64 f64 f64 f64 v128 v128 v128)
            (call $enter)
            (local.set 1 (i64.extend_i32_u (local.get 0)))
            (local.set 7 (i8x16.splat (local.get 0)))
            (call $large (i32.add (local.get 0) (i32.const 1)))
            (local.set 2 (i64.add (local.get 1) (i64x2.extract_lane 0 (local.get 7)))))
          (func $even (export "mutual") (param i32) (call $enter) (call $odd (local.get 0)))
          (func $odd (param i32) (local i32 i32 i32) (call $enter) (call $even (local.get 0)))
          (func $tail (export "tail") (param i32)
            (call $enter)
            (if (i32.gt_u (global.get $depth) (i32.const 1000000)) (then (call $plain (local.get 0))))
            (return_call $tail (local.get 0)))
          (func $caught (export "caught") (param i32)
            (loop $again
              (block $done
                (try_table (catch $tag $done) (call $thrower (i32.const 100))))
              (br_if $again (i32.lt_u (global.get $depth) (i32.const 100000))))
            (call $plain (local.get 0)))
          (func $thrower (param i32)
            (call $enter)
            (if (i32.eqz (local.get 0)) (then (throw $tag)))
            (call $thrower (i32.sub (local.get 0) (i32.const 1))))
          (func $host (export "host") (param i32) (call $enter) (call $again))
          (func $nest (export "nest") (param i32) (if (local.get 0) (then (call $nest (i32.sub (local.get 0) (i32.const 1))))))
          (func (export "twice") (param i32) (call $again) (call $again) (call $plain (local.get 0)))
        )
        """;

    [Theory]
    [InlineData("plain")]
    [InlineData("small")]
    [InlineData("indirect")]
    [InlineData("large")]
    [InlineData("mutual")]
    [InlineData("tail")]
    [InlineData("caught")]
    [InlineData("twice")]
    public void Recursion_ends_at_the_same_depth_in_every_way(string function)
    {
        byte[] bytes = WatConverter.ToBinary(Guest, emitNames: true);
        var seen = new List<(string Way, int Depth, ulong Fuel)>();
        OnLargeStack(() =>
        {
            foreach ((string name, EngineOptions options) in ExecutionWays.Of(new EngineOptions { Deterministic = true, FuelCosts = FuelCosts.Default, Features = WasmFeatures.Wasm3 }))
            {
                using var engine = new Engine(options);
                using var store = new Store(engine);
                var linker = new Linker(engine);
                Instance? instance = null;
                linker.DefineFunction("host", "again", () => { _ = instance!.GetFunction("nest")!.Invoke(1_000); });
                instance = linker.Instantiate(store, Module.Load(engine, bytes));
                Assert.Equal(TrapKind.StackExhausted, Assert.Throws<TrapException>(() => instance.GetFunction(function)!.Invoke(1)).Kind);
                int depth = (int)instance.GetGlobal("depth")!.Value!;
                seen.Add((name, depth, store.FuelConsumed));

                // All is given back.
                instance.GetGlobal("depth")!.Value = 0;
                Assert.Throws<TrapException>(() => instance.GetFunction(function)!.Invoke(1));
                Assert.Equal(depth, instance.GetGlobal("depth")!.Value);
            }
        });
        Assert.True(seen[0].Depth > 10_000, $"{seen[0].Depth}");
        Assert.All(seen, way => Assert.Equal((seen[0].Depth, seen[0].Fuel), (way.Depth, way.Fuel)));
    }

    [Fact]
    public void The_host_in_between_counts_nothing_and_gives_all_back()
    {
        byte[] bytes = WatConverter.ToBinary(Guest, emitNames: true);
        OnLargeStack(() =>
        {
            int expected = -1;
            foreach ((string name, EngineOptions options) in ExecutionWays.Of(new EngineOptions { Deterministic = true, Features = WasmFeatures.Wasm3 }))
            {
                using var engine = new Engine(options);
                using var store = new Store(engine);
                var linker = new Linker(engine);
                Instance? instance = null;
                int left = 2;
                linker.DefineFunction("host", "again", () =>
                {
                    if (left-- > 0)
                    {
                        Assert.Throws<TrapException>(() => instance!.GetFunction("plain")!.Invoke(1));
                    }
                });
                instance = linker.Instantiate(store, Module.Load(engine, bytes));
                instance.GetFunction("host")!.Invoke(1);
                instance.GetFunction("host")!.Invoke(1);
                int depth = (int)instance.GetGlobal("depth")!.Value!;
                expected = expected < 0 ? depth : expected;
                Assert.True(depth == expected, name);
                Assert.Equal(0, left);
            }
        });
    }

    [Fact]
    public void Threads_are_refused()
    {
        using var engine = new Engine(new EngineOptions { Deterministic = true, Features = WasmFeatures.Default });
        Assert.ThrowsAny<ModuleException>(() => Module.Load(engine, WatConverter.ToBinary("(module (memory 1 1 shared))")));
    }

    // As wherry run --deterministic has it: the native stack must not be what ends first.
    private static void OnLargeStack(Action action)
    {
        System.Runtime.ExceptionServices.ExceptionDispatchInfo? failure = null;
        var thread = new Thread(
            () =>
            {
                try
                {
                    action();
                }
                catch (Exception exception)
                {
                    failure = System.Runtime.ExceptionServices.ExceptionDispatchInfo.Capture(exception);
                }
            },
            128 << 20);
        thread.Start();
        thread.Join();
        failure?.Throw();
    }
}
