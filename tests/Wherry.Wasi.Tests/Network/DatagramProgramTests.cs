using System.Net;
using System.Text;
using Wherry.Execution.Suspension;
using Wherry.Wasi.Network.InProcess;
using Wherry.Wasi.Scheduling;
using Wherry.Wasi.Tests.Guests;
using SocketAddress = Wherry.Wasi.Sockets.SocketAddress;

namespace Wherry.Wasi.Tests.Network;

/// <summary>Programs that send each other datagrams, each with a thread of its own or with none while it waits.</summary>
public sealed class DatagramProgramTests
{
    private static readonly TimeSpan Patience = TimeSpan.FromMinutes(5);
    private static readonly Engine SuspendableEngine = new(new EngineOptions { MayWait = WaitingImports.MayWait });

    private readonly InProcessNetwork network = new();

    public static MatrixTheoryData<bool, bool, string> Pairs => new([false, true], [false, true], ["block", "poll"]);

    public static MatrixTheoryData<bool, string> Single => new([false, true], ["block", "poll"]);

    [Theory]
    [MemberData(nameof(Pairs))]
    public async Task Two_guests_talk(bool serverHasThread, bool clientHasThread, string way)
    {
        using var ready = new ReadyStream();
        Task<string> server = Start("server", serverHasThread, ready, "serve", "5353", way);
        await ready.Line.WaitAsync(Patience);
        Assert.Equal("all is well\n0", await Start("client", clientHasThread, new MemoryStream(), "ask", "server", "5353", way).WaitAsync(Patience));
        Assert.Equal("ready\n0", await server.WaitAsync(Patience));
    }

    [Theory]
    [MemberData(nameof(Single))]
    public async Task A_guest_asks_its_dns_server_over_udp(bool hasThread, string way)
    {
        NetworkService db = Add("db");
        Assert.Equal($"status 0, 1 answers, {InProcessNetwork.ToIPAddress(db.AddressNumber)}\n0", await Start("one", hasThread, new MemoryStream(), "look-up", "db", way).WaitAsync(Patience));
        Assert.Equal("status 5, 0 answers\n0", await Start("two", hasThread, new MemoryStream(), "look-up", "www.example.com", way).WaitAsync(Patience));
    }

    private NetworkService Add(string name) => network.AddService(name, new Dictionary<string, IReadOnlyList<string>> { ["default"] = [] });

    /// <returns>What it has written, and its exit code.</returns>
    private async Task<string> Start(string service, bool hasThread, MemoryStream output, params string[] arguments)
    {
        Engine engine = hasThread ? Engine.Default : SuspendableEngine;
        Module module = CompiledGuest.Load(engine, "datagrams");
        using NetworkMember member = Add(service).AddMember();
        member.NameServer = SocketAddress.From(IPAddress.Parse("127.0.0.11"), 53);
        using var context = new WasiContext(new WasiOptions
        {
            Arguments = ["datagrams", .. arguments],
            StandardOutput = output,
            NetworkMember = member,
            Scheduler = hasThread ? null : GuestScheduler.Shared,
        });
        using var store = new Store(engine);
        var linker = new Linker(engine);
        context.AddTo(linker);
        Function start = linker.Instantiate(store, module).GetFunction("_start")!;
        int exitCode = 0;
        try
        {
            await (hasThread
                ? Task.Factory.StartNew(() => start.Invoke(), CancellationToken.None, TaskCreationOptions.LongRunning, TaskScheduler.Default)
                : GuestCallTask.Start(GuestScheduler.Shared, () => new SuspendableCall(start)).Completion);
        }
        catch (GuestExitException exit)
        {
            exitCode = exit.ExitCode;
        }

        return Encoding.UTF8.GetString(output.ToArray()) + exitCode;
    }

    /// <summary>Tells when the first line is there.</summary>
    private sealed class ReadyStream : MemoryStream
    {
        private readonly TaskCompletionSource ready = new(TaskCreationOptions.RunContinuationsAsynchronously);

        public Task Line => ready.Task;

        public override void Write(byte[] buffer, int offset, int count)
        {
            base.Write(buffer, offset, count);
            if (buffer.AsSpan(offset, count).Contains((byte)'\n'))
            {
                ready.TrySetResult();
            }
        }
    }
}
