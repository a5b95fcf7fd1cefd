namespace Wherry.Wasi.Tests.Network;

/// <summary>Programs that connect to each other.</summary>
public sealed class StreamProgramTests : ProgramTests
{
    public static MatrixTheoryData<bool, bool> Pairs => new([false, true], [false, true]);

    [Theory]
    [MemberData(nameof(Pairs))]
    public async Task All_bytes_come_back(bool serverHasThread, bool clientHasThread)
    {
        // More than once: a guest without a thread leaves it only where it was seen to wait before.
        for (int round = 0; round < 3; round++)
        {
            using var ready = new ReadyStream();
            Task<string> server = Start("streams", $"server{round}", serverHasThread, ready, ["serve", "80"]);
            await ready.Line.WaitAsync(Patience);
            Assert.Equal("all is well\n0", await Start("streams", $"client{round}", clientHasThread, new MemoryStream(), ["ask", $"server{round}", "80"]).WaitAsync(Patience));
            Assert.Matches("^ready\n[0-9]+ bytes\n0$", await server.WaitAsync(Patience));
        }
    }

    [Theory]
    [MemberData(nameof(Pairs))]
    public async Task Who_is_woken_does_not_wait_for_the_one_that_woke_it(bool serverHasThread, bool clientHasThread)
    {
        for (int round = 0; round < 3; round++)
        {
            using var stop = new CancellationTokenSource();
            using var ready = new ReadyStream();
            using var sent = new ReadyStream();
            Task<string> server = Start("streams", $"server{round}", serverHasThread, ready, ["serve", "80"]);
            await ready.Line.WaitAsync(Patience);
            Task<string> client = Start("streams", $"client{round}", clientHasThread, sent, ["wake", $"server{round}", "80"], stop.Token);
            await sent.Line.WaitAsync(Patience);
            Assert.Equal("ready\n1 bytes\n0", await server.WaitAsync(Patience));
            Assert.False(client.IsCompleted);
            await stop.CancelAsync();
            Assert.Equal("sent\n-1", await client.WaitAsync(Patience));
        }
    }
}
