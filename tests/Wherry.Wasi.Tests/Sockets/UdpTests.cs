using System.Net;
using System.Net.Sockets;
using System.Text;
using Wherry.Wasi.Abi;

namespace Wherry.Wasi.Tests.Sockets;

public class UdpTests
{
    [Theory]
    [InlineData(SocketGuest.Inet4)]
    [InlineData(SocketGuest.Inet6)]
    public void Datagrams_go_both_ways(uint family)
    {
        using SocketGuest guest = new();
        IPAddress loopback = family == SocketGuest.Inet4 ? IPAddress.Loopback : IPAddress.IPv6Loopback;
        int socket = guest.Open(family, SocketGuest.Datagram);
        Assert.Equal(Errno.Success, guest.Bind(socket, loopback, 0));
        using Socket peer = NewPeer(loopback);
        peer.SendTo("question"u8, guest.LocalAddress(socket));
        Assert.Equal(Errno.Success, guest.ReceiveFrom(socket, 100, out string text, out IPEndPoint? sender));
        Assert.Equal("question", text);
        Assert.Equal(peer.LocalEndPoint, sender);
        Assert.Equal(Errno.Success, guest.SendTo(socket, "answer", loopback, sender!.Port));
        Assert.Equal("answer", Receive(peer));
    }

    [Fact]
    public void A_datagram_that_is_too_long_is_cut_and_flagged()
    {
        using SocketGuest guest = new();
        int socket = guest.Open(type: SocketGuest.Datagram);
        Assert.Equal(Errno.Success, guest.Bind(socket, IPAddress.Loopback, 0));
        using Socket peer = NewPeer(IPAddress.Loopback);
        peer.SendTo("abcdef"u8, guest.LocalAddress(socket));
        peer.SendTo("gh"u8, guest.LocalAddress(socket));
        Assert.Equal(Errno.Success, guest.Receive(socket, 3, out string text));
        Assert.Equal("abc", text);
        Assert.Equal(1, guest.ReceivedFlags);
        Assert.Equal(Errno.Success, guest.Receive(socket, 3, out text));
        Assert.Equal("gh", text);
        Assert.Equal(0, guest.ReceivedFlags);
    }

    [Fact]
    public void A_connected_socket_needs_no_address()
    {
        using SocketGuest guest = new();
        using Socket peer = NewPeer(IPAddress.Loopback);
        int socket = guest.Open(type: SocketGuest.Datagram);
        Assert.Equal(Errno.Destaddrreq, guest.Send(socket, "x"));
        Assert.Equal(Errno.Success, guest.Connect(socket, IPAddress.Loopback, ((IPEndPoint)peer.LocalEndPoint!).Port));
        Assert.Equal(Errno.Success, guest.Send(socket, "one"));
        Assert.Equal("one", Receive(peer));
        Assert.Equal(peer.LocalEndPoint, guest.PeerAddress(socket));
    }

    [Fact]
    public void The_older_form_writes_the_bare_address()
    {
        using SocketGuest guest = new();
        int socket = guest.Open(type: SocketGuest.Datagram);
        Assert.Equal(Errno.Success, guest.Bind(socket, IPAddress.Loopback, 0));
        using Socket peer = NewPeer(IPAddress.Loopback);
        peer.SendTo("x"u8, guest.LocalAddress(socket));
        uint vectors = guest.PutVectors(100);
        Assert.Equal(Errno.Success, SocketGuest.Run(guest.Context.SockRecvFromAsync(guest.Call, socket, vectors, 1, guest.PutAddressBuffer(4), 0, null, 2048, 2056)));
        Assert.Equal(IPAddress.Loopback.GetAddressBytes(), guest.AddressData[..4].ToArray());
    }

    [Fact]
    public void A_receive_that_may_not_block_answers_Again_and_polls_work()
    {
        using SocketGuest guest = new();
        int socket = guest.Open(type: SocketGuest.Datagram);
        Assert.Equal(Errno.Success, guest.Bind(socket, IPAddress.Loopback, 0));
        guest.SetNonBlocking(socket);
        Assert.Equal(Errno.Again, guest.ReceiveFrom(socket, 10, out _, out _));
        Assert.Equal(99UL, Assert.Single(guest.Poll(SocketGuest.Reading(socket), SocketGuest.After(TimeSpan.Zero))).UserData);
        using Socket peer = NewPeer(IPAddress.Loopback);
        peer.SendTo("x"u8, guest.LocalAddress(socket));
        Assert.Equal(1UL, Assert.Single(guest.Poll(SocketGuest.Reading(socket), SocketGuest.After(TimeSpan.FromHours(1)))).UserData);
        Assert.Equal(Errno.Success, guest.ReceiveFrom(socket, 10, out _, out _));
        Assert.Equal(99UL, Assert.Single(guest.Poll(SocketGuest.Reading(socket), SocketGuest.After(TimeSpan.Zero))).UserData);
    }

    [Fact]
    public void Who_is_published_answers_anyone_and_sends_to_nobody_else()
    {
        List<string> denied = [];
        ListeningPort? listening = null;
        NetworkPolicy policy = new()
        {
            PublishedPorts = [new PublishedPort(0, 5353, protocol: NetworkProtocol.Udp)],
            Denied = denied.Add,
            Listening = port => listening = port,
        };
        using SocketGuest guest = new(policy);
        int socket = guest.Open(type: SocketGuest.Datagram);
        Assert.Equal(Errno.Success, guest.Bind(socket, IPAddress.Any, 5353));
        Assert.Equal(5353, guest.LocalAddress(socket).Port);
        Assert.Equal(NetworkProtocol.Udp, listening!.Protocol);
        using Socket peer = NewPeer(IPAddress.Loopback);
        using Socket stranger = NewPeer(IPAddress.Loopback);
        peer.SendTo("?"u8, listening.EndPoint);
        Assert.Equal(Errno.Success, guest.ReceiveFrom(socket, 10, out _, out IPEndPoint? sender));
        Assert.Equal(Errno.Success, guest.SendTo(socket, "!", sender!.Address, sender.Port));
        Assert.Equal("!", Receive(peer));
        int other = ((IPEndPoint)stranger.LocalEndPoint!).Port;
        Assert.Equal(Errno.Notcapable, guest.SendTo(socket, "!", IPAddress.Loopback, other));
        Assert.Equal([$"The guest may not send to 127.0.0.1:{other} (UDP); --connect localhost:{other} would allow it."], denied);
    }

    [Fact]
    public void Strangers_do_not_reach_a_client()
    {
        using Socket friend = NewPeer(IPAddress.Loopback);
        int port = ((IPEndPoint)friend.LocalEndPoint!).Port;
        using SocketGuest guest = new(new NetworkPolicy { ConnectRules = [new ConnectRule("127.0.0.1", port)] });
        int socket = guest.Open(type: SocketGuest.Datagram);
        Assert.Equal(Errno.Success, guest.Bind(socket, IPAddress.Any, 0));
        using Socket stranger = new(SocketType.Dgram, ProtocolType.Udp);
        stranger.Bind(new IPEndPoint(IPAddress.Parse("127.0.0.2"), 0));
        stranger.SendTo("let me in"u8, new IPEndPoint(IPAddress.Loopback, guest.LocalAddress(socket).Port));
        Assert.Equal(Errno.Success, guest.SendTo(socket, "hi", IPAddress.Loopback, port));
        Assert.Equal("hi", Receive(friend));
        friend.SendTo("hello"u8, new IPEndPoint(IPAddress.Loopback, guest.LocalAddress(socket).Port));
        Assert.Equal(Errno.Success, guest.ReceiveFrom(socket, 100, out string text, out IPEndPoint? sender));
        Assert.Equal("hello", text);
        Assert.Equal(friend.LocalEndPoint, sender);
        guest.SetNonBlocking(socket);
        Assert.Equal(Errno.Again, guest.Receive(socket, 100, out _));
    }

    private static Socket NewPeer(IPAddress address)
    {
        Socket peer = new(address.AddressFamily, SocketType.Dgram, ProtocolType.Udp) { ReceiveTimeout = 60_000 };
        peer.Bind(new IPEndPoint(address, 0));
        return peer;
    }

    private static string Receive(Socket peer)
    {
        byte[] buffer = new byte[100];
        return Encoding.UTF8.GetString(buffer, 0, peer.Receive(buffer));
    }
}
