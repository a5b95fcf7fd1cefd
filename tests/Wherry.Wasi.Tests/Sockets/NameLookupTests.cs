using System.Net;
using System.Net.Sockets;
using System.Text;
using Wherry.Wasi.Abi;
using Wherry.Wasi.Network;

namespace Wherry.Wasi.Tests.Sockets;

public sealed class NameLookupTests
{
    private const uint Head = 0x5000;
    private const uint Parts = 0x6000;
    private const uint Datas = 0x7000;
    private const uint Names = 0x8000;
    private const uint Hints = 0x9000;
    private const uint Texts = 0x9100;
    private const uint HeadPointer = 0x9300;
    private const uint CountPointer = 0x9304;

    [Fact]
    public void Localhost_resolves()
    {
        using SocketGuest guest = new();
        Assert.Equal(Errno.Success, LookUp(guest, "localhost", "80", out List<Found> found, type: 2));
        Assert.Equal([new Found(1, 2, 1, IPAddress.Loopback, 80), new Found(2, 2, 1, IPAddress.IPv6Loopback, 80)], found);
    }

    [Fact]
    public void Any_type_gives_streams_and_datagrams()
    {
        using SocketGuest guest = new();
        Assert.Equal(Errno.Success, LookUp(guest, "10.1.2.3", "http", out List<Found> found));
        IPAddress address = IPAddress.Parse("10.1.2.3");
        Assert.Equal([new Found(1, 2, 1, address, 80), new Found(1, 1, 2, address, 80)], found);
    }

    [Fact]
    public void Only_as_many_as_asked_for_are_filled()
    {
        using SocketGuest guest = new(NetworkPolicy.Host);
        guest.Context.NameResolver = new FakeResolver { ["many.test"] = ["10.0.0.1", "10.0.0.2", "2001:db8::1"] };
        Assert.Equal(Errno.Success, LookUp(guest, "many.test", "", out List<Found> found, type: 2, maximum: 2));
        Assert.Equal(["10.0.0.1", "10.0.0.2"], found.Select(result => result.Address.ToString()));
        Assert.Equal(Errno.Success, LookUp(guest, "many.test.", "", out found, family: 2, type: 2));
        Assert.Equal(["2001:db8::1"], found.Select(result => result.Address.ToString()));
        Assert.Equal(Errno.Success, LookUp(guest, "many.test", "", out found, family: 2, type: 2, flags: 16 | 32));
        Assert.Equal(["2001:db8::1", "::ffff:10.0.0.1", "::ffff:10.0.0.2"], found.Select(result => result.Address.ToString()));
    }

    [Fact]
    public void The_canonical_name_is_written_if_wanted()
    {
        using SocketGuest guest = new();
        Assert.Equal(Errno.Success, LookUp(guest, "localhost", "", out _, type: 2, flags: 2));
        Assert.Equal("localhost\0", Encoding.UTF8.GetString(guest.Memory.Slice((int)Names, 10)));
        Assert.Equal(10u, guest.Read(Head + 20));
    }

    [Fact]
    public void No_name_means_this_machine()
    {
        using SocketGuest guest = new(NetworkPolicy.None);
        Assert.Equal(Errno.Success, LookUp(guest, "", "8080", out List<Found> found, family: 1, type: 2, flags: 1));
        Assert.Equal([new Found(1, 2, 1, IPAddress.Any, 8080)], found);
        Assert.Equal(Errno.Success, LookUp(guest, "", "8080", out found, family: 1, type: 2));
        Assert.Equal([new Found(1, 2, 1, IPAddress.Loopback, 8080)], found);
    }

    [Fact]
    public void Wrong_questions_have_their_errors()
    {
        using SocketGuest guest = new();
        guest.Context.NameResolver = new FakeResolver { ["v4.test"] = ["10.0.0.1"] };
        Assert.Equal(Errno.AiNoname, LookUp(guest, "", "", out _));
        Assert.Equal(Errno.AiMemory, LookUp(guest, "localhost", "", out _, maximum: 0));
        Assert.Equal(Errno.Nosys, LookUp(guest, "localhost", "", out _, type: 3));
        Assert.Equal(Errno.Nosys, LookUp(guest, "localhost", "", out _, protocol: 3));
        Assert.Equal(Errno.AiSocktype, LookUp(guest, "localhost", "", out _, type: 2, protocol: 2));
        Assert.Equal(Errno.AiService, LookUp(guest, "localhost", "no-such-service", out _));
        Assert.Equal(Errno.AiNoname, LookUp(guest, "localhost", "http", out _, flags: 8));
        Assert.Equal(Errno.AiNoname, LookUp(guest, "localhost", "", out _, flags: 4));
        Assert.Equal(Errno.AiNoname, LookUp(guest, "nowhere.test", "", out _));
        Assert.Equal(Errno.AiNodata, LookUp(guest, "v4.test", "", out _, family: 2));
        Assert.Equal(Errno.AiAddrfamily, LookUp(guest, "10.0.0.1", "", out _, family: 2));
        Assert.Equal(Errno.Fault, SocketGuest.Run(guest.Context.SockGetAddrInfoAsync(guest.Call, uint.MaxValue, 4, 0, 0, Hints, HeadPointer, 1, CountPointer)));
        guest.Write(HeadPointer, SocketGuest.MemorySize - 4);
        guest.WriteString(Texts, "80\0");
        Assert.Equal(Errno.Fault, SocketGuest.Run(guest.Context.SockGetAddrInfoAsync(guest.Call, Texts, 0, Texts, 3, Hints, HeadPointer, 1, CountPointer)));
    }

    [Fact]
    public async Task A_look_up_ends_when_the_guest_is_interrupted()
    {
        using SocketGuest guest = new();
        guest.Context.NameResolver = new FakeResolver { Hangs = true };
        using CancellationTokenSource cancellation = new();
        guest.Cancellation = cancellation.Token;
        Task lookup = Task.Run(() => LookUp(guest, "slow.test", "", out _));
        await Task.Delay(20);
        await cancellation.CancelAsync();
        await Assert.ThrowsAnyAsync<OperationCanceledException>(() => lookup.WaitAsync(TimeSpan.FromSeconds(60)));
    }

    /// <summary>Builds the list as the guests' library does: nodes, addresses and buffers, all the guest's.</summary>
    private static Errno LookUp(
        SocketGuest guest, string node, string service, out List<Found> found, byte family = 0, byte type = 0, byte protocol = 0, ushort flags = 0, uint maximum = 5)
    {
        for (uint i = 0; i < maximum; i++)
        {
            uint current = Head + (i * 28);
            guest.Write(current + 12, Parts + (i * 12));
            guest.Write(current + 16, Names + (i * 32));
            guest.Write(current + 20, 32);
            guest.Write(current + 24, i + 1 < maximum ? current + 28 : 0);
            guest.Write(Parts + (i * 12) + 4, 14);
            guest.Write(Parts + (i * 12) + 8, Datas + (i * 26));
        }

        guest.Write(Hints, flags | ((uint)family << 16) | ((uint)type << 24));
        guest.Write(Hints + 4, protocol);
        guest.WriteString(Texts, node + "\0" + service + "\0");
        guest.Write(HeadPointer, Head);
        Errno errno = SocketGuest.Run(guest.Context.SockGetAddrInfoAsync(
            guest.Call, Texts, (uint)node.Length + 1, Texts + (uint)node.Length + 1, (uint)service.Length + 1, Hints, HeadPointer, maximum, CountPointer));
        found = [];
        for (uint i = 0; errno == Errno.Success && i < guest.Read(CountPointer); i++)
        {
            uint current = Head + (i * 28);
            byte resultFamily = guest.Memory[(int)current + 2];
            Span<byte> data = guest.Memory.Slice((int)(Datas + (i * 26)), 26);
            Assert.Equal(resultFamily, guest.Memory[(int)(Parts + (i * 12))]);
            Assert.Equal(resultFamily == 2 ? 26u : 14u, guest.Read(Parts + (i * 12) + 4));
            found.Add(new Found(
                resultFamily,
                guest.Memory[(int)current + 3],
                guest.Memory[(int)current + 4],
                new IPAddress(resultFamily == 2 ? data.Slice(6, 16) : data.Slice(2, 4)),
                (data[0] << 8) | data[1]));
        }

        return errno;
    }

    private sealed record Found(byte Family, byte Type, byte Protocol, IPAddress Address, int Port);
}

/// <summary>A resolver that knows what the test tells it.</summary>
internal sealed class FakeResolver : NameResolver
{
    private readonly Dictionary<string, string[]> names = [];

    public bool Hangs { get; init; }

    public int Questions { get; private set; }

    public string[] this[string name]
    {
        set => names[name] = value;
    }

    public override async ValueTask<IPAddress[]> ResolveAsync(string name, CancellationToken cancellationToken)
    {
        Questions++;
        if (Hangs)
        {
            await Task.Delay(Timeout.Infinite, cancellationToken);
        }

        if (IsLocalhost(name))
        {
            return await base.ResolveAsync(name, cancellationToken);
        }

        return names.TryGetValue(name, out string[]? addresses)
            ? [.. addresses.Select(IPAddress.Parse)]
            : throw new SocketException((int)SocketError.HostNotFound);
    }
}
