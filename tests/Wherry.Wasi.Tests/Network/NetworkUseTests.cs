using System.Net;
using System.Net.Sockets;
using Wherry.Wasi.Abi;
using Wherry.Wasi.Network.InProcess;
using Wherry.Wasi.Tests.Sockets;
using SocketAddress = Wherry.Wasi.Sockets.SocketAddress;

namespace Wherry.Wasi.Tests.Network;

/// <summary>Which guest gets a connection while guests come and go: started on demand, held back, replaced, in use.</summary>
public sealed class NetworkUseTests : IDisposable
{
    private readonly InProcessNetwork network = new();
    private readonly List<IDisposable> open = [];

    public void Dispose()
    {
        foreach (IDisposable each in Enumerable.Reverse(open))
        {
            each.Dispose();
        }
    }

    [Fact]
    public void Connections_wait_for_a_guest_that_they_start()
    {
        NetworkService service = Service("server");
        NetworkService other = Service("client");
        SocketGuest client = Guest(other.AddMember());
        int woken = 0;
        Assert.Equal(Errno.Connrefused, Connect(client, service, 80, out _));
        service.StartOnDemand([80, 81], () => woken++);
        Assert.Equal(Errno.Success, Connect(client, service, 80, out int early));
        Assert.Equal(Errno.Success, client.Send(early, "first"));
        Assert.Equal(Errno.Connrefused, Connect(client, service, 82, out _));
        Assert.Equal(1, woken);
        Assert.True(service.HasParked);

        SocketGuest server = Guest(service.AddMember());
        int listener = Serve(server, 80);
        Assert.False(service.HasParked);
        int accepted = server.Accept(listener);
        Assert.Equal("first", server.Receive(accepted));
        Assert.Equal(Errno.Success, server.Send(accepted, "answer"));
        Assert.Equal("answer", client.Receive(early));

        // Another port is still a reason to start one.
        Assert.Equal(Errno.Success, Connect(client, service, 81, out int refused));
        Assert.Equal(2, woken);
        service.RefuseParked();
        Assert.Equal(Errno.Connreset, client.Receive(refused, 1, out _));
        service.EndDemand();
        Assert.Equal(Errno.Connrefused, Connect(client, service, 81, out _));
        Assert.Equal(Errno.Success, Connect(client, service, 80, out _));
    }

    [Fact]
    public void A_published_port_listens_for_a_guest_that_is_not_there_yet()
    {
        NetworkService service = Service("server");
        using var woken = new SemaphoreSlim(0);
        using var publisher = new PortPublisher(message => Assert.Fail(message));
        using PortPublisher.Port port = publisher.Publish(IPAddress.Loopback, 0, 0, service, 80);
        Assert.Throws<SocketException>(() => new TcpClient().Connect(port.EndPoint));
        service.StartOnDemand([80], () => woken.Release());
        using var client = new TcpClient();
        client.Connect(port.EndPoint);
        client.GetStream().Write("hello"u8);
        Assert.True(woken.Wait(TimeSpan.FromMinutes(2)));
        SocketGuest server = Guest(service.AddMember());
        int accepted = server.Accept(Serve(server, 80));
        Assert.Equal("hello", server.Receive(accepted));
    }

    [Fact]
    public void What_waits_for_a_guest_that_is_not_there_is_bounded()
    {
        NetworkService service = Service("server");
        service.StartOnDemand([80], () => { });
        var connection = new PendingConnection(-1, default, null, null);
        for (int i = 0; i < NetworkMember.MostWaiting; i++)
        {
            Assert.Equal(Delivery.Taken, service.Deliver(80, connection, from: null));
        }

        Assert.Equal(Delivery.Full, service.Deliver(80, connection, from: null));
        service.RefuseParked();
        Assert.Equal(Delivery.Taken, service.Deliver(80, connection, from: null));
        service.EndDemand();
    }

    [Fact]
    public void A_guest_that_is_held_gets_nothing_until_it_takes_the_place_of_another()
    {
        NetworkService service = Service("server");
        SocketGuest client = Guest(Service("client").AddMember());
        NetworkMember old = service.AddMember(), next = service.AddMember(isHeld: true);
        SocketGuest first = Guest(old), second = Guest(next);
        int firstListener = Serve(first, 80), secondListener = Serve(second, 80);
        Assert.Equal([80], next.ListeningPorts);
        for (int i = 0; i < 4; i++)
        {
            Assert.Equal(Errno.Success, Connect(client, service, 80, out _));
            first.Accept(firstListener);
        }

        Assert.Equal(Errno.Success, Connect(client, service, 80, out int waiting));
        next.Open();
        old.StopListening();
        for (int i = 0; i < 4; i++)
        {
            Assert.Equal(Errno.Success, Connect(client, service, 80, out _));
            second.Accept(secondListener);
        }

        // What came before waits where it is.
        int accepted = first.Accept(firstListener);
        Assert.Equal(Errno.Success, first.Send(accepted, "old"));
        Assert.Equal("old", client.Receive(waiting));
        Assert.Equal((5, 4), (old.OpenConnections, next.OpenConnections));

        // A port that it listens on later is not offered either.
        Serve(first, 81);
        Assert.Equal(Errno.Connrefused, Connect(client, service, 81, out _));
    }

    [Fact]
    public void A_guest_in_use_does_not_leave()
    {
        NetworkService service = Service("server");
        SocketGuest client = Guest(Service("client").AddMember());
        NetworkMember member = service.AddMember();
        SocketGuest server = Guest(member);
        int listener = Serve(server, 80);
        Assert.Equal(Errno.Success, Connect(client, service, 80, out int socket));
        Assert.True(member.IsInUse);
        Assert.False(member.TryStopListening());
        int accepted = server.Accept(listener);
        Assert.False(member.TryStopListening());
        Assert.Equal((1, 1L), (member.OpenConnections, member.AcceptedConnections));
        Assert.Equal(TimeSpan.Zero, member.Unused);

        // It still listens.
        Assert.Equal(Errno.Success, Connect(client, service, 80, out _));
        Assert.Equal(Errno.Success, server.Close(server.Accept(listener)));
        Assert.Equal(Errno.Success, server.Close(accepted));
        client.Close(socket);
        Assert.Equal((0, 2L), (member.OpenConnections, member.AcceptedConnections));
        Assert.True(member.TryStopListening());
        Assert.Equal(Errno.Connrefused, Connect(client, service, 80, out _));
    }

    [Fact]
    public void A_health_check_is_no_use()
    {
        NetworkMember member = Service("server").AddMember();
        SocketGuest server = Guest(member);
        int listener = Serve(server, 80);
        Assert.True(member.TryConnectFromHost(80, out int handle));
        int accepted = server.Accept(listener);
        Assert.Equal((0, 0L), (member.OpenConnections, member.AcceptedConnections));
        Assert.False(member.IsInUse);
        server.Close(accepted);
        Assert.Equal(0, member.OpenConnections);
        _ = Wherry.Wasi.Sockets.NativeSocket.Close(handle);
    }

    [Fact]
    public void A_port_of_the_host_is_a_services_until_it_gives_it_back()
    {
        NetworkService service = Service("site");
        NetworkMember member = Service("client").AddMember();
        SocketGuest client = Guest(member);
        using var site = new TcpListener(IPAddress.Loopback, 0);
        site.Start();
        SocketAddress host = SocketAddress.FromEndPoint((IPEndPoint)site.LocalEndpoint);
        SocketAddress name = InProcessNetwork.ToAddress(service.AddressNumber, 80);
        Assert.Equal(RouteKind.Refused, member.Find(name, out _));
        service.SetHostPort(80, host);
        Assert.Equal(RouteKind.Host, member.Find(name, out SocketAddress found));
        Assert.Equal(host, found);
        Assert.Equal(Errno.Success, Connect(client, service, 80, out int socket));
        Assert.Equal(new IPEndPoint(InProcessNetwork.ToIPAddress(service.AddressNumber), 80), client.PeerAddress(socket));
        service.ClearHostPorts();
        Assert.Equal(RouteKind.Refused, member.Find(name, out _));
        Assert.Equal(Errno.Connrefused, Connect(client, service, 80, out _));
    }

    [Fact]
    public void Addresses_of_the_network_that_are_nobodys_are_refused_whatever_is_allowed()
    {
        NetworkMember member = Service("client").AddMember();
        var client = new SocketGuest(new NetworkPolicy { ConnectRules = [ConnectRule.Parse("*")] }, new WasiOptions { NetworkMember = member });
        open.Add(member);
        open.Add(client);
        foreach (string address in new[] { "198.18.0.0", "198.18.0.1", "198.18.77.7", "198.19.255.255" })
        {
            Assert.Equal(Errno.Connrefused, client.Connect(client.Open(), IPAddress.Parse(address), 80));
            Assert.Equal(Errno.Connrefused, client.Connect(client.Open(SocketGuest.Inet6), IPAddress.Parse(address).MapToIPv6(), 80));
        }
    }

    [Fact]
    public void A_port_of_the_host_at_an_ipv6_address_is_refused_to_sockets_of_ipv4()
    {
        NetworkService service = Service("site");
        SocketGuest client = Guest(Service("client").AddMember());
        service.SetHostPort(80, SocketAddress.From(IPAddress.IPv6Loopback, 80));
        Assert.Equal(Errno.Connrefused, Connect(client, service, 80, out _));
    }

    private static int Serve(SocketGuest guest, ushort port)
    {
        int listener = guest.Open();
        Assert.Equal(Errno.Success, guest.Bind(listener, IPAddress.Any, port));
        Assert.Equal(Errno.Success, guest.Listen(listener));
        return listener;
    }

    private static Errno Connect(SocketGuest client, NetworkService service, ushort port, out int socket)
    {
        socket = client.Open();
        return client.Connect(socket, InProcessNetwork.ToIPAddress(service.AddressNumber), port);
    }

    private NetworkService Service(string name) => network.AddService(name, new Dictionary<string, IReadOnlyList<string>> { ["default"] = [] });

    private SocketGuest Guest(NetworkMember member)
    {
        var guest = new SocketGuest(NetworkPolicy.None, new WasiOptions { NetworkMember = member });
        open.Add(member);
        open.Add(guest);
        return guest;
    }
}
