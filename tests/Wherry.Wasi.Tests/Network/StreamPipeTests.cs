using Wherry.Wasi.Abi;
using Wherry.Wasi.Native;
using Wherry.Wasi.Network.InProcess.Streams;

namespace Wherry.Wasi.Tests.Network;

/// <summary>One direction of a connection between guests: what it holds, and what its two sides are told while both are at it.</summary>
public sealed unsafe class StreamPipeTests : IDisposable
{
    private const int Large = 1 << 20;
    private const int Rounds = 1_000;

    private readonly StreamBudget budget = new(mostBytes: 64 << 10, mostPipes: 2, mostOrphans: 3);
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

    /// <summary>No write came back short, but whoever looks at a full pipe and then sleeps has to be told as well.</summary>
    [Theory]
    [InlineData(4, 64 << 10, 0)]
    [InlineData(1, StreamPipe.Capacity, 0)]
    [InlineData(1, 4096, 64 << 10)]
    public void Who_looks_at_a_pipe_that_was_filled_exactly_is_told_of_room(int writes, int length, int held)
    {
        var other = new StreamBudget(mostBytes: held > 0 ? held : StreamBudget.MostBytes);
        other.Add(held);
        Assert.True(other.TryAddPipe());
        var pipe = new StreamPipe(other, isAccepted: true);
        Assert.True(pipe.HasRoom);
        for (int i = 0; i < writes; i++)
        {
            Assert.Equal((uint)length, Write(pipe, length));
        }

        if (held > 0)
        {
            // The ring was the smallest from the first; that it may not grow shows when more is asked for.
            Assert.Equal(2048u, Read(pipe, 2048));
            Assert.Equal(2048u, Write(pipe, 4096));
            Assert.Equal((2048u, true), (Read(pipe, 2048, out bool first), first));
            Assert.Equal(2048u, Write(pipe, 2048));
        }

        Assert.False(pipe.HasRoom);
        Assert.Equal(((uint)(writes * length), true), (Read(pipe, Large, out bool hasFreed), hasFreed));
        Assert.True(pipe.HasRoom);
        Assert.Equal(held, other.Bytes);
    }

    [Fact]
    public void Who_looks_at_a_pipe_that_was_filled_before_it_is_accepted_is_told_of_room()
    {
        StreamPipe read = Create(isAccepted: false);
        Assert.Equal((uint)StreamPipe.CapacityBeforeAccept, Write(read, StreamPipe.CapacityBeforeAccept));
        Assert.False(read.HasRoom);
        Assert.Equal(((uint)StreamPipe.CapacityBeforeAccept, true), (Read(read, Large, out bool hasFreed), hasFreed));
        StreamPipe accepted = Create(isAccepted: false);
        Assert.Equal((uint)StreamPipe.CapacityBeforeAccept, Write(accepted, StreamPipe.CapacityBeforeAccept));
        Assert.False(accepted.HasRoom);
        Assert.True(accepted.Accept());
        Assert.True(accepted.HasRoom);
    }

    [Fact]
    public void Rings_are_the_smaller_the_less_is_left()
    {
        var small = new StreamBudget(mostBytes: 1 << 20);
        var sizes = new List<uint>();
        for (int i = 0; i < 30; i++)
        {
            Assert.True(small.TryAddPipe());
            var pipe = new StreamPipe(small, isAccepted: true);
            sizes.Add(Write(pipe, Large));
            Assert.False(pipe.HasRoom);
        }

        // Three large ones are exactly three quarters, of which the third was begun at a half; then there is one of 64 KiB.
        Assert.Equal([256u << 10, 256u << 10, 256u << 10, 64u << 10], sizes[..4]);
        Assert.All(sizes[4..16], size => Assert.Equal(16u << 10, size));
        Assert.All(sizes[16..], size => Assert.Equal(4096u, size));
    }

    [Fact]
    public void A_pipe_counts_until_it_is_ended_and_empty()
    {
        StreamPipe empty = Create();
        empty.End(asReset: false);
        Assert.Equal(0, budget.Pipes);
        empty.Abandon(asReset: false);
        Assert.False(empty.EndReading());
        Assert.Equal((0, 0), (budget.Pipes, budget.Orphans));

        // It has said that it sends no more, and has not closed.
        StreamPipe full = Create();
        Assert.Equal(5u, Write(full, 5));
        full.End(asReset: false);
        Assert.Equal((1, 0), (budget.Pipes, budget.Orphans));
        full.Abandon(asReset: false);
        Assert.Equal((0, 1), (budget.Pipes, budget.Orphans));
        Assert.Equal(4u, Read(full, 4));
        Assert.Equal((0, 1), (budget.Pipes, budget.Orphans));
        Assert.Equal(1u, Read(full, 4));
        Assert.Equal((0, 0), (budget.Pipes, budget.Orphans));
        Assert.False(full.EndReading());
        Assert.False(budget.IsInUse);

        // Before it is accepted it is no orphan: it lies in a short queue.
        StreamPipe waiting = Create(isAccepted: false);
        Assert.Equal(5u, Write(waiting, 5));
        waiting.Abandon(asReset: false);
        Assert.Equal((1, 0), (budget.Pipes, budget.Orphans));
        _ = waiting.Accept();
        Assert.Equal((0, 1), (budget.Pipes, budget.Orphans));
        Assert.True(waiting.EndReading());
        Assert.False(budget.IsInUse);
    }

    [Fact]
    public void The_oldest_of_too_many_orphans_is_reset()
    {
        StreamPipe[] orphans = new StreamPipe[5];
        for (int i = 0; i < orphans.Length; i++)
        {
            orphans[i] = Create(isAccepted: i != 4);
            Assert.Equal(5u, Write(orphans[i], 5));
            orphans[i].Abandon(asReset: false);
            if (i == 4)
            {
                Assert.Equal((1, 3), (budget.Pipes, budget.Orphans));
                _ = orphans[i].Accept();
            }
        }

        Assert.Equal((0, 3, 3 * 4096), (budget.Pipes, budget.Orphans, budget.Bytes));
        foreach (StreamPipe orphan in orphans[..2])
        {
            Assert.Equal((false, true, true), orphan.Reading);
            Assert.Equal(Errno.Connreset, orphan.Read([new NativeBuffer(memory, 9)], false, out _, out _, out _));
            Assert.Equal(0u, Read(orphan, 9));
            Assert.False(orphan.EndReading());
        }

        foreach (StreamPipe orphan in orphans[2..])
        {
            Assert.Equal(5u, Read(orphan, 9));
            Assert.False(orphan.EndReading());
        }

        Assert.False(budget.IsInUse);
    }

    /// <summary>An orphan is reset while it is read from: all of it is received, or a reset is told, and nothing stays counted.</summary>
    [Fact]
    public void An_orphan_may_be_reset_while_it_is_read_from()
    {
        var none = new StreamBudget(mostOrphans: 0);
        for (int round = 0; round < Rounds; round++)
        {
            Assert.True(none.TryAddPipe());
            var pipe = new StreamPipe(none, isAccepted: true);
            Assert.Equal(200u << 10, Write(pipe, 200 << 10));
            Both(round, () => pipe.Abandon(asReset: false), () => _ = Read(pipe, Large));
            bool isReset = pipe.Reading.IsReset;
            Assert.Equal((false, true, isReset), pipe.Reading);
            Assert.Equal(isReset ? Errno.Connreset : Errno.Success, pipe.Read([new NativeBuffer(memory, 9)], false, out uint read, out _, out _));
            Assert.Equal(0u, read);
            Assert.False(none.IsInUse);
        }
    }

    /// <summary>The same while it is written to: by another thread of the guest that closes it.</summary>
    [Fact]
    public void An_orphan_may_be_reset_while_it_is_written_to()
    {
        var none = new StreamBudget(mostOrphans: 0);
        for (int round = 0; round < Rounds; round++)
        {
            Assert.True(none.TryAddPipe());
            var pipe = new StreamPipe(none, isAccepted: true);
            _ = Both(pipe, round, () => pipe.Abandon(asReset: false), out _);
            Assert.Equal(0u, Read(pipe, Large));
            Assert.False(none.IsInUse);
        }
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
        uint written = 0;
        bool wasFull = false;
        Both(round, other, () => _ = pipe.Write([new NativeBuffer(memory, 100_000)], out written, out bool _, out wasFull));
        isFull = wasFull;
        return written;
    }

    private static void Both(int round, Action other, Action here)
    {
        using var barrier = new Barrier(2);
        Task task = Task.Run(() =>
        {
            barrier.SignalAndWait();
            Thread.SpinWait(round % 64 * 8);
            other();
        });
        barrier.SignalAndWait();
        here();
        task.GetAwaiter().GetResult();
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
