using Wherry.Wasi.Abi;
using Wherry.Wasi.Native;
using Wherry.Wasi.Network.InProcess.Streams;

namespace Wherry.Wasi.Tests.Network;

/// <summary>One direction of a connection between guests: what it holds, and what its two sides are told while both are at it.</summary>
public sealed unsafe class StreamPipeTests : IDisposable
{
    private const int Large = 1 << 20;
    private const int Rounds = 1_000;

    private readonly StreamBudget budget = new(mostBytes: 64 << 10, mostPipes: 2);
    private readonly byte* memory = (byte*)System.Runtime.InteropServices.NativeMemory.AllocZeroed(2 * Large);

    public void Dispose() => System.Runtime.InteropServices.NativeMemory.Free(memory);

    [Fact]
    public void A_ring_is_given_back_whenever_it_is_empty()
    {
        StreamPipe pipe = Create();
        for (int i = 0; i < 3; i++)
        {
            Assert.Equal(10_000u, Write(pipe, 10_000));
            Assert.Equal(16_384, budget.Bytes);

            // Exactly what is there: the reader never finds nothing.
            Assert.Equal(10_000u, Read(pipe, 10_000));
            Assert.Equal(0, budget.Bytes);
        }

        Assert.Equal(10u, Write(pipe, 10));
        pipe.End(asReset: false);
        Assert.Equal(10u, Read(pipe, 100));
        Assert.Equal(0, budget.Bytes);
        Assert.Equal(1, budget.Pipes);
        Assert.False(pipe.EndReading());
        Assert.Equal(0, budget.Pipes);
    }

    [Fact]
    public void Beyond_the_budget_there_are_smallest_rings()
    {
        StreamPipe first = Create();
        StreamPipe second = Create();
        Assert.Equal(64u << 10, Write(first, Large));
        Assert.Equal(4096u, Write(second, Large));
        Assert.False(second.HasRoom);
        Assert.Equal(68 << 10, budget.Bytes);

        // It still goes on with what it has, and grows when it may.
        Assert.Equal((100u, false), (Read(second, 100, out bool hasFreed), hasFreed));
        Assert.False(second.HasRoom);
        Assert.Equal((3996u, true), (Read(second, 4096, out hasFreed), hasFreed));
        Assert.Equal(4096u, Write(second, Large));
        Assert.Equal(64u << 10, Read(first, Large));
        Assert.Equal(28u << 10, Write(second, 28 << 10));
        Assert.Equal(32 << 10, budget.Bytes);
        Assert.True(second.EndReading());
        Assert.Equal(0, budget.Bytes);
    }

    [Fact]
    public void There_are_so_many_pipes_and_no_more()
    {
        StreamPipe first = Create();
        _ = Create();
        Assert.False(budget.TryAddPipe());
        Assert.False(new StreamPipe(budget: null, isAccepted: true).SetBudget(budget));
        Assert.False(first.EndReading());
        Assert.True(new StreamPipe(budget: null, isAccepted: true).SetBudget(budget));
        Assert.False(first.EndReading());
        Assert.Equal(2, budget.Pipes);
    }

    [Fact]
    public void What_nobody_has_accepted_holds_little()
    {
        StreamPipe pipe = Create(isAccepted: false);
        Assert.Equal((uint)StreamPipe.CapacityBeforeAccept, Write(pipe, Large));
        Assert.False(pipe.HasRoom);
        Assert.True(pipe.Accept());
        Assert.True(pipe.HasRoom);
        Assert.Equal(64u << 10, Write(pipe, Large) + (uint)StreamPipe.CapacityBeforeAccept);
    }

    [Fact]
    public void A_reset_waits_behind_what_came_before_it()
    {
        StreamPipe pipe = Create();
        Assert.Equal(5u, Write(pipe, 5));
        pipe.End(asReset: true);
        Assert.Equal(0u, Read(pipe, 0));
        Assert.Equal(5u, Read(pipe, 10));
        Assert.Equal(Errno.Connreset, pipe.Read([new NativeBuffer(memory, 0)], false, out _, out _, out _));
        Assert.Equal(0u, Read(pipe, 10));
    }

    [Fact]
    public void Who_may_send_no_more_is_told()
    {
        StreamPipe pipe = Create();
        Assert.Equal(5u, Write(pipe, 5));
        pipe.Refuse();
        Assert.True(pipe.HasRoom);
        Assert.Equal(Errno.Pipe, pipe.Write([new NativeBuffer(memory, 1)], out _, out _, out _));
        Assert.Equal(5u, Read(pipe, 10));
    }

    /// <summary>Whoever writes a part, or nothing, because the ring is full, is told when it no longer is; in each order of the two sides' steps.</summary>
    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public void A_writer_that_found_no_room_is_told_of_room(bool isPeek)
    {
        var unlimited = new StreamBudget();
        for (int round = 0; round < Rounds; round++)
        {
            Assert.True(unlimited.TryAddPipe());
            var pipe = new StreamPipe(unlimited, isAccepted: true);

            // With a peek, a small ring that is full: it can't grow while it is read from. Without, a large one that has room for a part.
            int before = isPeek ? 4096 : 200 << 10;
            Assert.Equal((uint)before, Write(pipe, before));
            int freed = 0;
            Both(pipe, round, Receive, out bool isFull);
            Assert.True(pipe.HasRoom, "There is room.");
            Assert.True(!isFull || freed > 0, "It was told.");
            _ = pipe.EndReading();

            void Receive()
            {
                _ = Read(pipe, before, out bool hasFreed, isPeek);
                freed += hasFreed ? 1 : 0;
            }
        }

        Assert.Equal(0, unlimited.Bytes);
    }

    /// <summary>What is sent while the other side closes counts as left unread, or is not sent.</summary>
    [Fact]
    public void What_is_written_while_the_reader_leaves_is_no_orderly_end()
    {
        var unlimited = new StreamBudget();
        for (int round = 0; round < Rounds; round++)
        {
            Assert.True(unlimited.TryAddPipe());
            var pipe = new StreamPipe(unlimited, isAccepted: true);
            bool wasLeft = false;
            uint written = Both(pipe, round, () => wasLeft = pipe.EndReading(), out _);
            Assert.Equal(written > 0, wasLeft);
        }

        Assert.Equal(0, unlimited.Bytes);
        Assert.Equal(0, unlimited.Pipes);
    }

    /// <summary>Writes 100 KB while another thread does something, a little earlier or later each time.</summary>
    private uint Both(StreamPipe pipe, int round, Action other, out bool isFull)
    {
        using var barrier = new Barrier(2);
        Task task = Task.Run(() =>
        {
            barrier.SignalAndWait();
            Thread.SpinWait(round % 64 * 8);
            other();
        });
        barrier.SignalAndWait();
        _ = pipe.Write([new NativeBuffer(memory, 100_000)], out uint written, out bool _, out isFull);
        task.GetAwaiter().GetResult();
        return written;
    }

    private StreamPipe Create(bool isAccepted = true)
    {
        Assert.True(budget.TryAddPipe());
        return new StreamPipe(budget, isAccepted);
    }

    private uint Write(StreamPipe pipe, int length)
    {
        Assert.Equal(Errno.Success, pipe.Write([new NativeBuffer(memory, (nuint)length)], out uint written, out _, out bool isFull));
        Assert.Equal(written < length, isFull);
        return written;
    }

    private uint Read(StreamPipe pipe, int length) => Read(pipe, length, out _);

    private uint Read(StreamPipe pipe, int length, out bool hasFreed, bool isPeek = false)
    {
        _ = pipe.Read([new NativeBuffer(memory + Large, (nuint)length)], isPeek, out uint read, out _, out hasFreed);
        return read;
    }
}
