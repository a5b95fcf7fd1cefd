using System.Net;
using System.Net.Sockets;
using System.Runtime.InteropServices;
using System.Text.RegularExpressions;
using Wherry.Compose.Logs;
using Wherry.Compose.Running.Processors;
using Wherry.Wasi;
using Wherry.Wasi.Network;
using Wherry.Wasi.Network.InProcess;
using SocketAddress = Wherry.Wasi.Sockets.SocketAddress;

namespace Wherry.Compose.Running.Workloads;

/// <summary>A WebAssembly guest, on a thread of its own.</summary>
internal sealed partial class GuestWorkload(ComposeService service, ModuleCatalog modules, NetworkService? network, GuestFolders folders, IReadOnlyList<PublishedPort> udpPorts, Action<LogSource, string> log, Action<int> listening) : Workload
{
    private const int StackBytes = 4 << 20;

    /// <summary>What a shell shows for SIGKILL and SIGTERM, and what this command ends with for traps and what can't be run.</summary>
    private const int Killed = 128 + 9;
    private const int Stopped = 128 + 15;
    private const int Trapped = 128 + 6;
    private const int CannotRun = 126;

    private const int DnsPort = 53;

    private static readonly TimeSpan WatchInterval = TimeSpan.FromMilliseconds(50);

    /// <summary>So long a guest must have waited, without a thing happening, to count as done with what it was doing.</summary>
    private const int QuietIntervals = 6;

    private readonly Lock gate = new();
    private readonly ThreadClocks clocks = new();
    private NetworkMember? member;
    private Store? store;
    private int threadId;
    private bool isStopping;
    private bool isKilled;

    public override long? MemoryBytes
    {
        get
        {
            lock (gate)
            {
                return store?.Account.MemoryBytes;
            }
        }
    }

    public override NetworkMember? Member
    {
        get
        {
            lock (gate)
            {
                return member;
            }
        }
    }

    /// <summary>Whether it gets no connections until its <see cref="Member"/> is opened: it is to take another one's place.</summary>
    public bool IsHeld { get; init; }

    /// <summary>Keeps it to its share of the processors, if it has one.</summary>
    public required CpuLimiter Processors { get; init; }

    /// <summary>Where it has connected to.</summary>
    public required EgressRecord Egress { get; init; }

    public override TimeSpan? CpuTime => clocks.Used;

    public override void Start()
    {
        var thread = new Thread(Run, StackBytes) { IsBackground = true, Name = service.Name };
        try
        {
            thread.UnsafeStart();
        }
        catch (Exception exception) when (exception is OutOfMemoryException or ThreadStartException)
        {
            log(LogSource.Wherry, "it can't be started: the system has no thread left.");
            SetEnded(CannotRun);
        }
    }

    /// <summary>
    /// A guest can't be told to stop. Its ports are closed to new connections; once it has waited for a while without a thing happening, it is ended. Whoever asks kills it when
    /// that takes too long.
    /// </summary>
    public override void AskToStop()
    {
        lock (gate)
        {
            if (isStopping)
            {
                return;
            }

            isStopping = true;
            member?.StopListening();
        }

        _ = WatchAsync();
    }

    public override void Kill()
    {
        lock (gate)
        {
            isStopping = true;
            isKilled = true;
            store?.Interrupt();
        }
    }

    public override ValueTask<Stream> ConnectAsync(int port, CancellationToken cancellationToken)
    {
        NetworkMember? here;
        lock (gate)
        {
            here = member;
        }

        if (here is null || !here.TryConnectFromHost((ushort)port, out int handle))
        {
            throw new IOException($"nobody listens on port {port}");
        }

        return ValueTask.FromResult<Stream>(new NetworkStream(new Socket(new SafeSocketHandle(handle, ownsHandle: true)), ownsSocket: true));
    }

    private void Run()
    {
        int exitCode = CannotRun;
        using var output = new LineStream(line => log(LogSource.Output, line));
        using var error = new LineStream(line => log(LogSource.Error, line));
        try
        {
            exitCode = Run(output, error);
        }
        catch (GuestExitException exit)
        {
            exitCode = exit.ExitCode;
        }
        catch (TrapException trap) when (trap.Kind == TrapKind.Interrupted && Volatile.Read(ref isStopping))
        {
            exitCode = Volatile.Read(ref isKilled) ? Killed : Stopped;
        }
        catch (TrapException trap)
        {
            EndLines();
            exitCode = Trapped;
            Tell(TrapText.Describe(trap));
        }
        catch (Exception exception) when (exception is ModuleException or LinkException or IOException or UnauthorizedAccessException or TextFormatException or ArgumentException or InvalidOperationException or PlatformNotSupportedException)
        {
            EndLines();
            Tell(exception.Message);
        }
        catch (OutOfMemoryException)
        {
            EndLines();
            Tell("there is not enough memory.");
        }
        catch (Exception exception)
        {
            // Nothing that happens in one service may end the others.
            EndLines();
            Tell($"an error in Wherry itself, please report it: {exception}");
        }
        finally
        {
            EndLines();
            lock (gate)
            {
                store = null;
                member?.Dispose();
                member = null;
                Volatile.Write(ref threadId, 0);
            }

            clocks.End();

            SetEnded(exitCode);
        }

        void EndLines()
        {
            output.EndLine();
            error.EndLine();
        }
    }

    private int Run(LineStream output, LineStream error)
    {
        Module module = modules.Get(service);
        using var own = new Store(module.Engine, new StoreOptions { Limits = service.MemoryBytes is { } bytes ? ResourceLimits.Default with { MemoryBytes = bytes } : ResourceLimits.Default });
        lock (gate)
        {
            if (isStopping)
            {
                return Stopped;
            }

            store = own;
            member = network is null ? null : network.AddMember(listening, IsHeld);
            if (member is not null)
            {
                member.NameServer = FindNameServer();
            }
        }

        Volatile.Write(ref threadId, gettid());
        clocks.Begin();
        using IDisposable? limit = service.Cpus is { } cores ? Processors.Add(cores, () => clocks.Used, own.Pause, own.Resume) : null;
        IReadOnlyList<PreopenedDirectory> directories = folders.Prepare();
        using var context = new WasiContext(new WasiOptions
        {
            Arguments = [.. service.Entrypoint ?? [Path.GetFileName(service.ModulePath!)], .. service.Command ?? []],
            Environment = service.Environment.ToDictionary(),
            StandardInput = Stream.Null,
            StandardOutput = output,
            StandardError = error,
            Directories = directories,
            NetworkMember = member,
            Egress = Egress,
            ThreadRuns = begins =>
            {
                if (begins)
                {
                    clocks.Begin();
                }
                else
                {
                    clocks.End();
                }
            },
            NetworkPolicy = new NetworkPolicy
            {
                PublishedPorts = [.. udpPorts],
                ConnectRules = [.. service.Connect.Select(ConnectRule.Parse)],
                Denied = message => log(LogSource.Wherry, Advise(message)),
            },
        });
        var linker = new Linker(module.Engine);
        context.AddTo(linker);
        if (WasiContext.UsesThreads(module))
        {
            context.AddThreadsTo(linker, own, module);
        }

        try
        {
            Instance instance = linker.Instantiate(own, module);
            SetRunning();
            return WasiCommand.Run(instance);
        }
        finally
        {
            context.EndThreads();
        }
    }

    /// <summary>Some guests ask the server that this variable names, over TCP, in place of the host: they are answered there.</summary>
    private SocketAddress? FindNameServer()
    {
        string? text = service.Environment.LastOrDefault(variable => variable.Key == "DNS_SERVER").Value;
        return text is not null && IPEndPoint.TryParse(text, out IPEndPoint? endPoint)
            ? SocketAddress.From(endPoint.Address, (ushort)(endPoint.Port == 0 ? DnsPort : endPoint.Port)).Normalize()
            : null;
    }

    /// <summary>Ends the guest when its thread has not been woken for a while.</summary>
    private async Task WatchAsync()
    {
        long last = -1;
        for (int quiet = 0; quiet < QuietIntervals && !Ended.IsCompleted;)
        {
            await Task.Delay(WatchInterval).ConfigureAwait(false);
            long? waits = Volatile.Read(ref threadId) is var id and > 0 ? ProcessStatistics.CountWaits(id) : null;

            // One that is held for its share of the processors does not wait by itself.
            quiet = waits is not null && waits == last && !IsPaused() ? quiet + 1 : 0;
            last = waits ?? -1;
        }

        lock (gate)
        {
            store?.Interrupt();
        }
    }

    private bool IsPaused()
    {
        lock (gate)
        {
            return store?.IsPaused == true;
        }
    }

    private void Tell(string message)
    {
        foreach (string line in message.Split('\n'))
        {
            log(LogSource.Wherry, TerminalText.Clean(line));
        }
    }

    /// <summary>The policy's messages name options of `wherry run`.</summary>
    private static string Advise(string message) =>
        PublishOption().Replace(ConnectOption().Replace(message, "x-wherry: connect: [\"$1\"] would allow it"), "ports: [\"$1\"] would allow it");

    [GeneratedRegex(@"--connect (\S+) would allow it")]
    private static partial Regex ConnectOption();

    [GeneratedRegex(@"-p (\S+) would allow it")]
    private static partial Regex PublishOption();

    [LibraryImport("libc")]
    [DefaultDllImportSearchPaths(DllImportSearchPath.SafeDirectories)]
    private static partial int gettid();
}
