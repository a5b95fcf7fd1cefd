namespace Wherry.Tests.Execution;

public sealed class InterruptionTests
{
    private const string Endless = """
        (module
          (import "host" "started" (func $started))
          (memory 16 16)
          (table $t 1 10000000 funcref)
          (global $g (mut i32) (i32.const 0))
          (type $pair (struct (field (mut i32)) (field (mut i32))))
          (type $list (array (mut eqref)))
          (func $forever (loop (br 0)))
          (func (export "empty") (call $started) (loop (br 0)))
          (func (export "counting") (call $started) (loop (global.set $g (i32.add (global.get $g) (i32.const 1))) (br 0)))
          (func (export "loads") (local i32) (call $started)
            (loop (local.set 0 (i32.add (local.get 0) (i32.load (i32.and (local.get 0) (i32.const 0xFFFF))))) (br 0)))
          (func $leaf (param i32) (result i32) (i32.add (local.get 0) (i32.const 1)))
          (func (export "calls") (local i32) (call $started) (loop (local.set 0 (call $leaf (local.get 0))) (br 0)))
          (func $both (param i32)
            (if (local.get 0) (then (call $both (i32.sub (local.get 0) (i32.const 1))) (call $both (i32.sub (local.get 0) (i32.const 1))))))
          (func (export "recursion") (call $started) (call $both (i32.const 60)))
          (func (export "nested") (call $started) (call $forever))
          (func $even (param i32) (return_call $odd (i32.add (local.get 0) (i32.const 1))))
          (func $odd (param i32) (if (i32.eqz (i32.load (i32.const 8))) (then (return_call $even (local.get 0)))))
          (func (export "tail calls") (call $started) (call $even (i32.const 0)))
          (func $more (param i64 i64 i64 i64 i64 i64 i64 i64) (drop (i64.div_u (local.get 0) (i64.const 3))) (return_call $less (local.get 7)))
          (func $less (param i64)
            (return_call $more (local.get 0) (local.get 0) (local.get 0) (local.get 0) (local.get 0) (local.get 0) (local.get 0) (local.get 0)))
          (func $this (param i64) (return_call $that (i64.add (local.get 0) (i64.const 1))))
          (func $that (param i64) (return_call $this (i64.add (local.get 0) (i64.const 2))))
          (func (export "inlined tail calls") (call $started) (call $this (i64.const 0)))
          (func (export "growing tail calls") (call $started) (call $less (i64.const 0)))
          (func (export "fill") (call $started) (loop (memory.fill (i32.const 0) (i32.const 1) (i32.const 0x100000)) (br 0)))
          (func (export "copy") (call $started) (loop (memory.copy (i32.const 0) (i32.const 1) (i32.const 0xFFFFF)) (br 0)))
          (func (export "allocations") (call $started) (loop (drop (struct.new_default $pair)) (br 0)))
          (func (export "stored references") (local $list (ref null $list)) (local $i i32)
            (local.set $list (array.new_default $list (i32.const 16)))
            (call $started)
            (loop
              (array.set $list (local.get $list) (i32.and (local.get $i) (i32.const 15)) (ref.i31 (local.get $i)))
              (local.set $i (i32.add (local.get $i) (i32.const 1)))
              (br 0)))
          (func (export "fine") (result i32) (local i32)
            (loop (br_if 0 (i32.lt_u (local.tee 0 (i32.add (local.get 0) (i32.const 1))) (i32.const 1000)))) (local.get 0))
        )
        """;

    private const string WithoutMemory = """
        (module
          (import "host" "started" (func $started))
          (func (export "empty") (call $started) (loop (br 0)))
          (func (export "fine") (result i32) (local i32)
            (loop (br_if 0 (i32.lt_u (local.tee 0 (i32.add (local.get 0) (i32.const 1))) (i32.const 1000)))) (local.get 0))
        )
        """;

    public static TheoryData<string, BoundsChecks> Functions()
    {
        var data = new TheoryData<string, BoundsChecks>();
        foreach (string function in new[] { "empty", "counting", "loads", "calls", "recursion", "nested", "tail calls", "inlined tail calls", "growing tail calls", "fill", "copy", "allocations", "stored references" })
        {
            data.Add(function, BoundsChecks.Guard);
            data.Add(function, BoundsChecks.Explicit);
        }

        return data;
    }

    [Theory]
    [MemberData(nameof(Functions))]
    public void An_endless_guest_can_be_interrupted(string function, BoundsChecks checks)
    {
        using var started = new ManualResetEventSlim();
        Instance guest = Instantiate(Endless, checks, started);
        InterruptOnceStarted(guest, function, started);
        Assert.Equal(TrapKind.Interrupted, Assert.Throws<TrapException>(() => guest.GetFunction("fine")!.Invoke()).Kind);
        guest.Store.ClearInterruption();
        Assert.Equal([1000], guest.GetFunction("fine")!.Invoke());
    }

    [Fact]
    public void A_guest_without_a_memory_can_be_interrupted()
    {
        using var started = new ManualResetEventSlim();
        Instance guest = Instantiate(WithoutMemory, BoundsChecks.Guard, started);
        InterruptOnceStarted(guest, "empty", started);
        guest.Store.ClearInterruption();
        Assert.Equal([1000], guest.GetFunction("fine")!.Invoke());
    }

    [Theory]
    [InlineData("empty")]
    [InlineData("recursion")]
    [InlineData("fill")]
    public void A_time_limit_ends_one_call_and_the_next_has_its_own(string function)
    {
        using var started = new ManualResetEventSlim();
        Instance guest = Instantiate(Endless, BoundsChecks.Guard, started, new StoreOptions { TimeLimit = TimeSpan.FromMilliseconds(300) });
        for (int i = 0; i < 3; i++)
        {
            TrapException trap = Assert.Throws<TrapException>(() => guest.GetFunction(function)!.Invoke());
            Assert.Equal(TrapKind.TimeLimit, trap.Kind);
            Assert.Contains("time limit", trap.Message);
        }
    }

    [Fact]
    public void A_cancelled_token_interrupts_the_store()
    {
        using var started = new ManualResetEventSlim();
        using var cancellation = new CancellationTokenSource();
        Instance guest = Instantiate(Endless, BoundsChecks.Guard, started, new StoreOptions { CancellationToken = cancellation.Token });
        var thread = new Thread(() =>
        {
            Guests.Await(started);
            cancellation.Cancel();
        });
        thread.Start();
        Assert.Equal(TrapKind.Interrupted, Assert.Throws<TrapException>(() => guest.GetFunction("empty")!.Invoke()).Kind);
        Guests.Join(thread);
    }

    [Fact]
    public async Task A_cancelled_call_is_a_cancelled_task()
    {
        using var started = new ManualResetEventSlim();
        Instance guest = Instantiate(Endless, BoundsChecks.Guard, started);
        using var cancellation = new CancellationTokenSource();
        Task<object?[]> call = guest.GetFunction("empty")!.CallAsync([], cancellation.Token);
        Guests.Await(started);
        await cancellation.CancelAsync();
        _ = await Assert.ThrowsAnyAsync<OperationCanceledException>(() => call.WaitAsync(Guests.Patience));
        Assert.Equal([1000], await guest.GetFunction("fine")!.CallAsync([], CancellationToken.None));
    }

    [Fact]
    public void Disposing_a_store_ends_the_guest_that_runs()
    {
        using var started = new ManualResetEventSlim();
        Instance guest = Instantiate(Endless, BoundsChecks.Guard, started);
        var thread = new Thread(() =>
        {
            Guests.Await(started);
            guest.Store.Dispose();
        });
        thread.Start();
        _ = Assert.Throws<TrapException>(() => guest.GetFunction("loads")!.Invoke());
        Guests.Join(thread);
        Assert.NotNull(Record.Exception(() => guest.GetFunction("fine")!.Invoke()));
    }

    private static Instance Instantiate(string text, BoundsChecks checks, ManualResetEventSlim started, StoreOptions? options = null) =>
        Guests.Instantiate(text, checks, options, linker => linker.DefineFunction("host", "started", started.Set));

    private static void InterruptOnceStarted(Instance guest, string function, ManualResetEventSlim started)
    {
        TrapException? trap = null;
        var thread = new Thread(() => trap = Assert.Throws<TrapException>(() => guest.GetFunction(function)!.Invoke()));
        thread.Start();
        Guests.Await(started);
        guest.Store.Interrupt();
        Guests.Join(thread);
        Assert.Equal(TrapKind.Interrupted, trap!.Kind);
        Assert.Contains("interrupted", trap.Message);
        Assert.Contains(trap.GuestStack, frame => frame.FunctionName == function || frame.FunctionName is "forever" or "both");
    }
}
