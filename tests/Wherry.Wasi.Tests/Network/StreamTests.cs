using System.Net;
using Wherry.Wasi.Abi;
using Wherry.Wasi.Network.InProcess;
using Wherry.Wasi.Network.InProcess.Streams;
using Wherry.Wasi.Scheduling;
using Wherry.Wasi.Tests.Sockets;

namespace Wherry.Wasi.Tests.Network;

/// <summary>Connections between guests: TCP's semantics without the system.</summary>
public class StreamTests : NetworkTests
{
    private const uint LingerOption = 9;
    private const uint ErrorOption = 2;
    private const int Block = 100_000;

    /// <summary>Whose wait ends: the reader's, the writer's.</summary>
    public static MatrixTheoryData<bool, bool> Waiting => new([false, true], [false, true]);

    [Fact]
    public void A_connection_takes_no_handle()
    {
        (SocketGuest server, int accepted, SocketGuest client, int socket) = Connect();
        foreach ((SocketGuest guest, int number) in new[] { (server, accepted), (client, socket) })
        {
            Assert.True(guest.Context.Descriptors.TryGet(number, out Wherry.Wasi.Descriptors.Descriptor? descriptor));
            Assert.Equal(-1, descriptor.HostHandle);
        }
    }

    [Theory]
    [InlineData(false, false)]
    [InlineData(true, false)]
    [InlineData(false, true)]
    [InlineData(true, true)]
    public async Task A_sender_waits_for_its_reader_and_every_byte_arrives(bool serverHasThread, bool clientHasThread)
    {
        const int Blocks = 60;
        (SocketGuest server, int accepted, SocketGuest client, int socket) = Connect(serverHasThread, clientHasThread);
        Task sending = Task.Run(() =>
        {
            for (int i = 0; i < Blocks; i++)
            {
                Assert.Equal(Errno.Success, client.Send(socket, Bytes(i), out int sent, parts: 1 + (i % 3)));
                Assert.Equal(Block, sent);
            }

            Assert.Equal(Errno.Success, client.Close(socket));
        });
        var all = new MemoryStream();
        for (int size = 1; server.Receive(accepted, size, out _) == Errno.Success && server.Number > 0; size = (size * 7 % 99_991) + 1)
        {
            all.Write(server.Memory.Slice(0x20000, server.Number));
        }

        await sending;
        byte[] arrived = all.ToArray();
        Assert.Equal(Blocks * Block, arrived.Length);
        for (int i = 0; i < Blocks; i++)
        {
            Assert.True(arrived.AsSpan(i * Block, Block).SequenceEqual(Bytes(i)));
        }
    }

    [Fact]
    public void A_part_is_sent_where_there_is_room_for_a_part()
    {
        (SocketGuest server, int accepted, SocketGuest client, int socket) = Connect();
        client.SetNonBlocking(socket);
        int total = 0;
        Errno errno;
        while ((errno = client.Send(socket, Bytes(0), out int sent)) == Errno.Success)
        {
            total += sent;
        }

        Assert.Equal((Errno.Again, StreamPipe.Capacity), (errno, total));

        // Room for a few bytes is used, but does not end a wait.
        Assert.Equal(Errno.Success, server.Receive(accepted, 10, out _));
        Assert.Equal(99UL, Assert.Single(client.Poll(SocketGuest.Writing(socket), SocketGuest.After(TimeSpan.Zero))).UserData);
        Assert.Equal(Errno.Success, client.Send(socket, Bytes(0), out int few));
        Assert.Equal(10, few);
        Assert.Equal(Errno.Again, client.Send(socket, Bytes(0), out _));
        for (int left = StreamPipe.Capacity; left > 0; left -= server.Number)
        {
            Assert.Equal(Errno.Success, server.Receive(accepted, Block, out _));
        }

        Assert.Equal(2UL, Assert.Single(client.Poll(SocketGuest.Writing(socket))).UserData);
    }

    [Theory]
    [MemberData(nameof(Waiting))]
    public async Task A_close_ends_the_others_wait(bool isReset, bool isSending)
    {
        (SocketGuest server, int accepted, SocketGuest client, int socket) = Connect();
        if (isReset)
        {
            Assert.Equal(Errno.Success, server.SetOption(accepted, 0, LingerOption, 1, 0, 0, 0, 0, 0, 0, 0));
        }

        if (isSending)
        {
            client.SetNonBlocking(socket);
            while (client.Send(socket, Bytes(0), out _) == Errno.Success)
            {
            }

            Assert.Equal(Errno.Success, client.Context.FdFdstatSetFlags(socket, 0));
        }

        Task<Errno> waiting = Task.Run(() => isSending ? client.Send(socket, "more") : client.Receive(socket, 10, out _));
        Thread.Sleep(20);
        Assert.Equal(Errno.Success, server.Close(accepted));
        Assert.Equal(isReset || isSending ? Errno.Connreset : Errno.Success, await Settle(waiting));
        Assert.Equal("", client.Receive(socket));
        Assert.Equal(Errno.Pipe, client.Send(socket, "x"));
    }

    [Fact]
    public void What_came_before_a_reset_is_received()
    {
        (SocketGuest server, int accepted, SocketGuest client, int socket) = Connect();
        Assert.Equal(Errno.Success, client.Send(socket, "unread"));
        Assert.Equal(Errno.Success, server.Send(accepted, "last"));
        Assert.Equal(Errno.Success, server.Close(accepted));
        Assert.Equal("last", client.Receive(socket));
        Assert.Equal(Errno.Connreset, client.Receive(socket, 10, out _));
        Assert.Equal("", client.Receive(socket));
        Assert.Equal(Errno.Pipe, client.Send(socket, "x"));
    }

    [Fact]
    public void A_reset_is_told_once_by_whatever_asks_first()
    {
        (SocketGuest server, int accepted, SocketGuest client, int socket) = Connect();
        Assert.Equal(0, client.GetOption(socket, ErrorOption));
        Assert.Equal(Errno.Success, client.Send(socket, "unread"));
        Assert.Equal(Errno.Success, server.Close(accepted));
        Assert.Equal(1UL, Assert.Single(client.Poll(SocketGuest.Reading(socket))).UserData);
        Assert.Equal((int)Errno.Connreset, client.GetOption(socket, ErrorOption));
        Assert.Equal(0, client.GetOption(socket, ErrorOption));
        Assert.Equal("", client.Receive(socket));
        (server, accepted, client, socket) = Connect();
        Assert.Equal(Errno.Success, client.Send(socket, "unread"));
        Assert.Equal(Errno.Success, server.Close(accepted));
        Assert.Equal(Errno.Connreset, client.Send(socket, "x"));
        Assert.Equal(Errno.Pipe, client.Send(socket, "x"));
    }

    [Fact]
    public void Both_sides_may_say_that_they_send_no_more()
    {
        (SocketGuest server, int accepted, SocketGuest client, int socket) = Connect();
        Assert.Equal(Errno.Success, client.Send(socket, "one"));
        Assert.Equal(Errno.Success, client.Context.SockShutdown(socket, 2));
        Assert.Equal("one", server.Receive(accepted));
        Assert.Equal(Errno.Success, server.Send(accepted, "two"));
        Assert.Equal(Errno.Success, server.Context.SockShutdown(accepted, 3));
        Assert.Equal(1u, HangUp(server.Poll(SocketGuest.Reading(accepted))));
        Assert.Equal("two", client.Receive(socket));
        Assert.Equal("", client.Receive(socket));
        Assert.Equal("", server.Receive(accepted));
        Assert.Equal(Errno.Pipe, server.Send(accepted, "x"));

        static uint HangUp(Wherry.Wasi.Polling.Event[] events) => (uint)Assert.Single(events).Flags & 1;
    }

    [Fact]
    public void A_peek_leaves_what_it_sees_and_a_call_may_wait_for_all()
    {
        (SocketGuest server, int accepted, SocketGuest client, int socket) = Connect();
        Assert.Equal(Errno.Success, client.Send(socket, "abcdef", parts: 3));
        Assert.Equal(Errno.Success, server.Receive(accepted, 4, out string text, SocketGuest.Peek, parts: 2));
        Assert.Equal("abcd", text);
        Task<string> all = Task.Run(() =>
        {
            Assert.Equal(Errno.Success, server.Receive(accepted, 9, out string got, SocketGuest.WaitAll));
            return got;
        });
        Assert.Equal(Errno.Success, client.Send(socket, "ghi"));
        Assert.Equal("abcdefghi", SocketGuest.Finish(all));
    }

    [Fact]
    public void A_receive_waits_no_longer_than_the_guest_said()
    {
        (SocketGuest server, int accepted, _, _) = Connect();
        Assert.Equal(Errno.Success, server.SetOption(accepted, 0, 11, [0, 0, 0, 0, 0, 0, 0, 0, 0x10, 0x27, 0, 0, 0, 0, 0, 0]));
        Assert.Equal(Errno.Again, server.Receive(accepted, 10, out _));
    }

    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public void A_poll_waits_for_connections_together_with_others(bool edge)
    {
        (SocketGuest server, int accepted, SocketGuest client, int socket) = Connect();
        int datagrams = server.Open(type: SocketGuest.Datagram);
        Assert.Equal(Errno.Success, server.Bind(datagrams, IPAddress.Any, 53));
        server.SetNonBlocking(accepted);
        Assert.All(Poll(SocketGuest.Reading(accepted), SocketGuest.Reading(datagrams, 3), SocketGuest.After(TimeSpan.FromMilliseconds(1))), one => Assert.Equal(99UL, one));
        IPAddress address = Resolve(client, "server");
        for (int i = 0; i < 3; i++)
        {
            Assert.Equal(Errno.Success, client.Send(socket, "x"));
            Assert.Equal([1UL], Poll(SocketGuest.Reading(accepted), SocketGuest.Reading(datagrams, 3), SocketGuest.After(TimeSpan.FromHours(1))));
            Assert.Equal("x", server.Receive(accepted));
            Assert.Equal(Errno.Again, server.Receive(accepted, 1, out _));
            Assert.Equal(Errno.Success, client.SendTo(client.Open(type: SocketGuest.Datagram), "y", address, 53));
            Assert.Equal([3UL], Poll(SocketGuest.Reading(accepted), SocketGuest.Reading(datagrams, 3), SocketGuest.After(TimeSpan.FromHours(1))));
            Assert.Equal("y", server.Receive(datagrams));
        }

        ulong[] Poll(params ReadOnlySpan<Wherry.Wasi.Polling.Subscription> subscriptions) =>
            [.. (edge ? server.PollEdge(subscriptions) : server.Poll(subscriptions)).Select(one => one.UserData)];
    }

    [Fact]
    public async Task A_poll_that_waits_is_ended_by_each_kind_of_change()
    {
        (SocketGuest server, int accepted, SocketGuest client, int socket) = Connect();
        for (int i = 0; i < 3; i++)
        {
            Task<ulong> reading = Task.Run(() => Assert.Single(server.Poll(SocketGuest.Reading(accepted), SocketGuest.After(TimeSpan.FromHours(1)))).UserData);
            Assert.Equal(Errno.Success, i < 2 ? client.Send(socket, "x") : client.Close(socket));
            Assert.Equal(1UL, await reading);
            Assert.Equal(i < 2 ? "x" : "", server.Receive(accepted));
        }
    }

    [Fact]
    public async Task Two_threads_of_a_guest_poll_the_same_connection()
    {
        (SocketGuest server, int accepted, SocketGuest client, int socket) = Connect();
        server.Context.Turns.Begin();
        Assert.Equal(Errno.Success, client.Send(socket, "x"));
        server.PutSubscriptions([SocketGuest.Reading(accepted), SocketGuest.After(TimeSpan.FromHours(1))]);
        Assert.Equal(Errno.Success, await Task.Run(() => PollOnce(server)));
        Assert.Equal("x", server.Receive(accepted));
        Task<Errno> waiting = Task.Run(() => PollOnce(server));
        Thread.Sleep(20);
        Assert.False(waiting.IsCompleted);
        Assert.Equal(Errno.Success, client.Close(socket));
        Assert.Equal(Errno.Success, await waiting);
        Assert.Equal("", server.Receive(accepted));

        static Errno PollOnce(SocketGuest guest)
        {
            using Wherry.Wasi.Waiting.Turn turn = guest.Context.Turns.Take();
            return SocketGuest.Run(Wherry.Wasi.Polling.ThreadPoll.PollAsync(guest.Context, guest.Call, 0x40000, 0x80000, 2, 2048));
        }
    }

    [Fact]
    public void A_wait_ends_with_the_guest()
    {
        (SocketGuest server, int accepted, _, _) = Connect();
        using var interruption = new CancellationTokenSource();
        server.Cancellation = interruption.Token;
        Task waiting = Task.Run(() => server.Receive(accepted, 10, out _));
        interruption.Cancel();
        Assert.ThrowsAny<OperationCanceledException>(() => waiting.WaitAsync(TimeSpan.FromMinutes(5)).GetAwaiter().GetResult());
    }

    [Fact]
    public async Task A_guest_that_is_killed_leaves_its_peers_with_the_end_or_a_reset()
    {
        (SocketGuest server, _, SocketGuest client, int socket) = Connect();
        Task<Errno> waiting = Task.Run(() => client.Receive(socket, 10, out _));
        Thread.Sleep(20);
        server.Context.Dispose();
        Assert.Equal(Errno.Success, await Settle(waiting));
        (server, _, client, socket) = Connect();
        Assert.Equal(Errno.Success, client.Send(socket, "unread"));
        server.Context.Dispose();
        Assert.Equal(Errno.Connreset, client.Receive(socket, 10, out _));
    }

    [Fact]
    public void A_connected_socket_connects_to_nothing_else()
    {
        (_, _, SocketGuest client, int socket) = Connect();
        Assert.Equal(Errno.Isconn, client.Connect(socket, Resolve(client, "server"), 80));
    }

    [Fact]
    public void Options_are_kept()
    {
        (SocketGuest server, int accepted, _, _) = Connect();
        Assert.Equal(0, server.GetOption(accepted, 7));
        Assert.Equal(Errno.Success, server.SetOption(accepted, 7, 1));
        Assert.Equal(1, server.GetOption(accepted, 7));
        Assert.Equal(Errno.Success, server.SetOption(accepted, 5, 1 << 20));
        Assert.Equal(StreamPipe.Capacity, server.GetOption(accepted, 5));
        Assert.Equal(Errno.Success, server.SetOption(accepted, 0, LingerOption, 1, 0, 0, 0, 5, 0, 0, 0));
        Assert.Equal(Errno.Success, server.GetOption(accepted, 0, LingerOption, 8, out byte[] value));
        Assert.Equal([1, 0, 0, 0, 5, 0, 0, 0], value);
    }

    private static Task<Errno> Settle(Task<Errno> waiting) => waiting.WaitAsync(TimeSpan.FromMinutes(5));

    private static byte[] Bytes(int seed)
    {
        byte[] bytes = new byte[Block];
        new Random(seed).NextBytes(bytes);
        return bytes;
    }

    private (SocketGuest Server, int Accepted, SocketGuest Client, int Socket) Connect()
    {
        bool hasThread = GuestsWithoutThread.Scheduler is null;
        return Connect(hasThread, hasThread);
    }

    private (SocketGuest Server, int Accepted, SocketGuest Client, int Socket) Connect(bool serverHasThread, bool clientHasThread)
    {
        GuestScheduler? before = GuestsWithoutThread.Scheduler;
        GuestsWithoutThread.Scheduler = serverHasThread ? null : GuestScheduler.Shared;
        (SocketGuest server, NetworkService service) = Guest("server");
        GuestsWithoutThread.Scheduler = clientHasThread ? null : GuestScheduler.Shared;
        (SocketGuest client, _) = Guest("client");
        GuestsWithoutThread.Scheduler = before;
        int listener = server.Open();
        Assert.Equal(Errno.Success, server.Bind(listener, IPAddress.Any, 80));
        Assert.Equal(Errno.Success, server.Listen(listener));
        int socket = client.Open();
        Assert.Equal(Errno.Success, client.Connect(socket, InProcessNetwork.ToIPAddress(service.AddressNumber), 80));
        return (server, server.Accept(listener), client, socket);
    }
}
