using System.Globalization;
using System.Text;

namespace Wherry.Tests.Execution.Suspension;

/// <summary>The first guests of a module, of which nothing is known yet.</summary>
public sealed class WaitTrialTests
{
    private const string Text = """
        (module
          (import "host" "wait" (func $wait (param i32) (result i32)))
          (type $unary (func (param i32) (result i32)))
          (table funcref (elem $loop))

          ;; As programs do: what waits is entered once, through a few others, by a reference too.
          (func (export "program") (param i32) (result i32) (call $main (local.get 0)))
          (func $main (param i32) (result i32) (i32.add (i32.const 1) (call_indirect (type $unary) (local.get 0) (i32.const 0))))
          (func $loop (param $n i32) (result i32) (local $sum i32)
            (loop $l
              (local.set $sum (i32.add (local.get $sum) (call $once (local.get $n))))
              (local.set $n (i32.sub (local.get $n) (i32.const 1)))
              (br_if $l (local.get $n)))
            (local.get $sum))
          (func $once (param i32) (result i32) (call $wait (local.get 0)))

          ;; Waits when it is called for the second time, and later.
          (func (export "later") (result i32)
            (drop (call $maybe (i32.const 0)))
            (drop (call $maybe (i32.const 1)))
            (drop (call $maybe (i32.const 1)))
            (call $maybe (i32.const 1)))
          (func (export "idle") (result i32) (call $maybe (i32.const 0)))
          (func $maybe (param i32) (result i32) (if (result i32) (local.get 0) (then (call $wait (i32.const 5))) (else (i32.const 0))))

          (func (export "deep") (param i32) (result i32) (call $deep (local.get 0)))
          (func $deep (param i32) (result i32)
            (if (result i32) (local.get 0)
              (then (i32.add (i32.const 1) (call $deep (i32.sub (local.get 0) (i32.const 1)))))
              (else (call $wait (i32.const 100)))))

          (func (export "tail") (param i32) (result i32) (i32.sub (call $tail (local.get 0)) (i32.const 1)))
          (func $tail (param i32) (result i32) (return_call $once (local.get 0))))
        """;

    [Fact]
    public void The_first_guest_leaves_its_thread_at_its_first_wait()
    {
        Module module = Load(new EngineOptions());
        Assert.Equal(6 + 1, WaitingGuest.Run(module, "program", out long waits, 3));
        Assert.Equal(3, waits);

        // What was tried in vain would be tried once more, but all of it was found below the wait.
        Assert.Equal(6 + 1, WaitingGuest.Run(module, "program", out waits, 3));
        Assert.Equal(3, waits);
    }

    [Fact]
    public void What_was_tried_in_vain_is_learnt_when_it_waits()
    {
        Module module = Load(new EngineOptions());
        Assert.Equal(5, WaitingGuest.Run(module, "later", out long waits));
        Assert.Equal(2, waits);
        Assert.Equal(5, WaitingGuest.Run(module, "later", out waits));
        Assert.Equal(3, waits);
    }

    [Fact]
    public void Recursion_is_not_tried_at_each_depth()
    {
        Module module = Load(new EngineOptions());
        Assert.Equal(105, WaitingGuest.Run(module, "deep", out long waits, 5));
        Assert.Equal(0, waits);
        Assert.Equal(105, WaitingGuest.Run(module, "deep", out waits, 5));
        Assert.Equal(1, waits);
    }

    [Fact]
    public void A_tail_call_is_tried()
    {
        Module module = Load(new EngineOptions());
        Assert.Equal(8, WaitingGuest.Run(module, "tail", out long waits, 9));
        Assert.Equal(1, waits);
        Assert.Equal(8, WaitingGuest.Run(module, "tail", out waits, 9));
        Assert.Equal(1, waits);
    }

    [Theory]
    [InlineData(0)]
    [InlineData(1)]
    [InlineData(2)]
    [InlineData(3)]
    public void Only_so_many_guests_try(int trials)
    {
        Module module = Load(new EngineOptions { WaitTrials = trials });
        for (int i = 0; i < 2; i++)
        {
            // It waits nowhere, so that nothing is known afterwards.
            Assert.Equal(0, WaitingGuest.Run(module, "idle", out _));
        }

        Assert.Equal(6 + 1, WaitingGuest.Run(module, "program", out long waits, 3));
        Assert.Equal(trials > 2 ? 3 : 0, waits);
    }

    [Fact]
    public void A_long_chain_of_tail_callers_of_what_waits_does_no_harm()
    {
        const int Length = 100_000;
        var text = new StringBuilder("(module (import \"host\" \"wait\" (func $wait (param i32) (result i32))) (func $f0 (param i32) (result i32) (i32.add (call $wait (local.get 0)) (i32.const 0)))");
        for (int i = 1; i < Length; i++)
        {
            _ = text.Append(CultureInfo.InvariantCulture, $"(func $f{i} (param i32) (result i32) (return_call $f{i - 1} (local.get 0)))");
        }

        _ = text.Append("(func (export \"program\") (param i32) (result i32) (call $f3 (local.get 0))))");
        Module module = Module.Load(new Engine(new EngineOptions { MayWait = static (_, _) => true }), WatConverter.ToBinary(text.ToString()), "test.wasm");
        int result = 0;
        long waits = 0;
        var thread = new Thread(() => result = WaitingGuest.Run(module, "program", out waits, 7) + WaitingGuest.Run(module, "program", out waits, 7), 2 << 20);
        thread.Start();
        Guests.Join(thread);
        Assert.Equal(14, result);
        Assert.Equal(1, waits);
    }

    private static Module Load(EngineOptions options) =>
        Module.Load(new Engine(options with { MayWait = static (_, _) => true }), WatConverter.ToBinary(Text, emitNames: true), "test.wasm");
}
