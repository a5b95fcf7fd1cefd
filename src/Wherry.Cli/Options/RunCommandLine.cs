using System.CommandLine;
using System.Net;
using Wherry.Wasi;

namespace Wherry.Cli.Options;

/// <summary>The command line of <c>wherry run</c>: its options, and how they become <see cref="RunOptions"/>.</summary>
internal sealed class RunCommandLine
{
    private readonly RunOption folders = RunOption.WithValue("--dir", name => OptionFactory.Repeated(
        name, "GUEST:HOST[:readonly]", "A folder that the guest gets; one name alone is both. Without it, the guest has no files.", Options.Folders.Parse));

    private readonly RunOption environment = RunOption.WithValue(
        "--env", name => OptionFactory.Repeated(name, "NAME=VALUE", "An environment variable of the guest. It gets no others.", EnvironmentVariables.Parse), alias: "-e");

    private readonly RunOption environmentFiles = RunOption.WithValue("--env-file", name => OptionFactory.Repeated(
        name, "FILE", "Environment variables, one NAME=VALUE a line. --env goes before.", EnvironmentVariables.ReadFile));

    private readonly RunOption publish = RunOption.WithValue(
        "--publish",
        name => OptionFactory.Repeated(
            name,
            "[ADDRESS:]PORT[:GUESTPORT][/udp]",
            "Lets the guest listen on GUESTPORT (PORT unless given) and be reached at ADDRESS:PORT. ADDRESS is 127.0.0.1 unless given; PORT 0 picks one.",
            text => Named(name, text, PublishedPort.Parse)),
        alias: "-p");

    private readonly RunOption connect = RunOption.WithValue("--connect", name => OptionFactory.Repeated(
        name,
        "HOST[:PORT]",
        "Lets the guest connect to HOST (* for any) over TCP and send to it over UDP. Loopback and link-local addresses need their own name or address.",
        text => Named(name, text, ConnectRule.Parse)));

    private readonly RunOption network = RunOption.WithValue("--net", name => OptionFactory.Single(
        name,
        "host|none",
        "host gives the guest the whole network of this machine, as WasmEdge does. none, the default, gives what --publish and --connect allow.",
        text => text is "host" or "none" ? text : throw new FormatException($"{name} '{text}' is neither host nor none.")));

    private readonly RunOption listen = RunOption.WithValue("--tcplisten", name => OptionFactory.Repeated(
        name, "ADDRESS:PORT", "A listening socket that the guest finds open, after its folders, for plain WASI servers.", text => Named(name, text, ListenAddress.Parse)));

    private readonly RunOption reactor = RunOption.Switch(
        "--reactor", "Call _initialize, then the function named by the first argument, if there is one.");

    private readonly RunOption invoke = RunOption.WithValue("--invoke", name => OptionFactory.Single(
        name, "FUNCTION", "Call this function with the arguments, read by its type, and print its results.", text => text));

    private readonly RunOption timeLimit = RunOption.WithValue("--time-limit", name => OptionFactory.Single<long?>(
        name,
        "MILLISECONDS",
        "End the guest after so long, compilation included. 0 is no limit.",
        text => Quantities.ParseCount(name, text, int.MaxValue, "a time in milliseconds")));

    private readonly RunOption fuel = RunOption.WithValue("--fuel", name => OptionFactory.Single<long?>(
        name,
        "UNITS",
        "End the guest after so many instructions; bulk operations count by their size.",
        text => Quantities.ParseCount(name, text, long.MaxValue, "an amount of fuel")));

    private readonly RunOption memoryPageLimit = RunOption.WithValue("--memory-page-limit", name => OptionFactory.Single<long?>(
        name,
        "PAGES",
        "The most pages of 64 KiB that all memories of the guest may have.",
        text => Quantities.ParseCount(name, text, 1L << 48, "a number of pages")));

    private readonly RunOption memoryLimit = RunOption.WithValue("--memory-limit", name => OptionFactory.Single<long?>(
        name, "SIZE", "The most bytes that all memories of the guest may have, and so its objects (1 GiB unless given), such as 64MiB.", text => Quantities.ParseSize(name, text)));

    private readonly RunOption threads = RunOption.WithValue("--threads", name => OptionFactory.Single<int?>(
        name,
        "COUNT",
        "The most threads that the guest may have at once besides the first. 64 unless given; 0 is none.",
        text => (int)Quantities.ParseCount(name, text, 10_000, "a number of threads")));

    private readonly RunOption deterministic = RunOption.Switch(
        "--deterministic", "Let the guest see and do the same in every run: virtual clock, seeded random bytes, sorted folders, one NaN; no network, no threads.");

    private readonly RunOption seed = RunOption.WithValue("--seed", name => OptionFactory.Single<ulong?>(
        name, "NUMBER", "What the random bytes of --deterministic follow from; 0 unless given.", text => (ulong)Quantities.ParseCount(name, text, long.MaxValue, "a number")));

    private readonly RunOption modules = RunOption.WithValue("--module", name => OptionFactory.Repeated(
        name,
        "NAME:FILE",
        "A module that provides the imports from NAME.",
        text => text.IndexOf(':', StringComparison.Ordinal) is var colon and > 0 && colon < text.Length - 1
            ? KeyValuePair.Create(text[..colon], text[(colon + 1)..])
            : throw new FormatException($"{name} '{text}' is not NAME:FILE.")));

    private readonly RunOption boundsChecks = RunOption.WithValue("--bounds-checks", _ => OptionFactory.BoundsChecks());

    private readonly RunOption noCache = RunOption.Switch("--no-cache", "Neither use native code from the cache nor have the module compiled for it.");

    private readonly RunOption allowPrecompiled = RunOption.Switch(
        "--allow-precompiled", "Run a .cwasm that this user's Wherry did not make. It is native code and not sandboxed: only if you trust whoever made it.");

    private readonly RunOption features = RunOption.WithValue("--features", name => OptionFactory.Single<WasmFeatures?>(
        name, "LIST", "Proposals that the module may use, such as wasm3 or simd,-threads.", text => FeatureList.Parse(text)));

    private readonly RunOption profile = RunOption.WithValue("--profile", name => OptionFactory.Single(
        name, "FILE", "Write a profile of the guest's functions, for speedscope or Chrome's DevTools.", text => text));

    private readonly RunOption perfMap = RunOption.Switch("--perf-map", "Write /tmp/perf-PID.map, so that perf names the guest's functions.");

    private readonly RunOption verbose = RunOption.Switch("--verbose", "Tell what happens: compilation, times, memory.");

    /// <summary>In the order in which help shows them.</summary>
    private readonly RunOption[] own;

    private readonly WasmEdgeOptions wasmEdge = new();

    public RunCommandLine() => own =
    [
        publish, connect, network, listen, folders, environment, environmentFiles, reactor, invoke, modules,
        timeLimit, fuel, memoryLimit, memoryPageLimit, threads, deterministic, seed, boundsChecks, features, noCache, allowPrecompiled, profile, perfMap, verbose,
    ];

    /// <summary>Whether an option with a value was given, which the parser has to read.</summary>
    public bool HasValues => Array.Exists(own, static option => option.IsGiven && option.TakesValue) || (wasmEdge.AreMet && wasmEdge.HasValues);

    /// <summary>One line for each option given that has no effect.</summary>
    public IEnumerable<string> Remarks => wasmEdge.AreMet ? wasmEdge.Answers : [];

    private IEnumerable<RunOption> Given => own.Where(option => option.IsGiven).Concat(wasmEdge.Given);

    /// <summary>The command with all its options but WasmEdge's, for help.</summary>
    public Command ToCommand()
    {
        var command = new Command("run", "Runs a module. Options end at the module. WasmEdge's options are understood.");
        foreach (RunOption option in own)
        {
            command.Options.Add(option.Option);
        }

        command.Arguments.Add(new Argument<string>("app.wasm [arguments…]")
        {
            Description = "The module. All that follows it goes to the guest.",
            Arity = ArgumentArity.ExactlyOne,
        });
        return command;
    }

    /// <summary>The command with only the options that were given, for the parser.</summary>
    public Command ToGivenCommand()
    {
        var command = new Command("run");
        foreach (RunOption option in Given)
        {
            command.Options.Add(option.Option);
        }

        return command;
    }

    /// <summary>The option of this name, of Wherry or WasmEdge.</summary>
    public RunOption? Find(string name)
    {
        foreach (RunOption option in own)
        {
            if (option.IsCalled(name))
            {
                return option;
            }
        }

        return wasmEdge.Find(name);
    }

    /// <summary>What is to be done, where an option has a value.</summary>
    /// <param name="values">What the parser read.</param>
    /// <param name="modulePath">The module.</param>
    /// <param name="guestArguments">What follows it.</param>
    public RunOptions Bind(ParseResult values, string modulePath, string[] guestArguments)
    {
        RunOptions options = Bind(modulePath, guestArguments);
        return BindValues(values, options);
    }

    /// <summary>The same where no option has one: then the parser is not needed, and not loaded.</summary>
    public RunOptions Bind(string modulePath, string[] guestArguments)
    {
        if (invoke.IsGiven && reactor.IsGiven)
        {
            throw CommandException.Usage("--invoke and --reactor exclude each other: with --reactor the first argument names the function.");
        }

        if (deterministic.IsGiven && Array.Find([publish, connect, listen, network], static option => option.IsGiven) is { } given)
        {
            throw CommandException.Usage($"--deterministic and {given.Name} exclude each other: what comes from a network is different each time.");
        }

        if (seed.IsGiven && !deterministic.IsGiven)
        {
            throw CommandException.Usage("--seed goes with --deterministic: otherwise random bytes are the system's.");
        }

        return new RunOptions
        {
            ModulePath = modulePath,
            GuestArguments = guestArguments,
            IsReactor = reactor.IsGiven,
            UsesCache = !noCache.IsGiven && !profile.IsGiven && !perfMap.IsGiven,
            WritesPerfMap = perfMap.IsGiven,
            AllowsPrecompiled = allowPrecompiled.IsGiven,
            IsVerbose = verbose.IsGiven,
            IsDeterministic = deterministic.IsGiven,
            Statistics = wasmEdge.AreMet ? wasmEdge.Statistics : Statistics.None,
            Features = wasmEdge.AreMet ? wasmEdge.Apply(WasmFeatures.Default) : WasmFeatures.Default,
        };
    }

    private RunOptions BindValues(ParseResult values, RunOptions options) => options with
    {
        Folders = Value<PreopenedDirectory[]>(folders, values),
        Environment = [.. (Value<KeyValuePair<string, string>[][]>(environmentFiles, values) ?? []).SelectMany(file => file), .. Value<KeyValuePair<string, string>[]>(environment, values) ?? []],
        PublishedPorts = Value<PublishedPort[]>(publish, values),
        ConnectRules = Value<ConnectRule[]>(connect, values),
        HasHostNetwork = Value<string>(network, values) == "host",
        TcpListeners = Value<IPEndPoint[]>(listen, values),
        Invoke = Value<string>(invoke, values),
        ProfilePath = Value<string>(profile, values),
        TimeLimit = Value<long?>(timeLimit, values) is > 0 and var limit ? limit : null,
        Fuel = Value<long?>(fuel, values) ?? wasmEdge.GasLimit(values),
        MemoryPageLimit = Value<long?>(memoryPageLimit, values),
        MemoryLimit = Value<long?>(memoryLimit, values),
        Threads = Value<int?>(threads, values),
        RandomSeed = Value<ulong?>(seed, values) ?? 0,
        Modules = Value<KeyValuePair<string, string>[]>(modules, values),
        BoundsChecks = Value<BoundsChecks?>(boundsChecks, values) ?? BoundsChecks.Guard,
        Features = wasmEdge.Apply(Value<WasmFeatures?>(features, values) ?? WasmFeatures.Default),
    };

    private static T? Value<T>(RunOption option, ParseResult values) => option.IsGiven ? values.GetValue((Option<T>)option.Option) : default;

    /// <summary>Puts the option's name before what its parser found wrong.</summary>
    private static T Named<T>(string option, string text, Func<string, T> parse)
    {
        try
        {
            return parse(text);
        }
        catch (FormatException exception)
        {
            throw new FormatException($"{option} {exception.Message}");
        }
    }
}
