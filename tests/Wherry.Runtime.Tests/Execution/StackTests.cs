using System.Globalization;
using System.Text;

namespace Wherry.Tests.Execution;

public sealed class StackTests
{
    private const string Recursion = """
        (module
          (import "host" "back" (func $back (param i32) (result i32)))
          (type $f (func (param i32) (result i32)))
          (table funcref (elem $indirect))
          (memory 1)
          (func $deep (export "deep") (param i32) (result i32) (i32.add (call $deep (i32.add (local.get 0) (i32.const 1))) (i32.const 1)))
          (func $even (export "mutual") (param i32) (result i32) (i32.add (call $odd (local.get 0)) (i32.const 1)))
          (func $odd (param i32) (result i32) (i32.add (call $even (local.get 0)) (i32.const 1)))
          (func $indirect (export "indirect") (param i32) (result i32)
            (i32.add (call_indirect (type $f) (local.get 0) (i32.const 0)) (i32.const 1)))
          (func (export "host") (param i32) (result i32) (i32.add (call $back (local.get 0)) (i32.const 1)))
          (func $count (export "count") (param i32) (result i32)
            (if (result i32) (i32.eqz (local.get 0)) (then (i32.const 0))
              (else (i32.add (call $count (i32.sub (local.get 0) (i32.const 1))) (i32.const 1)))))
        )
        """;

    [Theory]
    [InlineData("deep", BoundsChecks.Guard)]
    [InlineData("mutual", BoundsChecks.Guard)]
    [InlineData("indirect", BoundsChecks.Guard)]
    [InlineData("host", BoundsChecks.Guard)]
    [InlineData("deep", BoundsChecks.Explicit)]
    [InlineData("host", BoundsChecks.Explicit)]
    public void Endless_recursion_is_a_trap_and_the_guest_can_be_called_again(string function, BoundsChecks checks)
    {
        Func<int, int>? again = null;
        Instance guest = Guests.Instantiate(Recursion, checks, define: linker => linker.DefineFunction("host", "back", (int value) => again!(value)));
        again = guest.GetFunction<Func<int, int>>("host");
        for (int i = 0; i < 2; i++)
        {
            TrapException trap = Assert.Throws<TrapException>(() => guest.GetFunction(function)!.Invoke(1));
            Assert.Equal(TrapKind.StackExhausted, trap.Kind);
            Assert.Contains("call stack exhausted", trap.Message);
        }

        Assert.Equal(100, guest.GetFunction<Func<int, int>>("count")!(100));
    }

    [Fact]
    public void The_stack_is_that_of_the_thread_that_calls()
    {
        Instance guest = Guests.Instantiate(Recursion, define: linker => linker.DefineFunction("host", "back", (int value) => value));
        Func<int, int> deep = guest.GetFunction<Func<int, int>>("deep")!;
        Func<int, int> count = guest.GetFunction<Func<int, int>>("count")!;
        foreach (int size in new[] { 2 << 20, 16 << 20, 1 << 20 })
        {
            Exception? exception = null;
            var thread = new Thread(() => exception = Record.Exception(() => deep(0)), size);
            thread.Start();
            Guests.Join(thread);
            Assert.Equal(TrapKind.StackExhausted, Assert.IsType<TrapException>(exception).Kind);
            Assert.Equal(TrapKind.StackExhausted, Assert.Throws<TrapException>(() => deep(0)).Kind);
            Assert.Equal(1000, count(1000));
        }
    }

    [Fact]
    public void A_limit_makes_the_stack_smaller()
    {
        var options = new StoreOptions { Limits = new ResourceLimits { StackBytes = 64 << 10 } };
        Instance guest = Guests.Instantiate(Recursion, options: options, define: linker => linker.DefineFunction("host", "back", (int value) => value));
        Func<int, int> count = guest.GetFunction<Func<int, int>>("count")!;
        Assert.Equal(100, count(100));
        Assert.Equal(TrapKind.StackExhausted, Assert.Throws<TrapException>(() => count(20_000)).Kind);
    }

    [Fact]
    public void A_huge_function_that_is_first_called_at_the_end_of_the_stack_still_compiles()
    {
        // Nested operands make the compiler recurse, on the guest's stack.
        var text = new StringBuilder("""
            (module
              (memory 1)
              (func $huge (param i32) (result i32)
            """);
        const int Depth = 3000;
        for (int i = 0; i < Depth; i++)
        {
            _ = text.Append("(i32.add (local.get 0) (i32.mul (i32.load (local.get 0)) ");
        }

        _ = text.Append("(i32.const 1)").Append(')', 2 * Depth).Append("""
            )
              (func $deep (export "deep") (param i32) (result i32)
                (if (i32.eqz (local.get 0)) (then (return (call $huge (i32.const 0)))))
                (i32.add (call $deep (i32.sub (local.get 0) (i32.const 1))) (i32.const 1)))
            )
            """);
        string module = text.ToString();
        int depth = FindDepth();
        foreach (int share in new[] { 100, 99, 95, 90, 50 })
        {
            Instance guest = Guests.Instantiate(module);
            Exception? exception = Record.Exception(() => guest.GetFunction<Func<int, int>>("deep")!((int)((long)depth * share / 100)));
            Assert.True(exception is null or TrapException { Kind: TrapKind.StackExhausted }, exception?.ToString());
        }
    }

    private static int FindDepth()
    {
        Instance guest = Guests.Instantiate(Recursion, define: linker => linker.DefineFunction("host", "back", (int value) => value));
        Func<int, int> count = guest.GetFunction<Func<int, int>>("count")!;
        int depth = 1000;
        while (Record.Exception(() => count(depth)) is null)
        {
            depth += depth / 4;
        }

        return depth;
    }

    [Fact]
    public void Many_guests_on_many_threads_exhaust_their_stacks_at_once()
    {
        Module module = Guests.Load(Recursion);
        var linker = new Linker(module.Engine);
        linker.DefineFunction("host", "back", (int value) => value);
        var failures = new List<string>();
        var threads = new Thread[8];
        for (int i = 0; i < threads.Length; i++)
        {
            threads[i] = new Thread(() =>
            {
                for (int round = 0; round < 3; round++)
                {
                    Instance guest = linker.Instantiate(new Store(module.Engine), module);
                    Exception? exception = Record.Exception(() => guest.GetFunction("mutual")!.Invoke(0));
                    if (exception is not TrapException { Kind: TrapKind.StackExhausted })
                    {
                        lock (failures)
                        {
                            failures.Add(string.Create(CultureInfo.InvariantCulture, $"{round}: {exception}"));
                        }
                    }
                }
            }, 2 << 20);
            threads[i].Start();
        }

        foreach (Thread thread in threads)
        {
            Guests.Join(thread);
        }

        Assert.Empty(failures);
    }
}
