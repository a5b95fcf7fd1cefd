using System.Net;
using System.Net.Sockets;
using Wherry.Execution.Suspension;
using Wherry.Wasi.Scheduling;

namespace Wherry.Wasi.Tests.Scheduling;

/// <summary>Guests that run by turns on a few threads.</summary>
public sealed class GuestSchedulerTests
{
    private static readonly TimeSpan Patience = TimeSpan.FromMinutes(5);

    /// <summary>Accepts connections one after the other and sends back what it receives, in the blocking way; a first byte of 0 ends it.</summary>
    private const string Echo = """
        (module
          (import "wasi_snapshot_preview1" "sock_accept" (func $accept (param i32 i32 i32) (result i32)))
          (import "wasi_snapshot_preview1" "sock_recv" (func $receive (param i32 i32 i32 i32 i32 i32) (result i32)))
          (import "wasi_snapshot_preview1" "sock_send" (func $send (param i32 i32 i32 i32 i32) (result i32)))
          (import "wasi_snapshot_preview1" "fd_close" (func $close (param i32) (result i32)))
          (import "wasi_snapshot_preview1" "poll_oneoff" (func $poll (param i32 i32 i32 i32) (result i32)))
          (import "wasi_snapshot_preview1" "proc_exit" (func $exit (param i32)))
          (memory (export "memory") 1)
          (func $check (param i32) (if (local.get 0) (then (call $exit (i32.add (i32.const 100) (local.get 0))))))
          (func $serve (param $fd i32)
            (loop $more
              (i32.store (i32.const 0) (i32.const 1024))
              (i32.store (i32.const 4) (i32.const 64))
              (call $check (call $receive (local.get $fd) (i32.const 0) (i32.const 1) (i32.const 0) (i32.const 8) (i32.const 12)))
              (if (i32.load (i32.const 8))
                (then
                  (if (i32.eqz (i32.load8_u (i32.const 1024))) (then (call $exit (i32.const 0))))
                  (i32.store (i32.const 4) (i32.load (i32.const 8)))
                  (call $check (call $send (local.get $fd) (i32.const 0) (i32.const 1) (i32.const 0) (i32.const 8)))
                  (br $more))))
            (drop (call $close (local.get $fd))))
          (func (export "_start")
            (loop $next
              (call $check (call $accept (i32.const 3) (i32.const 0) (i32.const 16)))
              (call $serve (i32.load (i32.const 16)))
              (br $next)))

          ;; Sleeps for some nanoseconds, and returns what poll_oneoff said.
          (func $nap (param $time i64) (result i32)
            (memory.fill (i32.const 0) (i32.const 0) (i32.const 48))
            (i32.store (i32.const 16) (i32.const 1))
            (i64.store (i32.const 24) (local.get $time))
            (call $poll (i32.const 0) (i32.const 64) (i32.const 1) (i32.const 96)))
          (func (export "sleep") (param i64) (result i32) (call $nap (local.get 0)))
          (func (export "spin") (loop (br 0)))
        )
        """;

    private static readonly Engine SuspendableEngine = new(new EngineOptions { MayWait = WaitingImports.MayWait });

    [Fact]
    public async Task A_thousand_guests_serve_on_a_few_threads()
    {
        const int Count = 1_000;
        const int MaximumThreads = 50;
        Module module = Load();
        var guests = new List<(GuestCallTask Task, int Port, Store Store)>();
        try
        {
            for (int i = 0; i < Count; i++)
            {
                guests.Add(Start(module));
                if (i < 8)
                {
                    // The first ones show what is below a wait.
                    Assert.Equal("hello", await AskAsync(guests[^1].Port, "hello"));
                }
            }

            foreach ((_, int port, _) in guests)
            {
                Assert.Equal("again", await AskAsync(port, "again"));
            }

            await UntilAsync(() => guests.Count(guest => guest.Task.IsWaiting) >= Count - 16);
            Assert.InRange(GuestScheduler.Shared.ThreadCount, 1, MaximumThreads);
            foreach ((_, int port, _) in guests)
            {
                await SendAsync(port, [0]);
            }

            foreach ((GuestCallTask task, _, _) in guests)
            {
                GuestExitException exit = await Assert.ThrowsAsync<GuestExitException>(() => task.Completion.WaitAsync(Patience));
                Assert.Equal(0, exit.ExitCode);
            }
        }
        finally
        {
            guests.ForEach(guest => guest.Store.Dispose());
        }
    }

    [Fact]
    public async Task Guests_that_compute_do_not_keep_others_from_running()
    {
        Module module = Load();
        (GuestCallTask server, int port, Store serverStore) = Start(module);
        Assert.Equal("hello", await AskAsync(port, "hello"));
        var spinning = new List<(GuestCallTask Task, Store Store)>();
        for (int i = 0; i < (4 * Environment.ProcessorCount) + 4; i++)
        {
            spinning.Add(Start(module, "spin"));
        }

        for (int i = 0; i < 20; i++)
        {
            Assert.Equal("still", await AskAsync(port, "still"));
        }

        foreach ((GuestCallTask task, Store store) in spinning)
        {
            Assert.False(task.Completion.IsCompleted);
            await UntilAsync(() => task.TurnCount > 0);
            store.Dispose();
            Assert.Equal(TrapKind.Interrupted, (await Assert.ThrowsAsync<TrapException>(() => task.Completion.WaitAsync(Patience))).Kind);
        }

        serverStore.Dispose();
        _ = await Assert.ThrowsAsync<TrapException>(() => server.Completion.WaitAsync(Patience));
    }

    [Theory]
    [InlineData(0)]
    [InlineData(1)]
    [InlineData(20_000_000)]
    public async Task Guests_sleep(long nanoseconds)
    {
        Module module = Load();
        for (int i = 0; i < 3; i++)
        {
            (GuestCallTask task, Store store) = Start(module, "sleep", nanoseconds);
            await task.Completion.WaitAsync(Patience);
            Assert.Equal([0], task.Results);
            store.Dispose();
        }
    }

    [Fact]
    public async Task Many_guests_sleep_at_once_and_each_wakes()
    {
        Module module = Load();
        await Start(module, "sleep", 1L).Task.Completion.WaitAsync(Patience);
        var sleeping = Enumerable.Range(0, 300).Select(i => Start(module, "sleep", (i % 7) * 3_000_000L)).ToList();
        foreach ((GuestCallTask task, Store store) in sleeping)
        {
            await task.Completion.WaitAsync(Patience);
            store.Dispose();
        }
    }

    [Fact]
    public async Task A_guest_that_sleeps_for_ever_is_interrupted()
    {
        Module module = Load();
        int interrupted = 0;
        for (int i = 0; i < 100 && interrupted < 3; i++)
        {
            (GuestCallTask task, Store store) = Start(module, "sleep", long.MaxValue);
            await UntilAsync(() => task.TurnCount > 0);
            store.Dispose();
            Exception ended = await Assert.ThrowsAnyAsync<Exception>(() => task.Completion.WaitAsync(Patience));
            if (ended is not ObjectDisposedException)
            {
                // Otherwise its turn had begun, but not its call.
                Assert.Equal(TrapKind.Interrupted, Assert.IsType<TrapException>(ended).Kind);
                interrupted++;
            }
        }

        Assert.Equal(3, interrupted);
    }

    /// <summary>Whatever the other threads do meanwhile: who is woken by a guest that computes on is run by another thread.</summary>
    [Fact]
    public async Task What_a_guest_wakes_runs_while_that_one_computes()
    {
        const int Rounds = 100;
        using var scheduler = new GuestScheduler();
        for (int round = 0; round < Rounds; round++)
        {
            using var ran = new ManualResetEventSlim();
            var done = new TaskCompletionSource();
            bool ends = false;
            scheduler.Post(new Work(() =>
            {
                scheduler.Post(new Work(ran.Set));
                for (long i = 0; !ran.IsSet && !Volatile.Read(ref ends); i++)
                {
                    Thread.SpinWait(1);
                }

                done.SetResult();
            }));

            // Events come for others, each time a little later, and one of those computes as well.
            Thread.SpinWait(round * 50);
            scheduler.Post(new Work(() => SpinWait.SpinUntil(() => ran.IsSet || Volatile.Read(ref ends))));
            scheduler.Post(new Work(() => { }));
            bool isRun = ran.Wait(Patience);
            Volatile.Write(ref ends, true);
            Assert.True(isRun);
            await done.Task.WaitAsync(Patience);
        }
    }

    [Fact]
    public async Task Guests_that_wake_each_other_for_ever_do_not_keep_others_asleep()
    {
        Module module = Load();
        using var scheduler = new GuestScheduler(Environment.ProcessorCount);
        bool isOver = false;
        for (int i = 0; i < 4 * Environment.ProcessorCount; i++)
        {
            Work work = null!;
            work = new Work(() =>
            {
                if (!Volatile.Read(ref isOver))
                {
                    scheduler.PostNext(work);
                }
            });
            scheduler.Post(work);
        }

        using var store = new Store(SuspendableEngine);
        var context = new WasiContext(new WasiOptions { Scheduler = scheduler });
        var linker = new Linker(SuspendableEngine);
        context.AddTo(linker);
        Instance instance = linker.Instantiate(store, module);
        try
        {
            for (int i = 0; i < 3; i++)
            {
                // The first one keeps its thread while it waits, which shows where the module waits.
                await GuestCallTask.Start(scheduler, () => new SuspendableCall(instance.GetFunction("sleep")!, 1_000_000L)).Completion.WaitAsync(Patience);
            }
        }
        finally
        {
            Volatile.Write(ref isOver, true);
        }
    }

    private static Module Load() => Module.Load(SuspendableEngine, WatConverter.ToBinary(Echo, emitNames: true), "echo.wasm");

    private static (GuestCallTask Task, Store Store) Start(Module module, string function, params object?[] arguments)
    {
        var store = new Store(SuspendableEngine);
        SuspendableCall call = Prepare(store, module, new WasiOptions(), function, arguments);
        return (GuestCallTask.Start(GuestScheduler.Shared, () => call), store);
    }

    private static (GuestCallTask Task, int Port, Store Store) Start(Module module)
    {
        int port = 0;
        var store = new Store(SuspendableEngine);
        var options = new WasiOptions { TcpListeners = [new IPEndPoint(IPAddress.Loopback, 0)], NetworkPolicy = new NetworkPolicy { Listening = listening => port = listening.EndPoint.Port } };
        SuspendableCall call = Prepare(store, module, options, "_start", []);
        return (GuestCallTask.Start(GuestScheduler.Shared, () => call), port, store);
    }

    private static SuspendableCall Prepare(Store store, Module module, WasiOptions options, string function, object?[] arguments)
    {
        var context = new WasiContext(options with { Scheduler = GuestScheduler.Shared });
        var linker = new Linker(SuspendableEngine);
        context.AddTo(linker);
        return new SuspendableCall(linker.Instantiate(store, module).GetFunction(function)!, arguments);
    }

    private static async Task<string> AskAsync(int port, string text)
    {
        byte[] answer = await SendAsync(port, System.Text.Encoding.UTF8.GetBytes(text), text.Length);
        return System.Text.Encoding.UTF8.GetString(answer);
    }

    private static async Task<byte[]> SendAsync(int port, byte[] bytes, int expected = 0)
    {
        using Socket socket = await ConnectAsync(port);
        await socket.SendAsync(bytes);
        var answer = new byte[expected];
        int received = 0;
        while (received < expected)
        {
            int count = await socket.ReceiveAsync(answer.AsMemory(received)).AsTask().WaitAsync(Patience);
            Assert.NotEqual(0, count);
            received += count;
        }

        return answer;
    }

    private static async Task<Socket> ConnectAsync(int port)
    {
        DateTime end = DateTime.UtcNow + Patience;
        while (true)
        {
            var socket = new Socket(SocketType.Stream, ProtocolType.Tcp);
            try
            {
                await socket.ConnectAsync(IPAddress.Loopback, port);
                return socket;
            }
            catch (SocketException) when (DateTime.UtcNow < end)
            {
                // It does not listen yet.
                socket.Dispose();
                await Task.Delay(10);
            }
        }
    }

    private static async Task UntilAsync(Func<bool> condition)
    {
        DateTime end = DateTime.UtcNow + Patience;
        while (!condition())
        {
            Assert.True(DateTime.UtcNow < end, "what the test waits for did not happen");
            await Task.Delay(10);
        }
    }

    private sealed class Work(Action action) : IGuestWork
    {
        public void Execute() => action();
    }
}
