using System.Net;
using System.Net.Sockets;
using System.Runtime.InteropServices;
using Wherry.Wasi.Abi;
using Wherry.Wasi.Polling;
using Wherry.Wasi.Tests.Sockets;

namespace Wherry.Wasi.Tests.Polling;

public class PollTests
{
    private static readonly TimeSpan Long = TimeSpan.FromHours(1);

    [Fact]
    public void Only_what_is_ready_is_told()
    {
        using SocketGuest guest = new();
        (int connection, Socket client, int listener) = TcpTests.Connect(guest);
        using (client)
        {
            AssertEvent(Assert.Single(guest.Poll(SocketGuest.Reading(connection), SocketGuest.Reading(listener), SocketGuest.After(TimeSpan.Zero))), 99, EventType.Clock);
            client.Send("x"u8);
            Event read = Assert.Single(guest.Poll(SocketGuest.Reading(connection, 7), SocketGuest.Reading(listener), SocketGuest.After(Long)));
            AssertEvent(read, 7, EventType.FdRead);
            Assert.True(read.ByteCount > 0);

            // It stays ready until the data is read.
            Assert.Single(guest.Poll(SocketGuest.Reading(connection, 7), SocketGuest.After(Long)));
            Assert.Equal("x", guest.Receive(connection));
            AssertEvent(Assert.Single(guest.Poll(SocketGuest.Reading(connection), SocketGuest.After(TimeSpan.Zero))), 99, EventType.Clock);
        }
    }

    [Fact]
    public void Both_directions_of_one_socket_may_have_the_same_user_data()
    {
        using SocketGuest guest = new();
        (int connection, Socket client, _) = TcpTests.Connect(guest);
        using (client)
        {
            client.Send("x"u8);
            Assert.Single(guest.Poll(SocketGuest.Reading(connection)));
            Event[] events = guest.Poll(SocketGuest.Reading(connection, 5), SocketGuest.Writing(connection, 5), SocketGuest.After(Long));
            Assert.Equal(2, events.Length);
            Assert.All(events, happened => Assert.Equal(5UL, happened.UserData));
            Assert.Equal([EventType.FdRead, EventType.FdWrite], events.Select(happened => happened.Type).Order());
        }
    }

    [Fact]
    public void A_read_of_exactly_what_is_there_leaves_nothing_to_be_told()
    {
        using SocketGuest guest = new();
        (int connection, Socket client, _) = TcpTests.Connect(guest);
        using (client)
        {
            client.Send("abcdef"u8);
            Assert.Single(guest.Poll(SocketGuest.Reading(connection)));
            Assert.Equal("abc", guest.Receive(connection, 3));
            AssertEvent(Assert.Single(guest.Poll(SocketGuest.Reading(connection), SocketGuest.After(Long))), 1, EventType.FdRead);
            Assert.Equal("def", guest.Receive(connection, 3));
            AssertEvent(Assert.Single(guest.Poll(SocketGuest.Reading(connection), SocketGuest.After(TimeSpan.Zero))), 99, EventType.Clock);
            client.Send("g"u8);
            AssertEvent(Assert.Single(guest.Poll(SocketGuest.Reading(connection), SocketGuest.After(Long))), 1, EventType.FdRead);
        }
    }

    [Fact]
    public void A_listener_is_ready_while_a_connection_waits()
    {
        using SocketGuest guest = new();
        (int listener, IPEndPoint address) = TcpTests.Serve(guest);
        using TcpClient first = new();
        using TcpClient second = new();
        first.Connect(address);
        second.Connect(address);
        Assert.Single(guest.Poll(SocketGuest.Reading(listener)));
        guest.Accept(listener);
        Assert.Single(guest.Poll(SocketGuest.Reading(listener)));
        guest.Accept(listener);
        AssertEvent(Assert.Single(guest.Poll(SocketGuest.Reading(listener), SocketGuest.After(TimeSpan.Zero))), 99, EventType.Clock);
    }

    [Fact]
    public void The_end_of_the_stream_is_told_again_and_again()
    {
        using SocketGuest guest = new();
        (int connection, Socket client, _) = TcpTests.Connect(guest);
        using (client)
        {
            client.Send("last"u8);
            client.Shutdown(SocketShutdown.Send);
            Assert.Single(guest.Poll(SocketGuest.Reading(connection)));
            Assert.Equal("last", guest.Receive(connection));
            for (int i = 0; i < 3; i++)
            {
                AssertEvent(Assert.Single(guest.Poll(SocketGuest.Reading(connection), SocketGuest.After(Long))), 1, EventType.FdRead);
                Assert.Equal("", guest.Receive(connection));
            }
        }
    }

    [Fact]
    public void A_connection_that_is_closed_on_both_sides_is_hung_up()
    {
        using SocketGuest guest = new();
        (int connection, Socket client, _) = TcpTests.Connect(guest);
        client.LingerState = new LingerOption(true, 0);
        client.Dispose();
        Event happened = Assert.Single(guest.Poll(SocketGuest.Reading(connection), SocketGuest.After(Long)));
        Assert.Equal(Event.HangUp, happened.Flags);
        Assert.Equal(0, happened.Error);
    }

    [Fact]
    public void A_full_socket_becomes_writable_when_the_peer_reads()
    {
        using SocketGuest guest = new();
        (int connection, Socket client, _) = TcpTests.Connect(guest);
        using (client)
        {
            guest.SetNonBlocking(connection);
            Assert.Single(guest.Poll(SocketGuest.Writing(connection)));
            byte[] much = new byte[100_000];
            while (guest.Send(connection, much, out _) == Errno.Success)
            {
            }

            using CancellationTokenSource stop = new();
            Task<bool> reading = Task.Run(() =>
            {
                byte[] buffer = new byte[65536];
                while (!stop.IsCancellationRequested && client.Receive(buffer) > 0)
                {
                }

                return true;
            });
            AssertEvent(Assert.Single(guest.Poll(SocketGuest.Writing(connection), SocketGuest.After(Long))), 2, EventType.FdWrite);
            stop.Cancel();
            guest.Close(connection);
            Assert.True(SocketGuest.Finish(reading));
        }
    }

    [Fact]
    public void Doubles_and_bad_descriptors_have_events_with_errors()
    {
        using SocketGuest guest = new();
        (int connection, Socket client, _) = TcpTests.Connect(guest);
        using (client)
        {
            client.Send("x"u8);
            Assert.Single(guest.Poll(SocketGuest.Reading(connection)));
            Event[] events = guest.Poll(SocketGuest.Reading(connection, 1), SocketGuest.Reading(connection, 2), SocketGuest.Reading(77, 3), SocketGuest.After(Long));
            Assert.Equal(3, events.Length);
            Assert.Equal((ushort)Errno.Success, events.Single(happened => happened.UserData == 1).Error);
            Assert.Equal((ushort)Errno.Exist, events.Single(happened => happened.UserData == 2).Error);
            Assert.Equal((ushort)Errno.Badf, events.Single(happened => happened.UserData == 3).Error);
        }
    }

    [Fact]
    public void A_poll_for_nothing_is_an_error_and_so_are_wrong_addresses()
    {
        using SocketGuest guest = new();
        Assert.Equal(Errno.Inval, guest.TryPoll([], edge: false, out _));
        Assert.Equal(Errno.Fault, SocketGuest.Run(guest.Context.PollOneoffAsync(guest.Call, SocketGuest.MemorySize - 47, 4096, 1, 2048)));
        Assert.Equal(Errno.Fault, SocketGuest.Run(guest.Context.PollOneoffAsync(guest.Call, 4096, SocketGuest.MemorySize - 31, 1, 2048)));
        Assert.Equal(Errno.Fault, SocketGuest.Run(guest.Context.PollOneoffAsync(guest.Call, 4096, 8192, 1, SocketGuest.MemorySize - 3)));
        Assert.Equal(Errno.Fault, SocketGuest.Run(guest.Context.PollOneoffAsync(guest.Call, 4096, 8192, uint.MaxValue, 2048)));
        Assert.Equal(Errno.Inval, guest.TryPoll([new Subscription { Type = (EventType)3 }], edge: false, out _));
    }

    [Theory]
    [InlineData(0u, false)]
    [InlineData(0u, true)]
    [InlineData(1u, false)]
    [InlineData(1u, true)]
    public void Clocks_ring_at_their_time(uint clock, bool absolute)
    {
        using SocketGuest guest = new();
        (int listener, _) = TcpTests.Serve(guest);
        ulong start = clock == 0 ? guest.Context.RealTime : guest.Context.MonotonicTime;
        ulong duration = 5_000_000;
        Subscription subscription = new()
        {
            UserData = 3,
            Type = EventType.Clock,
            Clock = clock,
            Timeout = absolute ? start + duration : duration,
            ClockFlags = absolute ? Subscription.AbsoluteTime : (ushort)0,
        };
        AssertEvent(Assert.Single(guest.Poll(SocketGuest.Reading(listener), subscription)), 3, EventType.Clock);
        ulong end = clock == 0 ? guest.Context.RealTime : guest.Context.MonotonicTime;
        Assert.True(end - start >= duration);
        AssertEvent(Assert.Single(guest.Poll(subscription)), 3, EventType.Clock);
    }

    [Fact]
    public void The_nearest_of_several_clocks_rings()
    {
        using SocketGuest guest = new();
        AssertEvent(
            Assert.Single(guest.Poll(SocketGuest.After(Long, 1), SocketGuest.After(TimeSpan.FromMilliseconds(2), 2, clock: 1), SocketGuest.After(Long, 3))), 2, EventType.Clock);
        Assert.Equal((ushort)Errno.Inval, Assert.Single(guest.Poll(SocketGuest.After(Long, 1, clock: 9), SocketGuest.After(Long))).Error);
        Assert.Equal((ushort)Errno.Notsup, Assert.Single(guest.Poll(SocketGuest.After(Long, 1, clock: 2), SocketGuest.After(Long))).Error);
        Assert.Equal((ushort)Errno.Inval, Assert.Single(guest.Poll(SocketGuest.After(Long, 1) with { ClockFlags = 2 }, SocketGuest.After(Long))).Error);
    }

    [Fact]
    public async Task A_poll_ends_when_the_guest_is_interrupted()
    {
        using SocketGuest guest = new();
        (int listener, _) = TcpTests.Serve(guest);
        using CancellationTokenSource cancellation = new();
        guest.Cancellation = cancellation.Token;
        Task polling = Task.Run(() => guest.Poll(SocketGuest.Reading(listener)));
        await Task.Delay(30);
        await cancellation.CancelAsync();
        await Assert.ThrowsAnyAsync<OperationCanceledException>(() => polling.WaitAsync(TimeSpan.FromSeconds(60)));
    }

    [Fact]
    public void Streams_take_part_together_with_sockets()
    {
        using SocketGuest guest = new(options: new WasiOptions { StandardInput = new MemoryStream("typed"u8.ToArray()), StandardOutput = new MemoryStream() });
        (int connection, Socket client, _) = TcpTests.Connect(guest);
        using (client)
        {
            AssertEvent(Assert.Single(guest.Poll(SocketGuest.Reading(0, 8), SocketGuest.Reading(connection), SocketGuest.After(Long))), 8, EventType.FdRead);
            AssertEvent(Assert.Single(guest.Poll(SocketGuest.Writing(1, 9), SocketGuest.Reading(connection), SocketGuest.After(Long))), 9, EventType.FdWrite);
        }
    }

    [Fact]
    public void A_socket_wakes_a_poll_that_waits_for_input_too()
    {
        using SilentStream silent = new();
        using SocketGuest guest = new(options: new WasiOptions { StandardInput = silent });
        (int connection, Socket client, _) = TcpTests.Connect(guest);
        using (client)
        {
            AssertEvent(Assert.Single(guest.Poll(SocketGuest.Reading(0, 8), SocketGuest.Reading(connection), SocketGuest.After(TimeSpan.FromMilliseconds(1)))), 99, EventType.Clock);
            Task.Run(() =>
            {
                Thread.Sleep(20);
                client.Send("x"u8);
            });
            AssertEvent(Assert.Single(guest.Poll(SocketGuest.Reading(0, 8), SocketGuest.Reading(connection), SocketGuest.After(Long))), 1, EventType.FdRead);
        }
    }

    [Fact]
    public void The_edge_triggered_poll_tells_a_change_once()
    {
        using SocketGuest guest = new();
        (int connection, Socket client, _) = TcpTests.Connect(guest);
        using (client)
        {
            guest.SetNonBlocking(connection);
            client.Send("ab"u8);
            Subscription[] subscriptions = [SocketGuest.Reading(connection), SocketGuest.After(TimeSpan.FromMilliseconds(1))];
            AssertEvent(Assert.Single(guest.PollEdge(SocketGuest.Reading(connection), SocketGuest.After(Long))), 1, EventType.FdRead);
            AssertEvent(Assert.Single(guest.PollEdge(subscriptions)), 99, EventType.Clock);
            client.Send("c"u8);
            AssertEvent(Assert.Single(guest.PollEdge(SocketGuest.Reading(connection), SocketGuest.After(Long))), 1, EventType.FdRead);

            // Who stops waiting for it and starts again is told how things stand.
            AssertEvent(Assert.Single(guest.PollEdge(SocketGuest.After(TimeSpan.Zero))), 99, EventType.Clock);
            AssertEvent(Assert.Single(guest.PollEdge(SocketGuest.Reading(connection), SocketGuest.After(Long))), 1, EventType.FdRead);
        }
    }

    [Fact]
    public void A_number_that_is_used_again_starts_anew()
    {
        using SocketGuest guest = new();
        (int connection, Socket client, int listener) = TcpTests.Connect(guest);
        client.Send("old"u8);
        Assert.Single(guest.Poll(SocketGuest.Reading(connection)));
        guest.Close(connection);
        client.Dispose();
        using Socket other = new(SocketType.Stream, ProtocolType.Tcp);
        other.Connect(guest.LocalAddress(listener));
        Assert.Equal(connection, guest.Accept(listener));
        AssertEvent(Assert.Single(guest.Poll(SocketGuest.Reading(connection), SocketGuest.After(TimeSpan.Zero))), 99, EventType.Clock);
        other.Send("new"u8);
        AssertEvent(Assert.Single(guest.Poll(SocketGuest.Reading(connection), SocketGuest.After(Long))), 1, EventType.FdRead);
        Assert.Equal("new", guest.Receive(connection));
    }

    [Fact]
    public void An_idle_socket_costs_no_system_call()
    {
        const int Count = 1000;
        using SocketGuest guest = new();
        (int listener, IPEndPoint address) = TcpTests.Serve(guest);
        List<Socket> clients = [];
        try
        {
            List<Subscription> subscriptions = [];
            for (int i = 0; i < Count; i++)
            {
                Socket client = new(SocketType.Stream, ProtocolType.Tcp);
                clients.Add(client);
                client.Connect(address);
                subscriptions.Add(SocketGuest.Reading(guest.Accept(listener), (ulong)i));
            }

            subscriptions.Add(SocketGuest.After(TimeSpan.Zero));
            Subscription[] all = [.. subscriptions];
            AssertEvent(Assert.Single(guest.Poll(all)), 99, EventType.Clock);

            long before = guest.Context.Poller.Set.SystemCalls + guest.Context.Poller.OtherSystemCalls;
            AssertEvent(Assert.Single(guest.Poll(all)), 99, EventType.Clock);
            Assert.Equal(1, guest.Context.Poller.Set.SystemCalls + guest.Context.Poller.OtherSystemCalls - before);

            clients[500].Send("x"u8);
            all[^1] = SocketGuest.After(Long);
            before = guest.Context.Poller.Set.SystemCalls + guest.Context.Poller.OtherSystemCalls;
            AssertEvent(Assert.Single(guest.Poll(all)), 500, EventType.FdRead);
            Assert.InRange(guest.Context.Poller.Set.SystemCalls + guest.Context.Poller.OtherSystemCalls - before, 0, 3);
        }
        finally
        {
            clients.ForEach(client => client.Dispose());
        }
    }

    [Fact]
    public void Polls_that_resemble_the_last_one_answer_as_if_they_were_the_first()
    {
        const int Count = 40;
        using SocketGuest guest = new();
        (int listener, IPEndPoint address) = TcpTests.Serve(guest);
        List<Socket> clients = [];
        List<int> connections = [];
        try
        {
            for (int i = 0; i < Count; i++)
            {
                Socket client = new(SocketType.Stream, ProtocolType.Tcp) { NoDelay = true };
                clients.Add(client);
                client.Connect(address);
                connections.Add(guest.Accept(listener));
            }

            Random random = new(4711);
            byte[] unread = new byte[Count];
            bool[] writing = new bool[Count];
            for (int round = 0; round < 400; round++)
            {
                // A guest stops and starts waiting for some, now and then closes one and accepts another in its place.
                int changed = random.Next(Count);
                switch (random.Next(8))
                {
                    case 0:
                        writing[changed] = !writing[changed];
                        break;
                    case 1:
                        clients[changed].Send("x"u8);
                        unread[changed]++;
                        guest.WaitForBytes(connections[changed], unread[changed]);
                        break;
                    case 2 when unread[changed] > 0:
                        Assert.Equal(unread[changed], guest.Receive(connections[changed], random.Next(2) == 0 ? unread[changed] : 100).Length);
                        unread[changed] = 0;
                        break;
                    case 3:
                        guest.Close(connections[changed]);
                        clients[changed].Dispose();
                        clients[changed] = new Socket(SocketType.Stream, ProtocolType.Tcp) { NoDelay = true };
                        clients[changed].Connect(address);
                        connections[changed] = guest.Accept(listener);
                        unread[changed] = 0;
                        break;
                    default:
                        break;
                }

                List<Subscription> subscriptions = [];
                List<(ulong, EventType)> expected = [];
                for (int i = 0; i < Count; i++)
                {
                    subscriptions.Add(SocketGuest.Reading(connections[i], (ulong)i));
                    if (unread[i] > 0)
                    {
                        expected.Add(((ulong)i, EventType.FdRead));
                    }

                    if (writing[i])
                    {
                        subscriptions.Add(SocketGuest.Writing(connections[i], (ulong)i));
                        expected.Add(((ulong)i, EventType.FdWrite));
                    }
                }

                subscriptions.Add(SocketGuest.After(TimeSpan.FromTicks(round % 3), Count));
                subscriptions.Add(SocketGuest.Reading(900, Count + 1));
                Event[] events = guest.Poll(CollectionsMarshal.AsSpan(subscriptions));
                Assert.Equal((ushort)Errno.Badf, events.Single(happened => happened.UserData == Count + 1).Error);
                for (int again = 0; GuestsWithoutThread.Scheduler is not null && events.Length < expected.Count + 1 && again < 100_000; again++)
                {
                    // What is told by another thread may come a moment later, if the poll has something else to tell.
                    Thread.Sleep(1);
                    events = guest.Poll(CollectionsMarshal.AsSpan(subscriptions));
                }

                Assert.Equal(
                    expected.Order(),
                    events.Where(happened => happened.UserData < Count).Select(happened => (happened.UserData, happened.Type)).Order());
            }
        }
        finally
        {
            clients.ForEach(client => client.Dispose());
        }
    }

    internal static void AssertEvent(Event happened, ulong userData, EventType type)
    {
        Assert.Equal(userData, happened.UserData);
        Assert.Equal(type, happened.Type);
        Assert.Equal(0, happened.Error);
    }

    /// <summary>Never has anything to read.</summary>
    private sealed class SilentStream : Stream
    {
        private readonly TaskCompletionSource<int> never = new();

        public override bool CanRead => true;

        public override bool CanSeek => false;

        public override bool CanWrite => false;

        public override long Length => throw new NotSupportedException();

        public override long Position { get; set; }

        public override void Flush()
        {
        }

        public override int Read(byte[] buffer, int offset, int count) => never.Task.Result;

        public override ValueTask<int> ReadAsync(Memory<byte> buffer, CancellationToken cancellationToken = default) => new(never.Task);

        public override long Seek(long offset, SeekOrigin origin) => throw new NotSupportedException();

        public override void SetLength(long value) => throw new NotSupportedException();

        public override void Write(byte[] buffer, int offset, int count) => throw new NotSupportedException();

        protected override void Dispose(bool disposing)
        {
            never.TrySetResult(0);
            base.Dispose(disposing);
        }
    }
}
