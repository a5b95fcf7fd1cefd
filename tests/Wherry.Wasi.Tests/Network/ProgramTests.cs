using System.Net;
using System.Text;
using Wherry.Execution.Suspension;
using Wherry.Wasi.Network.InProcess;
using Wherry.Wasi.Scheduling;
using Wherry.Wasi.Tests.Guests;
using SocketAddress = Wherry.Wasi.Sockets.SocketAddress;

namespace Wherry.Wasi.Tests.Network;

/// <summary>Programs on a network inside the process, each with a thread of its own or with none while it waits.</summary>
public abstract class ProgramTests
{
    private protected static readonly TimeSpan Patience = TimeSpan.FromMinutes(5);
    private static readonly Engine SuspendableEngine = new(new EngineOptions { MayWait = WaitingImports.MayWait });

    private readonly InProcessNetwork network = new();

    private protected NetworkService Add(string name) => network.AddService(name, new Dictionary<string, IReadOnlyList<string>> { ["default"] = [] });

    /// <returns>What it has written, and its exit code.</returns>
    private protected async Task<string> Start(string program, string service, bool hasThread, MemoryStream output, string[] arguments, CancellationToken stop = default)
    {
        Engine engine = hasThread ? Engine.Default : SuspendableEngine;
        Module module = CompiledGuest.Load(engine, program);
        using NetworkMember member = Add(service).AddMember();
        member.NameServer = SocketAddress.From(IPAddress.Parse("127.0.0.11"), 53);
        using var context = new WasiContext(new WasiOptions
        {
            Arguments = [program, .. arguments],
            StandardOutput = output,
            NetworkMember = member,
            Scheduler = hasThread ? null : GuestScheduler.Shared,
        });
        using var store = new Store(engine);
        await using CancellationTokenRegistration registration = stop.Register(store.Interrupt);
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
        catch (TrapException trap) when (trap.Kind == TrapKind.Interrupted && stop.IsCancellationRequested)
        {
            exitCode = -1;
        }

        return Encoding.UTF8.GetString(output.ToArray()) + exitCode;
    }

    /// <summary>Tells when the first line is there.</summary>
    private protected sealed class ReadyStream : MemoryStream
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
