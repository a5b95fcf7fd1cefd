using System.Net;
using System.Net.Sockets;
using System.Text;
using Wherry.Wasi.Abi;
using Wherry.Wasi.Network.InProcess;
using Wherry.Wasi.Polling;
using Wherry.Wasi.Tests.Sockets;

namespace Wherry.Wasi.Tests.Network;

/// <summary>Guests that reach each other inside the process, as if over TCP.</summary>
public class InProcessNetworkTests : NetworkTests
{
    private const uint LingerOption = 9;
    private const uint AcceptConnectionsOption = 13;
    private const uint LevelTcp = 6;

    [Fact]
    public void Each_guest_has_ports_of_its_own_and_reaches_others_by_name()
    {
        (SocketGuest first, NetworkService one) = Guest("one");
        (SocketGuest second, NetworkService two) = Guest("two");
        (SocketGuest client, _) = Guest("client");
        int firstListener = Serve(first, 8080), secondListener = Serve(second, 8080);
        foreach ((SocketGuest server, int listener, NetworkService service) in new[] { (first, firstListener, one), (second, secondListener, two) })
        {
            IPAddress address = Resolve(client, service.Name);
            int socket = client.Open();
            Assert.Equal(Errno.Success, client.Connect(socket, address, 8080));
            int accepted = server.Accept(listener);
            Assert.Equal(Errno.Success, client.Send(socket, "to " + service.Name, parts: 2));
            Assert.Equal("to " + service.Name, server.Receive(accepted));
            Assert.Equal(Errno.Success, server.Send(accepted, "answer"));
            Assert.Equal("answer", client.Receive(socket));
            Assert.Equal(new IPEndPoint(address, 8080), client.PeerAddress(socket));
            Assert.Equal(client.LocalAddress(socket), server.PeerAddress(accepted));
            Assert.Equal(new IPEndPoint(address, 8080), server.LocalAddress(accepted));
            Assert.NotEqual(address, client.LocalAddress(socket).Address);
        }

        Assert.Equal(new IPEndPoint(IPAddress.Any, 8080), first.LocalAddress(firstListener));
    }

    [Fact]
    public void Guests_of_ipv6_see_mapped_addresses()
    {
        (SocketGuest server, NetworkService service) = Guest("server");
        (SocketGuest client, _) = Guest("client");
        int listener = server.Open(SocketGuest.Inet6);
        Assert.Equal(Errno.Success, server.Bind(listener, IPAddress.IPv6Any, 80));
        Assert.Equal(Errno.Success, server.Listen(listener));
        int socket = client.Open(SocketGuest.Inet6);
        Assert.Equal(Errno.Success, client.Connect(socket, InProcessNetwork.ToIPAddress(service.AddressNumber).MapToIPv6(), 80));
        int accepted = server.Accept(listener);
        Assert.True(server.PeerAddress(accepted).Address.IsIPv4MappedToIPv6);
        Assert.Equal(client.LocalAddress(socket), server.PeerAddress(accepted));
    }

    [Fact]
    public void Services_without_a_common_network_do_not_reach_each_other()
    {
        (SocketGuest server, NetworkService service) = Guest("server", "back");
        (SocketGuest stranger, NetworkService strange) = Guest("stranger", "front");
        (SocketGuest friend, _) = Guest("friend", "front", "back");
        Serve(server, 80);
        IPAddress address = InProcessNetwork.ToIPAddress(service.AddressNumber);
        Assert.False(strange.Network.FindByName("server", strange) is not null);
        Assert.Equal(Errno.Connrefused, stranger.Connect(stranger.Open(), address, 80));
        Assert.Equal(Errno.Success, friend.Connect(friend.Open(), Resolve(friend, "SERVER."), 80));
    }

    [Fact]
    public void What_waits_at_all_ports_of_a_guest_is_bounded_together()
    {
        using NetworkMember member = Network.AddService("server", new Dictionary<string, IReadOnlyList<string>>()).AddMember();
        Assert.Equal(Errno.Success, member.Listen(80, isLoopbackOnly: false, out ListeningQueue? first));
        Assert.Equal(Errno.Success, member.Listen(81, isLoopbackOnly: false, out ListeningQueue? second));

        // Without a handle behind them: only their number matters here.
        var connection = new PendingConnection(-1, default, null, null);
        for (int i = 0; i < NetworkMember.MostWaiting; i++)
        {
            Assert.True((i % 2 == 0 ? first! : second!).TryAdd(connection));
        }

        Assert.False(first!.TryAdd(connection));
        Assert.True(second!.TryTake(out _));
        Assert.True(first.TryAdd(connection));
        Assert.False(second.TryAdd(connection));
        first.Close();
        Assert.True(second.TryAdd(connection));
    }

    [Fact]
    public void What_is_not_on_the_network_goes_by_the_policy()
    {
        (SocketGuest guest, _) = Guest("guest");
        using TcpListener outside = new(IPAddress.Loopback, 0);
        outside.Start();
        int port = ((IPEndPoint)outside.LocalEndpoint).Port;
        Assert.Equal(Errno.Notcapable, guest.Connect(guest.Open(), IPAddress.Loopback, port));
        Assert.Equal(Errno.Notcapable, guest.Connect(guest.Open(), IPAddress.Parse("192.0.2.1"), 80));

        (SocketGuest allowed, _) = Guest("allowed", new NetworkPolicy { ConnectRules = [ConnectRule.Parse($"localhost:{port}")] });
        int socket = allowed.Open();
        Assert.Equal(Errno.Success, allowed.Bind(socket, IPAddress.Any, 0));
        Assert.Equal(Errno.Success, allowed.Connect(socket, IPAddress.Loopback, port));
        Assert.Equal(new IPEndPoint(IPAddress.Loopback, port), allowed.PeerAddress(socket));
    }

    [Fact]
    public void A_connection_to_nobody_is_refused()
    {
        (SocketGuest server, NetworkService service) = Guest("server");
        (SocketGuest client, _) = Guest("client");
        IPAddress address = InProcessNetwork.ToIPAddress(service.AddressNumber);
        Assert.Equal(Errno.Connrefused, client.Connect(client.Open(), address, 80));
        int listener = Serve(server, 80);
        Assert.Equal(Errno.Success, client.Connect(client.Open(), address, 80));
        Assert.Equal(Errno.Connrefused, client.Connect(client.Open(), address, 81));
        Assert.Equal(Errno.Success, server.Close(listener));
        Assert.Equal(Errno.Connrefused, client.Connect(client.Open(), address, 80));
        Assert.Equal(Errno.Connrefused, client.Connect(client.Open(), IPAddress.Parse("198.19.200.1"), 80));
    }

    [Fact]
    public void A_port_is_listened_on_once_and_free_again_afterwards()
    {
        (SocketGuest guest, _) = Guest("guest");
        int first = Serve(guest, 80);
        int second = guest.Open();
        Assert.Equal(Errno.Addrinuse, guest.Bind(second, IPAddress.Any, 80));
        Assert.Equal(Errno.Success, guest.Close(first));
        Serve(guest, 80);
    }

    [Fact]
    public void Connections_go_to_the_replicas_in_turn()
    {
        NetworkService service = Network.AddService("web", Networks("default"));
        SocketGuest[] replicas = [.. Enumerable.Range(0, 3).Select(_ => Member(service))];
        int[] listeners = [.. replicas.Select(replica => Serve(replica, 80))];
        (SocketGuest client, _) = Guest("client");
        IPAddress address = Resolve(client, "web");
        for (int i = 0; i < 12; i++)
        {
            Assert.Equal(Errno.Success, client.Connect(client.Open(), address, 80));
        }

        for (int i = 0; i < 3; i++)
        {
            replicas[i].SetNonBlocking(listeners[i]);
            for (int taken = 0; taken < 4; taken++)
            {
                replicas[i].Accept(listeners[i]);
            }

            Assert.Equal(Errno.Again, replicas[i].Accept(listeners[i], out _));
        }

        replicas[0].Close(listeners[0]);
        Assert.Equal(Errno.Success, client.Connect(client.Open(), address, 80));
    }

    [Fact]
    public void One_direction_is_closed_and_the_other_goes_on()
    {
        (SocketGuest server, int accepted, SocketGuest client, int socket) = Connect();
        Assert.Equal(Errno.Success, client.Send(socket, "last"));
        Assert.Equal(Errno.Success, client.Context.SockShutdown(socket, 2));
        Assert.Equal("last", server.Receive(accepted));
        Assert.Equal("", server.Receive(accepted));
        Assert.Equal("", server.Receive(accepted));
        Assert.Equal(Errno.Pipe, client.Send(socket, "more"));
        Assert.Equal(Errno.Success, server.Send(accepted, "answer"));
        Assert.Equal("answer", client.Receive(socket));

        // Who wants to read no more does not hinder the other from sending.
        Assert.Equal(Errno.Success, client.Context.SockShutdown(socket, 1));
        Assert.Equal(Errno.Success, server.Send(accepted, "unread"));
    }

    [Fact]
    public void An_orderly_end_is_the_end_of_the_stream()
    {
        (SocketGuest server, int accepted, SocketGuest client, int socket) = Connect();
        Assert.Equal(Errno.Success, client.Send(socket, "last"));
        Assert.Equal(Errno.Success, client.Close(socket));
        Assert.Equal("last", server.Receive(accepted));
        Assert.Equal("", server.Receive(accepted));
    }

    [Fact]
    public void Closing_with_unread_data_resets()
    {
        (SocketGuest server, int accepted, SocketGuest client, int socket) = Connect();
        Assert.Equal(Errno.Success, client.Send(socket, "unread"));
        Assert.Equal(Errno.Success, server.Close(accepted));
        Assert.Equal(Errno.Connreset, client.Receive(socket, 10, out _));
    }

    [Fact]
    public void Lingering_for_no_time_resets()
    {
        (SocketGuest server, int accepted, SocketGuest client, int socket) = Connect();
        Assert.Equal(Errno.Success, server.SetOption(accepted, 0, LingerOption, 1, 0, 0, 0, 0, 0, 0, 0));
        Assert.Equal(Errno.Success, server.Close(accepted));
        Assert.Equal(Errno.Connreset, client.Receive(socket, 10, out _));
        Assert.Equal("", client.Receive(socket));
    }

    [Fact]
    public void A_guest_that_ends_leaves_its_peers_with_the_end_of_the_stream()
    {
        (SocketGuest server, _, SocketGuest client, int socket) = Connect();
        server.Context.Dispose();
        Assert.Equal("", client.Receive(socket));
    }

    [Fact]
    public void Connections_that_nobody_accepts_are_reset_when_the_listener_goes()
    {
        (SocketGuest server, NetworkService service) = Guest("server");
        (SocketGuest client, _) = Guest("client");
        int listener = Serve(server, 80);
        int socket = client.Open();
        Assert.Equal(Errno.Success, client.Connect(socket, InProcessNetwork.ToIPAddress(service.AddressNumber), 80));
        Assert.Equal(Errno.Success, server.Close(listener));
        Assert.Equal(Errno.Connreset, client.Receive(socket, 10, out _));
    }

    [Fact]
    public void A_sender_waits_for_its_reader()
    {
        (SocketGuest server, int accepted, SocketGuest client, int socket) = Connect();
        client.SetNonBlocking(socket);
        byte[] block = new byte[32 * 1024];
        new Random(1).NextBytes(block);
        long sent = 0;
        Errno errno;
        while ((errno = client.Send(socket, block, out int part)) == Errno.Success)
        {
            sent += part;
        }

        Assert.Equal(Errno.Again, errno);
        Assert.Equal(99u, (uint)Assert.Single(client.Poll(SocketGuest.Writing(socket), SocketGuest.After(TimeSpan.FromMilliseconds(1)))).UserData);
        while (sent > 0)
        {
            Assert.Equal(Errno.Success, server.Receive(accepted, block.Length, out _));
            sent -= server.Number;
        }

        Assert.Equal(2u, (uint)Assert.Single(client.Poll(SocketGuest.Writing(socket))).UserData);
    }

    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public void A_poll_tells_of_connections_and_data(bool edge)
    {
        (SocketGuest server, NetworkService service) = Guest("server");
        (SocketGuest client, _) = Guest("client");
        int listener = Serve(server, 80);
        server.SetNonBlocking(listener);
        Assert.Equal(Errno.Again, server.Accept(listener, out _));
        Assert.All(Poll(SocketGuest.Reading(listener), SocketGuest.After(TimeSpan.FromMilliseconds(1))), happened => Assert.Equal(99u, happened.UserData));
        for (int i = 0; i < 3; i++)
        {
            int socket = client.Open();
            client.SetNonBlocking(socket);
            Assert.Equal(Errno.Success, client.Connect(socket, InProcessNetwork.ToIPAddress(service.AddressNumber), 80));
            Assert.Equal(0, client.GetOption(socket, 2));
            Assert.Equal(2u, (uint)Assert.Single(client.Poll(SocketGuest.Writing(socket))).UserData);
            Assert.Equal(1u, PollOne(SocketGuest.Reading(listener)));
            int accepted = server.Accept(listener);
            server.SetNonBlocking(accepted);
            Assert.Equal(Errno.Again, server.Accept(listener, out _));
            Assert.Equal(Errno.Again, server.Receive(accepted, 10, out _));
            Assert.Equal(Errno.Success, client.Send(socket, "data"));
            Assert.Equal(1u, PollOne(SocketGuest.Reading(accepted), SocketGuest.Reading(listener, 3)));
            Assert.Equal("data", server.Receive(accepted));
            Assert.Equal(Errno.Success, client.Close(socket));
            Assert.Equal(1u, PollOne(SocketGuest.Reading(accepted)));
            Assert.Equal("", server.Receive(accepted));
            Assert.Equal(Errno.Success, server.Close(accepted));
        }

        Event[] Poll(params ReadOnlySpan<Subscription> subscriptions) => edge ? server.PollEdge(subscriptions) : server.Poll(subscriptions);
        uint PollOne(params ReadOnlySpan<Subscription> subscriptions) => (uint)Assert.Single(Poll(subscriptions)).UserData;
    }

    [Fact]
    public async Task A_guest_that_waits_for_a_connection_is_woken()
    {
        (SocketGuest server, NetworkService service) = Guest("server");
        (SocketGuest client, _) = Guest("client");
        int listener = Serve(server, 80);
        Task<string> answer = Task.Run(() => server.Receive(server.Accept(listener)));
        int socket = client.Open();
        Assert.Equal(Errno.Success, client.Connect(socket, InProcessNetwork.ToIPAddress(service.AddressNumber), 80));
        Assert.Equal(Errno.Success, client.Send(socket, "hello"));
        Assert.Equal("hello", await answer);
    }

    [Fact]
    public void Options_of_tcp_may_be_set()
    {
        (SocketGuest server, int accepted, SocketGuest client, int socket) = Connect();
        foreach ((SocketGuest guest, int one) in new[] { (server, accepted), (client, socket) })
        {
            Assert.Equal(Errno.Success, guest.SetOption(one, LevelTcp, 1, 1, 0, 0, 0));
            Assert.Equal(Errno.Success, guest.GetOption(one, LevelTcp, 1, 4, out byte[] value));
            Assert.Equal(1, value[0]);
            Assert.Equal(Errno.Success, guest.SetOption(one, 7, 1));
            Assert.Equal(0, guest.GetOption(one, AcceptConnectionsOption));
            Assert.Equal(2, guest.GetOption(one, 1));
        }

        (SocketGuest listening, _) = Guest("listening");
        int listener = Serve(listening, 80);
        Assert.Equal(1, listening.GetOption(listener, AcceptConnectionsOption));
        Assert.Equal(0, listening.GetOption(listener, 2));
        Assert.Equal(Errno.Success, listening.SetOption(listener, 7, 1));
    }

    [Fact]
    public void A_guest_reaches_its_own_loopback_address_and_nobody_else_does()
    {
        (SocketGuest guest, NetworkService service) = Guest("guest");
        (SocketGuest other, _) = Guest("other");
        int listener = guest.Open();
        Assert.Equal(Errno.Success, guest.Bind(listener, IPAddress.Loopback, 80));
        Assert.Equal(Errno.Success, guest.Listen(listener));
        int socket = guest.Open();
        Assert.Equal(Errno.Success, guest.Connect(socket, IPAddress.Loopback, 80));
        int accepted = guest.Accept(listener);
        Assert.Equal(IPAddress.Loopback, guest.PeerAddress(accepted).Address);
        Assert.Equal(Errno.Connrefused, other.Connect(other.Open(), InProcessNetwork.ToIPAddress(service.AddressNumber), 80));
        Assert.Equal(Errno.Notcapable, other.Connect(other.Open(), IPAddress.Loopback, 80));
    }

    [Fact]
    public void A_name_may_lead_to_a_port_of_the_host()
    {
        (SocketGuest client, _) = Guest("client");
        NetworkService service = Network.AddService("db", Networks("default"));
        using TcpListener server = new(IPAddress.Loopback, 0);
        server.Start();
        service.SetHostPort(3306, Wherry.Wasi.Sockets.SocketAddress.FromEndPoint((IPEndPoint)server.LocalEndpoint));
        IPAddress address = Resolve(client, "db");
        int socket = client.Open();
        Assert.Equal(Errno.Success, client.Connect(socket, address, 3306));
        using Socket accepted = server.AcceptSocket();
        Assert.Equal(new IPEndPoint(address, 3306), client.PeerAddress(socket));
        Assert.Equal(Errno.Success, client.Send(socket, "query"));
        byte[] buffer = new byte[10];
        Assert.Equal(5, accepted.Receive(buffer));
        Assert.Equal(Errno.Connrefused, client.Connect(client.Open(), address, 3307));
    }

    [Fact]
    public void A_published_port_is_reached_from_the_host_and_waits_between_two_guests()
    {
        using var publisher = new PortPublisher(message => Assert.Fail(message));
        NetworkService service = Network.AddService("web", Networks("default"));
        SocketGuest first = Member(service);
        using PortPublisher.Port port = publisher.Publish(IPAddress.Loopback, 0, 0, service, 80);
        using (var early = new TcpClient())
        {
            Assert.Equal(SocketError.ConnectionRefused, Assert.Throws<SocketException>(() => early.Connect(port.EndPoint)).SocketErrorCode);
        }

        Assert.Throws<IOException>(() =>
        {
            using TcpListener taken = new(IPAddress.Loopback, 0);
            taken.Start();
            int number = ((IPEndPoint)taken.LocalEndpoint).Port;
            publisher.Publish(IPAddress.Loopback, number, number, service, 81);
        });

        Ask(first, Serve(first, 80), "first");
        first.Context.Dispose();

        // Nobody listens: the client connects and waits.
        using var waiting = new TcpClient();
        waiting.Connect(port.EndPoint);
        SocketGuest second = Member(service);
        int listener = Serve(second, 80);
        int taken = second.Accept(listener);
        Assert.Equal(new IPEndPoint(IPAddress.Loopback, ((IPEndPoint)waiting.Client.LocalEndPoint!).Port), second.PeerAddress(taken));
        Assert.Equal(80, second.LocalAddress(taken).Port);
        Ask(second, listener, "second");

        void Ask(SocketGuest guest, int listener, string text)
        {
            using var client = new TcpClient();
            client.Connect(port.EndPoint);
            int accepted = guest.Accept(listener);
            client.Client.Send(Encoding.UTF8.GetBytes(text));
            Assert.Equal(text, guest.Receive(accepted));
            Assert.Equal(Errno.Success, guest.Send(accepted, "answer"));
            byte[] answer = new byte[6];
            client.GetStream().ReadExactly(answer);
            Assert.Equal(Errno.Success, guest.Close(accepted));
            Assert.Equal(0, client.Client.Receive(answer));
        }
    }

    [Fact]
    public async Task Thousands_of_connections_pass_all_their_bytes()
    {
        const int Connections = 6000;
        const int Length = 5_000;
        (SocketGuest server, NetworkService service) = Guest("server");
        (SocketGuest client, _) = Guest("client");
        int listener = Serve(server, 80);
        Task serving = Task.Run(() =>
        {
            for (int i = 0; i < Connections; i++)
            {
                int accepted = server.Accept(listener);
                for (int left = Length; left > 0; left -= server.Number)
                {
                    Assert.Equal(Errno.Success, server.Receive(accepted, 100_000, out string text));
                    Assert.NotEqual("", text);
                }

                Assert.Equal("", server.Receive(accepted));
                Assert.Equal(Errno.Success, server.Close(accepted));
            }
        });
        byte[] block = new byte[Length];
        for (int i = 0; i < Connections; i++)
        {
            int socket = client.Open();
            Assert.Equal(Errno.Success, client.Connect(socket, InProcessNetwork.ToIPAddress(service.AddressNumber), 80));
            Assert.Equal(Errno.Success, client.Send(socket, block, out int sent));
            Assert.Equal(Length, sent);
            Assert.Equal(Errno.Success, client.Close(socket));
        }

        await serving;
    }

    private static int Serve(SocketGuest guest, int port)
    {
        int listener = guest.Open();
        Assert.Equal(Errno.Success, guest.SetOption(listener, 0, 1));
        Assert.Equal(Errno.Success, guest.Bind(listener, IPAddress.Any, port));
        Assert.Equal(Errno.Success, guest.Listen(listener));
        return listener;
    }

    private (SocketGuest Server, int Accepted, SocketGuest Client, int Socket) Connect()
    {
        (SocketGuest server, NetworkService service) = Guest("server");
        (SocketGuest client, _) = Guest("client");
        int listener = Serve(server, 80);
        int socket = client.Open();
        Assert.Equal(Errno.Success, client.Connect(socket, InProcessNetwork.ToIPAddress(service.AddressNumber), 80));
        return (server, server.Accept(listener), client, socket);
    }
}
