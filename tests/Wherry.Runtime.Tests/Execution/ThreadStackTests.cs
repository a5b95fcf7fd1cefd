using Wherry.Execution;

namespace Wherry.Tests.Execution;

/// <summary>A store takes a thread for the one that it knows by where its stack is: that must not outlive the thread.</summary>
public sealed class ThreadStackTests
{
    private const int StackSize = 1 << 20;
    private const string NotLinux = "Only on Linux are threads known by their stacks.";

    [Fact]
    public void A_thread_that_has_ended_is_told_from_one_that_lives()
    {
        Assert.SkipUnless(OperatingSystem.IsLinux(), NotLinux);
        ThreadStack? stack = null;
        bool isSame = false;
        bool lives = false;
        Thread thread = Start(() =>
        {
            stack = ThreadStack.Current;
            isSame = stack == ThreadStack.Current && Contains(stack!);
            lives = IsAlive(stack!);
        });
        Guests.Join(thread);
        Assert.NotNull(stack);
        Assert.True(isSame);
        Assert.True(lives);
        Assert.True(SpinWait.SpinUntil(() => !IsAlive(stack), Guests.Patience), "the thread's end was not told");
        Assert.False(Contains(stack));
        Assert.True(Contains(ThreadStack.Current!));
        Assert.True(IsAlive(ThreadStack.Current!));
    }

    [Fact]
    public void A_thread_on_the_stack_of_one_that_has_ended_does_not_enter_for_it()
    {
        Assert.SkipUnless(OperatingSystem.IsLinux(), NotLinux);
        EntryBias? bias = null;
        ThreadStack? stack = null;
        bool isEntered = false;
        Guests.Join(Start(() =>
        {
            stack = ThreadStack.Current;
            bias = EntryBias.TryCreate(ThreadNumber.Current);
            isEntered = bias!.TryEnter(out Entered entered) && entered == Entered.Outermost && bias.IsInside && bias.ExitOutermost() && !bias.IsInside;
        }));
        Assert.True(isEntered);
        Assert.True(SpinWait.SpinUntil(() => !IsAlive(stack!), Guests.Patience), "the thread's end was not told");
        Assert.False(bias!.TryEnter(out _));

        // The system gives a thread's stack to the next one that wants as much.
        bool isThere = false;
        for (int i = 0; i < 100 && !isThere; i++)
        {
            Guests.Join(Start(() =>
            {
                isThere = Contains(stack!);
                isEntered = bias.TryEnter(out _);
            }));
            Assert.False(isEntered);
            Assert.False(bias.IsInside);
        }

        Assert.SkipUnless(isThere, "The system gave none of 100 threads the stack of one that had ended.");
    }

    [Fact]
    public void A_bias_that_is_revoked_from_within_is_left_as_inside()
    {
        EntryBias bias = EntryBias.TryCreate(ThreadNumber.Current)!;
        Assert.True(bias.TryEnter(out Entered outermost));
        bias.Revoke(ThreadNumber.Current);
        Assert.False(bias.TryEnter(out Entered nested));
        Assert.Equal((Entered.Outermost, Entered.Unbiased), (outermost, nested));
        Assert.True(bias.IsInside);
        Assert.False(bias.ExitOutermost());
        Assert.False(bias.IsInside);
    }

    [Fact]
    public void Threads_after_one_another_have_stack_limits_of_their_own()
    {
        const string Text = """
            (module
              (func (export "leaf") (result i32) (i32.const 5))
              (func $deep (export "deep") (param i64) (result i64) (i64.add (i64.const 1) (call $deep (i64.add (local.get 0) (i64.const 1))))))
            """;
        Instance guest = Guests.Instantiate(Text);
        Func<int> leaf = guest.GetFunction<Func<int>>("leaf")!;
        Func<long, long> deep = guest.GetFunction<Func<long, long>>("deep")!;
        for (int round = 0; round < 12; round++)
        {
            Exception? exception = null;
            var thread = new Thread(
                () =>
                {
                    for (int i = 0; i < 100_000; i++)
                    {
                        _ = leaf();
                    }

                    exception = Record.Exception(() => deep(0));
                },
                (round % 3) switch { 0 => 16 << 20, 1 => 2 << 20, _ => 6 << 20 });
            thread.Start();
            Guests.Join(thread);
            Assert.Equal(TrapKind.StackExhausted, Assert.IsType<TrapException>(exception).Kind);
        }
    }

    private static Thread Start(ThreadStart run)
    {
        var thread = new Thread(run, StackSize);
        thread.Start();
        return thread;
    }

    private static unsafe bool IsAlive(ThreadStack stack) => Volatile.Read(ref *(int*)stack.Cell) == 0;

    private static bool Contains(ThreadStack stack) => (nuint)(StackBounds.Current - stack.Start) < stack.Size;
}
