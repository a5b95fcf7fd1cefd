using System.Runtime.Intrinsics;
using Wherry.Execution.Suspension;

namespace Wherry.Tests.Execution.Suspension;

/// <summary>Guests that give their thread back while a host function waits.</summary>
public sealed class SuspendableCallTests
{
    private const string Text = """
        (module
          (import "host" "wait" (func $wait (param i32) (result i32)))
          (import "host" "rest" (func $rest))
          (import "host" "all" (func $all (param i32 i64 f32 f64 v128 externref) (result i32 i64 f32 f64 v128 externref)))
          (import "host" "fails" (func $fails))
          (import "host" "never" (func $never))
          (type $unary (func (param i32) (result i32)))
          (memory (export "memory") 1)
          (table funcref (elem $deep $wait $double))
          (global $g (mut i64) (i64.const 0))

          (func $double (param i32) (result i32) (i32.mul (call $wait (local.get 0)) (i32.const 2)))

          ;; The sum of all that is waited for, with something on the stack at each level.
          (func (export "deep") (param i32) (result i32) (call $deep (local.get 0)))
          (func $deep (param i32) (result i32)
            (if (result i32) (i32.eqz (local.get 0))
              (then (call $wait (i32.const 1000)))
              (else (i32.add (local.get 0) (call $deep (i32.sub (local.get 0) (i32.const 1)))))))

          (func (export "indirect") (param i32 i32) (result i32)
            (i32.add (i32.const 7) (call_indirect (type $unary) (local.get 1) (local.get 0))))

          (func (export "loop") (param $n i32) (result i32) (local $sum i32) (local $i i32)
            (loop $l
              (local.set $sum (i32.add (local.get $sum) (call $wait (local.get $i))))
              (i32.store (i32.const 16) (local.get $sum))
              (global.set $g (i64.add (global.get $g) (i64.const 1)))
              (local.set $i (i32.add (local.get $i) (i32.const 1)))
              (br_if $l (i32.lt_u (local.get $i) (local.get $n))))
            (i32.add (i32.load (i32.const 16)) (i32.wrap_i64 (global.get $g))))

          (func $swap (param i32 i64 f32 f64 v128 externref) (result i32 i64 f32 f64 v128 externref)
            (local $v v128) (local $r externref)
            (local.set $v (local.get 4))
            (local.set $r (local.get 5))
            (call $rest)
            (call $all (local.get 0) (local.get 1) (local.get 2) (local.get 3) (local.get $v) (local.get $r)))
          (func (export "all") (param i32 i64 f32 f64 v128 externref) (result i32 i64 f32 f64 v128 externref)
            (call $swap (local.get 0) (local.get 1) (local.get 2) (local.get 3) (local.get 4) (local.get 5)))

          (func $trapping (param i32) (result i32) (i32.div_u (i32.const 1) (call $wait (local.get 0))))
          (func (export "traps") (result i32) (i32.add (i32.const 1) (call $trapping (i32.const 0))))
          (func (export "fails") (call $rest) (call $fails))
          (func (export "never") (call $never))
          (func $tail (param i32) (result i32) (return_call $deep (local.get 0)))
          (func (export "tail") (param i32) (result i32) (i32.sub (call $tail (local.get 0)) (i32.const 1)))
          (func (export "spins") (call $rest) (loop (br 0)))
          (func (export "plain") (result i32) (i32.const 5))
        )
        """;

    // Nothing is tried: what is below a wait is found by waits that keep their thread.
    private static readonly Engine s_engine = new(new EngineOptions { MayWait = static (_, _) => true, WaitTrials = 0 });

    [Theory]
    [InlineData(1)]
    [InlineData(50)]
    [InlineData(5_000)]
    public void A_guest_waits_deep_in_recursion(int depth)
    {
        Instance guest = Instantiate(Text);
        int expected = 1000 + (depth * (depth + 1) / 2);

        // What is below a wait is found by the first waits, which keep their thread.
        Assert.Equal([expected], Run(guest, "deep", out long first, depth));
        Assert.Equal([expected], Run(guest, "deep", out long second, depth));
        Assert.Equal(0, first);
        Assert.Equal(1, second);
    }

    [Fact]
    public void A_guest_waits_again_and_again_on_other_threads()
    {
        Instance guest = Instantiate(Text);
        _ = Run(guest, "loop", out _, 3);
        Assert.Equal([0 + 1 + 2 + 3 + 4 + 3 + 5], Run(guest, "loop", out long waits, 5));
        Assert.Equal(5, waits);
    }

    [Theory]
    [InlineData(0, 3, 7 + 1000 + 6)]
    [InlineData(1, 3, 7 + 3)]
    [InlineData(2, 3, 7 + 6)]
    public void A_guest_waits_in_what_it_calls_by_reference(int element, int argument, int expected)
    {
        Instance guest = Instantiate(Text);
        Assert.Equal([expected], Run(guest, "indirect", out _, element, argument));
        Assert.Equal([expected], Run(guest, "indirect", out long waits, element, argument));
        Assert.Equal(1, waits);
    }

    [Fact]
    public void Values_of_all_types_survive()
    {
        Instance guest = Instantiate(Text);
        object?[] values = [-1, long.MinValue + 1, 1.5f, -0.25, Vector128.Create((byte)1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, 16), "reference"];
        Assert.Equal(values, Run(guest, "all", out _, values));
        Assert.Equal(values, Run(guest, "all", out long waits, values));
        Assert.Equal(2, waits);
    }

    [Fact]
    public void A_trap_behind_a_wait_has_the_guests_stack()
    {
        Instance guest = Instantiate(Text);
        TrapException first = Assert.Throws<TrapException>(() => Run(guest, "traps", out _));
        long waits = -1;
        TrapException second = Assert.Throws<TrapException>(() => Run(guest, "traps", out waits));
        Assert.Equal(TrapKind.IntegerDivideByZero, second.Kind);
        Assert.Equal(1, waits);
        Assert.Equal(first.GuestStack.Select(frame => (frame.FunctionName, frame.ToString())), second.GuestStack.Select(frame => (frame.FunctionName, frame.ToString())));
        Assert.Equal(["trapping", "traps"], second.GuestStack.Select(frame => frame.FunctionName));
        Assert.Equal([5], Run(guest, "plain", out _));
    }

    [Fact]
    public void What_a_host_function_throws_behind_a_wait_comes_through()
    {
        Instance guest = Instantiate(Text);
        Assert.Equal("as asked", Assert.Throws<InvalidTimeZoneException>(() => Run(guest, "fails", out _)).Message);
        long waits = -1;
        Assert.Equal("as asked", Assert.Throws<InvalidTimeZoneException>(() => Run(guest, "fails", out waits)).Message);
        Assert.Equal(2, waits);
        Assert.Equal([5], Run(guest, "plain", out _));
    }

    [Fact]
    public void A_guest_waits_in_what_it_tail_calls()
    {
        Instance guest = Instantiate(Text);
        Assert.Equal([1009], Run(guest, "tail", out _, 4));
        Assert.Equal([1009], Run(guest, "tail", out long waits, 4));
        Assert.Equal(1, waits);
    }

    [Fact]
    public void Nothing_else_enters_a_store_whose_guest_waits()
    {
        Instance guest = Instantiate(Text);
        _ = Run(guest, "deep", out _, 3);
        var call = new SuspendableCall(guest.GetFunction("deep")!, 3);
        Assert.False(call.Run());
        Assert.Throws<InvalidOperationException>(() => guest.GetFunction("plain")!.Invoke());
        Assert.Throws<InvalidOperationException>(() => new SuspendableCall(guest.GetFunction("plain")!).Run());
        Await(call.WaitsFor!);
        Assert.True(call.Run());
        Assert.Equal([1006], call.Results);
        Assert.Equal([5], guest.GetFunction("plain")!.Invoke());
    }

    [Fact]
    public void A_guest_that_waits_is_interrupted()
    {
        Instance guest = Instantiate(Text);
        Learn(guest);
        var call = new SuspendableCall(guest.GetFunction("never")!);
        Assert.False(call.Run());
        Assert.False(call.WaitsFor!.IsCompleted);
        guest.Store.Interrupt();
        Await(call.WaitsFor);
        Assert.Equal(TrapKind.Interrupted, Assert.Throws<TrapException>(() => call.Run()).Kind);
        guest.Store.ClearInterruption();
        Assert.Equal([5], Run(guest, "plain", out _));
    }

    [Fact]
    public void A_guest_that_has_waited_is_interrupted_while_it_computes()
    {
        Instance guest = Instantiate(Text);
        Learn(guest);
        var call = new SuspendableCall(guest.GetFunction("spins")!);
        Assert.False(call.Run());
        Await(call.WaitsFor!);
        TrapException? trap = null;
        var thread = new Thread(() => trap = Assert.Throws<TrapException>(() => call.Run()), 16 << 20);
        thread.Start();
        guest.Store.Interrupt();
        Guests.Join(thread);
        Assert.Equal(TrapKind.Interrupted, trap!.Kind);
    }

    [Fact]
    public void A_time_limit_ends_a_guest_that_waits()
    {
        Instance guest = Instantiate(Text, new StoreOptions { TimeLimit = TimeSpan.FromMilliseconds(200) });
        Assert.Equal(TrapKind.TimeLimit, Assert.Throws<TrapException>(() => Run(guest, "never", out _)).Kind);
        long waits = -1;
        Assert.Equal(TrapKind.TimeLimit, Assert.Throws<TrapException>(() => Run(guest, "never", out waits)).Kind);
        Assert.Equal(1, waits);
        Assert.Equal([5], Run(guest, "plain", out _));
    }

    [Fact]
    public void Disposing_a_store_ends_the_guest_that_waits()
    {
        Instance guest = Instantiate(Text);
        Learn(guest);
        var call = new SuspendableCall(guest.GetFunction("never")!);
        Assert.False(call.Run());
        guest.Store.Dispose();
        Await(call.WaitsFor!);
        _ = Assert.Throws<TrapException>(() => call.Run());
        Assert.Throws<ObjectDisposedException>(() => guest.GetFunction("plain")!.Invoke());
    }

    [Fact]
    public void A_smaller_stack_is_a_trap()
    {
        Instance guest = Instantiate(Text);
        _ = Run(guest, "deep", out _, 10);
        SuspendableCall? call = null;
        var large = new Thread(
            () =>
            {
                call = new SuspendableCall(guest.GetFunction("deep")!, 200_000);
                Assert.False(call.Run());
            },
            64 << 20);
        large.Start();
        Guests.Join(large);
        Await(call!.WaitsFor!);
        TrapException? trap = null;
        var small = new Thread(() => trap = Assert.Throws<TrapException>(() => call.Run()), 2 << 20);
        small.Start();
        Guests.Join(small);
        Assert.Equal(TrapKind.StackExhausted, trap!.Kind);
        Assert.Equal([1055], Run(guest, "deep", out _, 10));
    }

    [Fact]
    public void A_pooled_guest_waits()
    {
        using var pool = new InstancePool(Linker(), Module.Load(s_engine, WatConverter.ToBinary(Text, emitNames: true)));
        for (int i = 0; i < 4; i++)
        {
            using PooledInstance pooled = pool.Instantiate();
            Assert.Equal([0 + 1 + 2 + 3], Run(pooled.Instance, "loop", out long waits, 3));
            Assert.Equal(3, waits);
            Assert.Equal([7 + 1000 + 6], Run(pooled.Instance, "indirect", out _, 0, 3));
        }
    }

    [Fact]
    public void A_guest_with_exceptions_keeps_its_thread()
    {
        Instance guest = Instantiate("""
            (module
              (import "host" "rest" (func $rest))
              (tag $t)
              (func (export "catches") (result i32)
                (block $h (try_table (catch $t $h) (call $rest) (throw $t)))
                (i32.const 3)))
            """);
        for (int i = 0; i < 2; i++)
        {
            Assert.Equal([3], Run(guest, "catches", out long waits));
            Assert.Equal(0, waits);
        }

        Assert.Contains("exceptions", guest.Store.SuspensionRefusal, StringComparison.Ordinal);
    }

    [Fact]
    public void A_host_function_that_calls_the_guest_keeps_the_thread()
    {
        Instance? guest = null;
        Linker linker = Linker();
        linker.DefineFunction("host", "again", () => (int)guest!.GetFunction("inner")!.Invoke()[0]!);
        guest = linker.Instantiate(new Store(s_engine), Module.Load(s_engine, WatConverter.ToBinary("""
            (module
              (import "host" "again" (func $again (result i32)))
              (import "host" "wait" (func $wait (param i32) (result i32)))
              (func (export "inner") (result i32) (call $wait (i32.const 8)))
              (func (export "outer") (result i32) (i32.add (call $wait (i32.const 1)) (call $again))))
            """, emitNames: true)));
        Assert.Equal([9], Run(guest, "outer", out _));
        Assert.Equal([9], Run(guest, "outer", out long waits));
        Assert.Equal(1, waits);
    }

    [Fact]
    public void A_guest_waits_through_a_function_of_another_module()
    {
        var store = new Store(s_engine);
        Linker linker = Linker();
        Instance lower = linker.Instantiate(store, Module.Load(s_engine, WatConverter.ToBinary("""
            (module (import "host" "wait" (func $wait (param i32) (result i32)))
              (global $seen (mut i32) (i32.const 0))
              (func (export "lower") (param i32) (result i32)
                (global.set $seen (i32.add (global.get $seen) (i32.const 1)))
                (i32.add (call $wait (local.get 0)) (global.get $seen))))
            """, emitNames: true)));
        linker.DefineInstance("lower", lower);
        Instance upper = linker.Instantiate(store, Module.Load(s_engine, WatConverter.ToBinary("""
            (module (import "lower" "lower" (func $lower (param i32) (result i32)))
              (func (export "upper") (param i32) (result i32) (i32.mul (call $lower (local.get 0)) (i32.const 10))))
            """, emitNames: true)));
        Assert.Equal([50], Run(upper, "upper", out _, 4));
        Assert.Equal([60], Run(upper, "upper", out long waits, 4));
        Assert.Equal(1, waits);
    }

    [Fact]
    public void An_import_that_was_not_said_to_wait_keeps_the_thread()
    {
        using var engine = new Engine(new EngineOptions { MayWait = static (_, name) => name != "wait" });
        var linker = new Linker(engine);
        linker.DefineFunction("host", "wait", async ValueTask<int> (int value) =>
        {
            await Task.Delay(1);
            return value;
        });
        Instance guest = linker.Instantiate(new Store(engine), Module.Load(engine, WatConverter.ToBinary("""
            (module (import "host" "wait" (func $wait (param i32) (result i32)))
              (func (export "waits") (result i32) (call $wait (i32.const 8))))
            """, emitNames: true)));
        for (int i = 0; i < 2; i++)
        {
            Assert.Equal([8], Run(guest, "waits", out long waits));
            Assert.Equal(0, waits);
        }

        Assert.Contains("not foreseen", guest.Store.SuspensionRefusal, StringComparison.Ordinal);
    }

    private static Linker Linker()
    {
        var linker = new Linker(s_engine);
        linker.DefineFunction("host", "wait", async ValueTask<int> (int value) =>
        {
            await Task.Delay(1);
            return value;
        });
        linker.DefineFunction("host", "rest", async ValueTask () => await Task.Delay(1));
        linker.DefineFunction("host", "fails", async ValueTask () =>
        {
            await Task.Delay(1);
            throw new InvalidTimeZoneException("as asked");
        });
        linker.DefineFunction("host", "never", async ValueTask (CancellationToken token) => await Task.Delay(Timeout.Infinite, token));
        linker.DefineFunction("host", "all", async ValueTask<(int, long, float, double, Vector128<byte>, object?)> (int a, long b, float c, double d, Vector128<byte> e, object? f) =>
        {
            await Task.Delay(1);
            return (a, b, c, d, e, f);
        });
        return linker;
    }

    private static Instance Instantiate(string text, StoreOptions? options = null) =>
        Linker().Instantiate(new Store(s_engine, options), Module.Load(s_engine, WatConverter.ToBinary(text, emitNames: true), "test.wasm"));

    private static void Await(Task task) => Assert.True(Task.WhenAny(task).Wait(Guests.Patience), "what the guest waits for did not happen");

    // Runs each stretch on a thread of its own.
    private static object?[] Run(Instance guest, string function, out long waits, params object?[] arguments)
    {
        var call = new SuspendableCall(guest.GetFunction(function)!, arguments);
        Exception? failure = null;
        bool hasEnded = false;
        while (!hasEnded)
        {
            var thread = new Thread(
                () =>
                {
                    try
                    {
                        hasEnded = call.Run();
                    }
                    catch (Exception exception)
                    {
                        failure = exception;
                        hasEnded = true;
                    }
                },
                16 << 20);
            thread.Start();
            Guests.Join(thread);
            if (!hasEnded)
            {
                Await(call.WaitsFor!);
            }
        }

        waits = call.WaitCount;
        return failure is null ? call.Results : throw failure;
    }

    // As if all functions had been found below a wait.
    private static void Learn(Instance guest)
    {
        for (int i = 0; i < guest.Module.Definition.Functions.Length; i++)
        {
            guest.Module.Code.Suspension!.Learn(i);
        }
    }
}
