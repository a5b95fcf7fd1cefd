using System.Text;

namespace Wherry.Tests.Compilation;

/// <summary>Stack exhaustion is a trap, however it comes about.</summary>
public sealed class StackTests
{
    public static TheoryData<BoundsChecks> Modes => Guests.Modes;

    [Theory]
    [InlineData("(func $f (export \"run\") (param i32) (result i32) (i32.add (call $f (local.get 0)) (i32.const 1)))")]
    [InlineData("(func $f (export \"run\") (param i32) (result i32) (i32.add (call $g (local.get 0)) (i32.const 1))) (func $g (param i32) (result i32) (i32.add (call $f (local.get 0)) (i32.const 1)))")]
    [InlineData("(table funcref (elem $f)) (func $f (export \"run\") (param i32) (result i32) (i32.add (call_indirect (param i32) (result i32) (local.get 0) (i32.const 0)) (i32.const 1)))")]
    public void Endless_recursion_is_a_trap_and_the_host_goes_on(string function)
    {
        Instance instance = Guests.Instantiate($"(module {function})");
        Func<int, int> run = instance.GetFunction<Func<int, int>>("run")!;
        Guests.OnThread(() =>
        {
            for (int i = 0; i < 3; i++)
            {
                TrapException trap = Assert.Throws<TrapException>(() => run(1));
                Assert.Equal(TrapKind.StackExhausted, trap.Kind);
                Assert.Equal("call stack exhausted", trap.Reason);
                Assert.NotEmpty(trap.GuestStack);
            }
        });
    }

    [Theory]
    [InlineData(2_000)]
    [InlineData(60_000)]
    public void The_deepest_call_may_first_compile_a_huge_function(int statements)
    {
        // At each depth from the deepest that fits upwards, so that one call after another finds little stack left.
        var text = new StringBuilder("(module (memory 1)\n(func $deep (export \"run\") (param i32 i32) (result i32)\n");
        text.Append("(if (result i32) (local.get 0) (then (call $deep (i32.sub (local.get 0) (i32.const 1)) (local.get 1)))\n");
        text.Append("(else (call $huge (local.get 1)))))\n(func $huge (param i32) (result i32) (local i64 f64)\n");
        for (int i = 0; i < statements; i++)
        {
            text.Append($"(local.set 1 (i64.add (local.get 1) (i64.extend_i32_u (i32.load offset={i % 1000} (i32.and (local.get 0) (i32.const {i}))))))\n");
            text.Append($"(if (i64.eq (local.get 1) (i64.const {i})) (then (local.set 2 (f64.add (local.get 2) (f64.convert_i64_s (local.get 1))))))\n");
        }

        text.Append("(i32.wrap_i64 (local.get 1))))");
        Module module = Guests.Load(text.ToString());
        int deepest = FindDeepest(module);
        for (int depth = deepest; depth > deepest - 3; depth--)
        {
            Instance instance = Guests.Instantiate(Guests.Load(text.ToString()));
            Func<int, int, int> run = instance.GetFunction<Func<int, int, int>>("run")!;
            Guests.OnThread(() => Try(() => run(depth, 0)));
        }
    }

    private static void Try(Func<int> call)
    {
        try
        {
            Assert.Equal(0, call());
        }
        catch (TrapException trap)
        {
            Assert.Equal(TrapKind.StackExhausted, trap.Kind);
        }
    }

    private static int FindDeepest(Module module)
    {
        Func<int, int, int> run = Guests.Instantiate(module).GetFunction<Func<int, int, int>>("run")!;
        int good = 0;
        int bad = 1 << 20;
        Guests.OnThread(() =>
        {
            while (bad - good > 1)
            {
                int middle = (good + bad) / 2;
                try
                {
                    _ = run(middle, 0);
                    good = middle;
                }
                catch (TrapException)
                {
                    bad = middle;
                }
            }
        });
        return good;
    }

    [Fact]
    public void Tail_calls_use_no_stack()
    {
        Instance instance = Guests.Instantiate("""
            (module
              (type $t (func (param i32 i64) (result i64)))
              (table funcref (elem $even $odd))
              (func $even (export "direct") (type $t)
                (if (result i64) (local.get 0)
                  (then (return_call $odd (i32.sub (local.get 0) (i32.const 1)) (i64.add (local.get 1) (i64.const 2))))
                  (else (local.get 1))))
              (func $odd (type $t)
                (if (result i64) (local.get 0)
                  (then (return_call_indirect (type $t) (i32.sub (local.get 0) (i32.const 1)) (i64.add (local.get 1) (i64.const 2)) (i32.const 0)))
                  (else (local.get 1))))
              (func $many (param i32 i32 i32 i32 i32 i32 i32 i32 i32 i32) (result i64)
                (return_call $even (local.get 0) (i64.const 0)))
              (func (export "many") (param i32) (result i64)
                (return_call $many (local.get 0) (i32.const 1) (i32.const 2) (i32.const 3) (i32.const 4) (i32.const 5) (i32.const 6) (i32.const 7) (i32.const 8) (i32.const 9))))
            """);
        Guests.OnThread(() =>
        {
            Assert.Equal(2_000_000, instance.GetFunction<Func<int, long, long>>("direct")!(1_000_000, 0));
            Assert.Equal(2_000_000, instance.GetFunction<Func<int, long>>("many")!(1_000_000));
        });
    }
}
