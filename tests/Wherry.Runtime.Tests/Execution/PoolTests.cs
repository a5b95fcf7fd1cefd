namespace Wherry.Tests.Execution;

/// <summary>Pooled instances: each is truly fresh, whatever the one before did, and none is used again while anything can reach it.</summary>
public sealed class PoolTests
{
    // It writes secrets to all that it has, and finds those of others.
    private const string Secretive = """
        (module
          (memory (export "memory") 3 64)
          (data (i32.const 70000) "initial")
          (data $passive "passive")
          (global $number (mut i32) (i32.const 5))
          (global $vector (mut v128) (v128.const i64x2 1 2))
          (global $double (export "double") (mut f64) (f64.const 2.5))
          (global $reference (mut funcref) (ref.null func))
          (table $own 4 funcref)
          (table $other (export "table") 2 8 funcref)
          (elem $functions func $one $two)
          (elem (table $own) (i32.const 0) func $one $two)
          (elem (table $other) (i32.const 0) func $two)
          (func $one (result i32) (i32.const 1))
          (func $two (result i32) (i32.const 2))
          (func $is_fresh (export "is_fresh") (result i32) (local $i i32)
            (if (i32.ne (memory.size) (i32.const 3)) (then (return (i32.const 1))))
            (loop $all
              (if (i32.load (local.get $i))
                (then (if (i32.or (i32.lt_u (local.get $i) (i32.const 70000)) (i32.ge_u (local.get $i) (i32.const 70007))) (then (return (i32.const 2))))))
              (local.set $i (i32.add (local.get $i) (i32.const 4)))
              (br_if $all (i32.lt_u (local.get $i) (i32.const 196608))))
            (if (i64.ne (i64.load (i32.const 70000)) (i64.const 0x006c616974696e69)) (then (return (i32.const 3))))
            (if (i32.ne (global.get $number) (i32.const 5)) (then (return (i32.const 4))))
            (if (v128.any_true (v128.xor (global.get $vector) (v128.const i64x2 1 2))) (then (return (i32.const 5))))
            (if (f64.ne (global.get $double) (f64.const 2.5)) (then (return (i32.const 6))))
            (if (i32.eqz (ref.is_null (global.get $reference))) (then (return (i32.const 7))))
            (if (i32.ne (call_indirect $own (result i32) (i32.const 0)) (i32.const 1)) (then (return (i32.const 8))))
            (if (i32.eqz (ref.is_null (table.get $own (i32.const 2)))) (then (return (i32.const 9))))
            (if (i32.ne (table.size $other) (i32.const 2)) (then (return (i32.const 10))))
            (if (i32.ne (call_indirect $other (result i32) (i32.const 0)) (i32.const 2)) (then (return (i32.const 11))))
            (memory.init $passive (i32.const 100) (i32.const 0) (i32.const 7))
            (if (i32.ne (i32.load8_u (i32.const 106)) (i32.const 101)) (then (return (i32.const 12))))
            (memory.fill (i32.const 100) (i32.const 0) (i32.const 7))
            (table.init $own $functions (i32.const 2) (i32.const 1) (i32.const 1))
            (if (i32.ne (call_indirect $own (result i32) (i32.const 2)) (i32.const 2)) (then (return (i32.const 13))))
            (table.set $own (i32.const 2) (ref.null func))
            (i32.const 0))
          (func $spoil (export "spoil")
            (drop (memory.grow (i32.const 5)))
            (memory.fill (i32.const 0) (i32.const 0xAA) (i32.const 524288))
            (global.set $number (i32.const 77))
            (global.set $vector (v128.const i64x2 3 4))
            (global.set $double (f64.const 9))
            (global.set $reference (ref.func $one))
            (table.fill $own (i32.const 0) (ref.func $two) (i32.const 4))
            (drop (table.grow $other (ref.func $one) (i32.const 3)))
            (table.fill $other (i32.const 0) (ref.func $one) (i32.const 5))
            (data.drop $passive)
            (elem.drop $functions))
          (func (export "write") (param i32) (i32.store (local.get 0) (i32.const 0x5EC7E7)))
          (func (export "read") (param i32) (result i32) (i32.load (local.get 0)))
          (func (export "spoil_and_trap") (call $spoil) unreachable)
          (func (export "spoil_and_loop") (call $spoil) (loop (br 0)))
        )
        """;

    private const int InitialBytes = 3 << 16;

    public static TheoryData<BoundsChecks, int> Ways => new()
    {
        { BoundsChecks.Guard, 128 << 10 },
        { BoundsChecks.Guard, 4 << 20 },
        { BoundsChecks.Guard, 0 },
        { BoundsChecks.Explicit, 128 << 10 },
    };

    [Theory]
    [MemberData(nameof(Ways))]
    public void A_new_instance_sees_nothing_of_the_one_before(BoundsChecks checks, int residentBytes)
    {
        using InstancePool pool = CreatePool(Secretive, checks, residentBytes: residentBytes);
        for (int i = 0; i < 20; i++)
        {
            using PooledInstance instance = pool.Instantiate();
            Assert.Equal(0, IsFresh(instance));
            instance.GetFunction<Action>("spoil")!();
            Assert.NotEqual(0, IsFresh(instance));
        }

        Assert.Equal(0, pool.InstancesInUse);
        Assert.True(pool.IdleCount <= 1);
    }

    [Theory]
    [MemberData(nameof(Ways))]
    public void Each_page_that_was_written_is_restored(BoundsChecks checks, int residentBytes)
    {
        using InstancePool pool = CreatePool(Secretive, checks, residentBytes: residentBytes);
        for (int page = 0; page < InitialBytes / 4096; page++)
        {
            using PooledInstance instance = pool.Instantiate();
            Assert.Equal(0, IsFresh(instance));
            instance.GetFunction<Action<int>>("write")!(page * 4096);
            instance.GetFunction<Action<int>>("write")!((InitialBytes - 4) - (page * 4096));
            using MemoryLease lease = instance.Instance.GetMemory("memory")!.Lease();
            lease.Slice((ulong)(page * 4096) + 8, 4).Fill(1);
        }

        using PooledInstance last = pool.Instantiate();
        Assert.Equal(0, IsFresh(last));
    }

    [Theory]
    [MemberData(nameof(Ways))]
    public void Grown_memory_is_gone_with_the_instance(BoundsChecks checks, int residentBytes)
    {
        using InstancePool pool = CreatePool(Secretive, checks, residentBytes: residentBytes);
        for (int i = 0; i < 3; i++)
        {
            using PooledInstance instance = pool.Instantiate();
            Func<int, int> read = instance.GetFunction<Func<int, int>>("read")!;
            TrapException trap = Assert.Throws<TrapException>(() => read(InitialBytes));
            Assert.Equal(TrapKind.MemoryOutOfBounds, trap.Kind);
            Assert.Equal(InitialBytes, (long)trap.Address!);
            Assert.Equal(3, instance.Instance.GetMemory("memory")!.Grow(5));
            Assert.Equal(0, read(InitialBytes));
            instance.GetFunction<Action<int>>("write")!(InitialBytes);
        }
    }

    [Theory]
    [MemberData(nameof(Ways))]
    public void A_trap_leaves_nothing(BoundsChecks checks, int residentBytes)
    {
        using InstancePool pool = CreatePool(Secretive, checks, residentBytes: residentBytes);
        for (int i = 0; i < 5; i++)
        {
            using PooledInstance instance = pool.Instantiate();
            Assert.Equal(0, IsFresh(instance));
            Assert.Equal(TrapKind.Unreachable, Assert.Throws<TrapException>(instance.GetFunction<Action>("spoil_and_trap")!).Kind);
        }
    }

    [Theory]
    [MemberData(nameof(Ways))]
    public void An_interruption_leaves_nothing_and_stops_nobody_else(BoundsChecks checks, int residentBytes)
    {
        using InstancePool pool = CreatePool(Secretive, checks, residentBytes: residentBytes);
        using PooledInstance other = pool.Instantiate();
        for (int i = 0; i < 5; i++)
        {
            using PooledInstance instance = pool.Instantiate();
            Assert.Equal(0, IsFresh(instance));
            var interrupter = new Thread(instance.Store.Interrupt);
            interrupter.Start();
            Assert.Equal(TrapKind.Interrupted, Assert.Throws<TrapException>(instance.GetFunction<Action>("spoil_and_loop")!).Kind);
            Guests.Join(interrupter);
            Assert.Equal(0, IsFresh(other));
        }
    }

    [Fact]
    public void An_instance_that_is_disposed_while_it_runs_ends_and_leaves_nothing()
    {
        using InstancePool pool = CreatePool(Secretive);
        for (int i = 0; i < 5; i++)
        {
            PooledInstance instance = pool.Instantiate();
            Assert.Equal(0, IsFresh(instance));
            var disposer = new Thread(instance.Dispose);
            disposer.Start();
            _ = Assert.ThrowsAny<Exception>(instance.GetFunction<Action>("spoil_and_loop")!);
            Guests.Join(disposer);
            _ = Assert.Throws<ObjectDisposedException>(instance.GetFunction<Action>("spoil")!);
        }

        using PooledInstance last = pool.Instantiate();
        Assert.Equal(0, IsFresh(last));
        Assert.Equal(1, pool.InstancesInUse);
    }

    [Fact]
    public void An_exception_of_the_host_leaves_nothing()
    {
        using InstancePool pool = CreatePool(
            """
            (module
              (import "host" "fail" (func $fail (param i32)))
              (memory 1)
              (func (export "run") (result i32)
                (if (i32.load (i32.const 8)) (then (return (i32.const 1))))
                (i32.store (i32.const 8) (i32.const 1))
                (call $fail (i32.const 3))
                (i32.const 2)))
            """,
            define: linker => linker.DefineFunction("host", "fail", void (Caller caller, int value) => throw new InvalidOperationException($"{value} {caller.Store.UserState}")));
        for (int i = 0; i < 5; i++)
        {
            using PooledInstance instance = pool.Instantiate(userState: i);
            Assert.Equal($"3 {i}", Assert.Throws<InvalidOperationException>(() => instance.GetFunction<Func<int>>("run")!()).Message);
            Assert.Equal(1, instance.GetFunction<Func<int>>("run")!());
        }
    }

    [Fact]
    public void Exported_globals_and_tables_are_each_instances_own()
    {
        using InstancePool pool = CreatePool(Secretive);
        using PooledInstance first = pool.Instantiate();
        using PooledInstance second = pool.Instantiate();
        first.Instance.GetGlobal("double")!.Value = 7.0;
        Assert.Equal(2.5, second.Instance.GetGlobal("double")!.Value);
        Table table = first.Instance.GetTable("table")!;
        var function = (Function)table[0]!;
        Assert.Same(first.Store, function.Store);
        Assert.Equal(2, function.Invoke()[0]);
        table[0] = null;
        Assert.Equal(0, IsFresh(second));
        Assert.NotSame(table, second.Instance.GetTable("table"));
    }

    [Fact]
    public void Tables_that_nobody_can_change_call_each_instances_own_functions()
    {
        using InstancePool pool = CreatePool(
            """
            (module
              (import "host" "name" (func $name (result i32)))
              (memory 1)
              (global $value (mut i32) (i32.const 0))
              (table 4 funcref)
              (elem (i32.const 0) func $get $name $tail)
              (type $getter (func (result i32)))
              (func $get (result i32) (i32.add (global.get $value) (i32.load (i32.const 16))))
              (func $tail (result i32) (return_call_indirect (type $getter) (i32.const 0)))
              (func (export "set") (param i32) (global.set $value (local.get 0)) (i32.store (i32.const 16) (local.get 0)))
              (func (export "call") (param i32) (result i32) (call_indirect (type $getter) (local.get 0)))
              (func (export "direct") (result i32) (call $name)))
            """,
            define: linker => linker.DefineFunction("host", "name", (Caller caller) => (int)caller.Store.UserState!));
        using PooledInstance first = pool.Instantiate(1000);
        using PooledInstance second = pool.Instantiate(2000);
        first.GetFunction<Action<int>>("set")!(10);
        second.GetFunction<Action<int>>("set")!(20);
        for (int round = 0; round < 3; round++)
        {
            foreach ((PooledInstance instance, int value, int name) in new[] { (first, 20, 1000), (second, 40, 2000) })
            {
                Func<int, int> call = instance.GetFunction<Func<int, int>>("call")!;
                Assert.Equal(value, call(0));
                Assert.Equal(name, call(1));
                Assert.Equal(value, call(2));
                Assert.Equal(name, instance.GetFunction<Func<int>>("direct")!());
                Assert.Equal(TrapKind.UninitializedElement, Assert.Throws<TrapException>(() => call(3)).Kind);
            }
        }
    }

    [Fact]
    public void The_start_function_runs_for_each_instance_and_its_trap_gives_all_back()
    {
        int starts = 0;
        using InstancePool pool = CreatePool(
            """
            (module
              (import "host" "fails" (func $fails (result i32)))
              (memory 1)
              (start $start)
              (func $start
                (i32.store (i32.const 0) (i32.add (i32.load (i32.const 0)) (i32.const 1)))
                (if (call $fails) (then unreachable)))
              (func (export "starts") (result i32) (i32.load (i32.const 0))))
            """,
            define: linker => linker.DefineFunction("host", "fails", () => ++starts % 2));
        for (int i = 0; i < 5; i++)
        {
            Assert.Equal(TrapKind.Unreachable, Assert.Throws<TrapException>(() => pool.Instantiate()).Kind);
            using PooledInstance instance = pool.Instantiate();
            Assert.Equal(1, instance.GetFunction<Func<int>>("starts")!());
            Assert.Equal(1, pool.InstancesInUse);
        }

        Assert.Equal(10, starts);
    }

    [Fact]
    public void A_segment_that_does_not_fit_traps()
    {
        Assert.Equal(TrapKind.MemoryOutOfBounds, Assert.Throws<TrapException>(() => CreatePool("(module (memory 1) (data (i32.const 65535) \"ab\"))")).Kind);
        Assert.Equal(TrapKind.TableOutOfBounds, Assert.Throws<TrapException>(() => CreatePool("(module (table 1 funcref) (func $f) (elem (i32.const 1) func $f))")).Kind);
    }

    [Fact]
    public void Globals_and_tables_of_references_are_made_for_each_instance()
    {
        using InstancePool pool = CreatePool("""
            (module
              (type $box (struct (field (mut i32))))
              (global $box (ref $box) (struct.new $box (i32.const 3)))
              (global $same (ref $box) (global.get $box))
              (global $function funcref (ref.func $get))
              (table $boxes 2 (ref null $box))
              (elem (table $boxes) (i32.const 0) (ref null $box) (global.get $box) (global.get $same))
              (func $get (result i32) (struct.get $box 0 (table.get $boxes (i32.const 1))))
              (func (export "run") (result i32)
                (if (i32.eqz (ref.eq (global.get $same) (table.get $boxes (i32.const 0)))) (then (return (i32.const -1))))
                (struct.set $box 0 (global.get $same) (i32.add (call $get) (i32.const 1)))
                (call $get)))
            """);
        for (int i = 0; i < 3; i++)
        {
            using PooledInstance instance = pool.Instantiate();
            Assert.Equal(4, instance.GetFunction<Func<int>>("run")!());
            Assert.Equal(5, instance.GetFunction<Func<int>>("run")!());
        }
    }

    [Fact]
    public void Exceptions_cross_imports_and_tables_of_pooled_instances()
    {
        using InstancePool pool = CreatePool(
            """
            (module
              (import "host" "f" (func $f (param i32) (result i32)))
              (tag $t (param i32))
              (table 2 funcref)
              (elem (i32.const 0) func $throw $f)
              (type $unary (func (param i32) (result i32)))
              (func $throw (param i32) (result i32) (throw $t (local.get 0)))
              (func (export "run") (param i32 i32) (result i32)
                (block $h (result i32)
                  (try_table (catch $t $h) (return (call_indirect (type $unary) (local.get 1) (local.get 0))))
                  unreachable)))
            """,
            define: linker => linker.DefineFunction("host", "f", (int value) => value * 2));
        for (int i = 0; i < 3; i++)
        {
            using PooledInstance instance = pool.Instantiate();
            Func<int, int, int> run = instance.GetFunction<Func<int, int, int>>("run")!;
            Assert.Equal(7, run(0, 7));
            Assert.Equal(14, run(1, 7));
        }
    }

    [Theory]
    [InlineData("(memory i64 2) (data (i64.const 65536) \"x\") (func (export \"run\") (result i32) (i32.store8 (i64.const 70000) (i32.const 1)) (i32.load8_u (i64.const 65536)))")]
    [InlineData("(memory 1) (memory $m 2) (data (memory $m) (i32.const 65536) \"x\") (func (export \"run\") (result i32) (i32.store8 $m (i32.const 70000) (i32.const 1)) (i32.load8_u $m (i32.const 65536)))")]
    [InlineData("(memory 1 2 shared) (data (i32.const 9) \"x\") (func (export \"run\") (result i32) (i32.load8_u (i32.const 9)))")]
    [InlineData("(memory 20000) (data (i32.const 9) \"y\") (data (i32.const 1310719999) \"x\") (func (export \"run\") (result i32) (i32.store8 (i32.const 9) (i32.sub (i32.load8_u (i32.const 9)) (i32.const 121))) (i32.or (i32.load8_u (i32.const 9)) (i32.load8_u (i32.const 1310719999))))")]
    [InlineData("(global $g i32 (i32.const 120)) (func (export \"run\") (result i32) (loop (result i32) (global.get $g)))")]
    [InlineData("(memory 0) (func (export \"run\") (result i32) (drop (memory.grow (i32.const 1))) (i32.store8 (i32.const 9) (i32.const 120)) (i32.load8_u (i32.const 9)))")]
    public void Modules_with_other_memories_or_none_are_pooled(string fields)
    {
        using InstancePool pool = CreatePool($"(module {fields})");
        for (int i = 0; i < 5; i++)
        {
            using PooledInstance instance = pool.Instantiate();
            Assert.Equal('x', instance.GetFunction<Func<int>>("run")!());
        }
    }

    [Fact]
    public void What_belongs_to_one_store_can_not_be_pooled()
    {
        var store = new Store(Engine.Default);
        var linker = new Linker(Engine.Default);
        linker.Define("host", "memory", Memory.Create(store, new MemoryType(1)));
        linker.Define("host", "function", Function.Create(store, () => 1));
        linker.Define("host", "shared", Memory.Create(Engine.Default, new MemoryType(1, 1, IsShared: true)));
        Assert.Contains("can't be pooled", Assert.Throws<LinkException>(() => Create("(import \"host\" \"memory\" (memory 1))")).Message, StringComparison.Ordinal);
        Assert.Contains("can't be pooled", Assert.Throws<LinkException>(() => Create("(import \"host\" \"function\" (func (result i32)))")).Message, StringComparison.Ordinal);
        Assert.Contains("unknown import", Assert.Throws<LinkException>(() => Create("(import \"host\" \"nothing\" (func))")).Message, StringComparison.Ordinal);
        using InstancePool pool = Create("(import \"host\" \"shared\" (memory 1 1 shared))");
        using PooledInstance first = pool.Instantiate();
        using PooledInstance second = pool.Instantiate();

        InstancePool Create(string import) => new(linker, Module.Load(Engine.Default, WatConverter.ToBinary($"(module {import})")));
    }

    [Fact]
    public void The_limit_of_instances_refuses_and_harms_nobody()
    {
        using InstancePool pool = CreatePool(Secretive, maximumInstances: 2);
        using PooledInstance first = pool.Instantiate();
        PooledInstance second = pool.Instantiate();
        Assert.Contains("MaximumInstances", Assert.Throws<LinkException>(() => pool.Instantiate()).Message, StringComparison.Ordinal);
        Assert.Equal(0, IsFresh(first));
        second.Dispose();
        second.Dispose();
        using PooledInstance third = pool.Instantiate();
        Assert.Equal(0, IsFresh(third));
        Assert.Equal(2, pool.InstancesInUse);
    }

    [Fact]
    public void A_lease_keeps_a_disposed_instances_memory()
    {
        using InstancePool pool = CreatePool(Secretive);
        PooledInstance instance = pool.Instantiate();
        MemoryLease lease = instance.Instance.GetMemory("memory")!.Lease();
        lease.Slice(500, 1)[0] = 9;
        instance.Dispose();
        using (PooledInstance next = pool.Instantiate())
        {
            next.GetFunction<Action>("spoil")!();
            Assert.Equal(9, lease.Slice(500, 1)[0]);
        }

        lease.Dispose();
        _ = Assert.Throws<ObjectDisposedException>(() => lease.Span.Length);
        _ = Assert.Throws<ObjectDisposedException>(instance.Instance.GetMemory("memory")!.Lease);
        for (int i = 0; i < 3; i++)
        {
            using PooledInstance next = pool.Instantiate();
            Assert.Equal(0, IsFresh(next));
        }
    }

    [Fact]
    public void A_disposed_pool_makes_no_more_instances_and_leaves_those_in_use()
    {
        InstancePool pool = CreatePool(Secretive);
        using PooledInstance instance = pool.Instantiate();
        pool.Dispose();
        _ = Assert.Throws<ObjectDisposedException>(() => pool.Instantiate());
        Assert.Equal(0, IsFresh(instance));
        instance.Dispose();
        Assert.Equal(0, pool.IdleCount);
    }

    [Fact]
    public void Threads_share_a_pool()
    {
        using InstancePool pool = CreatePool(Secretive);
        var failures = new List<Exception>();
        var threads = new Thread[4];
        for (int i = 0; i < threads.Length; i++)
        {
            int seed = i;
            threads[i] = new Thread(() =>
            {
                try
                {
                    Use(pool, new Random(seed));
                }
                catch (Exception exception)
                {
                    lock (failures)
                    {
                        failures.Add(exception);
                    }
                }
            });
            threads[i].Start();
        }

        foreach (Thread thread in threads)
        {
            Guests.Join(thread);
        }

        Assert.Empty(failures);
    }

    [Fact]
    public void Fuel_and_limits_are_each_instances_own()
    {
        using var engine = new Engine(new EngineOptions { FuelCosts = FuelCosts.Default });
        Module module = Module.Load(engine, WatConverter.ToBinary(Secretive));
        using var pool = new InstancePool(new Linker(engine), module, new InstancePoolOptions { StoreOptions = new StoreOptions { Fuel = 2_000_000, Limits = ResourceLimits.Default with { MemoryBytes = 4 << 16 } } });
        ulong consumed = 0;
        for (int i = 0; i < 3; i++)
        {
            using PooledInstance instance = pool.Instantiate();
            Assert.Equal(0, IsFresh(instance));
            Assert.Equal(-1, instance.Instance.GetMemory("memory")!.Grow(2));
            Assert.Equal(3, instance.Instance.GetMemory("memory")!.Grow(1));
            consumed = consumed == 0 ? instance.Store.FuelConsumed : consumed;
            Assert.Equal(consumed, instance.Store.FuelConsumed);
        }
    }

    private static void Use(InstancePool pool, Random random)
    {
        var held = new List<PooledInstance>();
        for (int round = 0; round < 200; round++)
        {
            PooledInstance instance = pool.Instantiate();
            Assert.Equal(0, IsFresh(instance));
            switch (random.Next(4))
            {
                case 0:
                    instance.GetFunction<Action>("spoil")!();
                    break;
                case 1:
                    _ = Assert.Throws<TrapException>(instance.GetFunction<Action>("spoil_and_trap")!);
                    break;
                case 2:
                    instance.GetFunction<Action<int>>("write")!(random.Next(InitialBytes / 4) * 4);
                    break;
            }

            if (random.Next(3) == 0)
            {
                held.Add(instance);
            }
            else
            {
                instance.Dispose();
            }
        }

        foreach (PooledInstance instance in held)
        {
            instance.Dispose();
        }
    }

    [Theory]
    [InlineData("(table 0x7fffffc7 funcref)")]
    [InlineData("(table 0xffffffff funcref)")]
    [InlineData("(table 6000000 funcref) (table 6000000 funcref)")]
    public void Tables_beyond_the_limit_are_refused_before_they_are_made(string tables)
    {
        Assert.Contains("ResourceLimits.TableElements", Assert.Throws<LinkException>(() => CreatePool($"(module {tables})")).Message, StringComparison.Ordinal);
        using var store = new Store(Engine.Default);
        Module module = Module.Load(Engine.Default, WatConverter.ToBinary($"(module {tables})"));
        Assert.Contains("ResourceLimits.TableElements", Assert.Throws<LinkException>(() => new Linker(Engine.Default).Instantiate(store, module)).Message, StringComparison.Ordinal);
    }

    internal static int IsFresh(PooledInstance instance) => instance.GetFunction<Func<int>>("is_fresh")!();

    internal static InstancePool CreatePool(
        string text, BoundsChecks checks = BoundsChecks.Guard, int residentBytes = 128 << 10, int maximumInstances = int.MaxValue, Action<Linker>? define = null)
    {
        var linker = new Linker(Guests.Engine(checks));
        define?.Invoke(linker);
        return new InstancePool(linker, Guests.Load(text, checks), new InstancePoolOptions { ResidentBytes = residentBytes, MaximumInstances = maximumInstances });
    }
}
