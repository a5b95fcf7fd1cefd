namespace Wherry.Tests.Execution;

/// <summary>A thread that has called a store often enters it by a shorter way: what others want of the store meanwhile must be heard as before.</summary>
public sealed class RepeatedCallTests
{
    private const int ManyCalls = 1_000;

    private const string Text = """
        (module
          (import "host" "back" (func $back))
          (memory (export "memory") 1)
          (global $inside (mut i32) (i32.const 0))
          (func (export "leaf") (result i32) (i32.const 5))
          (func (export "step") (result i32) (local $seen i32)
            (local.set $seen (global.get $inside))
            (global.set $inside (i32.const 1))
            (global.set $inside (i32.const 0))
            (local.get $seen))
          (func (export "out") (call $back))
          (func (export "endless") (loop (br 0)))
          (func (export "bounce") (loop (call $back) (br 0)))
          (func (export "trap") (unreachable)))
        """;

    private static readonly StoreOptions s_limited = new() { TimeLimit = TimeSpan.FromMilliseconds(300) };

    [Fact]
    public void A_time_limit_ends_one_call_and_the_next_has_its_own()
    {
        Instance guest = Make(() => { }, s_limited);
        for (int round = 0; round < 3; round++)
        {
            Call(guest, ManyCalls);
            Assert.Equal(TrapKind.TimeLimit, Assert.Throws<TrapException>(guest.GetFunction<Action>("endless")!).Kind);
        }

        Call(guest, ManyCalls);
    }

    [Fact]
    public void A_store_that_has_rested_still_has_its_time_limit()
    {
        Instance guest = Make(() => { }, s_limited);
        Call(guest, ManyCalls);
        Thread.Sleep(1_500);
        Assert.Equal(TrapKind.TimeLimit, Assert.Throws<TrapException>(guest.GetFunction<Action>("endless")!).Kind);
        Call(guest, ManyCalls);
    }

    [Fact]
    public void Calls_within_a_call_do_not_give_it_more_time()
    {
        Func<int>? leaf = null;
        Instance guest = Make(() => leaf!(), s_limited);
        leaf = guest.GetFunction<Func<int>>("leaf")!;
        Call(guest, ManyCalls);
        Assert.Equal(TrapKind.TimeLimit, Assert.Throws<TrapException>(guest.GetFunction<Action>("bounce")!).Kind);
        Call(guest, ManyCalls);
    }

    [Fact]
    public void A_call_that_another_thread_has_met_keeps_its_time_limit()
    {
        Instance? guest = null;
        Exception? refused = null;
        guest = Make(
            () => Compilation.Guests.OnThread(() => refused = Record.Exception(() => guest!.GetFunction<Func<int>>("leaf")!()), 1 << 21),
            s_limited);
        Call(guest, ManyCalls);
        Assert.Equal(TrapKind.TimeLimit, Assert.Throws<TrapException>(guest.GetFunction<Action>("bounce")!).Kind);
        Assert.IsType<InvalidOperationException>(refused);
        Call(guest, ManyCalls);
    }

    [Fact]
    public void Traps_and_exceptions_of_the_host_leave_the_store()
    {
        Instance guest = Make(() => throw new FormatException());
        for (int round = 0; round < 100; round++)
        {
            Call(guest, 10);
            TrapException trap = Assert.Throws<TrapException>(guest.GetFunction<Action>("trap")!);
            Assert.Equal("trap", Assert.Single(trap.GuestStack).FunctionName);
            _ = Assert.Throws<FormatException>(guest.GetFunction<Action>("out")!);
        }

        int answer = 0;
        Compilation.Guests.OnThread(() => answer = guest.GetFunction<Func<int>>("leaf")!(), 1 << 21);
        Assert.Equal(5, answer);
    }

    [Fact]
    public void Exceptions_leave_one_of_several_calls_within_each_other()
    {
        Instance? guest = null;
        int depth = 0;
        guest = Make(() =>
        {
            if (++depth == 10)
            {
                throw new FormatException();
            }

            Assert.Equal(depth == 9 ? typeof(FormatException) : null, Record.Exception(guest!.GetFunction<Action>("out")!)?.GetType());
        });
        Call(guest, ManyCalls);
        guest.GetFunction<Action>("out")!();
        Assert.Equal(10, depth);
        guest.Store.Dispose();
        _ = Assert.Throws<ObjectDisposedException>(guest.GetFunction<Action>("out")!);
    }

    [Fact]
    public void Threads_that_take_turns_never_meet_inside()
    {
        Instance guest = Make(() => { });
        Func<int> step = guest.GetFunction<Func<int>>("step")!;
        long steps = 0;
        long seen = 0;
        var failures = new List<Exception>();
        var threads = new Thread[3];
        for (int i = 0; i < threads.Length; i++)
        {
            threads[i] = new Thread(() =>
            {
                // Long runs, so that each thread comes to be the one that is remembered, and others come in between.
                for (int run = 0; run < 300; run++)
                {
                    for (int call = 0; call < 200; call++)
                    {
                        Exception? exception = Record.Exception(() => seen += step());
                        if (exception is null)
                        {
                            steps++;
                        }
                        else if (exception is not InvalidOperationException)
                        {
                            lock (failures)
                            {
                                failures.Add(exception);
                            }
                        }
                    }

                    _ = Thread.Yield();
                }
            });
            threads[i].Start();
        }

        Array.ForEach(threads, thread => thread.Join());
        Assert.Empty(failures);
        Assert.Equal(0, seen);
        Assert.NotEqual(0, steps);
        Assert.Equal(0, step());
    }

    [Fact]
    public void Interruptions_that_come_at_any_time_are_heard_and_end()
    {
        Instance guest = Make(() => { });
        Func<int> leaf = guest.GetFunction<Func<int>>("leaf")!;
        bool isDone = false;
        int interrupted = 0;
        var failures = new List<Exception>();
        var thread = new Thread(() =>
        {
            while (!Volatile.Read(ref isDone))
            {
                try
                {
                    _ = leaf();
                }
                catch (TrapException trap) when (trap.Kind == TrapKind.Interrupted)
                {
                    interrupted++;
                }
                catch (Exception exception)
                {
                    failures.Add(exception);
                    return;
                }
            }
        });
        thread.Start();
        for (int round = 0; round < 500; round++)
        {
            guest.Store.Interrupt();
            while (Record.Exception(guest.Store.ClearInterruption) is not null)
            {
                _ = Thread.Yield();
            }

            if (round % 50 == 0)
            {
                Thread.Sleep(1);
            }
        }

        Volatile.Write(ref isDone, true);
        thread.Join();
        Assert.Empty(failures);
        Assert.Equal(5, leaf());
        guest.Store.Interrupt();
        Assert.Equal(TrapKind.Interrupted, Assert.Throws<TrapException>(() => leaf()).Kind);
    }

    [Fact]
    public void A_store_that_is_disposed_while_a_thread_calls_gives_its_memory_back()
    {
        for (int round = 0; round < 200; round++)
        {
            Instance guest = Make(() => { });
            Func<int> leaf = guest.GetFunction<Func<int>>("leaf")!;
            Exception? last = null;
            using var started = new ManualResetEventSlim();
            var thread = new Thread(() =>
            {
                for (int call = 0; last is null; call++)
                {
                    last = Record.Exception(() => leaf());
                    if (call == 20)
                    {
                        started.Set();
                    }
                }

                started.Set();
            });
            thread.Start();
            Guests.Await(started);
            guest.Store.Dispose();
            Guests.Join(thread);
            Assert.True(last is ObjectDisposedException or TrapException { Kind: TrapKind.Interrupted }, last?.ToString());
            Assert.IsType<ObjectDisposedException>(Record.Exception(() => leaf()));
            Assert.Equal(0, guest.Store.Account.MemoryBytes);
        }
    }

    [Fact]
    public void A_call_that_ends_about_when_its_time_does_leaves_nothing_to_the_next()
    {
        int pause = 0;
        Instance guest = Make(() => Thread.Sleep(pause), new StoreOptions { TimeLimit = TimeSpan.FromMilliseconds(100) });
        for (int round = 0; round < 60; round++)
        {
            Call(guest, 20);
            pause = 96 + (round % 15);
            Exception? exception = Record.Exception(guest.GetFunction<Action>("out")!);
            Assert.True(exception is null or TrapException { Kind: TrapKind.TimeLimit }, exception?.ToString());
            Call(guest, 1);
        }
    }

    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public void A_thread_that_waits_to_leave_keeps_nobody_out(bool isInterrupted)
    {
        bool mayLeave = false;
        bool isOver = false;
        using var isInside = new ManualResetEventSlim();
        Instance guest = Make(
            () =>
            {
                isInside.Set();
                while (!Volatile.Read(ref mayLeave))
                {
                    // Never sleeping, not even for no time: the test takes that for the wait below.
                    Thread.SpinWait(20);
                }
            },
            s_limited);
        Exception? left = null;
        var thread = new Thread(() =>
        {
            Call(guest, ManyCalls);
            left = Record.Exception(guest.GetFunction<Action>("out")!);
            Volatile.Write(ref isOver, true);
        });
        thread.Start();
        Guests.Await(isInside);

        // Its time is over, and it has not left yet.
        Assert.True(SpinWait.SpinUntil(() => guest.Store.IsInterrupted, Guests.Patience), "the time limit was not heard");
        object gate = typeof(Store).GetField("_lock", System.Reflection.BindingFlags.Instance | System.Reflection.BindingFlags.NonPublic)!.GetValue(guest.Store)!;
        lock (gate)
        {
            Volatile.Write(ref mayLeave, true);
            Assert.True(SpinWait.SpinUntil(() => thread.ThreadState.HasFlag(ThreadState.WaitSleepJoin), Guests.Patience), "the thread did not come to leave");
            if (isInterrupted)
            {
                thread.Interrupt();
                Assert.True(SpinWait.SpinUntil(() => Volatile.Read(ref isOver), Guests.Patience), "the thread was not interrupted");
            }
            else
            {
                Call(guest, 1);
            }
        }

        Guests.Join(thread);
        Assert.Equal(isInterrupted, left is ThreadInterruptedException);
        Call(guest, ManyCalls);
        Guests.Join(thread);
    }

    private static Instance Make(Action back, StoreOptions? options = null) =>
        Guests.Instantiate(Text, options: options, define: linker => linker.DefineFunction("host", "back", back));

    private static void Call(Instance guest, int times)
    {
        Func<int> leaf = guest.GetFunction<Func<int>>("leaf")!;
        for (int i = 0; i < times; i++)
        {
            Assert.Equal(5, leaf());
        }
    }
}
