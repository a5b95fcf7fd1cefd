using System.Text;
using Wherry.Wasi.Abi;

namespace Wherry.Wasi.Tests.Files;

/// <summary>Arguments, environment, clocks, random bytes, and the end of the process.</summary>
public sealed class ProcessFunctionTests
{
    [Fact]
    public void Arguments_and_environment_arrive_with_their_sizes()
    {
        using var guest = new TestGuest(configure: options => options with
        {
            Arguments = ["program", "", "größer"],
            Environment = new Dictionary<string, string> { ["A"] = "1=2", ["EMPTY"] = "" },
        });
        var context = guest.Context;
        Assert.Equal(Errno.Success, context.ArgsSizesGet(guest.Call, 0, 4));
        Assert.Equal(3u, guest.Get<uint>(0));
        Assert.Equal((uint)Encoding.UTF8.GetByteCount("program\0\0größer\0"), guest.Get<uint>(4));
        Assert.Equal(Errno.Success, context.ArgsGet(guest.Call, 100, 200));
        Assert.Equal([200u, 208u, 209u], new[] { guest.Get<uint>(100), guest.Get<uint>(104), guest.Get<uint>(108) });
        Assert.Equal("program\0\0größer\0", guest.GetText(200, guest.Get<uint>(4)));
        Assert.Equal(Errno.Success, context.EnvironSizesGet(guest.Call, 0, 4));
        Assert.Equal(2u, guest.Get<uint>(0));
        Assert.Equal(Errno.Success, context.EnvironGet(guest.Call, 100, 200));
        Assert.Equal("A=1=2\0EMPTY=\0", guest.GetText(200, guest.Get<uint>(4)));
        const uint End = TestGuest.MemorySize;
        Assert.Equal(Errno.Fault, context.ArgsSizesGet(guest.Call, End - 3, 4));
        Assert.Equal(Errno.Fault, context.ArgsSizesGet(guest.Call, 0, End));
        Assert.Equal(Errno.Fault, context.ArgsGet(guest.Call, End - 8, 200));
        Assert.Equal(Errno.Fault, context.ArgsGet(guest.Call, 100, End - 8));
        Assert.Equal(Errno.Fault, context.EnvironGet(guest.Call, 100, uint.MaxValue));
    }

    [Fact]
    public void Strings_that_a_guest_could_not_tell_apart_are_refused()
    {
        Assert.Throws<ArgumentException>(() => new WasiContext(new WasiOptions { Arguments = ["a\0b"] }));
        Assert.Throws<ArgumentException>(() => new WasiContext(new WasiOptions { Environment = new Dictionary<string, string> { ["A=B"] = "" } }));
        Assert.Throws<ArgumentException>(() => new WasiContext(new WasiOptions { Environment = new Dictionary<string, string> { [""] = "x" } }));
    }

    [Fact]
    public void Clocks_tell_the_systems_time()
    {
        using var guest = new TestGuest();
        var before = (ulong)(DateTimeOffset.UtcNow - DateTimeOffset.UnixEpoch).Ticks * 100;
        Assert.Equal(Errno.Success, guest.Context.ClockTimeGet(guest.Call, 0, 1, TestGuest.Result));
        Assert.InRange(guest.Get<ulong>(), before - 1_000_000, before + 600_000_000_000);
        for (var clock = 1u; clock <= 3; clock++)
        {
            Assert.Equal(Errno.Success, guest.Context.ClockTimeGet(guest.Call, clock, 0, TestGuest.Result));
            var first = guest.Get<ulong>();
            Assert.Equal(Errno.Success, guest.Context.ClockTimeGet(guest.Call, clock, 0, TestGuest.Result));
            Assert.True(guest.Get<ulong>() >= first && first > 0);
            Assert.Equal(Errno.Success, guest.Context.ClockResGet(guest.Call, clock, TestGuest.Result));
            Assert.InRange(guest.Get<ulong>(), 1u, 100_000_000u);
        }

        Assert.Equal(Errno.Inval, guest.Context.ClockTimeGet(guest.Call, 4, 0, TestGuest.Result));
        Assert.Equal(Errno.Inval, guest.Context.ClockResGet(guest.Call, 4, TestGuest.Result));
        Assert.Equal(Errno.Fault, guest.Context.ClockTimeGet(guest.Call, 0, 0, TestGuest.MemorySize - 7));
    }

    [Fact]
    public void Clocks_follow_the_embedders_time()
    {
        using var guest = new TestGuest(configure: options => options with { TimeProvider = new StandingClock() });
        guest.Context.ClockTimeGet(guest.Call, 0, 0, TestGuest.Result);
        Assert.Equal(1_000_000_000_000_000_000u, guest.Get<ulong>());
        guest.Context.ClockTimeGet(guest.Call, 1, 0, TestGuest.Result);
        Assert.Equal(42_000_000u, guest.Get<ulong>());
        guest.Context.ClockResGet(guest.Call, 1, TestGuest.Result);
        Assert.Equal(1_000_000u, guest.Get<ulong>());
    }

    [Fact]
    public void Random_bytes_come_from_the_system_or_the_embedder()
    {
        using var guest = new TestGuest();
        Assert.Equal(Errno.Success, guest.Context.RandomGet(guest.Call, 1000, 64));
        Assert.True(guest.Memory.Slice(1000, 64).ContainsAnyExcept((byte)0));
        Assert.Equal(0, guest.Memory[1064]);
        Assert.Equal(Errno.Success, guest.Context.RandomGet(guest.Call, 0, 0));
        Assert.Equal(Errno.Fault, guest.Context.RandomGet(guest.Call, TestGuest.MemorySize - 1, 2));
        Assert.Equal(Errno.Fault, guest.Context.RandomGet(guest.Call, 1, uint.MaxValue));
        using var seeded = new TestGuest(configure: options => options with { RandomSource = buffer => buffer.Fill(7) });
        Assert.Equal(Errno.Success, seeded.Context.RandomGet(seeded.Call, 1000, 3));
        Assert.Equal([7, 7, 7, 0], seeded.Memory.Slice(1000, 4).ToArray());
    }

    [Fact]
    public void Signals_end_the_guest_as_they_would_end_a_process()
    {
        Assert.Equal(Errno.Success, WasiContext.ProcRaise(0));
        Assert.Equal(Errno.Success, WasiContext.ProcRaise(27));
        Assert.Equal(Errno.Notsup, WasiContext.ProcRaise(18));
        Assert.Equal(Errno.Inval, WasiContext.ProcRaise(31));
        Assert.Equal(134, Assert.Throws<GuestExitException>(() => WasiContext.ProcRaise(6)).ExitCode);
        Assert.Equal(Errno.Success, WasiContext.SchedYield());
    }

    [Fact]
    public void The_fast_functions_allocate_nothing()
    {
        using var guest = new TestGuest();
        var fd = guest.MustOpen("file", OpenFlags.Create, RightsSets.File);
        var write = guest.Buffers(guest.Put("twelve bytes"));
        var read = guest.Buffers((guest.Reserve(16), 16u));
        Assert.Equal(0, Allocated());

        long Allocated()
        {
            Round();
            var before = GC.GetAllocatedBytesForCurrentThread();
            for (var i = 0; i < 100; i++)
            {
                Round();
            }

            return GC.GetAllocatedBytesForCurrentThread() - before;
        }

        void Round()
        {
            _ = guest.WriteBuffers(fd, write, 1, TestGuest.Result);
            _ = guest.Context.FdSeek(guest.Call, fd, 0, 0, TestGuest.Result);
            _ = guest.ReadBuffers(fd, read, 1, TestGuest.Result);
            _ = guest.Context.ClockTimeGet(guest.Call, 0, 0, TestGuest.Result);
            _ = guest.Context.ClockTimeGet(guest.Call, 1, 0, TestGuest.Result);
            _ = guest.Context.RandomGet(guest.Call, 1000, 16);
        }
    }

    private sealed class StandingClock : TimeProvider
    {
        public override long TimestampFrequency => 1000;

        public override DateTimeOffset GetUtcNow() => DateTimeOffset.FromUnixTimeSeconds(1_000_000_000);

        public override long GetTimestamp() => 42;
    }
}
