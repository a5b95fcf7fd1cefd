using System.Runtime.ExceptionServices;

namespace Wherry.Wasi.Tests.Threads;

/// <summary>Threads that a guest starts: what ends one of them, and what bounds all.</summary>
public sealed class ThreadGroupTests
{
    private static readonly TimeSpan Patience = TimeSpan.FromMinutes(5);

    private static readonly Engine Guarded = new(new EngineOptions { BoundsChecks = BoundsChecks.Guard });
    private static readonly Engine Explicit = new(new EngineOptions { BoundsChecks = BoundsChecks.Explicit });

    public static TheoryData<bool> Modes => [true, false];

    /// <summary>Ways in which the other threads may be busy when the group ends.</summary>
    public static TheoryData<string, bool> Occupations()
    {
        var data = new TheoryData<string, bool>();
        foreach (string occupation in new[] { "(call $forever)", "(call $block)", "(call $sleep)", "(call $read)", "(call $work)" })
        {
            data.Add(occupation, true);
            data.Add(occupation, false);
        }

        return data;
    }

    [Theory]
    [MemberData(nameof(Occupations))]
    public void A_trap_in_one_ends_all(string occupation, bool isGuarded)
    {
        string guest = Text(
            main: $"(call $start (i32.const 1)) (call $start (i32.const 1)) (call $await (i32.const 2)) (call $start (i32.const 2)) {occupation}",
            thread: $"(if (i32.eq (local.get $argument) (i32.const 2)) (then unreachable)) (call $arrive) {occupation}");
        TrapException trap = Assert.Throws<TrapException>(() => Run(guest, isGuarded));
        Assert.Equal(TrapKind.Unreachable, trap.Kind);
        Assert.Contains(trap.GuestStack, frame => frame.FunctionName == "thread_entry");
    }

    [Theory]
    [MemberData(nameof(Occupations))]
    public void An_exit_in_one_ends_all(string occupation, bool isGuarded)
    {
        string guest = Text(
            main: $"(call $start (i32.const 1)) (call $start (i32.const 1)) (call $await (i32.const 2)) (call $start (i32.const 2)) {occupation}",
            thread: $"(if (i32.eq (local.get $argument) (i32.const 2)) (then (call $exit (i32.const 7)))) (call $arrive) {occupation}");
        Assert.Equal(7, Run(guest, isGuarded));
    }

    [Theory]
    [MemberData(nameof(Occupations))]
    public void The_first_ones_return_ends_all(string occupation, bool isGuarded)
    {
        string guest = Text(
            main: "(call $start (i32.const 1)) (call $start (i32.const 1)) (call $start (i32.const 1)) (call $await (i32.const 3))",
            thread: $"(call $arrive) {occupation}");
        Assert.Equal(0, Run(guest, isGuarded));
    }

    [Theory]
    [MemberData(nameof(Occupations))]
    public void The_first_ones_exit_ends_all(string occupation, bool isGuarded)
    {
        string guest = Text(
            main: "(call $start (i32.const 1)) (call $start (i32.const 1)) (call $await (i32.const 2)) (call $exit (i32.const 3))",
            thread: $"(call $arrive) {occupation}");
        Assert.Equal(3, Run(guest, isGuarded));
    }

    [Theory]
    [MemberData(nameof(Occupations))]
    public void A_time_limit_ends_all(string occupation, bool isGuarded)
    {
        string guest = Text(main: $"(call $start (i32.const 1)) (call $start (i32.const 1)) {occupation}", thread: occupation);
        TrapException trap = Assert.Throws<TrapException>(() => Run(guest, isGuarded, storeOptions: new StoreOptions { TimeLimit = TimeSpan.FromMilliseconds(200) }));
        Assert.Equal(TrapKind.TimeLimit, trap.Kind);
    }

    [Theory]
    [MemberData(nameof(Occupations))]
    public void A_cancelled_token_ends_all(string occupation, bool isGuarded)
    {
        // The host is told by the guest's output that all are busy.
        using var source = new CancellationTokenSource();
        using var output = new Signal(source.Cancel);
        string guest = Text(
            main: $"(call $start (i32.const 1)) (call $start (i32.const 1)) (call $await (i32.const 2)) (call $tell) {occupation}",
            thread: $"(call $arrive) {occupation}");
        TrapException trap = Assert.Throws<TrapException>(
            () => Run(guest, isGuarded, new WasiOptions { StandardOutput = output, StandardInput = new NeverReadable() }, new StoreOptions { CancellationToken = source.Token }));
        Assert.Equal(TrapKind.Interrupted, trap.Kind);
    }

    [Fact]
    public void A_store_can_be_used_again_after_its_call_was_cancelled_with_all_threads()
    {
        Module module = Load(Text(main: "(call $start (i32.const 1)) (call $start (i32.const 1)) (call $await (i32.const 2)) (call $tell) (call $block)", thread: "(call $arrive) (call $forever)"), Guarded);
        CancellationTokenSource? source = null;
        using var output = new Signal(() => source!.Cancel());
        using var store = new Store(Guarded);
        using var context = new WasiContext(new WasiOptions { StandardOutput = output });
        var linker = new Linker(Guarded);
        context.AddTo(linker);
        context.AddThreadsTo(linker, store, module);
        Instance instance = linker.Instantiate(store, module);
        Function start = instance.GetFunction("_start")!;
        for (int round = 0; round < 3; round++)
        {
            using (source = new CancellationTokenSource())
            {
                _ = Assert.Throws<TaskCanceledException>(() => start.CallAsync([], source.Token).GetAwaiter().GetResult());
            }

            context.EndThreads();

            // The counter of those that arrived starts anew.
            using MemoryLease lease = instance.GetMemory("memory")!.Lease();
            lease.Slice(1008, 4).Clear();
        }
    }

    [Fact]
    public void Too_many_threads_are_refused_with_an_error()
    {
        string guest = Text(
            main: """
                (local $refused i32)
                (drop (call $spawn (i32.const 1))) (drop (call $spawn (i32.const 1))) (drop (call $spawn (i32.const 1)))
                (if (i32.eq (call $spawn (i32.const 1)) (i32.const -6)) (then (local.set $refused (i32.const 1))))
                (if (i32.eq (call $spawn (i32.const 1)) (i32.const -6)) (then (local.set $refused (i32.add (local.get $refused) (i32.const 1)))))
                (call $exit (i32.add (i32.const 40) (local.get $refused)))
                """,
            thread: "(call $block)");
        Assert.Equal(42, Run(guest, options: new WasiOptions { MaximumThreads = 3 }));
        Assert.Equal(42, Run(guest, storeOptions: new StoreOptions { Limits = new ResourceLimits { Instances = 4 } }));
        Assert.Equal(40, Run(guest));
        Assert.Equal(42, Run(guest, options: new WasiOptions { MaximumThreads = 0 }));
    }

    [Theory]
    [MemberData(nameof(Modes))]
    public void Thousands_one_after_another_give_back_what_they_took(bool isGuarded)
    {
        // Each thread finds its own id and argument; as many instances and elements as two threads have are all that there ever are.
        string guest = Text(
            main: """
                (local $n i32) (local $id i32)
                (loop $next
                  (loop $again (br_if $again (i32.lt_s (local.tee $id (call $spawn (local.get $n))) (i32.const 0))))
                  (if (i32.or (i32.lt_s (local.get $id) (i32.const 1)) (i32.gt_s (local.get $id) (i32.const 0x1FFFFFFF))) (then unreachable))
                  (call $await (i32.add (local.get $n) (i32.const 1)))
                  (if (i32.ne (i32.load (i32.const 2000)) (local.get $id)) (then unreachable))
                  (if (i32.ne (i32.load (i32.const 2004)) (local.get $n)) (then unreachable))
                  (br_if $next (i32.lt_u (local.tee $n (i32.add (local.get $n) (i32.const 1))) (i32.const 2000))))
                """,
            thread: "(i32.store (i32.const 2000) (local.get $id)) (i32.store (i32.const 2004) (local.get $argument)) (call $arrive)");
        Assert.Equal(0, Run(guest, isGuarded, storeOptions: new StoreOptions { Limits = new ResourceLimits { Instances = 3, TableElements = 30, MemoryBytes = 4 << 16 } }));
    }

    [Theory]
    [MemberData(nameof(Modes))]
    public void Threads_start_threads(bool isGuarded)
    {
        // A tree of 1 + 2 + 4 + 8 + 16 threads.
        string guest = Text(
            main: "(call $start (i32.const 4)) (call $await (i32.const 31))",
            thread: """
                (if (local.get $argument) (then
                  (call $start (i32.sub (local.get $argument) (i32.const 1)))
                  (call $start (i32.sub (local.get $argument) (i32.const 1)))))
                (call $arrive)
                """);
        Assert.Equal(0, Run(guest, isGuarded));
    }

    [Fact]
    public void A_module_without_an_entry_for_threads_can_start_none()
    {
        const string guest = """
            (module
              (import "env" "memory" (memory 1 1 shared))
              (import "wasi" "thread-spawn" (func $spawn (param i32) (result i32)))
              (import "wasi_snapshot_preview1" "proc_exit" (func $exit (param i32)))
              (func (export "wasi_thread_start") (param i32))
              (func (export "_start") (call $exit (i32.sub (i32.const 0) (call $spawn (i32.const 1))))))
            """;
        Assert.Equal(58, Run(guest));
    }

    [Theory]
    [MemberData(nameof(Modes))]
    public void The_limit_of_memory_is_that_of_all(bool isGuarded)
    {
        // Two pages at the start; four threads grow until none can.
        string guest = Text(
            main: "(call $start (i32.const 1)) (call $start (i32.const 1)) (call $start (i32.const 1)) (call $start (i32.const 1)) (call $await (i32.const 4)) (call $exit (memory.size))",
            thread: "(loop $next (br_if $next (i32.ge_s (memory.grow (i32.const 1)) (i32.const 0)))) (call $arrive)");
        Assert.Equal(7, Run(guest, isGuarded, storeOptions: new StoreOptions { Limits = new ResourceLimits { MemoryBytes = 7 << 16 } }));
        Assert.Equal(16, Run(guest, isGuarded));
    }

    [Fact]
    public void The_limit_of_the_heap_is_that_of_all()
    {
        // Each thread keeps four megabytes of small objects.
        string guest = Text(
            main: "(local $n i32) (loop $next (call $start (i32.const 1)) (br_if $next (i32.lt_u (local.tee $n (i32.add (local.get $n) (i32.const 1))) (i32.load (i32.const 3000))))) (call $await (i32.load (i32.const 3000)))",
            thread: """
                (local $n i32) (local $list (ref null $node))
                (loop $next
                  (local.set $list (struct.new $node (i64.const 1) (local.get $list)))
                  (br_if $next (i32.lt_u (local.tee $n (i32.add (local.get $n) (i32.const 1))) (i32.const 100000))))
                (call $arrive)
                (call $block)
                (i64.store (i32.const 7000) (struct.get $node 0 (local.get $list)))
                """,
            fields: """(type $node (struct (field i64) (field (ref null $node)))) (data (i32.const 3000) "COUNT")""");
        var options = new StoreOptions { Limits = new ResourceLimits { HeapBytes = 8 << 20 } };
        Assert.Equal(0, Run(guest.Replace("COUNT", "\\01", StringComparison.Ordinal), storeOptions: options));
        Assert.Equal(TrapKind.OutOfResources, Assert.Throws<TrapException>(() => Run(guest.Replace("COUNT", "\\04", StringComparison.Ordinal), storeOptions: options)).Kind);
    }

    [Theory]
    [MemberData(nameof(Modes))]
    public void Endless_recursion_in_one_ends_all(bool isGuarded)
    {
        string guest = Text(main: "(call $start (i32.const 1)) (call $block)", thread: "(drop (call $deep (i32.const 1)))");
        Assert.Equal(TrapKind.StackExhausted, Assert.Throws<TrapException>(() => Run(guest, isGuarded)).Kind);
    }

    [Fact]
    public void What_a_host_function_throws_in_one_reaches_the_caller()
    {
        Module module = Load(Text(main: "(call $start (i32.const 1)) (call $block)", thread: "(call $host)", fields: """(import "host" "throw" (func $host))"""), Guarded);
        using var store = new Store(Guarded);
        using var context = new WasiContext(new WasiOptions());
        var linker = new Linker(Guarded);
        context.AddTo(linker);
        context.AddThreadsTo(linker, store, module);
        linker.DefineFunction("host", "throw", (Action)(() => throw new InvalidTimeZoneException("the host's own")));
        Instance instance = linker.Instantiate(store, module);
        Assert.Equal("the host's own", Assert.Throws<InvalidTimeZoneException>(() => WasiCommand.Run(instance)).Message);
        _ = Assert.Throws<InvalidOperationException>(() => context.AddThreadsTo(linker, store, module));
    }

    [Fact]
    public void Uncaught_exceptions_of_one_reach_the_caller()
    {
        string guest = Text(main: "(call $start (i32.const 1)) (call $block)", thread: "(throw $t (i32.const 9))", fields: "(tag $t (param i32))");
        Assert.Equal([9], Assert.Throws<WasmException>(() => Run(guest)).Values);
    }

    [Fact]
    public void Groups_do_not_disturb_each_other()
    {
        string trapping = Text(main: "(call $start (i32.const 1)) (call $block)", thread: "unreachable");
        string counting = Text(
            main: "(call $start (i32.const 1)) (call $start (i32.const 1)) (call $await (i32.const 2)) (call $exit (i32.atomic.load (i32.const 4000)))",
            thread: "(local $n i32) (loop $next (drop (i32.atomic.rmw.add (i32.const 4000) (i32.const 1))) (br_if $next (i32.lt_u (local.tee $n (i32.add (local.get $n) (i32.const 1))) (i32.const 50000)))) (call $arrive)");
        var failures = new List<Exception>();
        Thread[] threads = [.. Enumerable.Range(0, 4).Select(index => new Thread(() =>
        {
            try
            {
                for (int round = 0; round < 10; round++)
                {
                    if (index % 2 == 0)
                    {
                        Assert.Equal(TrapKind.Unreachable, Assert.Throws<TrapException>(() => Run(trapping)).Kind);
                    }
                    else
                    {
                        Assert.Equal(100_000, Run(counting));
                    }
                }
            }
            catch (Exception exception)
            {
                lock (failures)
                {
                    failures.Add(exception);
                }
            }
        }))];
        Array.ForEach(threads, thread => thread.Start());
        Assert.All(threads, thread => Assert.True(thread.Join(Patience)));
        Assert.Empty(failures);
    }

    [Fact]
    public void A_linker_that_allows_shadowing_gives_guests_the_threads_of_the_last_context()
    {
        Module module = Load(Text(main: "(call $exit (call $spawn (i32.const 1)))", thread: ""), Guarded);
        var linker = new Linker(Guarded) { AllowShadowing = true };
        using var none = new WasiContext(new WasiOptions { MaximumThreads = 0 });
        using var some = new WasiContext(new WasiOptions { MaximumThreads = 2 });
        using var noneEither = new WasiContext(new WasiOptions { MaximumThreads = 0 });
        using var firstStore = new Store(Guarded);
        using var secondStore = new Store(Guarded);
        using var thirdStore = new Store(Guarded);
        none.AddTo(linker);
        Assert.InRange(Run(none, firstStore), int.MinValue, -1);
        Assert.InRange(Run(some, secondStore), 1, int.MaxValue);
        Assert.InRange(Run(noneEither, thirdStore), int.MinValue, -1);

        // Gives the new thread's number.
        int Run(WasiContext context, Store store)
        {
            context.AddThreadsTo(linker, store, module);
            return WasiCommand.Run(linker.Instantiate(store, module));
        }
    }

    private static int Run(string guest, bool isGuarded = true, WasiOptions? options = null, StoreOptions? storeOptions = null)
    {
        Engine engine = isGuarded ? Guarded : Explicit;
        Module module = Load(guest, engine);
        int exitCode = 0;
        Exception? thrown = null;
        var thread = new Thread(() =>
        {
            try
            {
                using var input = new NeverReadable();
                exitCode = WasiCommand.Run(engine, module, (options ?? new WasiOptions()) with { StandardInput = options?.StandardInput ?? input }, storeOptions);
            }
            catch (Exception exception)
            {
                thrown = exception;
            }
        }, 16 << 20)
        {
            IsBackground = true,
        };
        thread.Start();
        Assert.True(thread.Join(Patience), "the guest did not end");
        if (thrown is not null)
        {
            ExceptionDispatchInfo.Throw(thrown);
        }

        return exitCode;
    }

    private static Module Load(string guest, Engine engine) => Module.Load(engine, WatConverter.ToBinary(guest, emitNames: true), "threads.wasm");

    private static string Text(string main, string thread, string fields = "") => $$"""
        (module
          {{(fields.StartsWith("(import", StringComparison.Ordinal) ? fields : "")}}
          (import "env" "memory" (memory 2 16 shared))
          (import "wasi" "thread-spawn" (func $spawn (param i32) (result i32)))
          (import "wasi_snapshot_preview1" "proc_exit" (func $exit (param i32)))
          (import "wasi_snapshot_preview1" "poll_oneoff" (func $poll (param i32 i32 i32 i32) (result i32)))
          (import "wasi_snapshot_preview1" "fd_read" (func $fd_read (param i32 i32 i32 i32) (result i32)))
          (import "wasi_snapshot_preview1" "fd_write" (func $fd_write (param i32 i32 i32 i32) (result i32)))
          {{(fields.StartsWith("(import", StringComparison.Ordinal) ? "" : fields)}}
          (export "memory" (memory 0))
          (table 10 funcref)
          (func $start (param i32) (if (i32.lt_s (call $spawn (local.get 0)) (i32.const 1)) (then unreachable)))
          (func $forever (loop (br 0)))
          (func $work (local i32) (loop (i32.store (i32.const 5000) (i32.add (i32.load (i32.const 5000)) (local.get 0))) (local.set 0 (i32.add (local.get 0) (i32.const 1))) (br 0)))
          (func $block (drop (memory.atomic.wait32 (i32.const 1000) (i32.const 0) (i64.const -1))))
          (func $arrive (drop (i32.atomic.rmw.add (i32.const 1008) (i32.const 1))) (drop (memory.atomic.notify (i32.const 1008) (i32.const -1))))
          (func $await (param $count i32) (local $seen i32)
            (loop $again
              (local.set $seen (i32.atomic.load (i32.const 1008)))
              (if (i32.lt_u (local.get $seen) (local.get $count)) (then
                (drop (memory.atomic.wait32 (i32.const 1008) (local.get $seen) (i64.const -1)))
                (br $again)))))
          ;; Sleeps for an hour by the monotonic clock.
          (func $sleep
            (i32.store (i32.const 6016) (i32.const 1))
            (i64.store (i32.const 6024) (i64.const 3600000000000))
            (if (call $poll (i32.const 6000) (i32.const 6100) (i32.const 1) (i32.const 6200)) (then unreachable)))
          ;; Reads what never comes.
          (func $read
            (i32.store (i32.const 6304) (i32.const 1))
            (if (call $fd_read (i32.const 0) (i32.const 6300) (i32.const 1) (i32.const 6400)) (then unreachable)))
          (func $tell
            (i32.store (i32.const 6504) (i32.const 1))
            (if (call $fd_write (i32.const 1) (i32.const 6500) (i32.const 1) (i32.const 6600)) (then unreachable)))
          (func $deep (param i32) (result i32) (i32.add (call $deep (local.get 0)) (i32.const 1)))
          (func (export "_start") {{main}})
          (func $thread_entry (export "wasi_thread_start") (param $id i32) (param $argument i32) {{thread}}))
        """;

    /// <summary>Standard input on which nothing ever comes.</summary>
    private sealed class NeverReadable : Stream
    {
        public override bool CanRead => true;

        public override bool CanSeek => false;

        public override bool CanWrite => false;

        public override long Length => throw new NotSupportedException();

        public override long Position
        {
            get => throw new NotSupportedException();
            set => throw new NotSupportedException();
        }

        public override ValueTask<int> ReadAsync(Memory<byte> buffer, CancellationToken cancellationToken = default) => new(new TaskCompletionSource<int>().Task);

        public override int Read(byte[] buffer, int offset, int count) => throw new NotSupportedException();

        public override void Flush()
        {
        }

        public override long Seek(long offset, SeekOrigin origin) => throw new NotSupportedException();

        public override void SetLength(long value) => throw new NotSupportedException();

        public override void Write(byte[] buffer, int offset, int count) => throw new NotSupportedException();
    }

    /// <summary>Standard output that does something when it is written to.</summary>
    private sealed class Signal(Action action) : MemoryStream
    {
        public override ValueTask WriteAsync(ReadOnlyMemory<byte> buffer, CancellationToken cancellationToken = default)
        {
            action();
            return ValueTask.CompletedTask;
        }
    }
}
