namespace Wherry.Wasi.Tests.Metering;

/// <summary>Fuel is compared with a guest that counts for itself: at each host call, trap and return.</summary>
public sealed class InstructionCountTests
{
    private const string Guest = """
        (module
          (import "host" "see" (func $see (param i32)))
          (import "host" "give" (func $give (param i32) (result i32)))
          (type $unary (func (param i32) (result i32)))
          (type $other (func (param i64)))
          (tag $tag (param i32))
          (memory 1 3)
          (table $t 6 funcref)
          (elem (i32.const 0) $leaf $fib $other $thrower)
          (global $g (mut i32) (i32.const 7))
          (type $array (array (mut i32)))
          (type $struct (struct (field (mut i32))))
          (func $leaf (type $unary) (i32.add (local.get 0) (i32.const 1)))
          (func $other (type $other))
          (func $fib (export "fib") (type $unary)
            (if (result i32) (i32.lt_u (local.get 0) (i32.const 2)) (then (local.get 0))
              (else (i32.add (call $fib (i32.sub (local.get 0) (i32.const 1))) (call $fib (i32.sub (local.get 0) (i32.const 2)))))))
          (func (export "seen loop") (type $unary) (local $i i32)
            (loop $again
              (call $see (local.get $i))
              (br_if $again (i32.lt_u (local.tee $i (i32.add (local.get $i) (i32.const 1))) (local.get 0))))
            (local.get $i))
          (func (export "quiet loop") (type $unary) (local $i i32)
            (loop $again (br_if $again (i32.lt_u (local.tee $i (i32.add (local.get $i) (i32.const 1))) (local.get 0))))
            (local.get $i))
          (func (export "load") (type $unary)
            (i32.store (i32.const 16) (i32.const 1))
            (drop (i32.load offset=4 (local.get 0)))
            (drop (i32.load (local.get 0)))
            (i32.add (i32.load offset=8 (local.get 0)) (i32.load offset=12 (i32.add (local.get 0) (i32.const 4)))))
          (func (export "load in loop") (type $unary) (local $sum i32)
            (loop $again
              (local.set $sum (i32.add (local.get $sum) (i32.load (local.get 0))))
              (i32.store offset=4 (local.get 0) (local.get $sum))
              (local.set 0 (i32.add (local.get 0) (i32.const 4096)))
              (br $again))
            (local.get $sum))
          (func (export "load after branch") (type $unary) (local $p i32)
            (local.set $p (i32.const 8))
            (if (i32.and (local.get 0) (i32.const 1))
              (then (drop (i32.load (local.get $p))) (local.set $p (i32.sub (local.get 0) (i32.const 1))))
              (else (drop (i32.load offset=64 (local.get $p)))))
            (i32.add (i32.const 1) (i32.load (local.get $p))))
          (func (export "address wraps") (type $unary) (local $p i32)
            (local.set $p (i32.add (local.get 0) (i32.const 16)))
            (drop (i32.load (local.get $p)))
            (drop (i32.load (local.get 0)))
            (i32.load offset=16 (local.get 0)))
          (func (export "divide") (type $unary)
            (i32.add (i32.div_u (i32.const 100) (local.get 0)) (i32.rem_s (i32.const 100) (local.get 0))))
          (func (export "divide signed") (type $unary)
            (i32.div_s (i32.div_s (i32.const 0x80000000) (i32.const 1)) (local.get 0)))
          (func (export "truncate") (type $unary)
            (i32.add (i32.const 1) (i32.trunc_f32_s (f32.div (f32.const 1) (f32.convert_i32_s (local.get 0))))))
          (func (export "unreachable") (type $unary)
            (if (local.get 0) (then (i32.add (i32.const 1) (i32.const 2)) unreachable)) (local.get 0))
          (func (export "indirect") (type $unary) (i32.add (i32.const 1) (call_indirect $t (type $unary) (i32.const 5) (local.get 0))))
          (func (export "table") (type $unary) (drop (table.get $t (local.get 0))) (table.set $t (local.get 0) (ref.null func)) (local.get 0))
          (func (export "switch") (type $unary) (local $r i32)
            (block $a (block $b (block $c (br_table $a $b $c (local.get 0))) (local.set $r (i32.const 1)) (br $a)) (local.set $r (i32.const 2)))
            (i32.add (local.get $r) (select (i32.const 1) (i32.const 2) (local.get 0))))
          (func (export "dispatch") (type $unary) (local $pc i32) (local $n i32)
            (loop $l
              (block $c (block $b (block $a (br_table $a $b $c (local.get $pc)))
                (local.set $n (i32.add (local.get $n) (i32.const 1)))
                (local.set $pc (i32.const 1)) (br $l))
                (local.set $pc (i32.const 2))
                (br_if $l (i32.lt_u (local.get $n) (local.get 0)))
                (local.set $pc (i32.const 1))
                (br_if 1 (i32.const 0)))
              (if (i32.lt_u (local.get $n) (local.get 0)) (then (local.set $pc (i32.const 0)) (br $l))))
            (local.get $n))
          (func $thrower (type $unary) (if (i32.ge_u (local.get 0) (i32.const 3)) (then (throw $tag (local.get 0)))) (local.get 0))
          (func (export "throw") (type $unary)
            (block $caught (result i32)
              (try_table (result i32) (catch $tag $caught)
                (drop (call $thrower (local.get 0)))
                (call $thrower (i32.add (local.get 0) (i32.const 1)))))
            (call $see (i32.const 0)))
          (func (export "throw here") (type $unary)
            (block $caught (result i32)
              (try_table (result i32) (catch $tag $caught)
                (if (i32.eqz (local.get 0)) (then (throw $tag (i32.const 9))))
                (drop (i32.load (i32.mul (local.get 0) (i32.const 0x10000))))
                (i32.const 3))))
          (func (export "rethrow") (type $unary) (local $e exnref)
            (block $caught (result i32 exnref)
              (try_table (catch_ref $tag $caught) (drop (call $thrower (local.get 0))))
              (return (i32.const 1)))
            (local.set $e)
            (call $see (i32.const 4))
            (throw_ref (local.get $e)))
          (func (export "return in try") (type $unary)
            (try_table (if (local.get 0) (then (return (i32.const 1)))) (call $see (i32.const 2)))
            (i32.const 3))
          (func $count (param $n i32) (param $sum i32) (result i32)
            (if (i32.eqz (local.get $n)) (then (return (local.get $sum))))
            (return_call $count (i32.sub (local.get $n) (i32.const 1)) (i32.add (local.get $sum) (local.get $n))))
          (func (export "tail call") (type $unary) (call $count (local.get 0) (i32.const 0)))
          (func (export "host result") (type $unary) (i32.add (call $give (local.get 0)) (i32.load (call $give (local.get 0)))))
          (func (export "host fails") (type $unary)
            (drop (i32.load (i32.const 4)))
            (drop (call $give (i32.const -1)))
            (local.get 0))
          (func (export "grow") (type $unary)
            (drop (memory.grow (local.get 0)))
            (i32.load (i32.sub (i32.mul (memory.size) (i32.const 0x10000)) (i32.const 4))))
          (func (export "heap") (type $unary) (local $s (ref null $struct))
            (if (i32.and (local.get 0) (i32.const 1)) (then (local.set $s (struct.new $struct (local.get 0)))))
            (array.get $array (array.new_fixed $array 2 (struct.get $struct 0 (local.get $s)) (i32.const 2)) (i32.shr_u (local.get 0) (i32.const 1))))
          (func (export "vector") (type $unary)
            (v128.store (local.get 0) (i32x4.add (v128.load (local.get 0)) (i32x4.splat (i32.const 1))))
            (i32x4.extract_lane 1 (v128.load32_lane offset=12 1 (local.get 0) (v128.const i32x4 0 0 0 0))))
          (func (export "atomic") (type $unary) (i32.add (i32.const 1) (i32.load16_u offset=65535 (local.get 0))))
          (func (export "values") (type $unary)
            (call $pair (local.get 0)) (i32.add))
          (func $pair (param i32) (result i32 i32)
            (br_if 0 (i32.const 1) (i32.const 2) (local.get 0))
            (return (i32.add (i32.const 4))))
          (func (export "dead code") (type $unary)
            (block (br 0) (drop (i32.const 1)) (block (nop) (unreachable)))
            (block (br_if 0 (local.get 0)) (return (i32.const 1)) (drop (i32.const 1)))
            (nop) (local.get 0))
        )
        """;

    private static readonly byte[] Binary = WatConverter.ToBinary(Guest, emitNames: true);
    private static readonly Engine Counting = new(new EngineOptions { Features = WasmFeatures.Wasm3 });
    private static readonly Module Transformed = Module.Load(Counting, CountingTransformation.Transform(Binary), "counting.wasm");

    public static TheoryData<string, int, BoundsChecks> Calls()
    {
        var data = new TheoryData<string, int, BoundsChecks>();
        foreach (Wherry.ModuleExport export in Transformed.Exports)
        {
            if (export.Type.Kind == ExternalKind.Function)
            {
                foreach (int argument in new[] { 0, 1, 2, 3, 4, 5, 12, 65_519, 65_523, 65_524, 65_528, 65_532, 65_533, 65_535, 65_536, -1, -4, -16 })
                {
                    // A large number of rounds is nothing new.
                    if (export.Name == "fib" && argument is > 12 or < 0 || (export.Name is "seen loop" or "quiet loop" or "tail call" or "dispatch") && argument < 0)
                    {
                        continue;
                    }

                    data.Add(export.Name, argument, BoundsChecks.Guard);
                    data.Add(export.Name, argument, BoundsChecks.Explicit);
                }
            }
        }

        return data;
    }

    [Theory]
    [MemberData(nameof(Calls))]
    public void Fuel_is_what_the_guest_counts_itself(string function, int argument, BoundsChecks way)
    {
        List<string> expected = RunTransformed(function, argument);
        Assert.Equal(expected, RunMetered(function, argument, way, long.MaxValue, out _));
    }

    [Theory]
    [MemberData(nameof(Calls))]
    public void One_unit_less_than_needed_is_too_little(string function, int argument, BoundsChecks way)
    {
        List<string> outcome = RunMetered(function, argument, way, long.MaxValue, out long needed);
        Assert.Equal(outcome, RunMetered(function, argument, way, needed, out _));
        if (outcome[^1].StartsWith("result", StringComparison.Ordinal))
        {
            Assert.StartsWith("OutOfFuel", RunMetered(function, argument, way, needed - 1, out _)[^1], StringComparison.Ordinal);
        }
    }

    private static List<string> RunTransformed(string function, int argument)
    {
        using var store = new Store(Counting);
        Instance? instance = null;
        return Run(store, Transformed, function, argument, () => (ulong)(long)instance!.GetGlobal(CountingTransformation.Export)!.Value!, created => instance = created);
    }

    private static List<string> RunMetered(string function, int argument, BoundsChecks way, long fuel, out long used)
    {
        Module module = Modules(way);
        using var store = new Store(module.Engine, new StoreOptions { Fuel = fuel });
        List<string> seen = Run(store, module, function, argument, () => store.FuelConsumed, _ => { });
        used = (long)store.FuelConsumed;
        return seen;
    }

    private static readonly Dictionary<BoundsChecks, Module> s_modules = [];

    private static Module Modules(BoundsChecks way)
    {
        lock (s_modules)
        {
            if (!s_modules.TryGetValue(way, out Module? module))
            {
                module = Module.Load(new Engine(Ways.Metered(way)), Binary, "metered.wasm");
                s_modules.Add(way, module);
            }

            return module;
        }
    }

    /// <summary>Everything that happens, with the count at that time.</summary>
    private static List<string> Run(Store store, Module module, string function, int argument, Func<ulong> count, Action<Instance> instantiated)
    {
        var seen = new List<string>();
        var linker = new Linker(store.Engine);
        linker.DefineFunction("host", "see", (int value) => seen.Add($"see {value} at {count()}"));
        linker.DefineFunction("host", "give", (int value) =>
        {
            seen.Add($"give {value} at {count()}");
            return value >= 0 ? value : throw new NotSupportedException();
        });
        Instance instance = linker.Instantiate(store, module);
        instantiated(instance);
        try
        {
            object?[] results = instance.GetFunction(function)!.Invoke(argument);
            seen.Add($"result {results[0]} at {count()}");
        }
        catch (TrapException trap)
        {
            seen.Add($"{trap.Kind} at {count()}");
        }
        catch (Exception exception) when (exception is WasmException or NotSupportedException)
        {
            seen.Add($"{exception.GetType().Name} at {count()}");
        }

        return seen;
    }
}
