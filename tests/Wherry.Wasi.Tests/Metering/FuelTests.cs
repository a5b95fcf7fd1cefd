namespace Wherry.Wasi.Tests.Metering;

public sealed class FuelTests
{
    private const string Guest = """
        (module
          (import "host" "see" (func $see))
          (tag $tag)
          (memory (export "memory") 2)
          (table $t 100 funcref)
          (type $array (array (mut i32)))
          (func (export "seven") (result i32) (i32.mul (i32.add (i32.const 1) (i32.const 2)) (i32.sub (i32.const 5) (i32.const 4))))
          (func (export "blocks") (nop) (block (nop) (block (br 1))) (loop (nop)))
          (func (export "either") (param i32) (result i32) (if (result i32) (local.get 0) (then (i32.const 1)) (else (i32.add (i32.const 1) (i32.const 1)))))
          (func (export "endless") (loop (br 0)))
          (func (export "caught") (block $done (try_table (catch_all $done) (loop (br 0)))))
          (func (export "ask") (loop (call $see) (br 0)))
          (func (export "store late") (i32.store (i32.const 0) (i32.const 1)) (call $see))
          (func (export "fill") (param i32) (memory.fill (i32.const 0) (i32.const 1) (local.get 0)))
          (func (export "copy") (param i32) (memory.copy (i32.const 0) (i32.const 1) (local.get 0)))
          (func (export "fill table") (param i32) (table.fill $t (i32.const 0) (ref.null func) (local.get 0)))
          (func (export "grow table") (param i32) (drop (table.grow $t (ref.null func) (local.get 0))))
          (func (export "array") (param i32) (drop (array.new $array (i32.const 1) (local.get 0))))
          (func $deep (export "deep") (call $deep))
        )
        """;

    [Theory]
    [InlineData("seven", null, 7)]
    [InlineData("blocks", null, 1)]
    [InlineData("either", 1, 3)]
    [InlineData("either", 0, 5)]
    [InlineData("fill", 0, 4)]
    [InlineData("fill", 1, 5)]
    [InlineData("fill", 8, 5)]
    [InlineData("fill", 9, 6)]
    [InlineData("fill", 131_072, 4 + 16_384)]
    [InlineData("copy", 100, 4 + 13)]
    [InlineData("fill table", 50, 4 + 50)]
    [InlineData("grow table", 50, 4 + 50)]
    [InlineData("array", 50, 4 + 50)]
    public void Counts_computed_by_hand(string function, int? argument, int expected)
    {
        foreach (BoundsChecks way in new[] { BoundsChecks.Guard, BoundsChecks.Explicit })
        {
            Instance guest = Instantiate(way, new StoreOptions { Fuel = expected });
            guest.GetFunction(function)!.Invoke(argument is null ? [] : [argument]);
            Assert.Equal(0, guest.Store.Fuel);
            Assert.Equal((ulong)expected, guest.Store.FuelConsumed);

            guest = Instantiate(way, new StoreOptions { Fuel = expected - 1 });
            TrapException trap = Assert.Throws<TrapException>(() => guest.GetFunction(function)!.Invoke(argument is null ? [] : [argument]));
            Assert.Equal(TrapKind.OutOfFuel, trap.Kind);
        }
    }

    [Theory]
    [MemberData(nameof(Ways.All), MemberType = typeof(Ways))]
    public void A_bulk_operation_that_traps_gets_its_size_back(BoundsChecks way)
    {
        Instance guest = Instantiate(way, new StoreOptions { Fuel = 1_000_000 });
        Assert.Equal(TrapKind.MemoryOutOfBounds, Assert.Throws<TrapException>(() => guest.GetFunction("fill")!.Invoke(131_073)).Kind);
        Assert.Equal(4ul, guest.Store.FuelConsumed);
        Assert.Equal(TrapKind.TableOutOfBounds, Assert.Throws<TrapException>(() => guest.GetFunction("fill table")!.Invoke(101)).Kind);
        Assert.Equal(8ul, guest.Store.FuelConsumed);
    }

    [Theory]
    [MemberData(nameof(Ways.All), MemberType = typeof(Ways))]
    public void A_bulk_operation_that_can_not_be_paid_for_does_nothing(BoundsChecks way)
    {
        Instance guest = Instantiate(way, new StoreOptions { Fuel = 4 + 99 });
        Assert.Equal(TrapKind.OutOfFuel, Assert.Throws<TrapException>(() => guest.GetFunction("fill")!.Invoke(800)).Kind);
        Assert.True(guest.GetMemory("memory")!.TryGetSpan(0, 1, out Span<byte> first));
        Assert.Equal(0, first[0]);
    }

    [Theory]
    [MemberData(nameof(Ways.All), MemberType = typeof(Ways))]
    public void No_handler_of_the_guest_catches_it(BoundsChecks way)
    {
        foreach (string function in new[] { "endless", "caught" })
        {
            Instance guest = Instantiate(way, new StoreOptions { Fuel = 10_000 });
            TrapException trap = Assert.Throws<TrapException>(() => guest.GetFunction(function)!.Invoke());
            Assert.Equal(TrapKind.OutOfFuel, trap.Kind);
            Assert.Equal("out of fuel", trap.Reason);

            // Small loops look at it once in four rounds.
            Assert.InRange(guest.Store.Fuel, -4, 0);
            Assert.Equal(function, Assert.Single(trap.GuestStack).FunctionName);
        }
    }

    [Theory]
    [MemberData(nameof(Ways.All), MemberType = typeof(Ways))]
    public void Host_functions_read_and_refill_it(BoundsChecks way)
    {
        var seen = new List<long>();
        Instance guest = Instantiate(way, new StoreOptions { Fuel = 7 }, store =>
        {
            seen.Add(store.Fuel);
            if (seen.Count == 3)
            {
                store.Fuel += 5;
            }
        });
        Assert.Equal(TrapKind.OutOfFuel, Assert.Throws<TrapException>(() => guest.GetFunction("ask")!.Invoke()).Kind);

        // Two instructions a round, the call first.
        Assert.Equal([6, 4, 2, 5, 3, 1], seen);
        Assert.InRange(guest.Store.Fuel, -1, 0);

        guest.Store.Fuel = 3;
        Assert.Equal(TrapKind.OutOfFuel, Assert.Throws<TrapException>(() => guest.GetFunction("ask")!.Invoke()).Kind);
        Assert.Equal([6, 4, 2, 5, 3, 1, 2, 0], seen);
    }

    [Theory]
    [MemberData(nameof(Ways.All), MemberType = typeof(Ways))]
    public void A_host_function_is_not_called_without_fuel(BoundsChecks way)
    {
        int calls = 0;
        Instance guest = Instantiate(way, new StoreOptions { Fuel = 3 }, _ => calls++);
        Assert.Equal(TrapKind.OutOfFuel, Assert.Throws<TrapException>(() => guest.GetFunction("store late")!.Invoke()).Kind);
        Assert.Equal(0, calls);
        guest.Store.Fuel = 4;
        guest.GetFunction("store late")!.Invoke();
        Assert.Equal(1, calls);
    }

    [Theory]
    [MemberData(nameof(Ways.All), MemberType = typeof(Ways))]
    public void Endless_recursion_still_uses_up_the_stack(BoundsChecks way)
    {
        Instance guest = Instantiate(way, new StoreOptions());
        Assert.Equal(TrapKind.StackExhausted, Assert.Throws<TrapException>(() => guest.GetFunction("deep")!.Invoke()).Kind);
        Assert.True(guest.Store.FuelConsumed > 1_000);
    }

    [Theory]
    [MemberData(nameof(Ways.All), MemberType = typeof(Ways))]
    public void A_guest_that_counts_can_be_interrupted(BoundsChecks way)
    {
        using var started = new ManualResetEventSlim();
        Instance guest = Instantiate(way, new StoreOptions());
        var thread = new Thread(() =>
        {
            started.Set();
            Assert.Equal(TrapKind.Interrupted, Assert.Throws<TrapException>(() => guest.GetFunction("endless")!.Invoke()).Kind);
        });
        thread.Start();
        Assert.True(started.Wait(TimeSpan.FromMinutes(5)));
        guest.Store.Interrupt();
        Assert.True(thread.Join(TimeSpan.FromMinutes(5)), "the guest did not stop");
        guest.Store.ClearInterruption();
        guest.GetFunction("seven")!.Invoke();
    }

    [Fact]
    public void Costs_can_be_set()
    {
        var costs = new FuelCosts(new Dictionary<string, int> { ["i32.mul"] = 10, ["i32.const"] = 0, ["block"] = 3 }, bytesPerUnit: 64, elementsPerUnit: 10);
        Assert.Equal(10, costs["i32.mul"]);
        Assert.Equal(1, costs["i32.add"]);
        Assert.Equal(0, costs["loop"]);
        Instance guest = Instantiate(new EngineOptions { Features = WasmFeatures.Wasm3, FuelCosts = costs }, new StoreOptions { Fuel = 1_000 });
        guest.GetFunction("seven")!.Invoke();
        Assert.Equal(12ul, guest.Store.FuelConsumed);
        guest.GetFunction("blocks")!.Invoke();
        Assert.Equal(12ul + 7, guest.Store.FuelConsumed);
        guest.GetFunction("fill")!.Invoke(65);
        Assert.Equal(12ul + 7 + 2 + 2, guest.Store.FuelConsumed);
        guest.GetFunction("array")!.Invoke(11);
        Assert.Equal(12ul + 7 + 2 + 2 + 3 + 2, guest.Store.FuelConsumed);
    }

    [Fact]
    public void Costs_that_can_not_be_are_refused()
    {
        Assert.Throws<ArgumentException>(() => new FuelCosts(new Dictionary<string, int> { ["i32.nothing"] = 1 }));
        Assert.Throws<ArgumentException>(() => new FuelCosts(new Dictionary<string, int> { ["i32.add"] = -1 }));
        Assert.Throws<ArgumentException>(() => new FuelCosts(new Dictionary<string, int> { ["end"] = 1 }));
        Assert.Throws<ArgumentOutOfRangeException>(() => new FuelCosts(bytesPerUnit: 0));
        Assert.Throws<KeyNotFoundException>(() => FuelCosts.Default["i32.nothing"]);
    }

    [Fact]
    public void A_store_for_a_thread_takes_half_of_the_fuel()
    {
        using var store = new Store(new Engine(Ways.Metered(BoundsChecks.Guard)), new StoreOptions { Fuel = 101 });
        using var thread = new Store(store);
        Assert.Equal(50, thread.Fuel);
        Assert.Equal(51, store.Fuel);
        Assert.Equal(0ul, store.FuelConsumed);
    }

    [Fact]
    public void Without_counting_there_is_no_fuel()
    {
        using var store = new Store(Engine.Default);
        Assert.Throws<InvalidOperationException>(() => store.Fuel);
        Assert.Throws<InvalidOperationException>(() => store.FuelConsumed);
        Assert.Throws<ArgumentException>(() => new Store(Engine.Default, new StoreOptions { Fuel = 1 }));
    }

    private static Instance Instantiate(BoundsChecks way, StoreOptions options, Action<Store>? see = null) => Instantiate(Ways.Metered(way), options, see);

    private static Instance Instantiate(EngineOptions engineOptions, StoreOptions options, Action<Store>? see = null)
    {
        var engine = new Engine(engineOptions);
        var store = new Store(engine, options);
        var linker = new Linker(engine);
        linker.DefineFunction("host", "see", (Caller caller) => see?.Invoke(caller.Store));
        return linker.Instantiate(store, Module.Load(engine, WatConverter.ToBinary(Guest, emitNames: true), "fuel.wasm"));
    }
}
