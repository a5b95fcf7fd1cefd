namespace Wherry.Tests.Execution;

/// <summary>Guests that are held and let go.</summary>
public sealed class PauseTests
{
    private const string Guest = """
        (module
          (import "host" "turn" (func $turn (param i32)))
          (import "host" "started" (func $started))
          (memory (export "memory") 1)
          (func $count (i32.atomic.store (i32.const 0) (i32.add (i32.atomic.load (i32.const 0)) (i32.const 1))))
          (func (export "loop") (call $started) (loop (br_if 1 (i32.atomic.load (i32.const 4))) (call $count) (br 0)))
          (func (export "host calls") (call $started) (loop (br_if 1 (i32.atomic.load (i32.const 4))) (call $count) (call $turn (i32.const 0)) (br 0)))
          (func $deep (param i32) (result i32)
            (call $count)
            (if (result i32) (i32.or (i32.eqz (local.get 0)) (i32.atomic.load (i32.const 4)))
              (then (i32.const 1))
              (else (i32.add (call $deep (i32.sub (local.get 0) (i32.const 1))) (call $deep (i32.sub (local.get 0) (i32.const 1)))))))
          (func (export "recursion") (call $started) (drop (call $deep (i32.const 60))))
          (func (export "values") (param i64) (result i64) (local f64) (local v128)
            (call $started)
            (local.set 1 (f64.const 1.5))
            (local.set 2 (i64x2.splat (local.get 0)))
            (loop (call $count) (br_if 0 (i32.eqz (i32.atomic.load (i32.const 4)))))
            (i64.add (i64x2.extract_lane 1 (local.get 2)) (i64.trunc_f64_s (local.get 1))))
        )
        """;

    public static TheoryData<string, bool> Functions() => new(
        from function in new[] { "loop", "host calls", "recursion", "values" }
        from isMetered in new[] { false, true }
        select (function, isMetered));

    [Theory]
    [MemberData(nameof(Functions))]
    public async Task A_guest_stands_still_while_it_is_held_and_goes_on_where_it_was(string function, bool isMetered)
    {
        using var guest = new RunningGuest(function, isMetered);
        for (int round = 0; round < 3; round++)
        {
            guest.Store.Pause();
            Assert.True(guest.Store.IsPaused);
            int held = await guest.WaitUntilStillAsync();
            guest.Store.Resume();
            await guest.WaitUntilBeyondAsync(held);
        }

        Assert.Equal(function == "values" ? 42 : 0, await guest.EndAsync());
    }

    [Fact]
    public async Task A_guest_that_is_held_can_be_interrupted()
    {
        using var guest = new RunningGuest("loop", isMetered: false);
        guest.Store.Pause();
        await guest.WaitUntilStillAsync();
        guest.Store.Interrupt();
        Assert.Equal(TrapKind.Interrupted, (await Assert.ThrowsAsync<TrapException>(guest.EndAsync)).Kind);
    }

    [Fact]
    public void A_store_whose_code_does_not_look_refuses()
    {
        using var engine = new Engine();
        using var store = new Store(engine);
        Assert.Throws<InvalidOperationException>(store.Pause);
        Assert.False(store.IsPaused);
    }

    private sealed class RunningGuest : IDisposable
    {
        private const int StillFor = 20;

        private readonly Memory memory;
        private readonly Task<long> run;

        public RunningGuest(string function, bool isMetered)
        {
            var engine = new Engine(new EngineOptions { Pausing = true, FuelCosts = isMetered ? FuelCosts.Default : null });
            Store = new Store(engine);
            var linker = new Linker(engine);
            var started = new TaskCompletionSource();
            linker.DefineFunction("host", "started", started.SetResult);
            linker.DefineFunction("host", "turn", (int _) => { });
            Instance instance = linker.Instantiate(Store, Module.Load(engine, WatConverter.ToBinary(Guest)));
            memory = instance.GetMemory("memory")!;
            run = Task.Factory.StartNew(
                () =>
                {
                    if (function == "values")
                    {
                        return instance.GetFunction<Func<long, long>>(function)!(41);
                    }

                    instance.GetFunction<Action>(function)!();
                    return 0;
                },
                CancellationToken.None,
                TaskCreationOptions.LongRunning,
                TaskScheduler.Default);
            started.Task.Wait(Patience.Token);
        }

        private static CancellationTokenSource Patience => new(TimeSpan.FromMinutes(2));

        public Store Store { get; }

        private int Count => Volatile.Read(ref At(0));

        /// <summary>Waits until it does nothing any more. One that is not held counts on, and never gets here.</summary>
        public async Task<int> WaitUntilStillAsync()
        {
            using CancellationTokenSource patience = Patience;
            int last = Count;
            for (int still = 0; still < StillFor; still++)
            {
                await Task.Delay(5, patience.Token);
                int now = Count;
                still = now == last ? still : 0;
                last = now;
            }

            return last;
        }

        public async Task WaitUntilBeyondAsync(int count)
        {
            using CancellationTokenSource patience = Patience;
            while (Count == count)
            {
                await Task.Delay(5, patience.Token);
            }
        }

        public async Task<long> EndAsync()
        {
            Volatile.Write(ref At(4), 1);
            using CancellationTokenSource patience = Patience;
            return await run.WaitAsync(patience.Token);
        }

        // Sound: the memory has a page, and stays while the store does.
        private unsafe ref int At(int address) => ref *(int*)(memory.Base + address);

        public void Dispose()
        {
            Store.Interrupt();
            Store.Dispose();
        }
    }
}
