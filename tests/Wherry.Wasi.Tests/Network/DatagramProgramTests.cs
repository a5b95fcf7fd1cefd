using Wherry.Wasi.Network.InProcess;

namespace Wherry.Wasi.Tests.Network;

/// <summary>Programs that send each other datagrams, each with a thread of its own or with none while it waits.</summary>
public sealed class DatagramProgramTests : ProgramTests
{
    public static MatrixTheoryData<bool, bool, string> Pairs => new([false, true], [false, true], ["block", "poll"]);

    public static MatrixTheoryData<bool, string> Single => new([false, true], ["block", "poll"]);

    [Theory]
    [MemberData(nameof(Pairs))]
    public async Task Two_guests_talk(bool serverHasThread, bool clientHasThread, string way)
    {
        using var ready = new ReadyStream();
        Task<string> server = Start("datagrams", "server", serverHasThread, ready, ["serve", "5353", way]);
        await ready.Line.WaitAsync(Patience);
        Assert.Equal("all is well\n0", await Start("datagrams", "client", clientHasThread, new MemoryStream(), ["ask", "server", "5353", way]).WaitAsync(Patience));
        Assert.Equal("ready\n0", await server.WaitAsync(Patience));
    }

    [Theory]
    [MemberData(nameof(Single))]
    public async Task A_guest_asks_its_dns_server_over_udp(bool hasThread, string way)
    {
        NetworkService db = Add("db");
        Assert.Equal($"status 0, 1 answers, {InProcessNetwork.ToIPAddress(db.AddressNumber)}\n0", await Start("datagrams", "one", hasThread, new MemoryStream(), ["look-up", "db", way]).WaitAsync(Patience));
        Assert.Equal("status 5, 0 answers\n0", await Start("datagrams", "two", hasThread, new MemoryStream(), ["look-up", "www.example.com", way]).WaitAsync(Patience));
    }
}
