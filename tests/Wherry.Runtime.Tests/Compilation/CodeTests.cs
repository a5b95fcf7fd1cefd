using System.Runtime.CompilerServices;

namespace Wherry.Tests.Compilation;

/// <summary>What the official suite does not ask of compiled code.</summary>
public sealed class CodeTests
{
    public static TheoryData<BoundsChecks> Modes => Guests.Modes;

    [Theory]
    [MemberData(nameof(Modes))]
    public void A_load_whose_result_is_unused_traps_over_its_whole_width(BoundsChecks boundsChecks)
    {
        Instance instance = Guests.Instantiate(
            """
            (module (memory 1)
              (func (export "drop") (param i32) (drop (i64.load (local.get 0))))
              (func (export "set") (param i32) (local i64) (local.set 1 (i64.load (local.get 0))))
              (func (export "store") (param i32) (i64.store (local.get 0) (i64.const 1))))
            """,
            boundsChecks);
        foreach (string name in (string[])["drop", "set", "store"])
        {
            Action<int> run = instance.GetFunction<Action<int>>(name)!;
            run(65528);
            foreach (int address in (int[])[65529, 65532, 65535, 65536, -1])
            {
                TrapException trap = Assert.Throws<TrapException>(() => run(address));
                Assert.Equal(TrapKind.MemoryOutOfBounds, trap.Kind);
            }
        }
    }

    [Theory]
    [MemberData(nameof(Modes))]
    public void A_comparison_stays_under_what_is_computed_next(BoundsChecks boundsChecks)
    {
        Instance instance = Guests.Instantiate(
            """
            (module (memory 1) (table 5 funcref) (type $s (struct (field i32))) (type $a (array i8))
              (global $g (mut i32) (i32.const 1)) (global $v (mut v128) (v128.const i64x2 0 0))
              (func $zero (result i32) (i32.const 0))
              (elem declare func $zero)
              (func (export "global") (param i32) (result i32)
                local.get 0 i32.eqz global.get $g i32.const 8 i32.add global.set $g)
              (func (export "vector") (param i32) (result i32)
                local.get 0 i32.eqz global.get $v global.set $v)
              (func (export "memory") (param i32) (result i32)
                local.get 0 i32.eqz memory.size drop)
              (func (export "table") (param i32) (result i32)
                local.get 0 i32.eqz table.size drop)
              (func (export "function") (param i32) (result i32)
                local.get 0 i32.eqz ref.func $zero drop)
              (func (export "call") (param i32) (result i32)
                local.get 0 i32.eqz call $zero drop)
              (func (export "struct") (param i32) (result i32)
                local.get 0 i32.eqz struct.new_default $s drop)
              (func (export "array") (param i32) (result i32)
                local.get 0 i32.eqz array.new_fixed $a 0 drop)
              (func (export "constant") (param i32) (result i32)
                local.get 0 i32.eqz v128.const i64x2 1 2 drop)
              (func (export "less") (param i32) (result i32)
                local.get 0 i32.const 1 i32.lt_u global.get $g global.set $g)
              (func (export "block") (param i32) (result i32)
                local.get 0 i32.eqz (block global.get $g global.set $g)))
            """,
            boundsChecks);
        foreach (string name in (string[])["global", "vector", "memory", "table", "function", "call", "struct", "array", "constant", "less", "block"])
        {
            Func<int, int> run = instance.GetFunction<Func<int, int>>(name)!;
            Assert.True(run(0) == 1 && run(5) == 0, name);
        }
    }

    [Theory]
    [MemberData(nameof(Modes))]
    public void A_trap_tells_where_it_happened(BoundsChecks boundsChecks)
    {
        Instance instance = Guests.Instantiate(
            """
            (module (memory 1)
              (func $inner (param i32) (result i32) (nop) (i32.load (local.get 0)))
              (func $middle (param i32) (result i32) (i32.add (i32.const 1) (call $inner (local.get 0))))
              (func $outer (export "run") (param i32) (result i32) (nop) (call $middle (local.get 0)))
              (func (export "divide") (param i32) (result i32) (i32.div_s (i32.const 1) (local.get 0)))
              (func (export "stop") (unreachable)))
            """,
            boundsChecks);
        Func<int, int> run = instance.GetFunction<Func<int, int>>("run")!;
        Assert.Equal(0 + 1, run(0));
        TrapException trap = Assert.Throws<TrapException>(() => run(-1));
        Assert.Equal([0, 1, 2], trap.GuestStack.Select(frame => frame.FunctionIndex));
        Assert.Equal(TrapKind.IntegerDivideByZero, Assert.Throws<TrapException>(() => instance.GetFunction<Func<int, int>>("divide")!(0)).Kind);
        TrapException stop = Assert.Throws<TrapException>(instance.GetFunction<Action>("stop")!);
        Assert.Equal([4], stop.GuestStack.Select(frame => frame.FunctionIndex));
    }

    [Theory]
    [MemberData(nameof(Modes))]
    public void An_endless_loop_can_be_interrupted(BoundsChecks boundsChecks)
    {
        string[] bodies =
        [
            "(loop (br 0))",
            "(loop (i32.store (i32.const 0) (i32.add (i32.load (i32.const 0)) (i32.const 1))) (br 0))",
            "(loop (memory.fill (i32.const 0) (i32.const 1) (i32.const 65536)) (br 0))",
            "(call $recursive (i32.const 100000)) drop",
        ];
        foreach (string body in bodies)
        {
            Module module = Guests.Load(
                $"""
                (module (memory 1)
                  (func $recursive (param i32) (result i32)
                    (if (result i32) (i32.lt_u (local.get 0) (i32.const 2)) (then (i32.const 1))
                      (else (i32.add (call $recursive (i32.sub (local.get 0) (i32.const 1))) (call $recursive (i32.sub (local.get 0) (i32.const 2)))))))
                  (func (export "run") {body.Replace("100000", "90")}))
                """,
                boundsChecks);
            Instance instance = Guests.Instantiate(module);
            Action run = instance.GetFunction<Action>("run")!;
            using var timer = new Timer(_ => instance.Store.Interrupt(), null, 100, Timeout.Infinite);
            Assert.Equal(TrapKind.Interrupted, Assert.Throws<TrapException>(run).Kind);
        }
    }

    [Fact]
    public void Values_that_are_set_later_keep_what_they_were()
    {
        Instance instance = Guests.Instantiate("""
            (module (global $g (mut i32) (i32.const 5))
              (func (export "locals") (param i32 i32) (result i32)
                local.get 0
                local.get 1
                i32.const 10
                local.set 0
                i32.const 20
                local.tee 1
                i32.add
                local.get 0
                i32.mul
                i32.sub)
              (func $set (param i32) (result i32) (global.set $g (local.get 0)) (i32.const 1))
              (func (export "globals") (result i32)
                global.get $g
                (call $set (i32.const 100))
                i32.add
                global.get $g
                i32.add)
              (func (export "blocks") (param i32) (result i32)
                local.get 0
                (block (result i32) (local.set 0 (i32.const 7)) (br_if 0 (i32.const 3) (local.get 0)) drop i32.const 9)
                i32.sub
                local.get 0
                i32.add)
              (func (export "loops") (param i32) (result i32) (local i32)
                i32.const 1 i32.const 1
                (loop (param i32 i32) (result i32 i32)
                  (local.set 1)
                  (local.get 1) (i32.add) (local.get 1)
                  (local.set 0 (i32.sub (local.get 0) (i32.const 1)))
                  (br_if 0 (local.get 0)))
                i32.add))
            """);
        Assert.Equal(1 - ((2 + 20) * 10), instance.GetFunction<Func<int, int, int>>("locals")!(1, 2));
        Assert.Equal(5 + 1 + 100, instance.GetFunction<Func<int>>("globals")!());
        Assert.Equal(50 - 3 + 7, instance.GetFunction<Func<int, int>>("blocks")!(50));
        Assert.Equal(5, instance.GetFunction<Func<int, int>>("loops")!(3));
    }

    [Fact]
    public void A_function_in_another_instances_table_lives_as_long_as_the_table()
    {
        using var store = new Store(Engine.Default);
        Table table = Table.Create(store, new TableType(WasmValueType.FuncRef, 1));
        Fill(store, table);
        for (int i = 0; i < 10; i++)
        {
            GC.Collect();
            GC.WaitForPendingFinalizers();
        }

        Assert.Equal(42, ((Function)table[0]!).As<Func<int>>()());
    }

    [MethodImpl(MethodImplOptions.NoInlining)]
    private static void Fill(Store store, Table table)
    {
        Module module = Module.Load(Engine.Default, WatConverter.ToBinary("""
            (module (import "host" "table" (table 1 funcref)) (global $g (mut i32) (i32.const 42))
              (func $f (result i32) (global.get $g)) (elem (i32.const 0) $f))
            """));
        var linker = new Linker(Engine.Default);
        linker.Define("host", "table", table);
        _ = linker.Instantiate(store, module);
    }

    [Fact]
    public void Code_that_nothing_references_is_given_back()
    {
        WeakReference[] references = [.. Enumerable.Range(0, 5).Select(_ => RunAndDrop())];
        for (int i = 0; i < 20 && references.Any(reference => reference.IsAlive); i++)
        {
            GC.Collect();
            GC.WaitForPendingFinalizers();
        }

        Assert.All(references, reference => Assert.False(reference.IsAlive));
    }

    [MethodImpl(MethodImplOptions.NoInlining)]
    private static WeakReference RunAndDrop()
    {
        var engine = new Engine();
        Module module = Module.Load(engine, WatConverter.ToBinary("(module (memory 1) (global (mut i32) (i32.const 1)) (func (export \"run\") (result i32) (i32.load (i32.const 8))))"));
        using var store = new Store(engine);
        Instance instance = new Linker(engine).Instantiate(store, module);
        Assert.Equal(0, instance.GetFunction<Func<int>>("run")!());
        return new WeakReference(instance.Guest.GetType());
    }

    [Fact]
    public void Threads_may_run_one_module_at_once()
    {
        var text = new System.Text.StringBuilder("(module (memory 1)\n");
        for (int i = 0; i < 200; i++)
        {
            text.Append($"(func (export \"f{i}\") (param i32) (result i32) {(i == 0 ? "local.get 0" : $"(i32.add (call {i - 1} (local.get 0)) (i32.const 1))")} {string.Concat(Enumerable.Repeat("i32.const 0 i32.add ", 200))})\n");
        }

        Module module = Guests.Load(text.Append(')').ToString());
        Parallel.For(0, 8, number =>
        {
            Instance instance = Guests.Instantiate(module);
            for (int i = number; i < 200; i += 8)
            {
                Assert.Equal(i + 5, instance.GetFunction<Func<int, int>>($"f{i}")!(5));
            }
        });
    }
}
