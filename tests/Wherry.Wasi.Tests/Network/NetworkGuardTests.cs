using System.Net;
using System.Net.Sockets;
using Wherry.Wasi.Abi;
using Wherry.Wasi.Network;
using Wherry.Wasi.Tests.Sockets;
using SocketAddress = Wherry.Wasi.Sockets.SocketAddress;

namespace Wherry.Wasi.Tests.Network;

public sealed class NetworkGuardTests
{
    [Theory]
    // Nothing is allowed by itself.
    [InlineData("", "10.0.0.1", 80, false)]
    // Any host is not this machine, nor this link.
    [InlineData("*", "10.0.0.1", 80, true)]
    [InlineData("*", "2001:db8::1", 80, true)]
    [InlineData("*:443", "10.0.0.1", 80, false)]
    [InlineData("*:443", "10.0.0.1", 443, true)]
    [InlineData("*", "127.0.0.1", 80, false)]
    [InlineData("*", "127.1.2.3", 80, false)]
    [InlineData("*", "0.0.0.0", 80, false)]
    [InlineData("*", "::", 80, false)]
    [InlineData("*", "::1", 80, false)]
    [InlineData("*", "::ffff:127.0.0.1", 80, false)]
    [InlineData("*", "::ffff:0.0.0.0", 80, false)]
    [InlineData("*", "169.254.169.254", 80, false)]
    [InlineData("*", "::ffff:169.254.169.254", 80, false)]
    [InlineData("*", "fe80::1", 80, false)]
    // Localhost is all of loopback.
    [InlineData("localhost", "127.0.0.1", 80, true)]
    [InlineData("localhost", "127.1.2.3", 80, true)]
    [InlineData("localhost", "::1", 80, true)]
    [InlineData("localhost", "0.0.0.0", 80, true)]
    [InlineData("localhost", "::ffff:127.0.0.1", 80, true)]
    [InlineData("localhost:81", "127.0.0.1", 80, false)]
    [InlineData("localhost", "10.0.0.1", 80, false)]
    [InlineData("localhost", "169.254.0.1", 80, false)]
    // A literal address is itself, however it is written.
    [InlineData("127.0.0.1", "127.0.0.1", 80, true)]
    [InlineData("127.0.0.1", "::ffff:127.0.0.1", 80, true)]
    [InlineData("127.0.0.1", "0.0.0.0", 80, true)]
    [InlineData("127.0.0.1", "127.0.0.2", 80, false)]
    [InlineData("127.0.0.1", "::1", 80, false)]
    [InlineData("[::1]:80", "::", 80, true)]
    [InlineData("169.254.169.254:80", "169.254.169.254", 80, true)]
    [InlineData("[::ffff:10.0.0.1]:80", "10.0.0.1", 80, true)]
    [InlineData("10.0.0.1", "::ffff:10.0.0.1", 80, true)]
    // A name is the addresses that the host's resolver gives, but never this machine.
    [InlineData("db.test", "10.0.0.5", 3306, true)]
    [InlineData("db.test:3306", "10.0.0.5", 3306, true)]
    [InlineData("db.test:3306", "10.0.0.5", 3307, false)]
    [InlineData("db.test", "10.0.0.6", 3306, false)]
    [InlineData("evil.test", "127.0.0.1", 80, false)]
    [InlineData("evil.test", "169.254.169.254", 80, false)]
    [InlineData("nowhere.test", "10.0.0.5", 80, false)]
    public async Task Connections_are_held_against_the_rules(string rule, string target, int port, bool allowed)
    {
        NetworkPolicy policy = new() { ConnectRules = rule.Length == 0 ? [] : [ConnectRule.Parse(rule)] };
        NetworkGuard guard = new(policy, NewResolver(), TimeProvider.System);
        Errno errno = await guard.ConnectAsync(NetworkProtocol.Tcp, SocketAddress.From(IPAddress.Parse(target), (ushort)port), default);
        Assert.Equal(allowed ? Errno.Success : Errno.Notcapable, errno);
    }

    [Theory]
    [InlineData("db.test", "db.test", true)]
    [InlineData("db.test", "DB.test.", true)]
    [InlineData("db.test:3306", "db.test", true)]
    [InlineData("db.test", "other.test", false)]
    [InlineData("*", "other.test", true)]
    [InlineData("*", "localhost", false)]
    [InlineData("localhost", "localhost", true)]
    [InlineData("127.0.0.1:80", "localhost", true)]
    [InlineData("10.0.0.1", "localhost", false)]
    public void Names_are_held_against_the_rules(string rule, string name, bool allowed)
    {
        NetworkGuard guard = new(new NetworkPolicy { ConnectRules = [ConnectRule.Parse(rule)] }, NewResolver(), TimeProvider.System);
        Assert.Equal(allowed, guard.MayResolve(name));
    }

    [Fact]
    public async Task Answers_are_kept_for_a_short_time()
    {
        FakeResolver resolver = NewResolver();
        SteppedTime time = new();
        NetworkGuard guard = new(new NetworkPolicy { ConnectRules = [new ConnectRule("db.test")] }, resolver, time);
        SocketAddress first = SocketAddress.From(IPAddress.Parse("10.0.0.5"), 80);
        SocketAddress second = SocketAddress.From(IPAddress.Parse("10.0.0.7"), 80);
        Assert.Equal(Errno.Success, await guard.ConnectAsync(NetworkProtocol.Tcp, first, default));
        Assert.Equal(Errno.Notcapable, await guard.ConnectAsync(NetworkProtocol.Tcp, second, default));
        Assert.Equal(1, resolver.Questions);
        resolver["db.test"] = ["10.0.0.7"];
        time.Seconds += 31;
        Assert.Equal(Errno.Success, await guard.ConnectAsync(NetworkProtocol.Tcp, second, default));
        Assert.Equal(Errno.Notcapable, await guard.ConnectAsync(NetworkProtocol.Tcp, first, default));
        Assert.Equal(2, resolver.Questions);
    }

    [Fact]
    public async Task What_the_guest_was_told_holds_although_the_name_moves()
    {
        FakeResolver resolver = NewResolver();
        SteppedTime time = new();
        NetworkGuard guard = new(new NetworkPolicy { ConnectRules = [new ConnectRule("db.test")] }, resolver, time);
        await guard.ResolveAsync("DB.test.", default);
        resolver["db.test"] = ["10.0.0.7"];
        time.Seconds += 60;
        Assert.Equal(Errno.Success, await guard.ConnectAsync(NetworkProtocol.Tcp, SocketAddress.From(IPAddress.Parse("10.0.0.5"), 80), default));
    }

    [Fact]
    public async Task Refusals_are_told_once_with_the_option_that_allows_it()
    {
        List<string> told = [];
        FakeResolver resolver = NewResolver();
        NetworkGuard guard = new(new NetworkPolicy { ConnectRules = [ConnectRule.Parse("db.test:3306")], Denied = told.Add }, resolver, TimeProvider.System);
        await guard.ResolveAsync("db.test", default);
        for (int i = 0; i < 2; i++)
        {
            await guard.ConnectAsync(NetworkProtocol.Tcp, SocketAddress.From(IPAddress.Parse("10.9.9.9"), 80), default);
            await guard.ConnectAsync(NetworkProtocol.Tcp, SocketAddress.From(IPAddress.Parse("10.0.0.5"), 80), default);
            await guard.ConnectAsync(NetworkProtocol.Udp, SocketAddress.From(IPAddress.Parse("::ffff:127.0.0.1"), 53), default);
            guard.Bind(NetworkProtocol.Tcp, SocketAddress.Any(true, 8080), out _);
            guard.Bind(NetworkProtocol.Udp, SocketAddress.Any(false, 53), out _);
            guard.MayResolve("x\u001b[2J.test");
        }

        Assert.Equal(
            [
                "The guest may not connect to 10.9.9.9:80 (TCP); --connect 10.9.9.9:80 would allow it.",
                "The guest may not connect to 10.0.0.5:80 (TCP); --connect db.test:80 would allow it.",
                "The guest may not send to 127.0.0.1:53 (UDP); --connect localhost:53 would allow it.",
                "The guest may not bind port 8080 (TCP); -p 8080 would allow it.",
                "The guest may not bind port 53 (UDP); -p 53/udp would allow it.",
                "The guest may not look up \"x??2j.test\"; --connect x??2j.test would allow it.",
            ],
            told);
    }

    [Fact]
    public async Task A_predicate_allows_what_the_rules_do_not()
    {
        List<NetworkRequest> asked = [];
        NetworkPolicy policy = new()
        {
            Predicate = request =>
            {
                asked.Add(request);
                return request.EndPoint?.Port == 1234 || request.Host == "good.test";
            },
        };
        NetworkGuard guard = new(policy, NewResolver(), TimeProvider.System);
        Assert.Equal(Errno.Success, await guard.ConnectAsync(NetworkProtocol.Tcp, SocketAddress.From(IPAddress.Parse("::ffff:127.0.0.1"), 1234), default));
        Assert.Equal(Errno.Notcapable, await guard.ConnectAsync(NetworkProtocol.Udp, SocketAddress.From(IPAddress.Loopback, 1235), default));
        Assert.True(guard.MayResolve("good.test"));
        Assert.False(guard.MayResolve("bad.test"));
        Assert.Equal(Errno.Success, guard.Bind(NetworkProtocol.Tcp, SocketAddress.Any(false, 1234), out BindGrant grant));
        Assert.Equal(1234, grant.Host.Port);
        Assert.Equal(new NetworkRequest(NetworkOperation.Connect, NetworkProtocol.Tcp, new IPEndPoint(IPAddress.Loopback, 1234), null), asked[0]);
    }

    [Fact]
    public void A_published_port_is_bound_where_the_host_says()
    {
        ListeningPort? listening = null;
        using SocketGuest guest = new(new NetworkPolicy { PublishedPorts = [new PublishedPort(0, 8080)], Listening = port => listening = port });

        // The guest binds all IPv6 addresses; the host listens on 127.0.0.1.
        int listener = guest.Open(SocketGuest.Inet6);
        Assert.Equal(Errno.Success, guest.SetOption(listener, 0, 1));
        Assert.Equal(Errno.Success, guest.Bind(listener, IPAddress.IPv6Any, 8080));
        Assert.Null(listening);
        Assert.Equal(Errno.Success, guest.Listen(listener));
        Assert.Equal((8080, NetworkProtocol.Tcp, IPAddress.Loopback), (listening!.GuestPort, listening.Protocol, listening.EndPoint.Address));
        Assert.Equal(new IPEndPoint(IPAddress.IPv6Any, 8080), guest.LocalAddress(listener));

        using TcpClient client = new();
        client.Connect(listening.EndPoint);
        int connection = guest.Accept(listener);
        IPEndPoint peer = (IPEndPoint)client.Client.LocalEndPoint!;
        Assert.Equal(new IPEndPoint(IPAddress.Parse("::ffff:127.0.0.1"), peer.Port), guest.PeerAddress(connection));
        Assert.Equal(new IPEndPoint(IPAddress.Parse("::ffff:127.0.0.1"), 8080), guest.LocalAddress(connection));
        client.Client.Send("x"u8);
        Assert.Equal("x", guest.Receive(connection));
        Assert.Equal(Errno.Success, guest.GetOption(connection, 6, 1, 4, out byte[] noDelay));
        Assert.Equal(1, noDelay[0]);
    }

    [Fact]
    public void An_IPv4_guest_is_reached_over_IPv6()
    {
        ListeningPort? listening = null;
        NetworkPolicy policy = new() { PublishedPorts = [new PublishedPort(0, 8080, IPAddress.IPv6Loopback)], Listening = port => listening = port };
        using SocketGuest guest = new(policy);
        int listener = guest.Open();
        Assert.Equal(Errno.Success, guest.Bind(listener, IPAddress.Any, 8080));
        Assert.Equal(Errno.Success, guest.Listen(listener));
        using TcpClient client = new(AddressFamily.InterNetworkV6);
        client.Connect(listening!.EndPoint);
        Assert.Single(guest.Poll(SocketGuest.Reading(listener), SocketGuest.After(TimeSpan.FromHours(1))));
        Assert.Equal(IPAddress.Loopback, guest.PeerAddress(guest.Accept(listener)).Address);
    }

    [Fact]
    public void Ports_that_are_not_published_can_not_be_bound_or_listened_on()
    {
        List<string> told = [];
        using SocketGuest guest = new(new NetworkPolicy { ConnectRules = [new ConnectRule("*")], Denied = told.Add });
        Assert.Equal(Errno.Notcapable, guest.Bind(guest.Open(), IPAddress.Any, 8080));
        Assert.Equal(Errno.Notcapable, guest.Listen(guest.Open()));
        int client = guest.Open();
        Assert.Equal(Errno.Success, guest.Bind(client, IPAddress.Any, 0));
        Assert.Equal(Errno.Notcapable, guest.Listen(client));
        Assert.Equal(2, told.Count);

        using SocketGuest closed = new(NetworkPolicy.None);
        Assert.Equal(Errno.Notcapable, closed.Bind(closed.Open(), IPAddress.Loopback, 0));
        Assert.Equal(Errno.Notcapable, closed.Bind(closed.Open(type: SocketGuest.Datagram), IPAddress.Loopback, 0));
        Assert.Equal(Errno.Notcapable, closed.Connect(closed.Open(), IPAddress.Loopback, 80));
        Assert.Equal(Errno.Notcapable, closed.Connect(closed.Open(type: SocketGuest.Datagram), IPAddress.Loopback, 80));
        Assert.Equal(Errno.Notcapable, closed.SendTo(closed.Open(type: SocketGuest.Datagram), "x", IPAddress.Loopback, 80));
        Assert.Equal(Errno.Notcapable, closed.SetOption(closed.Open(), 0, 14, [.. "lo\0"u8]));
    }

    [Fact]
    public void A_published_port_that_is_taken_is_told()
    {
        using TcpListener other = new(IPAddress.Loopback, 0);
        other.Start();
        int port = TcpTests.PortOf(other);
        List<string> told = [];
        using SocketGuest guest = new(new NetworkPolicy { PublishedPorts = [new PublishedPort(port, 8080)], Denied = told.Add });
        int listener = guest.Open();
        Errno errno = guest.Bind(listener, IPAddress.Any, 8080);
        errno = errno == Errno.Success ? guest.Listen(listener) : errno;
        Assert.Equal(Errno.Addrinuse, errno);
        Assert.Equal([$"The host can't listen on 127.0.0.1:{port}: another program has the port. Take another one with -p PORT:8080."], told);
    }

    private static FakeResolver NewResolver() => new()
    {
        ["db.test"] = ["10.0.0.5", "2001:db8::5"],
        ["evil.test"] = ["127.0.0.1", "169.254.169.254"],
    };

    private sealed class SteppedTime : TimeProvider
    {
        public long Seconds { get; set; } = 1000;

        public override long TimestampFrequency => 1;

        public override long GetTimestamp() => Seconds;
    }
}
