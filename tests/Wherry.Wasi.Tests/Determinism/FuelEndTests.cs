namespace Wherry.Wasi.Tests.Determinism;

/// <summary>Where a loop over memory ends for want of fuel, it does so in the same round in every way, with the same memory, count and kind of trap.</summary>
public sealed class FuelEndTests
{
    private const int MostFuel = 80;

    // 24 bytes are left for the loop, six rounds.
    private const string Guest = """
        (module
          (memory (export "memory") 1)
          (func (export "run") (local $p i32)
            (local.set $p (i32.const 65512))
            (loop $again
              (i32.store (local.get $p) (i32.const 1))
              (local.set $p (i32.add (local.get $p) (i32.const 4)))
              (br $again))))
        """;

    [Fact]
    public void A_loop_ends_in_the_same_round_whatever_fuel_it_has()
    {
        byte[] bytes = WatConverter.ToBinary(Guest);
        string[]? expected = null;
        foreach ((string name, EngineOptions options) in ExecutionWays.Of(new EngineOptions { Deterministic = true, FuelCosts = FuelCosts.Default, Features = WasmFeatures.Wasm3 }))
        {
            using var engine = new Engine(options);
            Module module = Module.Load(engine, bytes);
            var ends = new string[MostFuel];
            for (int fuel = 0; fuel < MostFuel; fuel++)
            {
                using var store = new Store(engine, new StoreOptions { Fuel = fuel });
                Instance instance = new Linker(engine).Instantiate(store, module);
                TrapKind kind = Assert.Throws<TrapException>(() => instance.GetFunction("run")!.Invoke()).Kind;
                using MemoryLease lease = instance.GetMemory("memory")!.Lease();
                ends[fuel] = $"{fuel}: {kind}, {store.Fuel} left, {Convert.ToHexString(lease.Span[65512..])}";
            }

            expected ??= ends;
            Assert.True(ends.AsSpan().SequenceEqual(expected), $"{name}: {ends.Zip(expected).FirstOrDefault(pair => pair.First != pair.Second)}");
        }

        Assert.Contains("MemoryOutOfBounds", expected![^1], StringComparison.Ordinal);
        Assert.Contains("OutOfFuel", expected[0], StringComparison.Ordinal);
    }
}
