using System.Buffers.Binary;
using System.Text;

namespace Wherry.Wasi.Tests.Determinism;

/// <summary>What a deterministic guest sees of the world: the same bytes in each way of execution, at another time, of another folder with the same content.</summary>
public sealed class WorldTests
{
    // Everything goes to standard output as it stands in memory.
    private const string Guest = """
        (module
          (import "wasi_snapshot_preview1" "clock_time_get" (func $clock (param i32 i64 i32) (result i32)))
          (import "wasi_snapshot_preview1" "clock_res_get" (func $resolution (param i32 i32) (result i32)))
          (import "wasi_snapshot_preview1" "poll_oneoff" (func $poll (param i32 i32 i32 i32) (result i32)))
          (import "wasi_snapshot_preview1" "random_get" (func $random (param i32 i32) (result i32)))
          (import "wasi_snapshot_preview1" "fd_readdir" (func $readdir (param i32 i32 i32 i64 i32) (result i32)))
          (import "wasi_snapshot_preview1" "fd_read" (func $read (param i32 i32 i32 i32) (result i32)))
          (import "wasi_snapshot_preview1" "fd_write" (func $write (param i32 i32 i32 i32) (result i32)))
          (import "wasi_snapshot_preview1" "fd_filestat_get" (func $status (param i32 i32) (result i32)))
          (import "wasi_snapshot_preview1" "fd_fdstat_get" (func $descriptor (param i32 i32) (result i32)))
          (import "wasi_snapshot_preview1" "path_filestat_get" (func $path_status (param i32 i32 i32 i32 i32) (result i32)))
          (import "wasi_snapshot_preview1" "path_unlink_file" (func $unlink (param i32 i32 i32) (result i32)))
          (import "wasi_snapshot_preview1" "path_create_directory" (func $create (param i32 i32 i32) (result i32)))
          (memory (export "memory") 2)
          (data (i32.const 1024) "made")
          (data (i32.const 1040) "b")
          (func $tell (param $address i32) (param $length i32)
            (i32.store (i32.const 0) (local.get $address))
            (i32.store (i32.const 4) (local.get $length))
            (if (call $write (i32.const 1) (i32.const 0) (i32.const 1) (i32.const 8)) (then unreachable)))
          (func $tell_number (param i32) (i32.store (i32.const 16) (local.get 0)) (call $tell (i32.const 16) (i32.const 4)))
          (func $times (local $clock i32)
            (loop $next
              (call $tell_number (call $clock (local.get $clock) (i64.const 0) (i32.const 32)))
              (call $tell (i32.const 32) (i32.const 8))
              (call $tell_number (call $resolution (local.get $clock) (i32.const 32)))
              (call $tell (i32.const 32) (i32.const 8))
              (br_if $next (i32.lt_u (local.tee $clock (i32.add (local.get $clock) (i32.const 1))) (i32.const 4)))))
          (func $sleep
            ;; 5 seconds by the monotonic clock, and an hour by the wall clock.
            (i64.store (i32.const 128) (i64.const 7)) (i32.store8 (i32.const 136) (i32.const 0))
            (i32.store (i32.const 144) (i32.const 1)) (i64.store (i32.const 152) (i64.const 5000000000))
            (i64.store (i32.const 176) (i64.const 8)) (i32.store8 (i32.const 184) (i32.const 0))
            (i32.store (i32.const 192) (i32.const 0)) (i64.store (i32.const 200) (i64.const 3600000000000))
            (call $tell_number (call $poll (i32.const 128) (i32.const 256) (i32.const 2) (i32.const 384)))
            (call $tell (i32.const 256) (i32.const 64))
            (call $tell (i32.const 384) (i32.const 4)))
          (func $list (param $size i32) (local $cookie i64)
            (loop $next
              (call $tell_number (call $readdir (i32.const 3) (i32.const 4096) (local.get $size) (local.get $cookie) (i32.const 16)))
              (call $tell (i32.const 4096) (i32.load (i32.const 16)))
              (local.set $cookie (i64.load (i32.const 4096)))
              (br_if $next (i32.eq (i32.load (i32.const 16)) (local.get $size)))))
          (func $stat (param i32 i32)
            (call $tell_number (call $path_status (i32.const 3) (i32.const 0) (local.get 0) (local.get 1) (i32.const 512)))
            (call $tell (i32.const 512) (i32.const 64)))
          (func (export "_start") (local $i i32)
            (call $times)
            (call $sleep)
            (call $times)
            (call $tell_number (call $random (i32.const 600) (i32.const 37)))
            (call $tell (i32.const 600) (i32.const 37))
            (call $list (i32.const 4000))
            (call $list (i32.const 60))
            (call $stat (i32.const 1040) (i32.const 1))
            (call $tell_number (call $unlink (i32.const 3) (i32.const 1040) (i32.const 1)))
            (call $tell_number (call $create (i32.const 3) (i32.const 1024) (i32.const 4)))
            (call $stat (i32.const 1024) (i32.const 4))
            (call $list (i32.const 4000))
            (loop $next
              (call $tell_number (call $status (local.get $i) (i32.const 512)))
              (call $tell (i32.const 512) (i32.const 64))
              (call $tell_number (call $descriptor (local.get $i) (i32.const 512)))
              (call $tell (i32.const 512) (i32.const 24))
              (br_if $next (i32.lt_u (local.tee $i (i32.add (local.get $i) (i32.const 1))) (i32.const 4))))
            (i32.store (i32.const 0) (i32.const 8192)) (i32.store (i32.const 4) (i32.const 100))
            (call $tell_number (call $read (i32.const 0) (i32.const 0) (i32.const 1) (i32.const 16)))
            (call $tell (i32.const 8192) (i32.const 100)))
        )
        """;

    private static readonly string[] Names = ["b", "a", "éa", "z", "B", "10", "9", "folder", "c.txt"];

    [Fact]
    public void Two_runs_in_any_way_are_alike_to_the_byte_and_to_the_unit_of_fuel()
    {
        Assert.SkipUnless(OperatingSystem.IsLinux(), "Folders are given to guests on Linux only.");
        byte[] bytes = WatConverter.ToBinary(Guest);
        byte[]? first = null;
        ulong fuel = 0;
        bool isReversed = false;
        foreach ((string name, EngineOptions options) in ExecutionWays.Of(new EngineOptions { Deterministic = true, FuelCosts = FuelCosts.Default }))
        {
            for (int run = 0; run < 2; run++)
            {
                byte[] output = Run(options, bytes, isReversed, seed: 42, out ulong used);
                isReversed = !isReversed;
                first ??= output;
                fuel = fuel == 0 ? used : fuel;
                Assert.True(output.AsSpan().SequenceEqual(first), name);
                Assert.Equal(fuel, used);
            }
        }

        CheckTimes(first);

        // Another seed changes the random bytes, and nothing else.
        byte[] other = Run(new EngineOptions { Deterministic = true, FuelCosts = FuelCosts.Default }, bytes, isReversed: false, seed: 43, out _);
        int[] different = [.. Enumerable.Range(0, first!.Length).Where(i => first[i] != other[i])];
        Assert.InRange(different.Length, 1, 37);
        Assert.True(different[^1] - different[0] < 37);
        string listing = Encoding.Latin1.GetString(first);
        int[] places = [.. Names.Order(StringComparer.Ordinal).Select(entry => listing.IndexOf(Encoding.Latin1.GetString(Encoding.UTF8.GetBytes(entry)) + "\u0001", StringComparison.Ordinal))];
        Assert.DoesNotContain("made", listing[..(listing.Length / 4)], StringComparison.Ordinal);
        Assert.Equal(places.Where(place => place >= 0).Order(), places.Where(place => place >= 0));
    }

    [Fact]
    public void The_virtual_clock_moves_by_readings_and_waits_alone()
    {
        using var context = new WasiContext(new WasiOptions { Deterministic = true });
        ulong start = context.MonotonicTime;
        Assert.Equal(1_000ul, start);
        Assert.Equal(946_684_800_000_002_000ul, context.RealTime);
        context.VirtualClock!.Wait(5_000_000_000);
        Assert.Equal(5_000_003_000ul, context.MonotonicTime);
        context.VirtualClock.Wait(ulong.MaxValue);
        Assert.True(context.RealTime > context.MonotonicTime);
    }

    [Fact]
    public void A_network_and_threads_are_refused()
    {
        Assert.Throws<ArgumentException>(() => new WasiContext(new WasiOptions { Deterministic = true, NetworkPolicy = NetworkPolicy.Host }));
        Assert.Throws<ArgumentException>(() => new WasiContext(new WasiOptions { Deterministic = true, TcpListeners = [new(System.Net.IPAddress.Loopback, 0)] }));
        using var context = new WasiContext(new WasiOptions { Deterministic = true });
        using var engine = new Engine();
        using var store = new Store(engine);
        Assert.Throws<LinkException>(() => context.AddThreadsTo(new Linker(engine), store, Module.Load(engine, WatConverter.ToBinary("(module)"))));
    }

    [Fact]
    public void Removed_files_do_not_pass_their_number_on()
    {
        Assert.SkipUnless(OperatingSystem.IsLinux(), "Folders are given to guests on Linux only.");
        using var guest = new Files.TestGuest(configure: options => options with { Deterministic = true });
        var numbers = new List<ulong>();
        for (int i = 0; i < 20; i++)
        {
            File.WriteAllText(Path.Combine(guest.Inside, "file"), "x");
            (uint path, uint length) = guest.Put("file");
            Assert.Equal(Abi.Errno.Success, guest.Context.PathFilestatGet(guest.Call, Files.TestGuest.Writable, 0, path, length, Files.TestGuest.Result));
            numbers.Add(guest.Get<Abi.FileStatus>().Inode);
            Assert.Equal(Abi.Errno.Success, guest.Context.PathUnlinkFile(guest.Call, Files.TestGuest.Writable, path, length));
        }

        Assert.Equal(Enumerable.Range(1, 20).Select(number => (ulong)number), numbers);
    }

    // The first things told: errno, time, errno, resolution of each of the four clocks, each reading a microsecond on.
    private static void CheckTimes(ReadOnlySpan<byte> output)
    {
        for (int clock = 0; clock < 4; clock++)
        {
            ReadOnlySpan<byte> told = output[(clock * 24)..];
            Assert.Equal(0u, BinaryPrimitives.ReadUInt32LittleEndian(told));
            Assert.Equal((clock == 0 ? 946_684_800_000_000_000ul : 0) + (1_000ul * (ulong)(clock + 1)), BinaryPrimitives.ReadUInt64LittleEndian(told[4..]));
            Assert.Equal(1_000ul, BinaryPrimitives.ReadUInt64LittleEndian(told[16..]));
        }
    }

    private static byte[] Run(EngineOptions options, byte[] bytes, bool isReversed, ulong seed, out ulong fuel)
    {
        string folder = Directory.CreateTempSubdirectory("wherry-deterministic-").FullName;
        try
        {
            foreach (string name in isReversed ? Names.Reverse() : Names)
            {
                if (name == "folder")
                {
                    _ = Directory.CreateDirectory(Path.Combine(folder, name));
                }
                else
                {
                    File.WriteAllText(Path.Combine(folder, name), $"content of {name}");
                }
            }

            using var output = new MemoryStream();
            using var input = new Trickle(Encoding.ASCII.GetBytes(new string('i', 70) + "end"));
            using var engine = new Engine(options);
            using var store = new Store(engine);
            using var context = new WasiContext(new WasiOptions
            {
                Deterministic = true,
                RandomSeed = seed,
                StandardInput = input,
                StandardOutput = output,
                Directories = [new("/folder", folder)],
            });
            var linker = new Linker(engine);
            context.AddTo(linker);
            Assert.Equal(0, WasiCommand.Run(linker.Instantiate(store, Module.Load(engine, bytes))));
            fuel = store.FuelConsumed;
            return output.ToArray();
        }
        finally
        {
            Directory.Delete(folder, recursive: true);
        }
    }

    /// <summary>Gives its bytes in pieces of any size.</summary>
    private sealed class Trickle(byte[] bytes) : MemoryStream(bytes)
    {
        private readonly Random _random = new();

        public override ValueTask<int> ReadAsync(Memory<byte> buffer, CancellationToken cancellationToken = default) =>
            base.ReadAsync(buffer[..Math.Min(buffer.Length, _random.Next(1, 9))], cancellationToken);
    }
}
