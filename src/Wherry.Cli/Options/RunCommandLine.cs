using System.CommandLine;
using System.Net;
using Wherry.Wasi;

namespace Wherry.Cli.Options;

/// <summary>The command line of <c>wherry run</c>: its options, and how they become <see cref="RunOptions"/>.</summary>
internal sealed class RunCommandLine
{
    private readonly Option<PreopenedDirectory[]> folders = OptionFactory.Repeated(
        "--dir", "GUEST:HOST[:readonly]", "A folder that the guest gets; one name alone is both. Without it, the guest has no files.", Options.Folders.Parse);

    private readonly Option<KeyValuePair<string, string>[]> environment = OptionFactory.Repeated(
        "--env", "NAME=VALUE", "An environment variable of the guest. It gets no others.", EnvironmentVariables.Parse, "-e");

    private readonly Option<KeyValuePair<string, string>[][]> environmentFiles = OptionFactory.Repeated(
        "--env-file", "FILE", "Environment variables, one NAME=VALUE a line. --env goes before.", EnvironmentVariables.ReadFile);

    private readonly Option<PublishedPort[]> publish = OptionFactory.Repeated(
        "--publish",
        "[ADDRESS:]PORT[:GUESTPORT][/udp]",
        "Lets the guest listen on GUESTPORT (PORT unless given) and be reached at ADDRESS:PORT. ADDRESS is 127.0.0.1 unless given; PORT 0 picks one.",
        text => Named("--publish", text, PublishedPort.Parse),
        "-p");

    private readonly Option<ConnectRule[]> connect = OptionFactory.Repeated(
        "--connect",
        "HOST[:PORT]",
        "Lets the guest connect to HOST (* for any) over TCP and send to it over UDP. Loopback and link-local addresses need their own name or address.",
        text => Named("--connect", text, ConnectRule.Parse));

    private readonly Option<string?> network = OptionFactory.Single(
        "--net",
        "host|none",
        "host gives the guest the whole network of this machine, as WasmEdge does. none, the default, gives what --publish and --connect allow.",
        text => text is "host" or "none" ? text : throw new FormatException($"--net '{text}' is neither host nor none."));

    private readonly Option<IPEndPoint[]> listen = OptionFactory.Repeated(
        "--tcplisten", "ADDRESS:PORT", "A listening socket that the guest finds open, after its folders, for plain WASI servers.", text => Named("--tcplisten", text, ListenAddress.Parse));

    private readonly Option<bool> reactor = OptionFactory.Switch(
        "--reactor", "Call _initialize, then the function named by the first argument, if there is one.");

    private readonly Option<string?> invoke = OptionFactory.Single(
        "--invoke", "FUNCTION", "Call this function with the arguments, read by its type, and print its results.", text => text);

    private readonly Option<TimeSpan?> timeLimit = OptionFactory.Single<TimeSpan?>(
        "--time-limit",
        "MILLISECONDS",
        "End the guest after so long, compilation included. 0 is no limit.",
        text => Quantities.ParseCount("--time-limit", text, int.MaxValue, "a time in milliseconds") is var value and > 0 ? TimeSpan.FromMilliseconds(value) : null);

    private readonly Option<long?> fuel = OptionFactory.Single<long?>(
        "--fuel",
        "UNITS",
        "End the guest after so many instructions; bulk operations count by their size.",
        text => Quantities.ParseCount("--fuel", text, long.MaxValue, "an amount of fuel"));

    private readonly Option<long?> memoryPageLimit = OptionFactory.Single<long?>(
        "--memory-page-limit",
        "PAGES",
        "The most pages of 64 KiB that each memory may have.",
        text => Quantities.ParseCount("--memory-page-limit", text, 1L << 48, "a number of pages"));

    private readonly Option<long?> memoryLimit = OptionFactory.Single<long?>(
        "--memory-limit", "SIZE", "The most memory that the guest may have, such as 64MiB.", text => Quantities.ParseSize("--memory-limit", text));

    private readonly Option<int?> threads = OptionFactory.Single<int?>(
        "--threads",
        "COUNT",
        "The most threads that the guest may have at once besides the first. 64 unless given; 0 is none.",
        text => (int)Quantities.ParseCount("--threads", text, 10_000, "a number of threads"));

    private readonly Option<KeyValuePair<string, string>[]> modules = OptionFactory.Repeated(
        "--module",
        "NAME:FILE",
        "A module that provides the imports from NAME.",
        text => text.IndexOf(':', StringComparison.Ordinal) is var colon and > 0 && colon < text.Length - 1
            ? KeyValuePair.Create(text[..colon], text[(colon + 1)..])
            : throw new FormatException($"--module '{text}' is not NAME:FILE."));

    private readonly Option<BoundsChecks?> boundsChecks = OptionFactory.BoundsChecks();

    private readonly Option<bool> noCache = OptionFactory.Switch("--no-cache", "Neither use native code from the cache nor have the module compiled for it.");

    private readonly Option<bool> allowPrecompiled = OptionFactory.Switch(
        "--allow-precompiled", "Run a .cwasm that this user's Wherry did not make. It is native code and not sandboxed: only if you trust whoever made it.");

    private readonly Option<WasmFeatures?> features = OptionFactory.Single<WasmFeatures?>(
        "--features", "LIST", "Proposals that the module may use, such as wasm3 or simd,-threads.", text => FeatureList.Parse(text));

    private readonly Option<bool> verbose = OptionFactory.Switch("--verbose", "Tell what happens: compilation, times, memory.");

    private readonly WasmEdgeOptions wasmEdge = new();

    private readonly Argument<string> module = new("app.wasm [arguments…]")
    {
        Description = "The module. All that follows it goes to the guest.",
        Arity = ArgumentArity.ExactlyOne,
    };

    public RunCommandLine()
    {
        Command = new Command("run", "Runs a module. Options end at the module. WasmEdge's options are understood.")
        {
            publish, connect, network, listen, folders, environment, environmentFiles, reactor, invoke, modules,
            timeLimit, fuel, memoryLimit, memoryPageLimit, threads, boundsChecks, features, noCache, allowPrecompiled, verbose, module,
        };
        wasmEdge.AddTo(Command);
    }

    public Command Command { get; }

    /// <summary>One line for each option given that has no effect.</summary>
    public IEnumerable<string> Remarks(ParseResult result) => wasmEdge.Answers(result);

    public RunOptions Bind(ParseResult result, string[] guestArguments)
    {
        if (result.GetValue(invoke) is not null && result.GetValue(reactor))
        {
            throw CommandException.Usage("--invoke and --reactor exclude each other: with --reactor the first argument names the function.");
        }

        KeyValuePair<string, string>[] fromFiles = [.. (result.GetValue(environmentFiles) ?? []).SelectMany(file => file)];
        return new RunOptions
        {
            ModulePath = result.GetValue(module)!,
            GuestArguments = guestArguments,
            Folders = result.GetValue(folders) ?? [],
            Environment = [.. fromFiles, .. result.GetValue(environment) ?? []],
            PublishedPorts = result.GetValue(publish) ?? [],
            ConnectRules = result.GetValue(connect) ?? [],
            HasHostNetwork = result.GetValue(network) == "host",
            TcpListeners = result.GetValue(listen) ?? [],
            IsReactor = result.GetValue(reactor),
            Invoke = result.GetValue(invoke),
            TimeLimit = result.GetValue(timeLimit),
            Fuel = result.GetValue(fuel) ?? wasmEdge.GasLimit(result),
            Statistics = wasmEdge.Statistics(result),
            MemoryPageLimit = result.GetValue(memoryPageLimit),
            MemoryLimit = result.GetValue(memoryLimit),
            Threads = result.GetValue(threads),
            Modules = result.GetValue(modules) ?? [],
            BoundsChecks = result.GetValue(boundsChecks) ?? BoundsChecks.Guard,
            Features = wasmEdge.Apply(result, result.GetValue(features) ?? WasmFeatures.Default),
            UsesCache = !result.GetValue(noCache),
            AllowsPrecompiled = result.GetValue(allowPrecompiled),
            IsVerbose = result.GetValue(verbose),
        };
    }

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
