using System.Net;
using System.Net.Sockets;
using System.Text;
using Wherry.Wasi.Abi;
using Wherry.Wasi.Sockets;

namespace Wherry.Wasi.Tests.Sockets;

public class TcpTests
{
    [Theory]
    [InlineData(SocketGuest.Inet4)]
    [InlineData(SocketGuest.Inet6)]
    public void A_guest_serves_a_client(uint family)
    {
        using SocketGuest guest = new();
        IPAddress loopback = family == SocketGuest.Inet4 ? IPAddress.Loopback : IPAddress.IPv6Loopback;
        int listener = guest.Open(family);
        Assert.Equal(Errno.Success, guest.SetOption(listener, 0, 1));
        Assert.Equal(Errno.Success, guest.Bind(listener, loopback, 0));
        Assert.Equal(Errno.Success, guest.Listen(listener));
        IPEndPoint address = guest.LocalAddress(listener);
        Assert.Equal(loopback, address.Address);

        using TcpClient client = new(address.AddressFamily);
        client.Connect(address);
        int connection = guest.Accept(listener);
        Assert.Equal((IPEndPoint)client.Client.LocalEndPoint!, guest.PeerAddress(connection));
        Assert.Equal(address, guest.LocalAddress(connection));

        client.Client.Send("hello"u8);
        Assert.Equal("hello", guest.Receive(connection));
        Assert.Equal(Errno.Success, guest.Send(connection, "good day", parts: 3));
        byte[] reply = new byte[8];
        client.GetStream().ReadExactly(reply);
        Assert.Equal("good day", Encoding.UTF8.GetString(reply));

        Assert.Equal(Errno.Success, guest.Context.SockShutdown(connection, 3));
        Assert.Equal(0, client.Client.Receive(reply));
        Assert.Equal(Errno.Success, guest.Close(connection));
        Assert.Equal(Errno.Badf, guest.Close(connection));
        Assert.Equal(Errno.Badf, guest.Receive(connection, 1, out _));
    }

    [Fact]
    public void A_guest_connects_to_a_server()
    {
        using SocketGuest guest = new();
        using TcpListener server = new(IPAddress.Loopback, 0);
        server.Start();
        int socket = guest.Open();
        Assert.Equal(Errno.Success, guest.Connect(socket, IPAddress.Loopback, PortOf(server)));
        using Socket accepted = server.AcceptSocket();
        Assert.Equal(Errno.Success, guest.Send(socket, "ping"));
        byte[] buffer = new byte[10];
        Assert.Equal(4, accepted.Receive(buffer));
        Assert.Equal(Errno.Isconn, guest.Connect(socket, IPAddress.Loopback, PortOf(server)));

        // The end of the stream is an empty read, as often as one asks.
        accepted.Shutdown(SocketShutdown.Send);
        Assert.Equal("", guest.Receive(socket));
        Assert.Equal("", guest.Receive(socket));
    }

    [Fact]
    public void A_connection_that_nobody_takes_is_refused()
    {
        using SocketGuest guest = new();
        int port = UnusedPort();
        Assert.Equal(Errno.Connrefused, guest.Connect(guest.Open(), IPAddress.Loopback, port));

        int socket = guest.Open();
        guest.SetNonBlocking(socket);
        Errno errno = guest.Connect(socket, IPAddress.Loopback, port);
        if (errno == Errno.Inprogress)
        {
            Polling.PollTests.AssertEvent(Assert.Single(guest.Poll(SocketGuest.Writing(socket))), 2, Wherry.Wasi.Polling.EventType.FdWrite);
            errno = (Errno)guest.GetOption(socket, 2);
        }

        Assert.Equal(Errno.Connrefused, errno);
        Assert.Equal(0, guest.GetOption(socket, 2));
    }

    [Fact]
    public void A_connection_that_does_not_block_is_in_progress_and_becomes_writable()
    {
        using SocketGuest guest = new();
        using TcpListener server = new(IPAddress.Loopback, 0);
        server.Start();
        int socket = guest.Open();
        guest.SetNonBlocking(socket);
        Errno errno = guest.Connect(socket, IPAddress.Loopback, PortOf(server));
        Assert.True(errno is Errno.Inprogress or Errno.Success);
        Assert.Single(guest.Poll(SocketGuest.Writing(socket)));
        Assert.Equal(0, guest.GetOption(socket, 2));
        Assert.Equal(Errno.Success, guest.Send(socket, "x"));
        Assert.Equal(Errno.Again, guest.Receive(socket, 1, out _));
    }

    [Fact]
    public void Accept_and_receive_answer_Again_when_they_may_not_block()
    {
        using SocketGuest guest = new();
        (int listener, IPEndPoint address) = Serve(guest);
        guest.SetNonBlocking(listener);
        Assert.Equal(Errno.Again, guest.Accept(listener, out _));
        using TcpClient client = new();
        client.Connect(address);
        Assert.Single(guest.Poll(SocketGuest.Reading(listener)));
        Assert.Equal(Errno.Success, guest.Accept(listener, out int connection, flags: 4));
        Assert.Equal(Errno.Again, guest.Receive(connection, 1, out _));
        Assert.Equal(Errno.Inval, guest.Accept(listener, out _, flags: 32));
    }

    [Fact]
    public async Task Accept_waits_for_a_client_and_receive_for_data()
    {
        using SocketGuest guest = new();
        (int listener, IPEndPoint address) = Serve(guest);
        Task<string> served = Task.Run(() =>
        {
            int connection = guest.Accept(listener);
            return guest.Receive(connection);
        });
        await Task.Delay(30);
        using TcpClient client = new();
        await client.ConnectAsync(address);
        await Task.Delay(30);
        client.Client.Send("late"u8);
        Assert.Equal("late", await served.WaitAsync(TimeSpan.FromSeconds(60)));
    }

    [Fact]
    public void Peeking_leaves_the_data_and_waiting_for_all_waits()
    {
        using SocketGuest guest = new();
        (int connection, Socket client, _) = Connect(guest);
        using (client)
        {
            client.Send("abc"u8);
            Assert.Equal(Errno.Success, guest.Receive(connection, 10, out string peeked, SocketGuest.Peek));
            Assert.Equal("abc", peeked);
            Task.Run(() =>
            {
                Thread.Sleep(30);
                client.Send("def"u8);
            });
            Assert.Equal(Errno.Success, guest.Receive(connection, 6, out string all, SocketGuest.WaitAll, parts: 2));
            Assert.Equal("abcdef", all);

            // At the end of the stream, what there is must do.
            client.Send("gh"u8);
            client.Shutdown(SocketShutdown.Send);
            Assert.Equal(Errno.Success, guest.Receive(connection, 6, out all, SocketGuest.WaitAll));
            Assert.Equal("gh", all);
            Assert.Equal(Errno.Inval, guest.Receive(connection, 6, out _, flags: 4));
        }
    }

    [Fact]
    public void A_blocking_send_sends_all_and_one_that_may_not_block_sends_a_part()
    {
        using SocketGuest guest = new();
        (int connection, Socket client, _) = Connect(guest);
        using (client)
        {
            byte[] much = new byte[100_000];
            Random.Shared.NextBytes(much);
            guest.SetNonBlocking(connection);
            Errno errno;
            long total = 0;
            do
            {
                errno = guest.Send(connection, much, out int sent);
                total += sent;
            }
            while (errno == Errno.Success);

            Assert.Equal(Errno.Again, errno);
            Assert.Equal(Errno.Success, guest.Context.FdFdstatSetFlags(connection, 0));
            Task<long> read = Task.Run(() =>
            {
                byte[] buffer = new byte[65536];
                long received = 0;
                while (received < total + much.Length)
                {
                    received += client.Receive(buffer);
                }

                return received;
            });
            Assert.Equal(Errno.Success, guest.Send(connection, much, out int last, parts: 5));
            Assert.Equal(much.Length, last);
            Assert.Equal(total + much.Length, SocketGuest.Finish(read));
        }
    }

    [Fact]
    public void A_send_to_a_peer_that_is_gone_is_an_error_and_no_signal()
    {
        using SocketGuest guest = new();
        (int connection, Socket client, _) = Connect(guest);
        client.LingerState = new LingerOption(true, 0);
        client.Dispose();
        Assert.Equal(Errno.Connreset, guest.Receive(connection, 1, out _));
        Assert.Equal(Errno.Pipe, guest.Send(connection, "x"));
    }

    [Fact]
    public async Task A_wait_ends_when_the_guest_is_interrupted()
    {
        using SocketGuest guest = new();
        (int listener, _) = Serve(guest);
        using CancellationTokenSource cancellation = new();
        guest.Cancellation = cancellation.Token;
        Task accepting = Task.Run(() => guest.Accept(listener, out _));
        await Task.Delay(30);
        await cancellation.CancelAsync();
        await Assert.ThrowsAnyAsync<OperationCanceledException>(() => accepting.WaitAsync(TimeSpan.FromSeconds(60)));
    }

    [Fact]
    public void A_receive_ends_when_its_time_is_over()
    {
        using SocketGuest guest = new();
        (int connection, Socket client, _) = Connect(guest);
        using (client)
        {
            byte[] timeout = new byte[16];
            BitConverter.TryWriteBytes(timeout.AsSpan(8), 20_000L);
            Assert.Equal(Errno.Success, guest.SetOption(connection, 0, 11, timeout));
            Assert.Equal(Errno.Again, guest.Receive(connection, 1, out _));
            Assert.Equal(Errno.Success, guest.GetOption(connection, 0, 11, 16, out byte[] read));
            Assert.Equal(timeout, read);
        }
    }

    [Fact]
    public void Nothing_waits_for_more_before_it_is_sent()
    {
        using SocketGuest guest = new();
        (int connection, Socket client, int listener) = Connect(guest);
        using (client)
        {
            foreach (int socket in new[] { listener, connection, guest.Open(SocketGuest.Inet6) })
            {
                Assert.Equal(Errno.Success, guest.GetOption(socket, 6, 1, 4, out byte[] value));
                Assert.Equal(1, BitConverter.ToInt32(value));
            }
        }
    }

    [Fact]
    public void The_head_of_a_response_waits_for_its_body_but_not_while_the_guest_waits()
    {
        using SocketGuest guest = new();
        (int connection, Socket client, _) = Connect(guest);
        using (client)
        {
            Assert.True(guest.Context.Descriptors.TryGet(connection, out Wherry.Wasi.Descriptors.Descriptor? descriptor));
            SocketDescriptor socket = Assert.IsType<SocketDescriptor>(descriptor);
            Assert.Equal(Errno.Success, guest.Send(connection, "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n"));
            Assert.True(socket.IsHeldBack);
            Assert.Equal(Errno.Success, guest.Send(connection, "ok"));
            Assert.False(socket.IsHeldBack);
            byte[] buffer = new byte[40];
            NetworkStream stream = new(client);
            stream.ReadExactly(buffer);

            Assert.Equal(Errno.Success, guest.Send(connection, "HTTP/1.1 204 No Content\r\n\r\n"));
            Assert.True(socket.IsHeldBack);
            guest.Poll(SocketGuest.After(TimeSpan.Zero));
            Assert.False(socket.IsHeldBack);
            stream.ReadExactly(buffer, 0, 27);

            Assert.Equal(Errno.Success, guest.Send(connection, "HTTP/1.1 304 Not Modified\r\n\r\n"));
            Assert.Equal(Errno.Success, guest.Context.SockShutdown(connection, 2));
            stream.ReadExactly(buffer, 0, 29);
        }
    }

    [Fact]
    public void File_functions_work_on_sockets()
    {
        using SocketGuest guest = new();
        (int connection, Socket client, _) = Connect(guest);
        using (client)
        {
            client.Send("through fd_read"u8);
            Assert.Equal(Errno.Success, SocketGuest.Run(guest.Context.FdRead(guest.Call, connection, guest.PutVectors(100), 1, 2048)));
            Assert.Equal(15u, guest.Read(2048));
            Assert.Equal(Errno.Success, SocketGuest.Run(guest.Context.FdWrite(guest.Call, connection, guest.PutVectors("back"u8), 1, 2048)));
            byte[] buffer = new byte[10];
            Assert.Equal(4, client.Receive(buffer));
            Assert.Equal(Errno.Success, guest.Context.FdFdstatGet(guest.Call, connection, 2048));
            Assert.Equal((byte)FileType.SocketStream, guest.Memory[2048]);
            Assert.Equal(Errno.Spipe, guest.Context.FdSeek(guest.Call, connection, 0, 0, 2048));
        }
    }

    [Fact]
    public void Wrong_arguments_have_their_errors()
    {
        using SocketGuest guest = new();
        Assert.Equal(Errno.Inval, guest.Context.SockOpen(guest.Call, 0, 2, 2048));
        Assert.Equal(Errno.Nosys, guest.Context.SockOpen(guest.Call, 3, 2, 2048));
        Assert.Equal(Errno.Nosys, guest.Context.SockOpen(guest.Call, 1, 3, 2048));
        Assert.Equal(Errno.Inval, guest.Context.SockOpen(guest.Call, 1, 0, 2048));
        Assert.Equal(Errno.Fault, guest.Context.SockOpen(guest.Call, 1, 2, SocketGuest.MemorySize - 3));
        Assert.Equal(Errno.Notsock, guest.Listen(1));
        Assert.Equal(Errno.Badf, guest.Listen(1000));
        int socket = guest.Open();
        Assert.Equal(Errno.Notconn, guest.Send(socket, "x") is Errno.Pipe ? Errno.Notconn : Errno.Success);
        Assert.Equal(Errno.Notconn, guest.Receive(socket, 1, out _));
        Assert.Equal(Errno.Notconn, guest.AddressV1(socket, peer: true, 16));
        Assert.Equal(Errno.Notconn, guest.Context.SockShutdown(socket, 3));
        Assert.Equal(Errno.Inval, guest.Context.SockShutdown(socket, 0));
        Assert.Equal(Errno.Inval, guest.Bind(socket, IPAddress.IPv6Loopback, 0));
        Assert.Equal(Errno.Inval, guest.Context.SockBind(guest.Call, socket, guest.PutAddress(IPAddress.Loopback), 70000));
        Assert.Equal(Errno.Inval, guest.Context.SockBind(guest.Call, socket, guest.PutAddressBuffer(5), 0));
        Assert.Equal(Errno.Fault, guest.Context.SockBind(guest.Call, socket, SocketGuest.MemorySize - 7, 0));
        Assert.Equal(Errno.Success, guest.Bind(socket, IPAddress.Loopback, 0));
        Assert.Equal(Errno.Inval, guest.Bind(socket, IPAddress.Loopback, 0));
        Assert.Equal(Errno.Notsup, guest.Listen(guest.Open(type: SocketGuest.Datagram)));
        Assert.Equal(Errno.Inval, SocketGuest.Run(guest.Context.SockRecvAsync(guest.Call, socket, 4096, 1025, 0, 2048, 2056)));
        Assert.Equal(Errno.Fault, SocketGuest.Run(guest.Context.SockRecvAsync(guest.Call, socket, 4096, 1, 0, uint.MaxValue, 2056)));
        Assert.Equal(Errno.Inval, SocketGuest.Run(guest.Context.SockSendAsync(guest.Call, socket, guest.PutVectors(1), 1, 1, 2048)));
        guest.Write(4096, SocketGuest.MemorySize - 1);
        guest.Write(4100, 2);
        Assert.Equal(Errno.Fault, SocketGuest.Run(guest.Context.SockSendAsync(guest.Call, socket, 4096, 1, 0, 2048)));
    }

    [Fact]
    public void A_closed_context_closes_its_sockets()
    {
        Socket client;
        using (SocketGuest guest = new())
        {
            (_, client, _) = Connect(guest);
        }

        using (client)
        {
            Assert.Equal(0, client.Receive(new byte[1]));
        }
    }

    internal static int PortOf(TcpListener listener) => ((IPEndPoint)listener.LocalEndpoint).Port;

    internal static int UnusedPort()
    {
        using TcpListener listener = new(IPAddress.Loopback, 0);
        listener.Start();
        return PortOf(listener);
    }

    internal static (int Listener, IPEndPoint Address) Serve(SocketGuest guest)
    {
        int listener = guest.Open();
        Assert.Equal(Errno.Success, guest.Bind(listener, IPAddress.Loopback, 0));
        Assert.Equal(Errno.Success, guest.Listen(listener));
        return (listener, guest.LocalAddress(listener));
    }

    internal static (int Connection, Socket Client, int Listener) Connect(SocketGuest guest)
    {
        (int listener, IPEndPoint address) = Serve(guest);
        Socket client = new(SocketType.Stream, ProtocolType.Tcp) { NoDelay = true };
        client.Connect(address);
        return (guest.Accept(listener), client, listener);
    }
}
