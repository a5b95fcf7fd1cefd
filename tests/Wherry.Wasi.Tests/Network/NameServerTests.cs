using System.Buffers.Binary;
using System.Net;
using System.Net.Sockets;
using System.Text;
using Wherry.Wasi.Abi;
using Wherry.Wasi.Network;
using Wherry.Wasi.Network.InProcess;
using Wherry.Wasi.Network.InProcess.Names;
using Wherry.Wasi.Tests.Sockets;
using SocketAddress = Wherry.Wasi.Sockets.SocketAddress;

namespace Wherry.Wasi.Tests.Network;

/// <summary>The DNS server that a guest finds where it looks for one.</summary>
public sealed class NameServerTests : IDisposable
{
    private static readonly IPAddress Server = IPAddress.Parse("127.0.0.11");

    private readonly InProcessNetwork network = new();
    private readonly List<string> denied = [];
    private readonly EgressRecord egress = new();
    private readonly NetworkMember member;
    private readonly NetworkService other;
    private readonly SocketGuest guest;

    public NameServerTests()
    {
        other = network.AddService("db", new Dictionary<string, IReadOnlyList<string>> { ["back"] = [] });
        network.AddService("apart", new Dictionary<string, IReadOnlyList<string>> { ["front"] = [] });
        member = network.AddService("server", new Dictionary<string, IReadOnlyList<string>> { ["back"] = [] }).AddMember();
        member.NameServer = SocketAddress.From(Server, 53);
        var policy = new NetworkPolicy { ConnectRules = [ConnectRule.Parse("example.com:443")], Denied = denied.Add };
        guest = new SocketGuest(policy, new WasiOptions { NetworkMember = member, Egress = egress });
        guest.Context.NameResolver = new Answers();
    }

    public void Dispose()
    {
        guest.Dispose();
        member.Dispose();
    }

    [Fact]
    public void It_tells_what_the_guest_may_know_and_nothing_else()
    {
        int socket = guest.Open();
        Assert.Equal(Errno.Success, guest.Connect(socket, Server, 53));
        Assert.Equal(new IPEndPoint(Server, 53), guest.PeerAddress(socket));
        Assert.Equal((DnsStatus.Success, InProcessNetwork.ToIPAddress(other.AddressNumber).ToString()), Ask(socket, "db", 1));
        Assert.Equal((DnsStatus.Success, InProcessNetwork.ToIPAddress(other.AddressNumber).ToString()), Ask(socket, "DB", 1, parts: 3));
        Assert.Equal((DnsStatus.Success, ""), Ask(socket, "db", 28));
        Assert.Equal((DnsStatus.Success, "192.0.2.1 192.0.2.2"), Ask(socket, "example.com", 1));
        Assert.Equal((DnsStatus.Success, "2001:db8::1"), Ask(socket, "example.com", 28));
        Assert.Equal((DnsStatus.Refused, ""), Ask(socket, "apart", 1));
        Assert.Equal((DnsStatus.Refused, ""), Ask(socket, "example.org", 1));
        Assert.Equal((DnsStatus.Refused, ""), Ask(socket, "localhost", 1));
        Assert.Contains(denied, line => line.Contains("may not look up \"example.org\"", StringComparison.Ordinal));

        // What it was told it may connect to; only the port is the rule's.
        Assert.Equal(Errno.Notcapable, guest.Connect(guest.Open(), IPAddress.Parse("192.0.2.1"), 80));

        // Neither other ports nor other guests' servers are there.
        Assert.Equal(Errno.Notcapable, guest.Connect(guest.Open(), Server, 54));
        Assert.Empty(egress.Entries);
    }

    [Fact]
    public void A_connection_ends_with_what_is_no_question()
    {
        int socket = guest.Open();
        Assert.Equal(Errno.Success, guest.Connect(socket, Server, 53));
        Assert.Equal(Errno.Success, guest.Send(socket, [0xFF, 0xFF], out _));
        Assert.Equal("", guest.Receive(socket));
    }

    [Fact]
    public async Task Any_bytes_get_an_answer_or_none()
    {
        var server = new NameServer(member, new NetworkGuard(NetworkPolicy.None, new Answers(), TimeProvider.System), new Answers());
        byte[] good = Question("db", 1);
        Assert.Null(await server.AnswerAsync(good.AsMemory(0, 11), CancellationToken.None));
        Assert.Equal(DnsStatus.FormatError, Status(await server.AnswerAsync(good.AsMemory(0, 14), CancellationToken.None)));
        var random = new Random(7);
        for (int i = 0; i < 20_000; i++)
        {
            byte[] bytes = (byte[])good.Clone();
            for (int change = random.Next(1, 4); change > 0; change--)
            {
                bytes[random.Next(2, bytes.Length)] = (byte)random.Next(256);
            }

            byte[] answer = (await server.AnswerAsync(bytes.AsMemory(0, random.Next(12, bytes.Length + 1)), CancellationToken.None))!;
            Assert.Equal(bytes[..2], answer[..2]);
            Assert.True((answer[2] & 0x80) != 0);
        }

        // A pointer as a name, another kind of message, two questions, another class.
        Assert.Equal(DnsStatus.FormatError, Status(await server.AnswerAsync(Changed(12, 0xC0), CancellationToken.None)));
        Assert.Equal(DnsStatus.NotImplemented, Status(await server.AnswerAsync(Changed(2, 0x28), CancellationToken.None)));
        Assert.Equal(DnsStatus.FormatError, Status(await server.AnswerAsync(Changed(2, 0x81), CancellationToken.None)));
        Assert.Equal(DnsStatus.FormatError, Status(await server.AnswerAsync(Changed(5, 2), CancellationToken.None)));
        Assert.Equal(DnsStatus.NotImplemented, Status(await server.AnswerAsync(Changed(good.Length - 1, 3), CancellationToken.None)));

        byte[] Changed(int place, byte value)
        {
            byte[] bytes = (byte[])good.Clone();
            bytes[place] = value;
            return bytes;
        }
    }

    [Fact]
    public void Where_a_guest_connects_to_is_recorded_by_name_and_port()
    {
        using var outside = new TcpListener(IPAddress.Loopback, 0);
        outside.Start();
        int port = ((IPEndPoint)outside.LocalEndpoint).Port;
        var record = new EgressRecord();
        using NetworkMember own = network.AddService("client", new Dictionary<string, IReadOnlyList<string>> { ["back"] = [] }).AddMember();
        using NetworkMember database = other.AddMember();
        Assert.Equal(Errno.Success, database.Listen(3306, isLoopbackOnly: false, out _));
        using var client = new SocketGuest(new NetworkPolicy { ConnectRules = [ConnectRule.Parse("localhost")] }, new WasiOptions { NetworkMember = own, Egress = record });
        Assert.Equal(Errno.Success, client.Connect(client.Open(), InProcessNetwork.ToIPAddress(other.AddressNumber), 3306));
        Assert.Equal(Errno.Success, client.Connect(client.Open(), InProcessNetwork.ToIPAddress(other.AddressNumber), 3306));
        Assert.Equal(Errno.Connrefused, client.Connect(client.Open(), InProcessNetwork.ToIPAddress(other.AddressNumber), 3307));
        Assert.Equal(Errno.Success, client.Connect(client.Open(), IPAddress.Loopback, port));
        Assert.Equal(Errno.Success, client.SendTo(client.Open(type: SocketGuest.Datagram), "hello", IPAddress.Loopback, port));
        Assert.Equal(Errno.Notcapable, client.Connect(client.Open(), IPAddress.Parse("192.0.2.7"), 80));
        Assert.Equal(
            [
                new EgressEntry("db", 3306, NetworkProtocol.Tcp, true, 2),
                new EgressEntry("localhost", port, NetworkProtocol.Tcp, false, 1),
                new EgressEntry("localhost", port, NetworkProtocol.Udp, false, 1),
            ],
            record.Entries);
    }

    [Fact]
    public void A_record_is_bounded()
    {
        var record = new EgressRecord();
        for (int i = 0; i < EgressRecord.MostEntries + 5; i++)
        {
            record.Add($"host{i}", 80, NetworkProtocol.Tcp, isInside: false);
        }

        record.Add("host0", 80, NetworkProtocol.Tcp, isInside: false);
        Assert.Equal(EgressRecord.MostEntries, record.Entries.Length);
        Assert.Equal((5, 2), (record.Overflow, record.Entries[0].Count));
    }

    private static DnsStatus Status(byte[]? answer) => (DnsStatus)(answer![3] & 15);

    private static byte[] Question(string name, ushort type)
    {
        List<byte> bytes = [0x12, 0x34, 1, 0, 0, 1, 0, 0, 0, 0, 0, 0];
        foreach (string label in name.Split('.'))
        {
            bytes.Add((byte)label.Length);
            bytes.AddRange(Encoding.ASCII.GetBytes(label));
        }

        bytes.AddRange([0, (byte)(type >> 8), (byte)type, 0, 1]);
        return [.. bytes];
    }

    /// <summary>Asks, and reads the answer as RFC 1035 has it.</summary>
    private (DnsStatus Status, string Addresses) Ask(int socket, string name, ushort type, int parts = 1)
    {
        byte[] question = Question(name, type);
        byte[] message = [0, (byte)question.Length, .. question];
        Assert.Equal(Errno.Success, guest.Send(socket, message, out int sent, parts));
        Assert.Equal(message.Length, sent);
        byte[] length = guest.ReceiveBytes(socket, 2);
        byte[] answer = guest.ReceiveBytes(socket, BinaryPrimitives.ReadUInt16BigEndian(length));
        Assert.Equal(question[..2], answer[..2]);
        Assert.Equal(question[12..], answer[12..question.Length]);
        Assert.Equal(1, BinaryPrimitives.ReadUInt16BigEndian(answer.AsSpan(4)));
        List<IPAddress> addresses = [];
        ReadOnlySpan<byte> rest = answer.AsSpan(question.Length);
        for (int i = BinaryPrimitives.ReadUInt16BigEndian(answer.AsSpan(6)); i > 0; i--)
        {
            Assert.Equal(0xC00C, BinaryPrimitives.ReadUInt16BigEndian(rest));
            Assert.Equal(type, BinaryPrimitives.ReadUInt16BigEndian(rest[2..]));
            int size = BinaryPrimitives.ReadUInt16BigEndian(rest[10..]);
            addresses.Add(new IPAddress(rest.Slice(12, size)));
            rest = rest[(12 + size)..];
        }

        Assert.True(rest.IsEmpty);
        return (Status(answer), string.Join(' ', addresses));
    }

    private sealed class Answers : NameResolver
    {
        public override ValueTask<IPAddress[]> ResolveAsync(string name, CancellationToken cancellationToken) => name == "example.com"
            ? ValueTask.FromResult<IPAddress[]>([IPAddress.Parse("192.0.2.1"), IPAddress.Parse("192.0.2.2"), IPAddress.Parse("2001:db8::1")])
            : throw new SocketException((int)SocketError.HostNotFound);
    }
}
