using System.Net;
using System.Net.Sockets;
using System.Runtime.InteropServices;
using System.Text.RegularExpressions;
using Wherry.Compose.Logs;
using Wherry.Compose.Running.Bounds;
using Wherry.Compose.Running.Processors;
using Wherry.Wasi;
using Wherry.Wasi.Native;
using Wherry.Wasi.Network;
using Wherry.Wasi.Network.InProcess;
using Wherry.Wasi.Scheduling;
using SocketAddress = Wherry.Wasi.Sockets.SocketAddress;

namespace Wherry.Compose.Running.Workloads;

/// <summary>A WebAssembly guest. While it waits it has no thread, if it can be left then; otherwise it has one of its own.</summary>
internal sealed partial class GuestWorkload(ComposeService service, ModuleCatalog modules, NetworkService? network, GuestFolders folders, IReadOnlyList<PublishedPort> udpPorts, Action<LogSource, string> log, Action<int> listening) : Workload, IGuestWork
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

    /// <summary>What it was started from.</summary>
    public ComposeService Service => service;

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

    /// <summary>Who is started first, where many are to be.</summary>
    public required StartQueue Starts { get; init; }

    /// <summary>Keeps it to its share of the processors, if it has one.</summary>
    public required CpuLimiter Processors { get; init; }

    /// <summary>Where it has connected to.</summary>
    public required EgressRecord Egress { get; init; }

    public override TimeSpan? CpuTime => Volatile.Read(ref turns) is { } task ? task.CpuTime : clocks.Used;

    public override void Start()
    {
        if (GuestScheduler.IsSupported)
        {
            GuestScheduler scheduler;
            try
            {
                scheduler = GuestScheduler.Shared;
            }
            catch (Exception exception)
            {
                Tell($"it can't be started: {exception.Message}");
                SetEnded(CannotRun);
                return;
            }

            Starts.Begin(() => scheduler.PostNext(this));
        }
        else
        {
            log(LogSource.Wherry, "it keeps a thread while it waits: that it needs none takes Linux.");
            StartThread();
        }
    }

    private void StartThread()
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
        using var output = new LineStream(line => log(LogSource.Output, line));
        using var error = new LineStream(line => log(LogSource.Error, line));
        int exitCode = CannotRun;
        try
        {
            exitCode = Run(output, error);
        }
        catch (Exception exception)
        {
            exitCode = Explain(exception, output, error);
        }
        finally
        {
            End(exitCode, output, error);
        }
    }

    /// <summary>Tells what a guest has ended with.</summary>
    /// <returns>The exit code that it has for that.</returns>
    private int Explain(Exception exception, LineStream output, LineStream error)
    {
        if (exception is GuestExitException exit)
        {
            return exit.ExitCode;
        }

        if (exception is TrapException { Kind: TrapKind.Interrupted } && Volatile.Read(ref isStopping))
        {
            return Volatile.Read(ref isKilled) ? Killed : Stopped;
        }

        output.EndLine();
        error.EndLine();
        switch (exception)
        {
            case TrapException trap:
                Tell(TrapText.Describe(trap));
                return Trapped;
            case ModuleException or LinkException or IOException or UnauthorizedAccessException or TextFormatException or ArgumentException or InvalidOperationException or PlatformNotSupportedException:
                Tell(exception.Message);
                return CannotRun;
            case OutOfMemoryException:
                Tell("there is not enough memory.");
                return CannotRun;
            default:
                // Nothing that happens in one service may end the others.
                Tell($"an error in Wherry itself, please report it: {exception}");
                return CannotRun;
        }
    }

    private void End(int exitCode, LineStream output, LineStream error)
    {
        output.EndLine();
        error.EndLine();
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

    private int Run(LineStream output, LineStream error)
    {
        CheckRoom();
        Module module = modules.Get(service);
        using Store own = CreateStore(module);
        if (!TryBegin(own))
        {
            return Stopped;
        }

        Volatile.Write(ref threadId, gettid());
        clocks.Begin();
        using IDisposable? limit = service.Cpus is { } cores ? Processors.Add(cores, () => clocks.Used, own.Pause, own.Resume) : null;
        using var context = new WasiContext(CreateOptions(output, error) with
        {
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

    /// <summary>What the system gives to a process ends somewhere. Who comes then is refused, so that those which run go on.</summary>
    /// <exception cref="IOException">There is no room for another guest.</exception>
    private static void CheckRoom()
    {
        if (!HostHandles.SufficeForAnother())
        {
            throw new IOException($"it can't be started: too few handles are left. The process may have {HostHandles.Limit} open files (ulimit -n); each service that listens has one, and each connection one.");
        }

        if (!MappingBudget.Shared.TryTake())
        {
            throw new IOException($"it can't be started: the process has nearly all of the {MappingBudget.Shared.Limit} memory mappings that it may have (sysctl vm.max_map_count); each guest has some five.");
        }
    }

    private Store CreateStore(Module module) =>
        new(module.Engine, new StoreOptions { Limits = Limits });

    private ResourceLimits Limits => service.MemoryBytes is { } bytes ? ResourceLimits.Default with { MemoryBytes = bytes } : ResourceLimits.Default;

    /// <returns>False if it was stopped before it began.</returns>
    private bool TryBegin(Store own)
    {
        lock (gate)
        {
            if (isStopping)
            {
                return false;
            }

            store = own;
            member = network is null ? null : network.AddMember(listening, IsHeld);
            if (member is not null)
            {
                member.NameServer = FindNameServer();
            }

            return true;
        }
    }

    private WasiOptions CreateOptions(LineStream output, LineStream error)
    {
        IReadOnlyList<PreopenedDirectory> directories = folders.Prepare();
        return new WasiOptions
        {
            Arguments = [.. service.Entrypoint ?? [Path.GetFileName(service.ModulePath!)], .. service.Command ?? []],
            Environment = service.Environment.ToDictionary(),
            StandardInput = Stream.Null,
            StandardOutput = output,
            StandardError = error,
            Directories = directories,
            NetworkMember = member,
            Egress = Egress,
            NetworkPolicy = new NetworkPolicy
            {
                PublishedPorts = [.. udpPorts],
                ConnectRules = [.. service.Connect.Select(ConnectRule.Parse)],
                Denied = message => log(LogSource.Wherry, Advise(message)),
            },
        };
    }

    /// <summary>Some guests ask the server that this variable names in place of the host: they are answered there.</summary>
    private SocketAddress? FindNameServer()
    {
        string? text = service.Environment.LastOrDefault(variable => variable.Key == "DNS_SERVER").Value;
        return text is not null && IPEndPoint.TryParse(text, out IPEndPoint? endPoint)
            ? SocketAddress.From(endPoint.Address, (ushort)(endPoint.Port == 0 ? DnsPort : endPoint.Port)).Normalize()
            : null;
    }

    /// <summary>Ends the guest when it has not been woken for a while.</summary>
    private async Task WatchAsync()
    {
        long last = -1;
        for (int quiet = 0; quiet < QuietIntervals && !Ended.IsCompleted;)
        {
            await Task.Delay(WatchInterval).ConfigureAwait(false);
            int id = Volatile.Read(ref turns)?.ThreadId ?? Volatile.Read(ref threadId);
            long? waits = id > 0 ? ProcessStatistics.CountWaits(id) : Volatile.Read(ref turns)?.TurnCount;

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
