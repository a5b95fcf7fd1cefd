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

    [Theory]
    [InlineData(7)]
    [InlineData(9)]
    public void Options_that_were_set_before_it_was_connected_are_kept(uint option)
    {
        (SocketGuest server, NetworkService service) = Guest("server");
        (SocketGuest client, _) = Guest("client");
        int listener = Serve(server);
        int socket = client.Open();
        byte[] value = option == LingerOption ? [2, 0, 0, 0, 0, 0, 0, 0] : [1, 0, 0, 0];
        Assert.Equal(Errno.Success, client.SetOption(socket, 0, option, value));
        Assert.Equal(Errno.Success, client.Connect(socket, InProcessNetwork.ToIPAddress(service.AddressNumber), 80));
        int accepted = server.Accept(listener);
        Assert.Equal(Errno.Success, client.GetOption(socket, 0, option, (uint)value.Length, out byte[] kept));
        Assert.Equal(value, kept);
        Assert.Equal(Errno.Success, client.Close(socket));
        Assert.Equal(option == LingerOption ? Errno.Connreset : Errno.Success, server.Receive(accepted, 1, out _));
    }

    /// <summary>With the system's TCP it is EISCONN. A handle of its own that it goes on listening by must stay its own.</summary>
    [Fact]
    public void A_socket_that_listens_does_not_connect()
    {
        (SocketGuest server, NetworkService service) = Guest("server");
        (SocketGuest client, _) = Guest("client");
        server.Context.Options.NetworkMember!.NameServer = Wherry.Wasi.Sockets.SocketAddress.From(IPAddress.Parse("127.0.0.11"), 53);
        int listener = Serve(server);
        IPAddress address = InProcessNetwork.ToIPAddress(service.AddressNumber);
        Assert.True(server.Context.Descriptors.TryGet(listener, out Wherry.Wasi.Descriptors.Descriptor? descriptor));
        int handle = descriptor.HostHandle;
        Assert.Equal(Errno.Isconn, server.Connect(listener, IPAddress.Loopback, 80));
        Assert.Equal(Errno.Isconn, server.Connect(listener, address, 80));
        Assert.Equal(Errno.Isconn, server.Connect(listener, IPAddress.Parse("127.0.0.11"), 53));
        Assert.Equal(Errno.Isconn, server.Connect(listener, IPAddress.Parse("10.1.2.3"), 80));
        Assert.Equal(handle, descriptor.HostHandle);
        int socket = client.Open();
        Assert.Equal(Errno.Success, client.Connect(socket, address, 80));
        int accepted = server.Accept(listener);
        Assert.Equal(Errno.Success, client.Send(socket, "x"));
        Assert.Equal("x", server.Receive(accepted));
    }

    [Fact]
    public void A_connected_socket_neither_listens_nor_is_bound()
    {
        (SocketGuest server, int accepted, SocketGuest client, int socket) = Connect();
        foreach ((SocketGuest guest, int number) in new[] { (server, accepted), (client, socket) })
        {
            Assert.Equal(Errno.Inval, guest.Bind(number, IPAddress.Any, 90));
            Assert.Equal(Errno.Inval, guest.Listen(number));
        }

        Assert.Equal(Errno.Success, client.Send(socket, "x"));
        Assert.Equal("x", server.Receive(accepted));
    }

    [Fact]
    public async Task A_socket_that_is_closed_while_it_waits_to_connect_stays_closed()
    {
        // Only a guest with threads has another one that could close it; they take turns.
        GuestsWithoutThread.Scheduler = null;
        (SocketGuest server, NetworkService service) = Guest("server");
        (SocketGuest client, _) = Guest("client");
        client.Context.Turns.Begin();
        int listener = Serve(server);
        IPAddress address = InProcessNetwork.ToIPAddress(service.AddressNumber);
        for (int i = 0; i < NetworkMember.MostWaiting; i++)
        {
            int filler = client.Open();
            Assert.Equal(Errno.Success, client.Connect(filler, address, 80));
            Assert.Equal(Errno.Success, client.Close(filler));
        }

        int socket = client.Open();
        Task<Errno> waiting = Task.Run(() =>
        {
            using Wherry.Wasi.Waiting.Turn turn = client.Context.Turns.Take();
            return client.Connect(socket, address, 80);
        });
        Thread.Sleep(20);
        Assert.False(waiting.IsCompleted);
        using (client.Context.Turns.Take())
        {
            Assert.Equal(Errno.Success, client.Close(socket));
        }

        for (int i = 0; i < 10; i++)
        {
            Assert.Equal("", server.Receive(server.Accept(listener)));
        }

        Assert.Equal(Errno.Badf, await Settle(waiting));
    }

    /// <summary>The usual way to end another thread's wait.</summary>
    [Theory]
    [InlineData(1, false)]
    [InlineData(1, true)]
    [InlineData(3, false)]
    [InlineData(3, true)]
    public async Task A_shutdown_ends_the_own_side_s_wait(uint how, bool isPoll)
    {
        (SocketGuest server, int accepted, SocketGuest client, int socket) = Connect();
        Task<Errno> waiting = Task.Run(() => isPoll ? server.TryPoll([SocketGuest.Reading(accepted)], edge: false, out _) : server.Receive(accepted, 10, out _));
        Thread.Sleep(20);
        Assert.False(waiting.IsCompleted);
        Assert.Equal(Errno.Success, server.Context.SockShutdown(accepted, how));
        Assert.Equal(Errno.Success, await Settle(waiting));
        Assert.Equal("", server.Receive(accepted));
        Wherry.Wasi.Polling.Event seen = Assert.Single(server.Poll(SocketGuest.Reading(accepted), SocketGuest.After(TimeSpan.FromHours(1))));
        Assert.Equal((1UL, how == 3 ? 1 : 0), (seen.UserData, seen.Flags & 1));

        // What the other side sends arrives all the same, or can't be sent.
        Assert.Equal(how == 3 ? Errno.Pipe : Errno.Success, client.Send(socket, "late"));
        Assert.Equal(how == 3 ? "" : "late", server.Receive(accepted));
        Assert.Equal(how == 3 ? Errno.Pipe : Errno.Success, server.Send(accepted, "answer"));
        Assert.Equal(how == 3 ? "" : "answer", client.Receive(socket));
    }

    [Fact]
    public async Task A_shutdown_of_both_directions_ends_the_other_side_s_wait_for_room()
    {
        (SocketGuest server, int accepted, SocketGuest client, int socket) = Connect();
        Task<Errno> waiting = Task.Run(() => client.Send(socket, new byte[2 * StreamPipe.Capacity], out int sent) is var errno && sent == StreamPipe.Capacity ? errno : Errno.Canceled);
        Assert.True(SpinWait.SpinUntil(() => client.Context.Options.NetworkMember!.Streams.Bytes == StreamPipe.Capacity, TimeSpan.FromMinutes(5)));
        Assert.Equal(Errno.Success, server.Context.SockShutdown(accepted, 3));

        // A part was sent.
        Assert.Equal(Errno.Success, await Settle(waiting));
        Assert.Equal(Errno.Pipe, client.Send(socket, "x"));
    }

    /// <summary>With TCP each arrival is an edge, also where something is left.</summary>
    [Fact]
    public void A_guest_that_polls_for_edges_is_told_of_what_it_left_and_of_more()
    {
        (SocketGuest server, int accepted, SocketGuest client, int socket) = Connect();
        server.SetNonBlocking(accepted);
        Assert.Equal([99UL], Poll());
        Assert.Equal(Errno.Success, client.Send(socket, "abcdef"));
        Assert.Equal([1UL], Poll());
        Assert.Equal([99UL], Poll());

        // It has not looked at what there is, and more comes.
        Assert.Equal(Errno.Success, client.Send(socket, "g"));
        Assert.Equal([1UL], Poll());
        Assert.Equal([99UL], Poll());

        // It takes a part, and more comes.
        Assert.Equal("abcd", server.Receive(accepted, 4));
        Assert.Equal(Errno.Success, client.Send(socket, "h"));
        Assert.Equal([1UL], Poll());
        Assert.Equal("efgh", server.Receive(accepted));
        Assert.Equal([99UL], Poll());

        ulong[] Poll() => [.. server.PollEdge(SocketGuest.Reading(accepted), SocketGuest.After(TimeSpan.FromMilliseconds(1))).Select(one => one.UserData)];
    }

    [Fact]
    public void A_guest_that_polls_and_reads_exactly_what_is_there_holds_no_memory()
    {
        (SocketGuest server, int accepted, SocketGuest client, int socket) = Connect();
        StreamBudget budget = client.Context.Options.NetworkMember!.Streams;
        server.SetNonBlocking(accepted);
        for (int i = 0; i < 3; i++)
        {
            Assert.Equal(Errno.Success, client.Send(socket, Bytes(i), out _));
            Assert.NotEqual(0, budget.Bytes);
            _ = server.Poll(SocketGuest.Reading(accepted));
            Assert.Equal(Bytes(i), server.ReceiveBytes(accepted, Block));
            Assert.Equal(0, budget.Bytes);
        }
    }

    [Fact]
    public void A_guest_s_connections_hold_so_much_memory_and_no_more()
    {
        const int Connections = 1_600;
        (SocketGuest server, int accepted, SocketGuest client, int socket) = Connect();
        StreamBudget budget = client.Context.Options.NetworkMember!.Streams;
        IPAddress address = Resolve(client, "server");
        long total = 0;
        var all = new List<(int Accepted, int Socket, int Sent)>();
        for (int i = 0; i < Connections; i++)
        {
            if (i > 0)
            {
                socket = client.Open();
                Assert.Equal(Errno.Success, client.Connect(socket, address, 80));
                accepted = server.Accept(3);
            }

            client.SetNonBlocking(socket);
            int sent = 0;
            while (client.Send(socket, Bytes(0), out int more) == Errno.Success)
            {
                sent += more;
            }

            // Each holds a little, whatever the others hold.
            Assert.InRange(sent, StreamPipe.SmallestRing, StreamPipe.Capacity);
            total += sent;
            all.Add((accepted, socket, sent));
        }

        Assert.Equal(StreamPipe.SmallestRing, all[^1].Sent);
        Assert.Equal(total, budget.Bytes);
        Assert.InRange(total, StreamBudget.MostBytes, StreamBudget.MostBytes + (Connections * StreamPipe.SmallestRing));
        foreach ((int number, int near, int sent) in all)
        {
            for (int left = sent; left > 0; left -= server.Number)
            {
                Assert.Equal(Errno.Success, server.Receive(number, Math.Min(left, Block), out _));
            }

            Assert.Equal(2UL, Assert.Single(client.Poll(SocketGuest.Writing(near))).UserData);
        }

        Assert.Equal(0, budget.Bytes);
    }

    [Fact]
    public void A_guest_has_so_many_connections_and_no_more()
    {
        (SocketGuest server, int accepted, SocketGuest client, int socket) = Connect();
        StreamBudget here = client.Context.Options.NetworkMember!.Streams;
        StreamBudget there = server.Context.Options.NetworkMember!.Streams;
        Assert.Equal((1, 1), (here.Pipes, there.Pipes));
        IPAddress address = Resolve(client, "server");
        int next = client.Open();
        Fill(here);
        Assert.Equal(Errno.Nobufs, client.Connect(next, address, 80));
        here.RemovePipe();
        Fill(there);
        Assert.Equal(Errno.Success, client.Connect(next, address, 80));
        Assert.Equal(Errno.Mfile, server.Accept(3, out _));
        Assert.Equal(Errno.Connreset, client.Receive(next, 1, out _));
        Assert.Equal(1, server.Context.Options.NetworkMember!.OpenConnections);
        there.RemovePipe();
        Assert.Equal(Errno.Success, client.Close(next));

        // It counts as an orphan until what was sent is read.
        int before = here.Pipes;
        Assert.Equal(Errno.Success, client.Send(socket, "x"));
        Assert.Equal(Errno.Success, client.Close(socket));
        Assert.Equal((before - 1, 1), (here.Pipes, here.Orphans));
        Assert.Equal("x", server.Receive(accepted));
        Assert.Equal(0, here.Orphans);
        Assert.Equal(Errno.Success, server.Close(accepted));
        Assert.Equal(before - 1, here.Pipes);

        static void Fill(StreamBudget budget)
        {
            while (budget.TryAddPipe())
            {
            }
        }
    }

    /// <summary>A client that keeps its ends open after the server has closed, with something unread or not, takes nothing from the server.</summary>
    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public void A_peer_that_does_not_close_uses_up_nothing(bool isUnread)
    {
        const int Left = 3;
        const int Kept = StreamBudget.MostOrphans + 2;
        (SocketGuest server, int accepted, SocketGuest client, int socket) = Connect();
        StreamBudget budget = server.Context.Options.NetworkMember!.Streams;
        IPAddress address = Resolve(client, "server");
        while (budget.Pipes < StreamBudget.MostPipes - Left)
        {
            Assert.True(budget.TryAddPipe());
        }

        int taken = budget.Pipes - 1;
        int first = socket;
        for (int i = 0; i < Kept; i++)
        {
            if (isUnread)
            {
                Assert.Equal(Errno.Success, server.Send(accepted, "x"));
            }

            Assert.Equal(Errno.Success, server.Close(accepted));
            Assert.Equal((taken, isUnread ? Math.Min(i + 1, StreamBudget.MostOrphans) : 0), (budget.Pipes, budget.Orphans));
            socket = client.Open();
            Assert.Equal(Errno.Success, client.Connect(socket, address, 80));
            Assert.Equal(Errno.Success, server.Accept(3, out accepted));
        }

        // Unread, the first two of them have been too many.
        Assert.Equal(isUnread ? Errno.Connreset : Errno.Success, client.Receive(first, 1, out _));
        Assert.Equal("", client.Receive(first));
        Assert.Equal(isUnread ? StreamBudget.MostOrphans : 0, budget.Orphans);
    }

    [Fact]
    public void What_a_guest_left_behind_counts_for_the_one_in_its_place()
    {
        (SocketGuest server, NetworkService service) = Guest("server");
        int listener = Serve(server);
        (SocketGuest client, NetworkService other) = Guest("client");
        NetworkMember first = client.Context.Options.NetworkMember!;
        int socket = client.Open();
        Assert.Equal(Errno.Success, client.Connect(socket, InProcessNetwork.ToIPAddress(service.AddressNumber), 80));
        Assert.Equal(Errno.Success, client.Send(socket, "unread"));
        client.Context.Dispose();
        first.Dispose();
        Assert.Equal((StreamPipe.SmallestRing, 1), (first.Streams.Bytes, first.Streams.Pipes));
        NetworkMember second = Member(other).Context.Options.NetworkMember!;
        Assert.Same(first.Streams, second.Streams);
        Assert.NotSame(first.Streams, Member(other).Context.Options.NetworkMember!.Streams);
        Assert.Equal("unread", server.Receive(server.Accept(listener)));
        second.Dispose();
    }

    private static Task<Errno> Settle(Task<Errno> waiting) => waiting.WaitAsync(TimeSpan.FromMinutes(5));

    private static byte[] Bytes(int seed)
    {
        byte[] bytes = new byte[Block];
        new Random(seed).NextBytes(bytes);
        return bytes;
    }

    private static int Serve(SocketGuest server)
    {
        int listener = server.Open();
        Assert.Equal(Errno.Success, server.Bind(listener, IPAddress.Any, 80));
        Assert.Equal(Errno.Success, server.Listen(listener));
        return listener;
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
        int listener = Serve(server);
        int socket = client.Open();
        Assert.Equal(Errno.Success, client.Connect(socket, InProcessNetwork.ToIPAddress(service.AddressNumber), 80));
        return (server, server.Accept(listener), client, socket);
    }
}
