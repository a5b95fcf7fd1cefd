namespace Wherry.Tests.Hosting;

public sealed class FunctionTests
{
    [Fact]
    public void A_host_function_is_called_through_a_typed_delegate()
    {
        using var store = new Store(Engine.Default);
        Func<int, long, float, double, double> add = (a, b, c, d) => a + b + c + d;
        Function function = Function.Create(store, add);

        Assert.Equal("(i32, i64, f32, f64) -> (f64)", function.Type.ToString());
        Assert.Equal(10.0, function.As<Func<int, long, float, double, double>>()(1, 2, 3, 4));
        Assert.Equal(10.0, function.As<Func<uint, ulong, float, double, double>>()(1, 2, 3, 4));
        Assert.Equal([10.0], function.Invoke(1, 2L, 3f, 4.0));
    }

    [Fact]
    public void Several_results_are_a_tuple()
    {
        using var store = new Store(Engine.Default);
        Function two = Function.Create(store, (int a, int b) => (b, (long)a));
        Function nine = Function.Create(store, (int a) => (a, a + 1, a + 2, a + 3, a + 4, a + 5, a + 6, 7L + a, 8.0 + a));

        Assert.Equal((2, 1L), two.As<Func<int, int, (int, long)>>()(1, 2));
        Assert.Equal((2u, 1UL), two.As<Func<int, int, (uint, ulong)>>()(1, 2));
        Assert.Equal((0, 1, 2, 3, 4, 5, 6, 7L, 8.0), nine.As<Func<int, (int, int, int, int, int, int, int, long, double)>>()(0));
        Assert.Equal((0u, 1, 2, 3, 4, 5, 6, 7L, 8.0), nine.As<Func<int, (uint, int, int, int, int, int, int, long, double)>>()(0));
        Assert.Equal([1, 2, 3, 4, 5, 6, 7, 8L, 9.0], nine.Invoke(1));
    }

    [Fact]
    public void References_pass_as_they_are()
    {
        using var store = new Store(Engine.Default);
        Function echo = Function.Create(store, (string text, Function function) => ((object?)text, (Function?)function));
        (object? value, object? function) = echo.As<Func<string?, Function?, (object?, object?)>>()("text", echo);
        Assert.Equal("text", value);
        Assert.Same(echo, function);
        Assert.Equal([null, null], echo.Invoke(null, null));
        _ = Assert.Throws<ArgumentException>(() => echo.Invoke("text", "not a function"));
        _ = Assert.Throws<ArgumentException>(() => echo.As<Func<object?, object?, (object?, object?)>>()("text", new object()));
    }

    [Fact]
    public void A_wrong_delegate_type_names_both_signatures()
    {
        using var store = new Store(Engine.Default);
        Function function = Function.Create(store, (int a) => a);
        ArgumentException exception = Assert.Throws<ArgumentException>(() => function.As<Func<long, (int, double)>>());
        Assert.Contains("(i32) -> (i32)", exception.Message);
        Assert.Contains("int (int)", exception.Message);
        Assert.Contains("(int, double) (long)", exception.Message);
        _ = Assert.Throws<ArgumentException>(() => function.As<Action<int>>());
        _ = Assert.Throws<ArgumentException>(() => function.Invoke(1, 2));
        _ = Assert.Throws<ArgumentException>(() => function.Invoke("one"));
        _ = Assert.Throws<ArgumentException>(() => Function.Create(store, (DateTime time) => { }));
    }

    [Fact]
    public void A_typed_call_allocates_nothing()
    {
        using var store = new Store(Engine.Default);
        Func<int, int, int> add = Function.Create(store, (int a, int b) => a + b).As<Func<int, int, int>>();
        int sum = 0;
        for (int i = 0; i < 100; i++)
        {
            sum += add(i, 1);
        }

        long before = GC.GetAllocatedBytesForCurrentThread();
        for (int i = 0; i < 1000; i++)
        {
            sum += add(i, 1);
        }

        Assert.Equal(0, GC.GetAllocatedBytesForCurrentThread() - before);
        Assert.NotEqual(0, sum);
    }

    [Fact]
    public void Exceptions_of_host_functions_pass_unchanged()
    {
        using var store = new Store(Engine.Default);
        string? nothing = null;
        Func<int> fail = Function.Create(store, () => nothing!.Length).As<Func<int>>();
        _ = Assert.Throws<NullReferenceException>(() => fail());
        Assert.False(store.IsRunning);
    }

    [Fact]
    public async Task ValueTasks_are_waited_for()
    {
        using var store = new Store(Engine.Default);
        Function slow = Function.Create(store, SlowAsync);
        Assert.Equal(42, slow.As<Func<int, int>>()(41));
        Assert.Equal([43], await slow.CallAsync([42], TestContext.Current.CancellationToken));

        static async ValueTask<int> SlowAsync(int value, CancellationToken token)
        {
            await Task.Delay(1, token);
            return value + 1;
        }
    }

    [Fact]
    public async Task Cancelling_a_call_ends_a_host_function_that_heeds_it_and_the_store_can_be_used_again()
    {
        using var store = new Store(Engine.Default);
        Function wait = Function.Create(store, async ValueTask (int milliseconds, CancellationToken token) => await Task.Delay(milliseconds, token));
        using var cancellation = new CancellationTokenSource();
        Task<object?[]> call = wait.CallAsync([600_000], cancellation.Token);
        await cancellation.CancelAsync();
        _ = await Assert.ThrowsAnyAsync<OperationCanceledException>(() => call.WaitAsync(TimeSpan.FromSeconds(60)));
        Assert.Empty(wait.Invoke(0));
    }

    [Fact]
    public void A_time_limit_ends_a_waiting_host_function()
    {
        using var store = new Store(Engine.Default, new StoreOptions { TimeLimit = TimeSpan.FromMilliseconds(20) });
        Function wait = Function.Create(store, async ValueTask (CancellationToken token) => await Task.Delay(600_000, token));
        for (int i = 0; i < 3; i++)
        {
            TrapException trap = Assert.Throws<TrapException>(() => wait.Invoke());
            Assert.Equal(TrapKind.TimeLimit, trap.Kind);
        }
    }

    [Fact]
    public void A_second_thread_gets_a_clear_exception()
    {
        using var store = new Store(Engine.Default);
        Exception? fromOther = null;
        Function inner = Function.Create(store, () => { });
        Function outer = Function.Create(store, () =>
        {
            // The same thread may enter again.
            _ = inner.Invoke();
            var other = new Thread(() => fromOther = Record.Exception(() => inner.Invoke()));
            other.Start();
            other.Join();
        });

        _ = outer.Invoke();

        Assert.IsType<InvalidOperationException>(fromOther);
        Assert.Contains("Another thread", fromOther.Message);
        _ = inner.Invoke();
    }

    [Fact]
    public void An_interrupted_store_refuses_calls_until_it_is_cleared()
    {
        using var cancellation = new CancellationTokenSource();
        using var store = new Store(Engine.Default, new StoreOptions { CancellationToken = cancellation.Token });
        Function nothing = Function.Create(store, () => { });
        cancellation.Cancel();
        Assert.True(store.InterruptionToken.IsCancellationRequested);
        Assert.Equal(TrapKind.Interrupted, Assert.Throws<TrapException>(() => nothing.Invoke()).Kind);
        store.ClearInterruption();
        _ = nothing.Invoke();
        Assert.False(store.InterruptionToken.IsCancellationRequested);
        store.Dispose();
        _ = Assert.Throws<ObjectDisposedException>(() => nothing.Invoke());
    }
}
