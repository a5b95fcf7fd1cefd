using System.Collections.Immutable;
using System.Diagnostics;
using System.Globalization;
using Wherry.Aot;
using Wherry.Cli.Options;
using Wherry.Cli.Output;
using Wherry.Cli.Precompilation;
using Wherry.Diagnostics;
using Wherry.Wasi;

namespace Wherry.Cli.Running;

/// <summary>Runs a module from the command line and gives the process's exit code.</summary>
internal sealed class GuestRunner
{
    // Deep enough for recursive programs, and unwound within a second when one recurses without end.
    private const int StackBytes = 16 << 20;

    // Enough for the frames of native code, so that it is Wasm's frames that bound the depth.
    private const int DeterministicStackBytes = 128 << 20;
    private const int LargeModule = 1 << 20;
    private const string CommandEntry = "_start";
    private const string ReactorEntry = "_initialize";

    private readonly RunOptions options;
    private readonly long start = Stopwatch.GetTimestamp();
    private readonly Deadline? deadline;
    private readonly List<Instance> instances = [];

    // Whether it is decided whether the guest's code may run, and what. Under the lock of this object, which is known to nobody else and needs nothing loaded.
    private bool isDecided;
    private bool isPrepared;

    private GuestRunner(RunOptions options, Deadline? deadline)
    {
        this.options = options;
        this.deadline = deadline;
    }

    public static int Run(RunOptions options)
    {
        if (options.WritesPerfMap)
        {
            PerfMap.Require();
        }

        using Deadline? deadline = options.TimeLimit is { } limit ? new Deadline(limit) : null;
        var runner = new GuestRunner(options, deadline);
        int exitCode = ExitCodes.CannotRun;
        CommandException? failure = null;

        // A thread of its own, since the size of the first thread's stack is the system's affair.
        var thread = new Thread(
            () =>
            {
                try
                {
                    exitCode = runner.Run();
                }
                catch (CommandException exception)
                {
                    failure = exception;
                }
            },
            options.IsDeterministic ? DeterministicStackBytes : StackBytes)
        {
            Name = "guest",

            // It is waited for, unless what ends the guest can't be prepared: then it must not hold up the process.
            IsBackground = true,
        };
        thread.Start();
        try
        {
            // While the guest is loaded.
            Signals.EndOnRequest();
            runner.Decide(mayStart: true);
        }
        catch
        {
            runner.Decide(mayStart: false);
            throw;
        }

        thread.Join();
        return failure is null ? exitCode : throw failure;
    }

    private void Decide(bool mayStart)
    {
        lock (this)
        {
            isPrepared = mayStart;
            isDecided = true;
            Monitor.PulseAll(this);
        }
    }

    private bool IsPrepared()
    {
        lock (this)
        {
            while (!isDecided)
            {
                _ = Monitor.Wait(this);
            }

            return isPrepared;
        }
    }

    private int Run()
    {
        try
        {
            return RunModule();
        }
        catch (GuestExitException exit)
        {
            Tell($"the guest exited with code {(uint)exit.ExitCode}");
            return ExitCodes.OfGuest(exit.ExitCode);
        }
        catch (TrapException) when (deadline is { IsOver: true })
        {
            throw new CommandException(ExitCodes.TimeLimit, deadline.Message);
        }
        catch (TrapException trap)
        {
            throw new CommandException(ExitCodes.Trap, TrapMessage.Describe(trap));
        }
        catch (WasmException exception)
        {
            throw new CommandException(ExitCodes.Trap, TrapMessage.Describe(exception, instances));
        }
        catch (OutOfMemoryException)
        {
            throw CommandException.CannotRun("there is not enough memory.");
        }
        catch (IOException exception)
        {
            // The system gives no more of what a wait needs, for example when the guest has opened as many files as the process may have.
            throw CommandException.CannotRun(exception.Message);
        }
        catch (Exception exception) when (exception is not CommandException)
        {
            throw CommandException.OfUnexpected(exception, options.IsVerbose);
        }
    }

    private int RunModule()
    {
        var engine = new Engine(new EngineOptions
        {
            BoundsChecks = options.BoundsChecks,
            Features = options.Features,
            FuelCosts = options.CountsInstructions ? FuelCosts.Default : null,
            Deterministic = options.IsDeterministic,
            Profiling = options.ProfilePath is not null,

            // What is measured stays where it is.
            CollectibleCode = options.IsDeterministic || options.WritesPerfMap || options.ProfilePath is not null,
            CodeCache = options.UsesCache ? new CodeCache { FillsInBackground = false } : null,
        });
        Module module = Load(options.ModulePath, engine);
        if (options.IsVerbose)
        {
            Tell($"{options.ModulePath} is loaded{(module.IsPrecompiled ? ", with native code" : "")}; memory accesses are checked by {(engine.BoundsChecks == BoundsChecks.Guard ? "guard pages" : "comparisons")}");
        }

        // Never disposed: the process ends after it, and the system takes back at once what giving back bit by bit takes a millisecond for.
        var store = new Store(engine, new StoreOptions { Limits = Limits(), Fuel = options.Fuel });
        deadline?.Watch(store);
        using ProfileFile? profile = options.ProfilePath is { } path ? new ProfileFile(path, store) : null;
        using PerfMap? perfMap = options.WritesPerfMap ? new PerfMap() : null;
        perfMap?.Add(module);
        try
        {
            return RunModule(engine, module, store, perfMap);
        }
        finally
        {
            if (options.Statistics != Statistics.None)
            {
                ShowStatistics(store);
            }
        }
    }

    private int RunModule(Engine engine, Module module, Store store, PerfMap? perfMap)
    {
        using WasiContext wasi = OpenWasi();
        var linker = new Linker(engine);
        wasi.AddTo(linker);
        if (options.Modules is not null)
        {
            LinkModules(engine, store, linker, perfMap);
        }

        if (WasiContext.UsesThreads(module))
        {
            AllowThreads(wasi, linker, store, module);
        }

        Instance instance = Instantiate(linker, store, module);
        if (module.Definition.Bytes.Length >= LargeModule)
        {
            // What decoding and validating left behind would stay with a service for as long as it runs.
            GC.Collect(GC.MaxGeneration, GCCollectionMode.Aggressive, blocking: true, compacting: true);
        }

        Tell("the module is instantiated");
        int exitCode = Call(instance);
        Tell("the guest ended");
        return exitCode;
    }

    private void LinkModules(Engine engine, Store store, Linker linker, PerfMap? perfMap)
    {
        foreach ((string name, string path) in options.Modules!)
        {
            Module other = Load(path, engine);
            perfMap?.Add(other);
            Instance library = Instantiate(linker, store, other);
            Initialize(library);
            linker.DefineInstance(name, library);
        }
    }

    private int Call(Instance instance)
    {
        if (options.Invoke is { } name)
        {
            return CallNamed(instance, name, options.GuestArguments);
        }

        if (options.IsReactor)
        {
            if (options.GuestArguments is [var first, .. var rest])
            {
                return CallNamed(instance, first, rest);
            }

            Initialize(instance);
            return ExitCodes.Success;
        }

        Function? entry = instance.GetFunction(CommandEntry);
        if (entry is null)
        {
            throw CommandException.CannotRun(
                $"{options.ModulePath} has no function {CommandEntry}: it is a library. Call one of its functions with --invoke NAME or --reactor."
                + Functions(instance));
        }

        if (entry.Type.Parameters.Length > 0)
        {
            throw CommandException.CannotRun($"{options.ModulePath}: {CommandEntry} has the type {entry.Type}, but takes no arguments in WASI.");
        }

        entry.Invoke();
        return ExitCodes.Success;
    }

    private int CallNamed(Instance instance, string name, string[] arguments)
    {
        Function function = instance.GetFunction(name)
            ?? throw CommandException.Usage($"{options.ModulePath} exports no function '{name}'." + Functions(instance));
        object?[] values = Invocation.ParseArguments(name, function.Type, arguments);
        if (name != ReactorEntry)
        {
            Initialize(instance);
        }

        object?[] results = function.Invoke(values);
        try
        {
            foreach (object? result in results)
            {
                Console.Out.WriteLine(Invocation.Format(result));
            }
        }
        catch (Exception exception) when (exception is IOException or UnauthorizedAccessException)
        {
            throw CommandException.OfOutput(exception);
        }

        return ExitCodes.Success;
    }

    /// <summary>Calls the function that a library is to be prepared by, if it has one.</summary>
    private static void Initialize(Instance instance)
    {
        Function? initializer = instance.GetFunction(ReactorEntry);
        if (initializer is { Type.Parameters.Length: > 0 })
        {
            throw CommandException.CannotRun($"{instance}: {ReactorEntry} has the type {initializer.Type}, but takes no arguments in WASI.");
        }

        initializer?.Invoke();
    }

    private static void AllowThreads(WasiContext wasi, Linker linker, Store store, Module module)
    {
        try
        {
            wasi.AddThreadsTo(linker, store, module);
        }
        catch (LinkException exception)
        {
            throw CommandException.CannotRun(LinkAdvice.Explain(module, exception.Message));
        }
    }

    private static string Functions(Instance instance)
    {
        string[] names = [.. instance.Exports.Where(export => export.Type.Kind == ExternalKind.Function).Select(export => Terminal.CleanName(ErrorText.Clean(export.Name)))];
        const int shown = 12;
        return names.Length == 0
            ? " It exports no functions."
            : $" It exports: {string.Join(", ", names.Take(shown))}{(names.Length > shown ? $" and {names.Length - shown} more" : "")}.";
    }

    private Module Load(string path, Engine engine)
    {
        byte[] bytes = ModuleFile.ReadBytes(path);
        if (PrecompiledFile.IsOne(bytes))
        {
            return PrecompiledModuleFile.Load(path, bytes, engine, options.AllowsPrecompiled);
        }

        Module module = ModuleFile.Load(path, ModuleFile.ToBinary(path, bytes), engine);
        if (options.UsesCache && !module.IsPrecompiled && module.Definition.Bytes.Length >= CodeCache.MinimumModuleSize && path != "-" && !UnixFiles.IsSpecial(path))
        {
            CacheFiller.StartSoon(options, path);
        }

        return module;
    }

    private Instance Instantiate(Linker linker, Store store, Module module)
    {
        // Instantiating runs a guest's code for the first time.
        if (!IsPrepared())
        {
            throw CommandException.CannotRun("the process can't be prepared to be ended by signals.");
        }

        try
        {
            Instance instance = linker.Instantiate(store, module);
            instances.Add(instance);
            return instance;
        }
        catch (LinkException exception)
        {
            throw CommandException.CannotRun(LinkAdvice.Explain(module, exception.Message));
        }
    }

    private ResourceLimits Limits()
    {
        ResourceLimits limits = ResourceLimits.Default;
        if (options.MemoryLimit is { } bytes)
        {
            limits = limits with { MemoryBytes = bytes, HeapBytes = bytes };
        }

        if (options.MemoryPageLimit is { } pages)
        {
            limits = limits with { MemoryBytes = Math.Min(limits.MemoryBytes, pages > long.MaxValue >> 16 ? long.MaxValue : pages << 16) };
        }

        return limits;
    }

    private WasiContext OpenWasi()
    {
        try
        {
            var wasi = new WasiOptions
            {
                Arguments = Arguments(),
                Deterministic = options.IsDeterministic,
                RandomSeed = options.RandomSeed,
                NetworkPolicy = options.ReachesOut ? Network() : new NetworkPolicy { Denied = Terminal.Note },
            };
            return new WasiContext(options.GivesMore ? WithMore(wasi) : wasi);
        }
        catch (Exception exception) when (exception is IOException or System.Net.Sockets.SocketException or PlatformNotSupportedException or UnauthorizedAccessException)
        {
            throw CommandException.CannotRun(exception.Message);
        }
        catch (ArgumentException exception)
        {
            throw CommandException.Usage(exception.Message.Split(" (Parameter")[0]);
        }
    }

    private string[] Arguments()
    {
        var arguments = new string[1 + options.GuestArguments.Length];
        arguments[0] = ModuleFile.GetName(options.ModulePath);
        Array.Copy(options.GuestArguments, 0, arguments, 1, arguments.Length - 1);
        return arguments;
    }

    // Apart from what every guest gets, as the runtime prepares all that a method may use before it runs.
    private NetworkPolicy Network() => new()
    {
        AllowsEverything = options.HasHostNetwork,
        PublishedPorts = ImmutableArray.Create(options.PublishedPorts),
        ConnectRules = ImmutableArray.Create(options.ConnectRules),
        Listening = port =>
        {
            Terminal.Note($"listening on {port.EndPoint}{(port.Protocol == NetworkProtocol.Udp ? "/udp" : "")}");
            SpareMemory.GiveBackSoon();
        },
        Denied = Terminal.Note,
    };

    private WasiOptions WithMore(WasiOptions wasi)
    {
        var environment = new Dictionary<string, string>();
        foreach ((string name, string value) in options.Environment ?? [])
        {
            environment[name] = value;
        }

        return wasi with
        {
            Environment = environment,
            Directories = options.Folders ?? [],
            TcpListeners = options.TcpListeners ?? [],
            MaximumThreads = options.Threads ?? wasi.MaximumThreads,
        };
    }

    private void ShowStatistics(Store store)
    {
        if (options.Statistics.HasFlag(Statistics.Time))
        {
            Terminal.Note($"time: {Stopwatch.GetElapsedTime(start).TotalMilliseconds.ToString("0.0", CultureInfo.InvariantCulture)} ms");
        }

        if (options.Statistics.HasFlag(Statistics.Instructions))
        {
            Terminal.Note(string.Create(CultureInfo.InvariantCulture, $"instructions: {store.FuelConsumed - store.Meter!.ConsumedBySizes}"));
        }

        if (options.Statistics.HasFlag(Statistics.Fuel))
        {
            Terminal.Note(string.Create(CultureInfo.InvariantCulture, $"gas: {store.FuelConsumed}{(options.Fuel is { } limit ? $" of {limit}" : "")}"));
        }
    }

    private void Tell(string message)
    {
        if (options.IsVerbose)
        {
            Terminal.Note($"{Stopwatch.GetElapsedTime(start).TotalMilliseconds,6:0.0} ms: {message}");
        }
    }
}
