namespace Wherry.Tests.Execution;

/// <summary>Threads that call a store one after the other, at once, or from within each other.</summary>
public sealed class OwnershipTests
{
    private const int ManyCalls = 1_000;

    private const string Text = """
        (module
          (import "host" "back" (func $back (param i32)))
          (global $inside (mut i32) (i32.const 0))
          (global $count (mut i32) (i32.const 0))
          ;; gives what others left behind: must be 0
          (func (export "step") (param $n i32) (result i32) (local $seen i32)
            (local.set $seen (global.get $inside))
            (global.set $inside (i32.const 1))
            (loop $next
              (global.set $count (i32.add (global.get $count) (i32.const 1)))
              (br_if $next (local.tee $n (i32.sub (local.get $n) (i32.const 1)))))
            (global.set $inside (i32.const 0))
            (local.get $seen))
          (func (export "count") (result i32) (global.get $count))
          (func (export "leaf") (result i32) (i32.const 5))
          (func (export "out") (param i32) (call $back (local.get 0)))
          (func $deep (export "deep") (param $n i32) (result i32)
            (if (result i32) (i32.eqz (local.get $n))
              (then (i32.const 0))
              (else (i32.add (i32.const 1) (call $deep (i32.sub (local.get $n) (i32.const 1))))))))
        """;

    [Fact]
    public void Of_threads_that_call_at_once_one_gets_in()
    {
        (Store store, Instance guest) = Make(_ => { });
        Func<int, int> step = guest.GetFunction<Func<int, int>>("step")!;
        Call(guest, ManyCalls);
        int steps = 0;
        int busy = 0;
        int overlaps = 0;
        int others = 0;
        var threads = new Thread[4];
        for (int i = 0; i < threads.Length; i++)
        {
            threads[i] = new Thread(() =>
            {
                for (int round = 0; round < 20_000; round++)
                {
                    try
                    {
                        _ = Interlocked.Add(ref overlaps, step(3));
                        _ = Interlocked.Increment(ref steps);
                    }
                    catch (InvalidOperationException)
                    {
                        _ = Interlocked.Increment(ref busy);
                        _ = Thread.Yield();
                    }
                    catch (Exception)
                    {
                        _ = Interlocked.Increment(ref others);
                    }
                }
            });
            threads[i].Start();
        }

        Array.ForEach(threads, thread => thread.Join());
        Assert.Equal((0, 0, threads.Length * 20_000), (overlaps, others, steps + busy));
        Assert.Equal(3 * steps, guest.GetFunction<Func<int>>("count")!());
        store.Dispose();
    }

    [Fact]
    public void Another_thread_gets_a_store_that_rests_and_none_that_runs()
    {
        Instance? guest = null;
        Exception? refused = null;
        int answer = 0;
        (_, guest) = Make(_ => OnThread(() => refused = Record.Exception(() => guest!.GetFunction<Func<int>>("leaf")!())));
        Call(guest, ManyCalls);
        OnThread(() => answer = guest.GetFunction<Func<int>>("leaf")!());
        Assert.Equal(5, answer);
        Call(guest, ManyCalls);
        guest.GetFunction<Action<int>>("out")!(0);
        Assert.IsType<InvalidOperationException>(refused);

        // What was wanted while it ran is to be had afterwards.
        OnThread(() => answer += guest.GetFunction<Func<int>>("leaf")!());
        Assert.Equal(10, answer);
        Assert.Equal(5, guest.GetFunction<Func<int>>("leaf")!());
    }

    [Fact]
    public void Each_thread_has_its_own_limit_of_the_stack()
    {
        (_, Instance guest) = Make(_ => { });
        Func<int, int> deep = guest.GetFunction<Func<int, int>>("deep")!;
        int large = 0;
        TrapKind small = default;
        for (int round = 0; round < 3; round++)
        {
            OnThread(
                () =>
                {
                    Call(guest, ManyCalls);
                    large = deep(100_000);
                },
                64 << 20);
            OnThread(
                () =>
                {
                    Call(guest, ManyCalls);
                    small = Assert.Throws<TrapException>(() => deep(10_000_000)).Kind;
                },
                2 << 20);
            Assert.Equal((100_000, TrapKind.StackExhausted), (large, small));
        }
    }

    [Fact]
    public void An_interruption_is_heard_by_the_next_call()
    {
        (Store store, Instance guest) = Make(_ => { });
        Func<int> leaf = guest.GetFunction<Func<int>>("leaf")!;
        for (int round = 0; round < 3; round++)
        {
            Call(guest, ManyCalls * (round + 1));
            OnThread(store.Interrupt);
            Assert.Equal(TrapKind.Interrupted, Assert.Throws<TrapException>(() => leaf()).Kind);
            store.ClearInterruption();
            Assert.Equal(5, leaf());
        }
    }

    [Fact]
    public void An_interruption_of_a_call_outlasts_it()
    {
        Store? store = null;
        (store, Instance guest) = Make(_ => store!.Interrupt());
        Call(guest, ManyCalls);
        _ = Record.Exception(() => guest.GetFunction<Action<int>>("out")!(0));
        Assert.Equal(TrapKind.Interrupted, Assert.Throws<TrapException>(() => guest.GetFunction<Func<int>>("leaf")!()).Kind);
        store.ClearInterruption();
        Assert.Equal(5, guest.GetFunction<Func<int>>("leaf")!());
    }

    [Fact]
    public void Host_and_guest_call_each_other_as_deeply_as_before()
    {
        Instance? guest = null;
        Action<int>? outward = null;
        Store? store = null;
        int turns = 0;
        (store, guest) = Make(n =>
        {
            turns++;
            if (n == 7)
            {
                // In the middle another thread asks for the store.
                OnThread(() => Assert.Throws<InvalidOperationException>(() => guest!.GetFunction<Func<int>>("leaf")!()));
            }

            if (n > 0)
            {
                outward!(n - 1);
            }
        });
        outward = guest.GetFunction<Action<int>>("out")!;
        Call(guest, ManyCalls);
        outward(20);
        Assert.Equal(21, turns);
        OnThread(() => outward(5));
        Assert.Equal(27, turns);
        Assert.Equal(5, guest.GetFunction<Func<int>>("leaf")!());
        store.Dispose();
        Assert.Throws<ObjectDisposedException>(() => outward(0));
    }

    [Fact]
    public void A_store_that_a_thread_has_called_can_be_disposed_by_another()
    {
        (Store store, Instance guest) = Make(_ => { });
        Call(guest, ManyCalls);
        OnThread(store.Dispose);
        Assert.Throws<ObjectDisposedException>(() => guest.GetFunction<Func<int>>("leaf")!());
    }

    [Fact]
    public async Task A_call_that_is_cancelled_ends_alone()
    {
        (_, Instance guest) = Make(_ => { });
        Call(guest, ManyCalls);
        using var cancellation = new CancellationTokenSource();
        Task<object?[]> endless = guest.GetFunction("step")!.CallAsync([0], cancellation.Token);
        await cancellation.CancelAsync();
        await Assert.ThrowsAnyAsync<OperationCanceledException>(() => endless);
        Assert.Equal(5, guest.GetFunction<Func<int>>("leaf")!());
    }

    private static (Store Store, Instance Guest) Make(Action<int> back)
    {
        Module module = Module.Load(Engine.Default, WatConverter.ToBinary(Text));
        var store = new Store(module.Engine);
        var linker = new Linker(module.Engine);
        linker.DefineFunction("host", "back", back);
        return (store, linker.Instantiate(store, module));
    }

    private static void Call(Instance guest, int times)
    {
        Func<int> leaf = guest.GetFunction<Func<int>>("leaf")!;
        for (int i = 0; i < times; i++)
        {
            Assert.Equal(5, leaf());
        }
    }

    private static void OnThread(Action action) => OnThread(action, 1 << 21);

    private static void OnThread(Action action, int stackSize) => Compilation.Guests.OnThread(action, stackSize);
}
