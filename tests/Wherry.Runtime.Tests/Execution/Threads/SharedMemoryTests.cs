using System.Runtime.CompilerServices;

namespace Wherry.Tests.Execution.Threads;

/// <summary>One memory, used by several stores at once.</summary>
public sealed class SharedMemoryTests
{
    private const string Text = """
        (module
          (import "env" "memory" (memory 1 100 shared))
          (func (export "add") (local $n i32)
            (loop $next
              (drop (i32.atomic.rmw.add (i32.const 0) (i32.const 1)))
              (drop (i64.atomic.rmw.sub (i32.const 8) (i64.const 3)))
              (br_if $next (i32.lt_u (local.tee $n (i32.add (local.get $n) (i32.const 1))) (i32.const 20000)))))
          (func (export "exchange") (local $n i32) (local $old i32)
            (loop $next
              (loop $again
                (local.set $old (i32.atomic.load (i32.const 16)))
                (br_if $again (i32.ne
                  (i32.atomic.rmw.cmpxchg (i32.const 16) (local.get $old) (i32.add (local.get $old) (i32.const 1)))
                  (local.get $old))))
              (br_if $next (i32.lt_u (local.tee $n (i32.add (local.get $n) (i32.const 1))) (i32.const 20000)))))
          (func $narrow (param $address i32) (local $n i32)
            (loop $next
              (drop (i32.atomic.rmw8.add_u (local.get $address) (i32.const 1)))
              (drop (i64.atomic.rmw16.xor_u offset=16 (i32.shl (local.get $address) (i32.const 1)) (i64.const 0xFFFF)))
              (br_if $next (i32.lt_u (local.tee $n (i32.add (local.get $n) (i32.const 1))) (i32.const 20001)))))
          (func (export "narrow0") (call $narrow (i32.const 32)))
          (func (export "narrow1") (call $narrow (i32.const 33)))
          (func (export "narrow2") (call $narrow (i32.const 34)))
          (func (export "narrow3") (call $narrow (i32.const 35)))

          ;; A lock: 0 free, 1 taken, 2 taken and waited for. It guards a plain counter.
          (func $lock (local $old i32)
            (local.set $old (i32.atomic.rmw.cmpxchg (i32.const 128) (i32.const 0) (i32.const 1)))
            (if (i32.eqz (local.get $old)) (then (return)))
            (loop $again
              (if (i32.eqz (i32.atomic.rmw.xchg (i32.const 128) (i32.const 2))) (then (return)))
              (drop (memory.atomic.wait32 (i32.const 128) (i32.const 2) (i64.const -1)))
              (br $again)))
          (func $unlock
            (if (i32.eq (i32.atomic.rmw.xchg (i32.const 128) (i32.const 0)) (i32.const 2))
              (then (drop (memory.atomic.notify (i32.const 128) (i32.const 1))))))
          (func (export "locked") (local $n i32)
            (loop $next
              (call $lock)
              (i32.store (i32.const 132) (i32.add (i32.load (i32.const 132)) (i32.const 1)))
              (call $unlock)
              (br_if $next (i32.lt_u (local.tee $n (i32.add (local.get $n) (i32.const 1))) (i32.const 5000)))))

          (func (export "unaligned_add") (drop (i32.atomic.rmw.add (i32.const 2) (i32.const 1))))
          (func (export "unaligned_load") (drop (i64.atomic.load (i32.const 12))))
          (func (export "unaligned_store") (i32.atomic.store16 (i32.const 1) (i32.const 0)))
          (func (export "unaligned_wait") (drop (memory.atomic.wait32 (i32.const 1) (i32.const 0) (i64.const 0))))
          (func (export "outside") (drop (i32.atomic.load (i32.const 0x7FFFFFFC))))

          ;; Grows page by page, and tells how many there are.
          (func (export "grow")
            (loop $next
              (if (i32.ge_s (memory.grow (i32.const 1)) (i32.const 0))
                (then (i32.atomic.store (i32.const 256) (memory.size)) (br $next))))
            (i32.atomic.store (i32.const 256) (i32.const 100)))
          ;; Touches the last bytes that it was told of, and must find them there.
          (func (export "follow") (local $pages i32)
            (loop $next
              (local.set $pages (i32.atomic.load (i32.const 256)))
              (if (i32.lt_u (memory.size) (local.get $pages)) (then unreachable))
              (if (local.get $pages) (then
                (i32.store8 (i32.sub (i32.shl (local.get $pages) (i32.const 16)) (i32.const 1)) (i32.const 1))
                (drop (i64.load (i32.sub (i32.shl (local.get $pages) (i32.const 16)) (i32.const 8))))
                (memory.fill (i32.sub (i32.shl (local.get $pages) (i32.const 16)) (i32.const 16)) (i32.const 7) (i32.const 16))))
              (br_if $next (i32.lt_u (local.get $pages) (i32.const 100)))))
          ;; Grows by itself and notes each former size that it was given.
          (func (export "grow_and_note") (local $former i32)
            (loop $next
              (local.set $former (memory.grow (i32.const 1)))
              (if (i32.ge_s (local.get $former) (i32.const 0)) (then
                (drop (i32.atomic.rmw.add offset=512 (i32.shl (local.get $former) (i32.const 2)) (i32.const 1)))
                (br $next)))))

          (func (export "wait") (result i32)
            (i32.atomic.store (i32.const 1024) (i32.const 1))
            (memory.atomic.wait32 (i32.const 1028) (i32.const 0) (i64.const -1)))
          (func (export "notify") (result i32) (memory.atomic.notify (i32.const 1028) (i32.const 10)))
          (func (export "spin") (param $me i32)
            (i32.atomic.store (local.get $me) (i32.const 1))
            (loop $next (br_if $next (i32.eqz (i32.load (i32.const 1040))))))
          (func (export "count") (param $me i32)
            (loop $next
              (drop (i32.atomic.rmw.add (local.get $me) (i32.const 1)))
              (br_if $next (i32.eqz (i32.atomic.load (i32.const 1040))))))
          (func (export "load") (param i32) (result i32) (i32.atomic.load (local.get 0)))
          (func (export "store") (param i32 i32) (i32.atomic.store (local.get 0) (local.get 1)))
        )
        """;

    private static readonly MemoryType s_type = new(1, 100, IsShared: true);

    public static TheoryData<BoundsChecks> Modes => [BoundsChecks.Guard, BoundsChecks.Explicit];

    [Theory]
    [MemberData(nameof(Modes))]
    public void Four_threads_count_without_losing_one(BoundsChecks checks)
    {
        Module module = Guests.Load(Text, checks);
        using Memory memory = Memory.Create(module.Engine, s_type);
        GuestThreads.Run(module, memory, "add", "add", "add", "add", "exchange", "exchange", "exchange", "exchange");
        using MemoryLease lease = memory.Lease();
        Assert.Equal(80_000, BitConverter.ToInt32(lease.Slice(0, 4)));
        Assert.Equal(-240_000, BitConverter.ToInt64(lease.Slice(8, 8)));
        Assert.Equal(80_000, BitConverter.ToInt32(lease.Slice(16, 4)));
    }

    [Theory]
    [MemberData(nameof(Modes))]
    public void Neighbouring_bytes_do_not_disturb_each_other(BoundsChecks checks)
    {
        Module module = Guests.Load(Text, checks);
        using Memory memory = Memory.Create(module.Engine, s_type);
        GuestThreads.Run(module, memory, "narrow0", "narrow1", "narrow2", "narrow3");
        using MemoryLease lease = memory.Lease();
        const byte expected = unchecked((byte)20_001);
        Assert.Equal([expected, expected, expected, expected], lease.Slice(32, 4).ToArray());
        Assert.Equal([255, 255, 255, 255, 255, 255, 255, 255], lease.Slice(80, 8).ToArray());
    }

    [Theory]
    [MemberData(nameof(Modes))]
    public void A_lock_made_of_wait_and_notify_excludes(BoundsChecks checks)
    {
        Module module = Guests.Load(Text, checks);
        using Memory memory = Memory.Create(module.Engine, s_type);
        GuestThreads.Run(module, memory, "locked", "locked", "locked", "locked");
        Assert.Equal(20_000, GuestThreads.Read(memory, 132));
        Assert.Equal(0, GuestThreads.Read(memory, 128));
    }

    [Theory]
    [MemberData(nameof(Modes))]
    public void Threads_trap_on_their_own(BoundsChecks checks)
    {
        Module module = Guests.Load(Text, checks);
        using Memory memory = Memory.Create(module.Engine, s_type);
        GuestThreads.Run([.. Enumerable.Range(0, 4).Select(_ => (Action)(() =>
        {
            Instance instance = GuestThreads.Instantiate(module, memory);
            for (int round = 0; round < 50; round++)
            {
                foreach (string function in new[] { "unaligned_add", "unaligned_load", "unaligned_store", "unaligned_wait" })
                {
                    Assert.Equal(TrapKind.UnalignedAtomic, Assert.Throws<TrapException>(() => instance.GetFunction(function)!.Invoke()).Kind);
                }

                Assert.Equal(TrapKind.MemoryOutOfBounds, Assert.Throws<TrapException>(() => instance.GetFunction("outside")!.Invoke()).Kind);
            }

            instance.GetFunction("add")!.Invoke();
        }))]);
        Assert.Equal(80_000, GuestThreads.Read(memory, 0));
    }

    [Theory]
    [MemberData(nameof(Modes))]
    public void What_one_thread_grows_others_can_use(BoundsChecks checks)
    {
        Module module = Guests.Load(Text, checks);
        using Memory memory = Memory.Create(module.Engine, s_type);
        GuestThreads.Run(module, memory, "follow", "follow", "follow", "grow");
        Assert.Equal(100UL, memory.PageCount);
    }

    [Theory]
    [MemberData(nameof(Modes))]
    public void Each_page_is_grown_once(BoundsChecks checks)
    {
        Module module = Guests.Load(Text, checks);
        using Memory memory = Memory.Create(module.Engine, s_type);
        GuestThreads.Run(module, memory, "grow_and_note", "grow_and_note", "grow_and_note", "grow_and_note");
        Assert.Equal(100UL, memory.PageCount);
        using MemoryLease lease = memory.Lease();
        for (int former = 0; former < 100; former++)
        {
            Assert.Equal(former == 0 ? 0 : 1, BitConverter.ToInt32(lease.Slice((ulong)(512 + (former * 4)), 4)));
        }
    }

    [Theory]
    [MemberData(nameof(Modes))]
    public void Notify_wakes_the_waiters_of_other_stores(BoundsChecks checks)
    {
        Module module = Guests.Load(Text, checks);
        using Memory memory = Memory.Create(module.Engine, s_type);
        var failures = new List<Exception>();
        Thread[] waiters = [.. Enumerable.Range(0, 3).Select(_ => GuestThreads.Start(() => Assert.Equal([0], GuestThreads.Instantiate(module, memory).GetFunction("wait")!.Invoke()), failures))];
        Instance instance = GuestThreads.Instantiate(module, memory);
        int woken = 0;
        Assert.True(SpinWait.SpinUntil(
            () =>
            {
                woken += (int)instance.GetFunction("notify")!.Invoke()[0]!;
                return woken == 3;
            },
            Guests.Patience));
        Array.ForEach(waiters, Guests.Join);
        Assert.Empty(failures);
    }

    [Theory]
    [MemberData(nameof(Modes))]
    public void Interrupting_a_waiter_leaves_others_waiting(BoundsChecks checks)
    {
        Module module = Guests.Load(Text, checks);
        using Memory memory = Memory.Create(module.Engine, s_type);
        var failures = new List<Exception>();
        using var source = new CancellationTokenSource();
        Instance[] waiting =
        [
            GuestThreads.Instantiate(module, memory),
            GuestThreads.Instantiate(module, memory, new StoreOptions { CancellationToken = source.Token }),
            GuestThreads.Instantiate(module, memory, new StoreOptions { TimeLimit = TimeSpan.FromMilliseconds(50) }),
        ];
        Thread patient = GuestThreads.Start(() => Assert.Equal([0], GuestThreads.Instantiate(module, memory).GetFunction("wait")!.Invoke()), failures);
        TrapKind[] kinds = [TrapKind.Interrupted, TrapKind.Interrupted, TrapKind.TimeLimit];
        Thread[] threads = [.. waiting.Select((instance, index) => GuestThreads.Start(
            () => Assert.Equal(kinds[index], Assert.Throws<TrapException>(() => instance.GetFunction("wait")!.Invoke()).Kind), failures))];
        GuestThreads.AwaitValue(memory, 1024, 1);
        waiting[0].Store.Interrupt();
        source.Cancel();
        Array.ForEach(threads, Guests.Join);

        Instance notifier = GuestThreads.Instantiate(module, memory);
        Assert.True(SpinWait.SpinUntil(() => notifier.GetFunction("notify")!.Invoke() is [1], Guests.Patience));
        Guests.Join(patient);
        Assert.Empty(failures);
    }

    [Theory]
    [MemberData(nameof(Modes))]
    public void Interrupting_one_store_does_not_stop_another(BoundsChecks checks)
    {
        Module module = Guests.Load(Text, checks);
        using Memory memory = Memory.Create(module.Engine, s_type);
        var failures = new List<Exception>();
        Instance endless = GuestThreads.Instantiate(module, memory);
        Thread interrupted = GuestThreads.Start(
            () => Assert.Equal(TrapKind.Interrupted, Assert.Throws<TrapException>(() => endless.GetFunction("spin")!.Invoke(2000)).Kind), failures);
        Thread counting = GuestThreads.Start(() => GuestThreads.Instantiate(module, memory).GetFunction("count")!.Invoke(2004), failures);
        GuestThreads.AwaitValue(memory, 2000, 1);
        endless.Store.Interrupt();
        Guests.Join(interrupted);

        // It still counts, and stops when it is told so in memory.
        int seen = GuestThreads.Read(memory, 2004);
        Assert.True(SpinWait.SpinUntil(() => GuestThreads.Read(memory, 2004) != seen, Guests.Patience));
        _ = GuestThreads.Instantiate(module, memory).GetFunction("store")!.Invoke(1040, 1);
        Guests.Join(counting);
        Assert.Empty(failures);
    }

    [Fact]
    public void It_lives_as_long_as_a_store_or_a_lease_or_the_hosts_claim()
    {
        Module module = Guests.Load(Text);
        Memory memory = Memory.Create(module.Engine, s_type);
        Assert.Null(memory.Store);
        Instance first = GuestThreads.Instantiate(module, memory);
        _ = first.GetFunction("store")!.Invoke(0, 42);
        first.Store.Dispose();

        // The host's claim keeps it without any store.
        Instance second = GuestThreads.Instantiate(module, memory);
        Instance third = GuestThreads.Instantiate(module, memory);
        Assert.Equal([42], second.GetFunction("load")!.Invoke(0));
        memory.Dispose();
        memory.Dispose();
        second.Store.Dispose();
        Assert.Equal([42], third.GetFunction("load")!.Invoke(0));
        MemoryLease lease = memory.Lease();
        third.Store.Dispose();
        Assert.Equal(42, lease.Slice(0, 1)[0]);
        Assert.Contains("given back", Assert.Throws<LinkException>(() => GuestThreads.Instantiate(module, memory)).Message);
        lease.Dispose();
        Assert.Equal(0UL, memory.Size);
    }

    [Fact]
    public void One_that_an_instance_made_outlives_its_store_with_another()
    {
        Instance owner = Guests.Instantiate("""(module (memory (export "memory") 1 100 shared) (data (i32.const 0) "*"))""");
        Module module = Guests.Load(Text);
        Instance user = GuestThreads.Instantiate(module, owner.GetMemory("memory")!);
        Memory memory = owner.GetMemory("memory")!;
        Assert.Same(owner.Store, memory.Store);
        owner.Store.Dispose();
        Assert.Equal([(int)'*'], user.GetFunction("load")!.Invoke(0));
        Assert.Equal(1, memory.Grow(1));
        user.Store.Dispose();
        Assert.Equal(0UL, memory.Size);
        Assert.Equal(-1, memory.Grow(1));
    }

    [Fact]
    public void What_is_not_shared_stays_in_its_store()
    {
        Instance owner = Guests.Instantiate("""(module (memory (export "memory") 1 100))""");
        var linker = new Linker(owner.Store.Engine);
        linker.Define("env", "memory", owner.GetMemory("memory")!);
        Module module = Guests.Load("""(module (import "env" "memory" (memory 1 100)))""");
        using var other = new Store(module.Engine);
        Assert.Contains("of another store", Assert.Throws<LinkException>(() => linker.Instantiate(other, module)).Message);
        _ = Assert.Throws<ArgumentException>(() => Memory.Create(module.Engine, new MemoryType(1, 100)));
        _ = Assert.Throws<ArgumentException>(() => Memory.Create(module.Engine, new MemoryType(1, IsShared: true)));
    }

    [Fact]
    public void Dropped_ones_are_given_back_though_stores_live_on()
    {
        // Far more than there is address space for.
        for (int i = 0; i < 10_000; i++)
        {
            CreateAndDrop();
        }

        [MethodImpl(MethodImplOptions.NoInlining)]
        static void CreateAndDrop()
        {
            Module module = s_small;
            Memory memory = Memory.Create(module.Engine, GuestThreads.OnePage);
            _ = GuestThreads.Instantiate(module, memory);
        }
    }

    private static readonly Module s_small = Guests.Load("""(module (import "env" "memory" (memory 1 1 shared)))""");
}
