using System.Buffers.Binary;
using System.Net;
using System.Net.Sockets;
using System.Text;
using Wherry.Wasi.Abi;
using Wherry.Wasi.Descriptors;
using Wherry.Wasi.Native;
using Wherry.Wasi.Network;
using Wherry.Wasi.Network.InProcess;
using Wherry.Wasi.Tests.Sockets;
using SocketAddress = Wherry.Wasi.Sockets.SocketAddress;

namespace Wherry.Wasi.Tests.Network;

/// <summary>Guests that send each other datagrams inside the process, as if over UDP.</summary>
public class DatagramTests : NetworkTests
{
    private static readonly IPAddress NameServer = IPAddress.Parse("127.0.0.11");

    [Theory]
    [InlineData(SocketGuest.Inet4)]
    [InlineData(SocketGuest.Inet6)]
    public void A_guest_sends_to_another_by_name_and_is_answered(uint family)
    {
        (SocketGuest server, NetworkService service) = Guest("server");
        (SocketGuest client, _) = Guest("client");
        int port = Bind(server, 53, family);
        int socket = client.Open(family, SocketGuest.Datagram);
        IPAddress address = Family(Resolve(client, "server"), family);
        Assert.Equal(Errno.Success, client.SendTo(socket, "question", address, 53));
        Assert.Equal(("question", client.LocalAddress(socket).Port), Receive(server, port, out IPEndPoint sender));
        Assert.Equal(Errno.Success, server.SendTo(port, "answer", sender.Address, sender.Port));
        Assert.Equal(("answer", 53), Receive(client, socket, out IPEndPoint from));
        Assert.Equal(address, from.Address);
        Assert.Equal(InProcessNetwork.ToIPAddress(service.AddressNumber), from.Address.IsIPv4MappedToIPv6 ? from.Address.MapToIPv4() : from.Address);
    }

    [Fact]
    public void Each_guest_has_ports_of_its_own()
    {
        (SocketGuest first, _) = Guest("first");
        (SocketGuest second, _) = Guest("second");
        (SocketGuest client, _) = Guest("client");
        int one = Bind(first, 53), two = Bind(second, 53);
        Assert.Equal(Errno.Addrinuse, first.Bind(first.Open(type: SocketGuest.Datagram), IPAddress.Any, 53));
        Assert.Equal(Errno.Inval, first.Bind(one, IPAddress.Any, 54));
        int socket = client.Open(type: SocketGuest.Datagram);
        Assert.Equal(Errno.Success, client.SendTo(socket, "to first", Resolve(client, "first"), 53));
        Assert.Equal(Errno.Success, client.SendTo(socket, "to second", Resolve(client, "second"), 53));
        Assert.Equal("to first", Receive(first, one, out _).Text);
        Assert.Equal("to second", Receive(second, two, out _).Text);
        Assert.Equal(Errno.Success, first.Close(one));
        Bind(first, 53);
    }

    [Fact]
    public void A_datagram_keeps_its_bounds()
    {
        (SocketGuest server, int port, SocketGuest client, int socket, IPAddress address) = Connected();
        Assert.Equal(Errno.Success, client.SendTo(socket, "abcdef", address, 53));
        Assert.Equal(Errno.Success, client.SendTo(socket, "", address, 53));
        Assert.Equal(Errno.Success, client.SendTo(socket, "gh", address, 53));
        Assert.Equal(Errno.Success, server.Receive(port, 3, out string text, SocketGuest.Peek));
        Assert.Equal(("abc", 1), (text, server.ReceivedFlags));
        Assert.Equal(Errno.Success, server.Receive(port, 3, out text, parts: 2));
        Assert.Equal(("abc", 1), (text, server.ReceivedFlags));
        Assert.Equal(Errno.Success, server.Receive(port, 3, out text));
        Assert.Equal(("", 0), (text, server.ReceivedFlags));
        Assert.Equal(Errno.Success, server.Receive(port, 3, out text));
        Assert.Equal(("gh", 0), (text, server.ReceivedFlags));
        server.SetNonBlocking(port);
        Assert.Equal(Errno.Again, server.Receive(port, 3, out _));
    }

    [Fact]
    public void The_longest_datagram_arrives_and_a_longer_one_is_refused()
    {
        (SocketGuest server, int port, SocketGuest client, int socket, IPAddress address) = Connected();
        Assert.Equal(Errno.Success, client.SendTo(socket, new string('x', 65_507), address, 53));
        Assert.Equal(new string('x', 65_507), Receive(server, port, out _, 70_000).Text);
        Assert.Equal(Errno.Msgsize, client.SendTo(socket, new string('x', 65_508), address, 53));
    }

    [Fact]
    public void What_there_is_no_room_for_is_lost_and_nobody_waits()
    {
        (SocketGuest server, int port, SocketGuest client, int socket, IPAddress address) = Connected();
        for (int i = 0; i < 2_000; i++)
        {
            Assert.Equal(Errno.Success, client.SendTo(socket, new string((char)('a' + (i % 26)), 1_000), address, 53));
        }

        server.SetNonBlocking(port);
        int arrived = 0;
        while (server.Receive(port, 2_000, out string text) == Errno.Success)
        {
            // The first ones are those that arrive.
            Assert.Equal(new string((char)('a' + (arrived++ % 26)), 1_000), text);
        }

        Assert.InRange(arrived, 1, 1_999);
        Assert.Equal(Errno.Success, client.SendTo(socket, "after", address, 53));
        Assert.Equal("after", Receive(server, port, out _).Text);
    }

    [Fact]
    public void A_connected_socket_takes_datagrams_of_its_peer_only()
    {
        (SocketGuest server, int port, SocketGuest client, int socket, IPAddress address) = Connected();
        (SocketGuest stranger, _) = Guest("stranger");
        Assert.Equal(Errno.Success, client.Connect(socket, address, 53));
        Assert.Equal(new IPEndPoint(address, 53), client.PeerAddress(socket));
        Assert.Equal(Errno.Success, client.Send(socket, "one"));
        _ = Receive(server, port, out IPEndPoint sender);
        Assert.Equal(Errno.Success, stranger.SendTo(stranger.Open(type: SocketGuest.Datagram), "noise", sender.Address, sender.Port));
        Assert.Equal(Errno.Success, server.SendTo(port, "answer", sender.Address, sender.Port));
        Assert.Equal("answer", client.Receive(socket));
        client.SetNonBlocking(socket);
        Assert.Equal(Errno.Again, client.Receive(socket, 10, out _));
    }

    [Fact]
    public void A_connected_socket_is_told_that_nobody_is_there()
    {
        (SocketGuest server, int port, SocketGuest client, int socket, IPAddress address) = Connected();
        Assert.Equal(Errno.Success, server.Close(port));
        Assert.Equal(Errno.Success, client.SendTo(socket, "lost", address, 53));
        Assert.Equal(Errno.Success, client.Connect(socket, address, 53));
        Assert.Equal(Errno.Success, client.Send(socket, "refused"));
        Assert.Equal(1UL, Assert.Single(client.Poll(SocketGuest.Reading(socket))).UserData);
        Assert.Equal(Errno.Connrefused, client.Receive(socket, 10, out _));
        client.SetNonBlocking(socket);
        Assert.Equal(Errno.Again, client.Receive(socket, 10, out _));

        // Somebody may come.
        port = Bind(server, 53);
        Assert.Equal(Errno.Success, client.Send(socket, "hello"));
        Assert.Equal("hello", Receive(server, port, out _).Text);
    }

    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public void A_poll_tells_of_datagrams(bool edge)
    {
        (SocketGuest server, int port, SocketGuest client, int socket, IPAddress address) = Connected();
        server.SetNonBlocking(port);
        Assert.Equal(99UL, Poll(SocketGuest.Reading(port), SocketGuest.After(TimeSpan.FromMilliseconds(1))));
        for (int i = 0; i < 3; i++)
        {
            Assert.Equal(Errno.Success, client.SendTo(socket, "x", address, 53));
            Assert.Equal(1UL, Poll(SocketGuest.Reading(port), SocketGuest.After(TimeSpan.FromHours(1))));
            Assert.Equal(Errno.Success, server.Receive(port, 10, out _));
            Assert.Equal(Errno.Again, server.Receive(port, 10, out _));
            Assert.Equal(99UL, Poll(SocketGuest.Reading(port), SocketGuest.After(TimeSpan.Zero)));
        }

        Assert.Equal(2UL, Poll(SocketGuest.Writing(port), SocketGuest.After(TimeSpan.FromHours(1))));

        ulong Poll(params ReadOnlySpan<Wherry.Wasi.Polling.Subscription> subscriptions) =>
            Assert.Single(edge ? server.PollEdge(subscriptions) : server.Poll(subscriptions)).UserData;
    }

    [Fact]
    public async Task A_guest_that_waits_for_a_datagram_is_woken()
    {
        (SocketGuest server, int port, SocketGuest client, int socket, IPAddress address) = Connected();
        Task<string> text = Task.Run(() => server.Receive(port));
        Assert.Equal(Errno.Success, client.SendTo(socket, "hello", address, 53));
        Assert.Equal("hello", await text);
    }

    [Fact]
    public void Services_without_a_common_network_do_not_reach_each_other()
    {
        (SocketGuest server, NetworkService service) = Guest("server", "back");
        (SocketGuest stranger, _) = Guest("stranger", "front");
        (SocketGuest friend, _) = Guest("friend", "front", "back");
        int port = Bind(server, 53);
        IPAddress address = InProcessNetwork.ToIPAddress(service.AddressNumber);
        Assert.Equal(Errno.Success, friend.SendTo(friend.Open(type: SocketGuest.Datagram), "friend", address, 53));
        Assert.Equal("friend", Receive(server, port, out IPEndPoint from).Text);
        server.SetNonBlocking(port);

        // Neither the service's address nor the guest's own leads there, and no answer tells whether somebody is there.
        int socket = stranger.Open(type: SocketGuest.Datagram);
        Assert.Equal(Errno.Success, stranger.SendTo(socket, "stranger", address, 53));
        Assert.Equal(Errno.Success, server.SendTo(port, "x", from.Address, from.Port));
        for (int last = 1; last < 20; last++)
        {
            Assert.Equal(Errno.Success, stranger.SendTo(socket, "stranger", IPAddress.Parse($"198.18.0.{last}"), 53));
        }

        Assert.Equal(Errno.Again, server.Receive(port, 10, out _));
        Assert.Equal(Errno.Success, stranger.Connect(socket, address, 53));
        Assert.Equal(Errno.Success, stranger.Send(socket, "stranger"));
        Assert.Equal(Errno.Connrefused, stranger.Receive(socket, 10, out _));
    }

    [Fact]
    public void Nothing_outside_is_reached_and_nothing_outside_reaches()
    {
        (SocketGuest guest, _) = Guest("guest");
        using Socket outside = new(SocketType.Dgram, ProtocolType.Udp);
        outside.Bind(new IPEndPoint(IPAddress.Loopback, 0));
        int port = ((IPEndPoint)outside.LocalEndPoint!).Port;
        int socket = guest.Open(type: SocketGuest.Datagram);
        Assert.Equal(Errno.Notcapable, guest.SendTo(socket, "x", IPAddress.Loopback, port));
        Assert.Equal(Errno.Notcapable, guest.SendTo(socket, "x", IPAddress.Parse("192.0.2.1"), 53));
        Assert.Equal(Errno.Notcapable, guest.Connect(socket, IPAddress.Loopback, port));
        int bound = Bind(guest, 5353);
        Assert.Equal(Errno.Notcapable, guest.SendTo(bound, "x", IPAddress.Loopback, port));
        Assert.Equal(0, outside.Available);
        Assert.Equal(Errno.Notconn, guest.Context.SockShutdown(bound, 3));
    }

    [Fact]
    public void A_guest_reaches_its_own_loopback_address_and_nobody_else_does()
    {
        (SocketGuest guest, NetworkService service) = Guest("guest");
        (SocketGuest other, _) = Guest("other");
        int port = guest.Open(type: SocketGuest.Datagram);
        Assert.Equal(Errno.Success, guest.Bind(port, IPAddress.Loopback, 53));
        int socket = guest.Open(type: SocketGuest.Datagram);
        Assert.Equal(Errno.Success, guest.SendTo(socket, "own", IPAddress.Loopback, 53));
        Assert.Equal("own", Receive(guest, port, out IPEndPoint from).Text);
        Assert.Equal(new IPEndPoint(IPAddress.Loopback, guest.LocalAddress(socket).Port), from);
        Assert.Equal(Errno.Success, other.SendTo(other.Open(type: SocketGuest.Datagram), "other", InProcessNetwork.ToIPAddress(service.AddressNumber), 53));
        guest.SetNonBlocking(port);
        Assert.Equal(Errno.Again, guest.Receive(port, 10, out _));
        Assert.Equal(Errno.Inval, guest.SendTo(port, "x", InProcessNetwork.ToIPAddress(service.AddressNumber), 53));
        Assert.Equal(Errno.Notcapable, other.SendTo(other.Open(type: SocketGuest.Datagram), "other", IPAddress.Loopback, 53));
    }

    [Fact]
    public void Senders_are_spread_over_replicas_and_each_keeps_its_own()
    {
        const int Senders = 12;
        NetworkService service = Network.AddService("web", Networks("default"));
        SocketGuest[] replicas = [.. Enumerable.Range(0, 3).Select(_ => Member(service))];
        int[] ports = [.. replicas.Select(replica => Bind(replica, 53))];
        (SocketGuest client, _) = Guest("client");
        IPAddress address = Resolve(client, "web");
        int[] sockets = [.. Enumerable.Range(0, Senders).Select(_ => client.Open(type: SocketGuest.Datagram))];
        foreach (string round in new[] { "first", "second" })
        {
            foreach (int socket in sockets)
            {
                Assert.Equal(Errno.Success, client.SendTo(socket, round, address, 53));
            }
        }

        for (int i = 0; i < replicas.Length; i++)
        {
            var heard = new List<(string Text, int Port)>();
            for (int n = 0; n < 2 * Senders / replicas.Length; n++)
            {
                heard.Add(Receive(replicas[i], ports[i], out IPEndPoint from));
                Assert.Equal(Errno.Success, replicas[i].SendTo(ports[i], "answer", from.Address, from.Port));
            }

            replicas[i].SetNonBlocking(ports[i]);
            Assert.Equal(Errno.Again, replicas[i].Receive(ports[i], 10, out _));
            Assert.Equal(heard.Where(each => each.Text == "first").Select(each => each.Port), heard.Where(each => each.Text == "second").Select(each => each.Port));
        }

        // Whichever it was, the answer comes from the service.
        foreach (int socket in sockets)
        {
            Assert.Equal(("answer", 53), Receive(client, socket, out IPEndPoint from));
            Assert.Equal(address, from.Address);
        }

        // One that ends leaves its senders to the others.
        replicas[0].Context.Dispose();
        foreach (int socket in sockets)
        {
            Assert.Equal(Errno.Success, client.SendTo(socket, "third", address, 53));
        }

        int count = 0;
        for (int i = 1; i < replicas.Length; i++)
        {
            while (replicas[i].Receive(ports[i], 10, out _) == Errno.Success)
            {
                count++;
            }
        }

        Assert.Equal(Senders, count);
    }

    [Fact]
    public void A_guest_is_reached_at_its_own_address_too()
    {
        NetworkService service = Network.AddService("gossip", Networks("default"));
        SocketGuest[] replicas = [Member(service), Member(service)];
        int[] ports = [.. replicas.Select(replica => Bind(replica, 7946))];
        (SocketGuest other, _) = Guest("other");
        int there = Bind(other, 7946);
        for (int i = 0; i < 2; i++)
        {
            Assert.Equal(Errno.Success, replicas[i].SendTo(ports[i], "here I am", Resolve(replicas[i], "other"), 7946));
            _ = Receive(other, there, out IPEndPoint from);
            Assert.Equal(7946, from.Port);
            Assert.Equal(Errno.Success, other.SendTo(there, $"welcome {i}", from.Address, from.Port));
            Assert.Equal(($"welcome {i}", 7946), Receive(replicas[i], ports[i], out IPEndPoint server));
            Assert.Equal(Resolve(replicas[i], "other"), server.Address);
        }
    }

    [Fact]
    public void Who_stops_gets_no_more_and_who_is_held_gets_nothing_yet()
    {
        NetworkService service = Network.AddService("web", Networks("default"));
        SocketGuest old = Member(service);
        int oldPort = Bind(old, 53);
        using NetworkMember member = service.AddMember(isHeld: true);
        using var replacement = new SocketGuest(NetworkPolicy.None, new WasiOptions { NetworkMember = member });
        int newPort = Bind(replacement, 53);
        (SocketGuest client, _) = Guest("client");
        int socket = client.Open(type: SocketGuest.Datagram), another = client.Open(type: SocketGuest.Datagram);
        Send("old");
        member.Open();
        old.Context.Options.NetworkMember!.StopListening();
        Send("new");
        Assert.Equal(("old", "old"), (old.Receive(oldPort), old.Receive(oldPort)));
        Assert.Equal(("new", "new"), (replacement.Receive(newPort), replacement.Receive(newPort)));

        void Send(string text)
        {
            foreach (int each in new[] { socket, another })
            {
                Assert.Equal(Errno.Success, client.SendTo(each, text, Resolve(client, "web"), 53));
            }
        }
    }

    [Fact]
    public void A_published_port_is_reached_from_both_sides()
    {
        ListeningPort? listening = null;
        var policy = new NetworkPolicy { PublishedPorts = [new PublishedPort(0, 5353, protocol: NetworkProtocol.Udp)], Listening = port => listening = port };
        (SocketGuest server, _) = Guest("server", policy);
        (SocketGuest client, _) = Guest("client");
        int port = Bind(server, 5353);
        using Socket outside = NewPeer();
        int socket = client.Open(type: SocketGuest.Datagram);
        for (int round = 0; round < 3; round++)
        {
            outside.SendTo("from outside"u8, listening!.EndPoint);
            Assert.Equal("from outside", Receive(server, port, out IPEndPoint sender).Text);
            Assert.Equal(outside.LocalEndPoint, sender);
            Assert.Equal(Errno.Success, server.SendTo(port, "to outside", sender.Address, sender.Port));
            Assert.Equal("to outside", Receive(outside));

            Assert.Equal(Errno.Success, client.SendTo(socket, "from inside", Resolve(client, "server"), 5353));
            Assert.Equal(1UL, Assert.Single(server.Poll(SocketGuest.Reading(port))).UserData);
            Assert.Equal(Errno.Success, server.Receive(port, 4, out string text, SocketGuest.Peek));
            Assert.Equal(("from", 1), (text, server.ReceivedFlags));
            Assert.Equal("from inside", Receive(server, port, out sender).Text);
            Assert.Equal(client.LocalAddress(socket).Port, sender.Port);
            Assert.Equal(Errno.Success, server.SendTo(port, "to inside", sender.Address, sender.Port));
            Assert.Equal(("to inside", 5353), Receive(client, socket, out IPEndPoint from));
            Assert.Equal(Resolve(client, "server"), from.Address);
        }

        // It answers those outside who have asked, and sends to nobody else there.
        using Socket stranger = NewPeer();
        Assert.Equal(Errno.Notcapable, server.SendTo(port, "x", IPAddress.Loopback, ((IPEndPoint)stranger.LocalEndPoint!).Port));
    }

    [Fact]
    public void A_guest_that_may_send_outside_does_so_from_the_same_socket()
    {
        using Socket friend = NewPeer();
        int friendPort = ((IPEndPoint)friend.LocalEndPoint!).Port;
        (SocketGuest guest, _) = Guest("guest", new NetworkPolicy { ConnectRules = [new ConnectRule("127.0.0.1", friendPort)] });
        (SocketGuest other, _) = Guest("other");
        int there = Bind(other, 53);
        int socket = guest.Open(type: SocketGuest.Datagram);
        Assert.Equal(Errno.Success, guest.Bind(socket, IPAddress.Any, 0));
        Assert.Equal(Errno.Success, guest.SendTo(socket, "hi", IPAddress.Loopback, friendPort));
        byte[] buffer = new byte[100];
        EndPoint sender = new IPEndPoint(IPAddress.Any, 0);
        Assert.Equal(2, friend.ReceiveFrom(buffer, ref sender));
        using (Socket stranger = new(SocketType.Dgram, ProtocolType.Udp))
        {
            stranger.Bind(new IPEndPoint(IPAddress.Parse("127.0.0.2"), 0));
            stranger.SendTo("let me in"u8, sender);
        }

        friend.SendTo("hello"u8, sender);
        Assert.Equal("hello", Receive(guest, socket, out IPEndPoint from).Text);
        Assert.Equal(friend.LocalEndPoint, from);
        Assert.Equal(Errno.Success, guest.SendTo(socket, "inside", Resolve(guest, "other"), 53));
        Assert.Equal("inside", Receive(other, there, out from).Text);
        Assert.Equal(Errno.Success, other.SendTo(there, "back", from.Address, from.Port));
        Assert.Equal(("back", 53), Receive(guest, socket, out from));

        // Connected to one side and then to the other.
        Assert.Equal(Errno.Success, guest.Connect(socket, IPAddress.Loopback, friendPort));
        Assert.Equal(Errno.Success, guest.Send(socket, "friend"));
        Assert.Equal("friend", Receive(friend));
        friend.SendTo("yes?"u8, sender);
        Assert.Equal("yes?", guest.Receive(socket));
        Assert.Equal(Errno.Success, guest.Connect(socket, Resolve(guest, "other"), 53));
        Assert.Equal(Errno.Success, guest.Send(socket, "other"));
        Assert.Equal("other", Receive(other, there, out from).Text);
        Assert.Equal(Errno.Success, other.SendTo(there, "yes", from.Address, from.Port));
        Assert.Equal("yes", guest.Receive(socket));
    }

    [Fact]
    public void Nobody_outside_passes_for_a_guest_of_the_project()
    {
        // It can't send from an address of the project, but it can write what stands before datagrams that are sent inside.
        ListeningPort? listening = null;
        (SocketGuest server, _) = Guest("server", new NetworkPolicy { PublishedPorts = [new PublishedPort(0, 5353, protocol: NetworkProtocol.Udp)], Listening = port => listening = port });
        int port = Bind(server, 5353);
        (SocketGuest client, _) = Guest("client");
        Assert.Equal(Errno.Success, client.SendTo(client.Open(type: SocketGuest.Datagram), "first", Resolve(client, "server"), 5353));
        _ = Receive(server, port, out _);
        using Socket outside = NewPeer();
        byte[] forged = new byte[30];
        new byte[] { 198, 18, 0, 2 }.CopyTo(forged, 0);
        outside.SendTo(forged, listening!.EndPoint);
        Assert.Equal(Errno.Success, server.ReceiveFrom(port, 100, out string text, out IPEndPoint? sender));
        Assert.Equal((30, outside.LocalEndPoint), (text.Length > 0 ? server.Number : 0, sender));
    }

    [Fact]
    public void Nobody_outside_passes_for_the_guest_itself_or_its_dns_server()
    {
        ListeningPort? listening = null;
        (SocketGuest server, _) = Guest("server", new NetworkPolicy { PublishedPorts = [new PublishedPort(0, 5353, protocol: NetworkProtocol.Udp)], Listening = port => listening = port });
        using Socket own = NewPeer(), names = NewPeer(), outside = NewPeer();
        server.Context.Options.NetworkMember!.NameServer = SocketAddress.FromEndPoint((IPEndPoint)names.LocalEndPoint!);
        int port = Bind(server, 5353);
        Bind(server, ((IPEndPoint)own.LocalEndPoint!).Port);
        own.SendTo("an answer to this would go to the guest's own port"u8, listening!.EndPoint);
        names.SendTo("not what the DNS server says"u8, listening.EndPoint);
        outside.SendTo("question"u8, listening.EndPoint);
        Assert.Equal("question", Receive(server, port, out IPEndPoint sender).Text);
        Assert.Equal(outside.LocalEndPoint, sender);
    }

    [Fact]
    public void Ports_that_the_guest_has_not_chosen_are_none_of_the_hosts()
    {
        (SocketGuest guest, _) = Guest("guest");
        NetworkMember member = guest.Context.Options.NetworkMember!;
        int socket = guest.Open(type: SocketGuest.Datagram);
        Assert.Equal(Errno.Success, guest.Bind(socket, IPAddress.Any, 0));
        Assert.InRange(guest.LocalAddress(socket).Port, 61_000, 65_535);
        Assert.DoesNotContain(Enumerable.Range(0, 20_000).Select(_ => (int)member.NewDatagramPort()), port => port is 0 or (>= 32_768 and <= 60_999));
    }

    [Fact]
    public void A_socket_that_was_connected_outside_loses_what_comes_meanwhile_and_is_reached_again()
    {
        using Socket friend = NewPeer();
        int friendPort = ((IPEndPoint)friend.LocalEndPoint!).Port;
        (SocketGuest guest, NetworkService service) = Guest("guest", new NetworkPolicy { ConnectRules = [new ConnectRule("127.0.0.1", friendPort)] });
        (SocketGuest other, _) = Guest("other");
        int there = Bind(other, 53), socket = Bind(guest, 53);
        Assert.Equal(Errno.Success, guest.Connect(socket, IPAddress.Loopback, friendPort));
        IPAddress address = InProcessNetwork.ToIPAddress(service.AddressNumber);
        Assert.Equal(Errno.Success, other.SendTo(there, "lost", address, 53));
        Assert.Equal(Errno.Success, guest.Send(socket, "hello"));
        Assert.Equal("hello", Receive(friend));

        // Back inside, it is where it was.
        Assert.Equal(Errno.Success, guest.Connect(socket, Resolve(guest, "other"), 53));
        Assert.Equal(Errno.Success, guest.Send(socket, "inside"));
        Assert.Equal("inside", Receive(other, there, out IPEndPoint from).Text);
        Assert.Equal(Errno.Success, other.SendTo(there, "back", from.Address, from.Port));
        Assert.Equal("back", guest.Receive(socket));
    }

    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public void A_socket_that_is_shut_down_ends(bool isOutsideToo)
    {
        (SocketGuest server, NetworkService service) = Guest("server");
        (SocketGuest client, _) = Guest("client", isOutsideToo ? new NetworkPolicy { ConnectRules = [ConnectRule.Parse("*:53")] } : NetworkPolicy.None);
        int port = Bind(server, 53), socket = client.Open(type: SocketGuest.Datagram);
        Assert.Equal(Errno.Success, client.Connect(socket, InProcessNetwork.ToIPAddress(service.AddressNumber), 53));
        Assert.Equal(Errno.Success, client.Send(socket, "one"));
        _ = Receive(server, port, out IPEndPoint sender);
        Assert.Equal(Errno.Success, server.SendTo(port, "two", sender.Address, sender.Port));
        Assert.Equal(Errno.Success, client.Context.SockShutdown(socket, 2));
        Assert.Equal(Errno.Pipe, client.Send(socket, "x"));
        Assert.Equal("two", client.Receive(socket));
        Assert.Equal(Errno.Success, client.Context.SockShutdown(socket, 1));

        // Blocking, it would wait for ever otherwise.
        Assert.Equal("", client.Receive(socket));
        Assert.Equal(Errno.Success, client.ReceiveFrom(socket, 10, out string text, out _));
        Assert.Equal("", text);
    }

    [Fact]
    public void A_refusal_is_told_once_also_to_one_that_only_looks()
    {
        (SocketGuest server, int port, SocketGuest client, int socket, IPAddress address) = Connected();
        Assert.Equal(Errno.Success, server.Close(port));
        Assert.Equal(Errno.Success, client.Connect(socket, address, 53));
        client.SetNonBlocking(socket);
        for (int round = 0; round < 2; round++)
        {
            for (int i = 0; i < 3; i++)
            {
                Assert.Equal(Errno.Success, client.Send(socket, "refused"));
            }

            Assert.Equal(Errno.Connrefused, client.Receive(socket, 10, out _, round == 0 ? SocketGuest.Peek : 0));
            Assert.Equal(Errno.Again, client.Receive(socket, 10, out _));
        }

        // One that waits from an earlier peer does not hide the next one's.
        Assert.Equal(Errno.Success, client.Send(socket, "refused"));
        Assert.Equal(Errno.Success, client.Connect(socket, address, 54));
        Assert.Equal(Errno.Success, client.Send(socket, "refused"));
        Assert.Equal(Errno.Connrefused, client.Receive(socket, 10, out _));
        Assert.Equal(Errno.Again, client.Receive(socket, 10, out _));
    }

    [Fact]
    public void A_datagram_may_be_in_as_many_buffers_as_the_system_takes()
    {
        (SocketGuest server, int port, SocketGuest client, int socket, IPAddress address) = Connected();
        Assert.Equal(Errno.Success, client.Connect(socket, address, 53));
        string text = string.Concat(Enumerable.Range(0, 3_000).Select(i => (char)('a' + (i % 26))));
        Assert.Equal(Errno.Success, client.Send(socket, text, parts: 1_024));
        Assert.Equal(Errno.Success, client.Send(socket, text, parts: 1_024));
        Assert.Equal(Errno.Success, server.Receive(port, 4_000, out string received, parts: 1_024));
        Assert.Equal((text, 0), (received, server.ReceivedFlags));
        Assert.Equal(Errno.Success, server.Receive(port, 2_000, out received, parts: 1_024));
        Assert.Equal((text[..2_000], 1), (received, server.ReceivedFlags));
    }

    [Fact]
    public void An_ipv6_socket_that_may_send_outside_is_reached_by_guests()
    {
        // Also where the system has no IPv6 address.
        (SocketGuest server, NetworkService service) = Guest("server", new NetworkPolicy { ConnectRules = [ConnectRule.Parse("*:53")] });
        (SocketGuest client, _) = Guest("client");
        int port = Bind(server, 53, SocketGuest.Inet6), socket = client.Open(type: SocketGuest.Datagram);
        Assert.Equal(Errno.Success, client.SendTo(socket, "question", InProcessNetwork.ToIPAddress(service.AddressNumber), 53));
        Assert.Equal("question", Receive(server, port, out IPEndPoint sender).Text);
        Assert.Equal(Errno.Success, server.SendTo(port, "answer", sender.Address, sender.Port));
        Assert.Equal("answer", client.Receive(socket));
    }

    [Fact]
    public void A_socket_without_a_peer_says_so()
    {
        (SocketGuest guest, _) = Guest("guest");
        Assert.Equal(Errno.Notconn, guest.AddressV1(Bind(guest, 53), peer: true, 16));
    }

    [Fact]
    public void Where_a_guest_sends_to_is_recorded_once_for_each_socket()
    {
        (SocketGuest server, _) = Guest("server");
        Bind(server, 53);
        NetworkService service = Network.AddService("client", Networks("default"));
        var egress = new EgressRecord();
        SocketGuest client = Member(service, egress: egress);
        for (int i = 0; i < 2; i++)
        {
            int socket = client.Open(type: SocketGuest.Datagram);
            for (int n = 0; n < 3; n++)
            {
                Assert.Equal(Errno.Success, client.SendTo(socket, "x", Resolve(client, "server"), 53));
            }
        }

        Assert.Equal([new EgressEntry("server", 53, NetworkProtocol.Udp, true, 2)], egress.Entries);
    }

    [Fact]
    public void Who_sends_to_ever_more_places_fills_no_memory()
    {
        const int Other = 20_000;
        (_, NetworkService server) = Guest("server");
        IPAddress address = InProcessNetwork.ToIPAddress(server.AddressNumber);
        var egress = new EgressRecord();
        SocketGuest client = Member(Network.AddService("client", Networks("default")), egress: egress);
        int socket = client.Open(type: SocketGuest.Datagram);
        for (int round = 0; round < 2; round++)
        {
            for (int port = Other; port < Other + 100; port++)
            {
                Assert.Equal(Errno.Success, client.SendTo(socket, "x", address, port));
                Assert.Equal(Errno.Success, client.SendTo(socket, "x", address, port));
            }
        }

        // Of so many places the first is not known any more.
        Assert.Equal(100, egress.Entries.Length);
        Assert.All(egress.Entries, entry => Assert.Equal(2, entry.Count));
    }

    [Fact]
    public void Of_those_who_have_sent_to_a_service_each_guest_remembers_so_many()
    {
        (SocketGuest server, _) = Guest("server");
        NetworkMember member = server.Context.Options.NetworkMember!;
        for (int i = 0; i <= NetworkMember.RememberedServicePeers; i++)
        {
            member.NoteServicePeer((ushort)(i % 7), Peer(i));
        }

        Assert.False(member.IsServicePeer(0, Peer(0)));
        Assert.True(member.IsServicePeer(1, Peer(1)));
        Assert.False(member.IsServicePeer(2, Peer(1)));
        Assert.True(member.IsServicePeer(NetworkMember.RememberedServicePeers % 7, Peer(NetworkMember.RememberedServicePeers)));

        static SocketAddress Peer(int number) => SocketAddress.From(IPAddress.Parse("198.18.0.9"), (ushort)number);
    }

    [Fact]
    public void Both_handles_of_a_socket_are_counted()
    {
        // Three streams, and five sockets with two each.
        const int Most = 3 + (2 * 5);
        NetworkService service = Network.AddService("greedy", Networks("default"));
        using NetworkMember member = service.AddMember();
        using var guest = new SocketGuest(NetworkPolicy.None, new WasiOptions { NetworkMember = member, MaximumDescriptors = Most });
        for (int round = 0; round < 3; round++)
        {
            int[] sockets = [.. Enumerable.Range(0, 5).Select(i => Bind(guest, 100 + i))];
            Assert.Equal(Errno.Mfile, guest.Context.SockOpen(guest.Call, SocketGuest.Inet4, SocketGuest.Datagram, 2048));
            Assert.Equal(Errno.Success, guest.Close(sockets[0]));
            int one = guest.Open(type: SocketGuest.Datagram), two = guest.Open(type: SocketGuest.Datagram);
            Assert.Equal(Errno.Mfile, guest.Bind(one, IPAddress.Any, 53));
            Assert.Equal(Errno.Mfile, guest.Connect(one, Resolve(guest, "greedy"), 53));
            Assert.Equal(Errno.Success, guest.Close(two));
            Assert.Equal(Errno.Success, guest.Bind(one, IPAddress.Any, 53));
            Assert.Equal(Errno.Success, guest.Close(one));
            Assert.All(sockets[1..], socket => Assert.Equal(Errno.Success, guest.Close(socket)));
        }
    }

    [Fact]
    public void The_other_handle_of_a_socket_is_none_of_the_last()
    {
        using var descriptors = new DescriptorTable(1_000, isOneOfMany: true);
        Assert.False(descriptors.TryAddHidden(HostHandles.Limit - 1));
        Assert.True(descriptors.TryAddHidden(0));
    }

    [Fact]
    public void Names_are_asked_for_over_udp_too()
    {
        (SocketGuest guest, NetworkService service) = Guest("guest");
        guest.Context.Options.NetworkMember!.NameServer = SocketAddress.From(NameServer, 53);
        guest.Context.NameResolver = new ManyAddresses();
        int socket = guest.Open(type: SocketGuest.Datagram);
        Assert.Equal(Errno.Success, guest.Connect(socket, NameServer, 53));
        Assert.Equal(new IPEndPoint(NameServer, 53), guest.PeerAddress(socket));
        byte[] answer = Ask(guest, socket, "guest");
        Assert.Equal((0, 1), (answer[3] & 15, BinaryPrimitives.ReadUInt16BigEndian(answer.AsSpan(6))));
        Assert.Equal(InProcessNetwork.ToIPAddress(service.AddressNumber).GetAddressBytes(), answer[^4..]);
        Assert.Equal(5, Ask(guest, socket, "elsewhere")[3] & 15);

        // What is no question gets no answer, or one that says so; neither is anything there at other ports.
        Assert.Equal(Errno.Success, guest.Send(socket, "no"));
        Assert.Equal(Errno.Success, guest.SendTo(socket, new string('x', 60_000), NameServer, 53));
        Assert.Equal(0, Ask(guest, socket, "guest")[3] & 15);
        Assert.Equal(Errno.Notcapable, guest.SendTo(guest.Open(type: SocketGuest.Datagram), "x", NameServer, 54));
    }

    [Fact]
    public void An_answer_that_is_too_long_for_a_datagram_says_so()
    {
        (SocketGuest guest, _) = Guest("guest", new NetworkPolicy { ConnectRules = [ConnectRule.Parse("*:443")] });
        guest.Context.Options.NetworkMember!.NameServer = SocketAddress.From(NameServer, 53);
        guest.Context.NameResolver = new ManyAddresses();
        int socket = guest.Open(type: SocketGuest.Datagram);
        Assert.Equal(Errno.Success, guest.Connect(socket, NameServer, 53));
        byte[] answer = Ask(guest, socket, "few.example");
        Assert.Equal((0x80, 0, 20), (answer[2] & 0x82, answer[3] & 15, BinaryPrimitives.ReadUInt16BigEndian(answer.AsSpan(6))));
        answer = Ask(guest, socket, "many.example");
        Assert.Equal((0x82, 0, 0), (answer[2] & 0x82, answer[3] & 15, BinaryPrimitives.ReadUInt16BigEndian(answer.AsSpan(6))));
        Assert.Equal(12 + "many.example".Length + 2 + 4, answer.Length);
    }

    private static byte[] Ask(SocketGuest guest, int socket, string name)
    {
        List<byte> question = [0x12, 0x34, 1, 0, 0, 1, 0, 0, 0, 0, 0, 0];
        foreach (string label in name.Split('.'))
        {
            question.Add((byte)label.Length);
            question.AddRange(Encoding.ASCII.GetBytes(label));
        }

        question.AddRange([0, 0, 1, 0, 1]);
        Assert.Equal(Errno.Success, guest.Send(socket, question.ToArray(), out _));
        Assert.Equal(Errno.Success, guest.Receive(socket, 2_000, out _));
        byte[] answer = guest.Memory.Slice(0x20000, guest.Number).ToArray();
        Assert.Equal(question[..2], answer[..2]);
        return answer;
    }

    private static IPAddress Family(IPAddress address, uint family) => family == SocketGuest.Inet6 ? address.MapToIPv6() : address;

    private static int Bind(SocketGuest guest, int port, uint family = SocketGuest.Inet4)
    {
        int socket = guest.Open(family, SocketGuest.Datagram);
        Assert.Equal(Errno.Success, guest.Bind(socket, family == SocketGuest.Inet6 ? IPAddress.IPv6Any : IPAddress.Any, port));
        Assert.Equal(port, guest.LocalAddress(socket).Port);
        return socket;
    }

    private static (string Text, int Port) Receive(SocketGuest guest, int socket, out IPEndPoint sender, int length = 1_000)
    {
        Assert.Equal(Errno.Success, guest.ReceiveFrom(socket, length, out string text, out IPEndPoint? from));
        sender = from!;
        return (text, sender.Port);
    }

    private static Socket NewPeer()
    {
        Socket peer = new(AddressFamily.InterNetwork, SocketType.Dgram, ProtocolType.Udp) { ReceiveTimeout = 120_000 };
        peer.Bind(new IPEndPoint(IPAddress.Loopback, 0));
        return peer;
    }

    private static string Receive(Socket peer)
    {
        byte[] buffer = new byte[100];
        return Encoding.UTF8.GetString(buffer, 0, peer.Receive(buffer));
    }

    private (SocketGuest Server, int Port, SocketGuest Client, int Socket, IPAddress Address) Connected()
    {
        (SocketGuest server, NetworkService service) = Guest("server");
        (SocketGuest client, _) = Guest("client");
        return (server, Bind(server, 53), client, client.Open(type: SocketGuest.Datagram), InProcessNetwork.ToIPAddress(service.AddressNumber));
    }

    private sealed class ManyAddresses : NameResolver
    {
        public override ValueTask<IPAddress[]> ResolveAsync(string name, CancellationToken cancellationToken) =>
            ValueTask.FromResult<IPAddress[]>([.. Enumerable.Range(1, name == "many.example" ? 40 : 20).Select(last => IPAddress.Parse($"192.0.2.{last}"))]);
    }
}
