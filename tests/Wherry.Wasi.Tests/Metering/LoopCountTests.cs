using System.Globalization;
using Wherry.Binary;
using Wherry.Compilation;
using Wherry.Compilation.Bounds;
using Wherry.Instructions;
using Wherry.Wasi.Tests.Determinism;

namespace Wherry.Wasi.Tests.Metering;

/// <summary>
/// Loops over memory, whose rounds run without notes of what is owed as long as their accesses are in bounds: compared with a guest that counts for itself, wherever they start, and in each round and at each access where they leave the memory.
/// </summary>
public sealed class LoopCountTests
{
    // A memory of one page that may grow to two. The functions take where they start and how many rounds they make at most.
    private const string Guest = """
        (module
          (import "host" "see" (func $see (param i32)))
          (memory $memory 1 2)
          (memory $other 2 2)
          (func (export "two accesses") (param $p i32) (param $n i32) (result i32) (local $sum i32)
            (loop $again
              (local.set $sum (i32.add (local.get $sum) (i32.load (local.get $p))))
              (i32.store offset=8 (local.get $p) (local.get $sum))
              (local.set $p (i32.add (local.get $p) (i32.const 4)))
              (br_if $again (local.tee $n (i32.sub (local.get $n) (i32.const 1)))))
            (local.get $sum))
          (func (export "downward") (param $p i32) (param $n i32) (result i32) (local $sum i32)
            (loop $again
              (local.set $sum (i32.add (local.get $sum) (i32.load16_u (i32.sub (local.get $p) (i32.const 2)))))
              (i32.store8 (local.tee $p (i32.sub (local.get $p) (i32.const 6))) (local.get $sum))
              (br_if $again (local.tee $n (i32.sub (local.get $n) (i32.const 1)))))
            (local.get $sum))
          (func (export "two bases") (param $p i32) (param $n i32) (result i32) (local $i i32) (local $sum i64)
            (loop $again
              (local.set $sum (i64.add (local.get $sum) (i64.load offset=16 (i32.add (local.get $p) (local.get $i)))))
              (i64.store (local.get $i) (i64.load (i32.sub (local.get $p) (local.get $i))))
              (i64.store offset=24 (i32.add (local.get $i) (local.get $p)) (local.get $sum))
              (local.set $i (i32.add (local.get $i) (i32.const 12)))
              (br_if $again (i32.lt_s (local.get $i) (i32.mul (local.get $n) (i32.const 12)))))
            (i32.wrap_i64 (local.get $sum)))
          (func (export "huge steps") (param $p i32) (param $n i32) (result i32) (local $sum i32)
            (loop $again
              (local.set $sum (i32.add (local.get $sum) (i32.load8_u (local.get $p))))
              (local.set $p (i32.add (local.get $p) (i32.const 0x7FFFFFF0)))
              (br_if $again (local.tee $n (i32.sub (local.get $n) (i32.const 1)))))
            (local.get $sum))
          (func (export "least step") (param $p i32) (param $n i32) (result i32) (local $sum i32)
            (loop $again
              (local.set $sum (i32.add (local.get $sum) (i32.load8_u (local.get $p))))
              (local.set $p (i32.add (local.get $p) (i32.const 0x80000000)))
              (br_if $again (local.tee $n (i32.sub (local.get $n) (i32.const 1)))))
            (local.get $sum))
          (func (export "scaled") (param $p i32) (param $n i32) (result i32) (local $i i32)
            (local.set $i (local.get $p))
            (loop $again
              (i32.store (i32.shl (local.get $i) (i32.const 2)) (local.get $i))
              (i32.store16 offset=0x8000 (i32.mul (local.get $i) (i32.const 3)) (local.get $i))
              (local.set $i (i32.add (local.get $i) (i32.const 9)))
              (br_if $again (local.tee $n (i32.sub (local.get $n) (i32.const 1)))))
            (local.get $i))
          (func (export "leaves in the middle") (param $p i32) (param $n i32) (result i32) (local $sum i32)
            (block $out
              (loop $again
                (br_if $out (i32.gt_u (local.tee $sum (i32.add (local.get $sum) (i32.load8_u offset=3 (local.get $p)))) (i32.const 200)))
                (local.set $p (i32.add (local.get $p) (i32.const 5)))
                (i32.store (local.get $p) (local.get $sum))
                (br_if $again (i32.ne (local.tee $n (i32.sub (local.get $n) (i32.const 1))) (i32.const 0)))))
            (call $see (local.get $sum))
            (local.get $p))
          (func (export "ends at the start") (param $p i32) (param $n i32) (result i32)
            (block $out
              (loop $again
                (br_if $out (i32.eqz (local.get $n)))
                (local.set $n (i32.sub (local.get $n) (i32.const 1)))
                (i32.store (local.get $p) (local.get $n))
                (local.set $p (i32.add (local.get $p) (i32.const 4)))
                (br $again)))
            (local.get $p))
          (func (export "conditional") (param $p i32) (param $n i32) (result i32) (local $sum i32)
            (loop $again
              (if (i32.and (local.get $n) (i32.const 1))
                (then (local.set $sum (i32.add (local.get $sum) (i32.load8_u offset=1 (local.get $p)))))
                (else (i32.store8 offset=7 (local.get $p) (local.get $sum)) (local.set $sum (i32.const 3))))
              (block $skip
                (br_if $skip (i32.and (local.get $n) (i32.const 2)))
                (local.set $sum (i32.add (local.get $sum) (i32.load (local.get $p)))))
              (local.set $p (i32.add (local.get $p) (i32.const 3)))
              (br_if $again (local.tee $n (i32.sub (local.get $n) (i32.const 1)))))
            (local.get $sum))
          (func (export "conditional step") (param $p i32) (param $n i32) (result i32) (local $sum i32)
            (loop $again
              (if (i32.and (local.get $n) (i32.const 1)) (then (local.set $p (i32.add (local.get $p) (i32.const 40)))))
              (local.set $sum (i32.add (local.get $sum) (i32.load (local.get $p))))
              (local.set $p (i32.add (local.get $p) (i32.const 4)))
              (br_if $again (local.tee $n (i32.sub (local.get $n) (i32.const 1)))))
            (local.get $sum))
          (func (export "early rounds") (param $p i32) (param $n i32) (result i32)
            (loop $again
              (i32.store (local.get $p) (local.get $n))
              (br_if $again (i32.and (local.tee $n (i32.sub (local.get $n) (i32.const 1))) (i32.const 3)))
              (local.set $p (i32.add (local.get $p) (i32.const 100)))
              (br_if $again (i32.gt_s (local.get $n) (i32.const 0))))
            (local.get $p))
          (func (export "table") (param $p i32) (param $n i32) (result i32) (local $sum i32)
            (loop $again
              (local.set $sum (i32.add (i32.load8_u offset=65200 (i32.and (local.get $sum) (i32.const 255)))
                (i32.load8_u offset=65300 (i32.load8_u (local.get $p)))))
              (i32.store8 (local.get $p) (i32.load offset=65280 (i32.shr_u (i32.or (i32.load16_u (local.get $p)) (i32.const 1)) (i32.const 8))))
              (local.set $p (i32.add (local.get $p) (i32.const 1)))
              (br_if $again (local.tee $n (i32.sub (local.get $n) (i32.const 1)))))
            (local.get $sum))
          (func (export "moving table") (param $p i32) (param $n i32) (result i32) (local $i i32)
            (loop $again
              (i32.store8 (i32.add (local.get $p) (i32.shl (i32.load8_u (local.get $i)) (i32.const 1))) (i32.const 77))
              (local.set $i (i32.add (local.get $i) (i32.const 1)))
              (local.set $p (i32.add (local.get $p) (i32.const 2)))
              (br_if $again (local.tee $n (i32.sub (local.get $n) (i32.const 1)))))
            (local.get $i))
          (func (export "memories") (param $p i32) (param $n i32) (result i32)
            (loop $again
              (i32.store $other (i32.add (local.get $p) (i32.const 65536)) (i32.load $memory (local.get $p)))
              (i32.store $memory offset=4 (local.get $p) (i32.load $other offset=2 (local.get $p)))
              (local.set $p (i32.add (local.get $p) (i32.const 4)))
              (br_if $again (local.tee $n (i32.sub (local.get $n) (i32.const 1)))))
            (local.get $p))
          (func (export "division") (param $p i32) (param $n i32) (result i32) (local $sum i32)
            (loop $again
              (local.set $sum (i32.add (local.get $sum) (i32.load (local.get $p))))
              (local.set $sum (i32.add (local.get $sum) (i32.div_u (i32.const 1000) (i32.sub (local.get $n) (i32.const 7)))))
              (local.set $p (i32.add (local.get $p) (i32.const 4)))
              (br_if $again (local.tee $n (i32.sub (local.get $n) (i32.const 1)))))
            (local.get $sum))
          (func (export "vectors") (param $p i32) (param $n i32) (result i32)
            (loop $again
              (v128.store offset=32 (local.get $p) (i32x4.add (v128.load (local.get $p)) (v128.load offset=16 (local.get $p))))
              (local.set $p (i32.add (local.get $p) (i32.const 16)))
              (br_if $again (local.tee $n (i32.sub (local.get $n) (i32.const 1)))))
            (local.get $p))
          (func (export "grown") (param $p i32) (param $n i32) (result i32)
            (i32.store (i32.const 4) (memory.grow $memory (i32.const 1)))
            (loop $again
              (i32.store (local.get $p) (local.get $n))
              (local.set $p (i32.add (local.get $p) (i32.const 16)))
              (br_if $again (local.tee $n (i32.sub (local.get $n) (i32.const 1)))))
            (local.get $p))
          (func (export "grows") (param $p i32) (param $n i32) (result i32)
            (loop $again
              (i32.store (local.get $p) (memory.grow $memory (i32.eq (local.get $n) (i32.const 3))))
              (local.set $p (i32.add (local.get $p) (i32.const 16)))
              (br_if $again (local.tee $n (i32.sub (local.get $n) (i32.const 1)))))
            (local.get $p))
          (func (export "nested") (param $p i32) (param $n i32) (result i32) (local $i i32) (local $q i32)
            (loop $outer
              (local.set $i (i32.const 5))
              (local.set $q (local.get $p))
              (loop $inner
                (i32.store (local.get $q) (i32.add (i32.load offset=4 (local.get $q)) (i32.load (i32.const 65532))))
                (local.set $q (i32.add (local.get $q) (i32.const 8)))
                (br_if $inner (local.tee $i (i32.sub (local.get $i) (i32.const 1)))))
              (local.set $p (i32.add (local.get $p) (i32.const 12)))
              (br_if $outer (local.tee $n (i32.sub (local.get $n) (i32.const 1)))))
            (local.get $q))
          (func (export "no accesses") (param $p i32) (param $n i32) (result i32)
            (loop $again
              (local.set $p (i32.add (i32.mul (local.get $p) (i32.const 3)) (local.get $n)))
              (br_if $again (local.tee $n (i32.sub (local.get $n) (i32.const 1)))))
            (call $see (local.get $n))
            (local.get $p))
          (func (export "known before") (param $p i32) (param $n i32) (result i32) (local $q i32)
            (drop (i32.load offset=8 (local.get $p)))
            (if (i32.and (local.get $n) (i32.const 1))
              (then (drop (i32.load offset=4 (local.get $p))) (local.set $q (i32.load offset=20 (local.get $p))))
              (else (drop (i32.load offset=8 (local.get $p))) (drop (i32.load offset=16 (local.get $p)))))
            (drop (i32.load offset=12 (local.get $p)))
            (block $b
              (local.set $q (local.get $p))
              (br_if $b (i32.and (local.get $n) (i32.const 2)))
              (local.set $p (i32.add (local.get $p) (i32.const 4)))
              (drop (i32.load offset=12 (local.get $p))))
            (drop (i32.load offset=12 (local.get $p)))
            (drop (i32.load offset=16 (local.get $q)))
            (block $c
              (loop $again
                (br_if $c (i32.eqz (local.get $n)))
                (drop (i32.load offset=16 (local.get $q)))
                (drop (i32.load offset=12 (local.get $p)))
                (if (i32.and (local.get $n) (i32.const 4)) (then (local.set $p (i32.add (local.get $p) (i32.const 64))) (drop (i32.load (local.get $p)))))
                (local.set $n (i32.sub (local.get $n) (i32.const 1)))
                (call $see (local.get $n))
                (br $again)))
            (i32.load offset=20 (local.get $q)))
        )
        """;

    private static readonly byte[] Binary = WatConverter.ToBinary(Guest, emitNames: true);
    private static readonly Engine Counting = new(new EngineOptions { Features = WasmFeatures.Wasm3 });
    private static readonly Module Transformed = Module.Load(Counting, CountingTransformation.Transform(Binary), "counting.wasm");
    private static readonly Dictionary<BoundsChecks, Module> s_modules = [];

    // Where an access may first be outside: at the memory's end, at the end of what it may grow to, around 0 and around 2^32.
    private static IEnumerable<int> Starts()
    {
        foreach (int edge in new[] { 0, 65_536, 131_072 })
        {
            for (int distance = -40; distance <= 40; distance++)
            {
                yield return edge + distance;
            }
        }

        yield return 16_384 - 20;
        yield return 16_384;
        yield return 65_536 - 100;
        yield return 65_536 - 400;
        yield return 0x40000000;
        yield return int.MaxValue;
        yield return int.MinValue;
    }

    public static TheoryData<string, int, BoundsChecks> Functions()
    {
        var data = new TheoryData<string, int, BoundsChecks>();
        foreach (ModuleExport export in Transformed.Exports.Where(export => export.Type.Kind == ExternalKind.Function))
        {
            foreach (int rounds in new[] { 1, 2, 3, 4, 5, 9, 50 })
            {
                data.Add(export.Name, rounds, BoundsChecks.Guard);
                data.Add(export.Name, rounds, BoundsChecks.Explicit);
            }
        }

        return data;
    }

    [Theory]
    [InlineData("two accesses", 2)]
    [InlineData("downward", 2)]
    [InlineData("two bases", 4)]
    [InlineData("huge steps", 1)]
    [InlineData("least step", 0)]
    [InlineData("scaled", 2)]
    [InlineData("leaves in the middle", 2)]
    [InlineData("ends at the start", 1)]
    [InlineData("conditional", 3)]
    [InlineData("conditional step", 0)]
    [InlineData("early rounds", 0)]
    [InlineData("moving table", 2)]
    [InlineData("memories", 4)]
    [InlineData("vectors", 3)]
    [InlineData("grown", 1)]
    [InlineData("grows", 0)]
    [InlineData("no accesses", 0)]
    public void Accesses_are_found(string function, int count)
    {
        ModuleDefinition definition = ModuleDecoder.Decode(Binary, WasmFeatures.Wasm3, ModuleLimits.Default);
        int index = definition.Exports.Single(export => export.Name == function).Index;
        FunctionBody body = definition.Bodies[index - definition.ImportedFunctionCount];
        var kinds = new List<WasmValueKind> { WasmValueKind.I32, WasmValueKind.I32 };
        foreach (LocalRun run in body.Locals)
        {
            kinds.AddRange(Enumerable.Repeat(run.Type.Kind, run.Count));
        }

        var reader = new InstructionReader(Binary, body.CodeOffset, body.End);
        while (reader.Next() && reader.Opcode != Opcode.Loop)
        {
        }

        int start = reader.Position;
        int depth = 1;
        while (depth > 0 && reader.Next())
        {
            depth += reader.Opcode is Opcode.Block or Opcode.Loop or Opcode.If ? 1 : reader.Opcode == Opcode.End ? -1 : 0;
        }

        LoopAccesses? found = LoopAccesses.Find(definition, FuelCosts.Default, [.. kinds], start, reader.Offset, _ => true);
        Assert.Equal(count, found?.Offsets.Count ?? 0);
    }

    [Theory]
    [MemberData(nameof(Functions))]
    public void Fuel_is_what_the_guest_counts_itself(string function, int rounds, BoundsChecks way)
    {
        foreach (int start in Starts())
        {
            Assert.Equal(RunTransformed(function, start, rounds), Run(Modules(way), function, start, rounds, 1_000_000_000, out _));
        }
    }

    [Theory]
    [MemberData(nameof(Functions))]
    public void A_loop_ends_when_the_fuel_does(string function, int rounds, BoundsChecks way)
    {
        const int Start = 65_536 - 200;
        string outcome = Run(Modules(way), function, Start, rounds, 1_000_000_000, out ulong needed);
        Assert.Equal(outcome, Run(Modules(way), function, Start, rounds, (long)needed, out _));
        for (long fuel = 0; fuel < (long)needed; fuel += Math.Max(1, (long)needed / 50))
        {
            string less = Run(Modules(way), function, Start, rounds, fuel, out ulong used);
            if (!less.StartsWith(nameof(TrapKind.OutOfFuel), StringComparison.Ordinal))
            {
                // A trap may come before the look at the fuel, and is then counted exactly. No result does.
                Assert.Equal(outcome, less);
                Assert.DoesNotContain("result", less, StringComparison.Ordinal);
            }
            else
            {
                Assert.InRange(used, (ulong)fuel, needed);
            }
        }
    }

    [Theory]
    [MemberData(nameof(Ways.All), MemberType = typeof(Ways))]
    public void A_count_near_the_largest_number_is_exact(BoundsChecks way)
    {
        foreach (long fuel in new[] { long.MaxValue, long.MaxValue - 1 })
        {
            foreach (int start in new[] { 0, 65_536 - 40, 65_536 })
            {
                Assert.Equal(RunTransformed("two accesses", start, 50), Run(Modules(way), "two accesses", start, 50, fuel, out _));
            }
        }
    }

    [Fact]
    public void Code_compiled_ahead_of_time_counts_alike()
    {
        string[] functions = [.. Transformed.Exports.Where(export => export.Type.Kind == ExternalKind.Function).Select(export => export.Name)];
        foreach ((string name, EngineOptions options) in ExecutionWays.Of(Ways.Metered(BoundsChecks.Guard)))
        {
            Module module = Module.Load(new Engine(options), Binary, "metered.wasm");
            foreach (string function in functions)
            {
                foreach (int start in new[] { 0, 8, 16_380, 65_536 - 400, 65_536 - 44, 65_536 - 16, 65_536, 131_072 - 60, -8, int.MinValue })
                {
                    Assert.Equal($"{name}: {RunTransformed(function, start, 50)}", $"{name}: {Run(module, function, start, 50, 1_000_000_000, out _)}");
                }
            }
        }
    }

    [Fact]
    public void Other_costs_are_counted_too()
    {
        foreach ((string name, int cost) in new[] { ("i32.load", 0), ("i32.add", 1_000_000), ("br_if", 0) })
        {
            var costs = new Dictionary<string, int> { [name] = cost };
            Module guarded = Module.Load(new Engine(Ways.Metered(BoundsChecks.Guard) with { FuelCosts = new FuelCosts(costs) }), Binary, "metered.wasm");
            Module explicitly = Module.Load(new Engine(Ways.Metered(BoundsChecks.Explicit) with { FuelCosts = new FuelCosts(costs) }), Binary, "metered.wasm");
            foreach (int start in new[] { 0, 65_536 - 100, 65_536 - 40, 65_536 })
            {
                Assert.Equal(Run(explicitly, "two accesses", start, 50, 1_000_000_000, out _), Run(guarded, "two accesses", start, 50, 1_000_000_000, out _));
            }
        }
    }

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

    private static string RunTransformed(string function, int start, int rounds)
    {
        using var store = new Store(Counting);
        return Run(store, Transformed, function, start, rounds, instance => (ulong)(long)instance.GetGlobal(CountingTransformation.Export)!.Value!);
    }

    private static string Run(Module module, string function, int start, int rounds, long fuel, out ulong used)
    {
        using var store = new Store(module.Engine, new StoreOptions { Fuel = fuel });
        string outcome = Run(store, module, function, start, rounds, _ => store.FuelConsumed);
        used = store.FuelConsumed;
        return outcome;
    }

    /// <summary>How it ends, and the count at that time and whenever the host is called.</summary>
    private static string Run(Store store, Module module, string function, int start, int rounds, Func<Instance, ulong> count)
    {
        var seen = new List<string>();
        Instance? instance = null;
        var linker = new Linker(store.Engine);
        linker.DefineFunction("host", "see", (int value) => seen.Add(string.Create(CultureInfo.InvariantCulture, $"see {value} at {count(instance!)}")));
        instance = linker.Instantiate(store, module);
        try
        {
            object?[] results = instance.GetFunction(function)!.Invoke(start, rounds);
            seen.Insert(0, string.Create(CultureInfo.InvariantCulture, $"result {results[0]} at {count(instance)}"));
        }
        catch (TrapException trap)
        {
            seen.Insert(0, string.Create(CultureInfo.InvariantCulture, $"{trap.Kind} at {count(instance)}"));
        }

        return string.Join(", ", seen) + $" from {start}";
    }
}
