using Wherry.Compilation.Inlining;

namespace Wherry.Tests.Compilation;

/// <summary>Small functions that are written in place of calls to them: nothing of that may be seen.</summary>
public sealed class InliningTests
{
    private const string Text = """
        (module
          (global $count (mut i32) (i32.const 0))
          (func $fibonacci (export "fibonacci") (param $n i32) (result i32) (local $sum i32)
            (if (i32.ge_u (local.get $n) (i32.const 2))
              (then
                (loop $next
                  (local.set $sum (i32.add (call $fibonacci (i32.sub (local.get $n) (i32.const 1))) (local.get $sum)))
                  (br_if $next (i32.gt_u (local.tee $n (i32.sub (local.get $n) (i32.const 2))) (i32.const 1))))))
            (i32.add (local.get $n) (local.get $sum)))

          ;; Its local starts at 0 each time, and its parameter is its own.
          (func $steps (param $n i32) (result i32) (local $steps i32)
            (block $done
              (loop $next
                (br_if $done (i32.eqz (local.get $n)))
                (local.set $steps (i32.add (local.get $steps) (i32.const 1)))
                (local.set $n (i32.shr_u (local.get $n) (i32.const 1)))
                (br $next)))
            (local.get $steps))
          (func (export "all_steps") (param $n i32) (result i32) (local $sum i32)
            (loop $next
              (local.set $sum (i32.add (i32.mul (local.get $sum) (i32.const 10)) (call $steps (local.get $n))))
              (br_if $next (local.tee $n (i32.sub (local.get $n) (i32.const 1)))))
            (local.get $sum))

          ;; Returns from within blocks, with operands under the call that its caller changes later.
          (func $sign (param $n i32) (result i32)
            (block (if (i32.lt_s (local.get $n) (i32.const 0)) (then (return (i32.const -1)))))
            (drop (block (result i32) (br_if 1 (i32.const 0) (i32.eqz (local.get $n)))))
            (i32.const 1))
          (func (export "signs") (param $n i32) (result i32)
            (i32.add
              (i32.mul (local.get $n) (call $sign (local.tee $n (i32.sub (i32.const 0) (local.get $n)))))
              (i32.mul (i32.const 1000) (local.get $n))))

          (func $pair (param i32 i64) (result i64 i32) (local.get 1) (local.get 0))
          (func (export "swap") (param i32 i64) (result i64 i32) (call $pair (local.get 0) (local.get 1)))

          (func $tick (global.set $count (i32.add (global.get $count) (i32.const 1))))
          (func (export "tick") (result i32) (call $tick) (call $tick) (global.get $count))

          (func $endless (export "endless") (param $n i32) (result i32)
            (i32.add (call $endless (i32.add (local.get $n) (i32.const 1))) (i32.const 1)))

          (func $whole (param f64) (result i32) (i32.trunc_f64_s (local.get 0)))
          (func $twice (param f64) (result i32) (i32.add (call $whole (local.get 0)) (i32.const 1)))
          (func (export "truncate") (param f64) (result i32) (i32.add (i32.const 5) (call $twice (local.get 0)))))
        """;

    [Theory]
    [MemberData(nameof(Guests.Modes), MemberType = typeof(Guests))]
    public void Inlined_code_does_what_the_call_would_do(BoundsChecks checks)
    {
        Instance guest = Guests.Instantiate(Text, checks);
        Assert.Equal(6765, guest.GetFunction<Func<int, int>>("fibonacci")!(20));
        Assert.Equal(33_221, guest.GetFunction<Func<int, int>>("all_steps")!(5));
        Func<int, int> signs = guest.GetFunction<Func<int, int>>("signs")!;
        Assert.Equal([-7_007, 6_993, 0], [signs(7), signs(-7), signs(0)]);
        Assert.Equal((9L, 4), guest.GetFunction<Func<int, long, (long, int)>>("swap")!(4, 9));
        Assert.Equal(2, guest.GetFunction<Func<int>>("tick")!());
        Assert.Equal(4, guest.GetFunction<Func<int>>("tick")!());
    }

    [Theory]
    [MemberData(nameof(Guests.Modes), MemberType = typeof(Guests))]
    public void A_trap_has_the_calls_that_were_inlined(BoundsChecks checks)
    {
        byte[] bytes = WatConverter.ToBinary(Text, emitNames: true);
        Instance guest = Guests.Instantiate(Module.Load(new Engine(EngineOptions.Default with { BoundsChecks = checks }), bytes));
        TrapException trap = Assert.Throws<TrapException>(() => guest.GetFunction<Func<double, int>>("truncate")!(double.NaN));
        Assert.Equal(TrapKind.InvalidConversionToInteger, trap.Kind);
        Assert.Equal(["whole", "twice", "truncate"], trap.GuestStack.Select(frame => frame.FunctionName));

        // The second and third are at their calls (0x10), the first at the conversion (0xAA).
        Assert.Equal([0xAA, 0x10, 0x10], trap.GuestStack.Select(frame => bytes[frame.Offset!.Value]));
    }

    [Theory]
    [MemberData(nameof(Guests.Modes), MemberType = typeof(Guests))]
    public void A_trap_lacks_the_callers_that_tail_calls_took_the_place_of(BoundsChecks checks)
    {
        byte[] bytes = WatConverter.ToBinary(
            """
            (module
              (func $whole (param f64) (result i32) (i32.trunc_f64_s (local.get 0)))
              (func $middle (param f64) (result i32) (return_call $whole (local.get 0)))
              (func $ends (param f64) (result i32) (return_call $middle (local.get 0)))
              (func $run (export "run") (param f64) (result i32) (i32.add (i32.const 1) (call $ends (local.get 0)))))
            """,
            emitNames: true);
        Instance guest = Guests.Instantiate(Module.Load(new Engine(EngineOptions.Default with { BoundsChecks = checks }), bytes));
        TrapException trap = Assert.Throws<TrapException>(() => guest.GetFunction<Func<double, int>>("run")!(double.NaN));
        Assert.Equal(["whole", "run"], trap.GuestStack.Select(frame => frame.FunctionName));
        Assert.Equal([0xAA, 0x10], trap.GuestStack.Select(frame => bytes[frame.Offset!.Value]));
    }

    [Theory]
    [MemberData(nameof(Guests.Modes), MemberType = typeof(Guests))]
    public void Inlined_code_may_throw(BoundsChecks checks)
    {
        Instance guest = Guests.Instantiate(
            """
            (module
              (tag $odd (param i32))
              (tag $other)
              (func $half (param i32) (result i32)
                (if (i32.and (local.get 0) (i32.const 1)) (then (throw $odd (local.get 0))))
                (i32.shr_u (local.get 0) (i32.const 1)))
              (func $quarter (param i32) (result i32) (i32.add (i32.const 0) (call $half (call $half (local.get 0)))))

              ;; The handler's label is a block, the function, a block with operands under it; another handler stands between.
              (func (export "block") (param i32) (result i32)
                (i32.add (i32.const 1000)
                  (block $caught (result i32)
                    (try_table (result i32) (catch $odd $caught) (call $quarter (local.get 0))))))
              (func (export "function") (param i32) (result i32)
                (drop (try_table (result i32) (catch $odd 0) (call $quarter (local.get 0))))
                (i32.const -1))
              (func (export "outer") (param i32) (result i32)
                (block $caught (result i32)
                  (try_table (result i32) (catch $odd $caught)
                    (block $never (result i32)
                      (block $nothing
                        (try_table (catch $other $nothing) (br $never (i32.mul (i32.const 3) (call $quarter (local.get 0))))))
                      (i32.const -2)))))
              (func $passes (param i32) (result i32 i64) (call $quarter (local.get 0)) (i64.const 5))
              (func (export "passed") (param i32) (result i32)
                (block $caught (result i32)
                  (try_table (result i32 i64) (catch $odd $caught) (call $passes (local.get 0)))
                  (return (i32.add (i32.wrap_i64))))
                (i32.add (i32.const 2000)))
              (func (export "uncaught") (param i32) (result i32) (call $quarter (local.get 0))))
            """,
            checks);
        int Run(string name, int value) => guest.GetFunction<Func<int, int>>(name)!(value);
        Assert.Equal([1002, 1007, 1003], [Run("block", 8), Run("block", 7), Run("block", 6)]);
        Assert.Equal([-1, 7, 3], [Run("function", 8), Run("function", 7), Run("function", 6)]);
        Assert.Equal([6, 7, 3], [Run("outer", 8), Run("outer", 7), Run("outer", 6)]);
        Assert.Equal([7, 2007, 2003], [Run("passed", 8), Run("passed", 7), Run("passed", 6)]);
        Assert.Equal(2, Run("uncaught", 8));
        Assert.Equal(3, Assert.Single(Assert.Throws<WasmException>(() => Run("uncaught", 6)).Values));
    }

    [Theory]
    [MemberData(nameof(Guests.Modes), MemberType = typeof(Guests))]
    public void Endless_recursion_through_inlined_calls_is_a_trap(BoundsChecks checks)
    {
        Instance guest = Guests.Instantiate(Text, checks);
        Guests.OnThread(() => Assert.Equal(TrapKind.StackExhausted, Assert.Throws<TrapException>(() => guest.GetFunction<Func<int, int>>("endless")!(0)).Kind));
        Assert.Equal(6765, guest.GetFunction<Func<int, int>>("fibonacci")!(20));
    }

    [Fact]
    public void What_could_lose_a_frame_or_leave_a_call_is_not_inlined()
    {
        Module module = Guests.Load("""
            (module
              (import "a" "b" (func $imported))
              (memory 1)
              (func $load (result i32) (i32.load (i32.const 0)))
              (func $divide (param i32) (result i32) (i32.div_u (i32.const 1) (local.get 0)))
              (func $calls (call $load) drop)
              (func $adds (param i32 i32) (result i32) (i32.add (local.get 0) (local.get 1))))
            """);
        var candidates = new InlineCandidates(module.Definition, _ => false);
        Assert.Equal([false, false, false, false, true], Enumerable.Range(0, 5).Select(candidates.Contains));
        Assert.Equal([false, false, false, false, true], Enumerable.Range(0, 5).Select(candidates.ContainsForTail));
        Assert.False(new InlineCandidates(module.Definition, _ => true).ContainsForTail(4));
    }
}
