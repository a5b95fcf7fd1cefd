using System.CommandLine;

namespace Wherry.Cli.Options;

/// <summary>
/// WasmEdge's options that Wherry knows under another name, or has no use for. They are understood, so that a command line written for
/// WasmEdge works, and those without effect say so in one line.
/// </summary>
internal sealed class WasmEdgeOptions
{
    private static readonly (string Name, string Answer)[] Switches =
    [
        ("--enable-jit", "guests are always compiled."),
        ("--enable-coredump", "a trap shows the guest's call stack instead of writing a core dump."),
        ("--coredump-for-wasmgdb", "a trap shows the guest's call stack instead of writing a core dump."),
        ("--force-interpreter", "there is no interpreter, guests are always compiled."),
        ("--allow-af-unix", "there are no Unix domain sockets for guests."),
        ("--enable-component", "components are not supported yet."),
    ];

    private static readonly (string Name, string Answer)[] Values =
    [
        ("--run-mode", "there is one mode, guests are always compiled."),
        ("--forbidden-plugin", "there are no plugins."),
        ("--log-level", "--verbose is the only other level."),
    ];

    private static readonly (string Name, WasmFeatures Feature)[] Proposals =
    [
        ("import-export-mut-globals", WasmFeatures.MutableGlobals),
        ("non-trap-float-to-int", WasmFeatures.SaturatingFloatToInt),
        ("sign-extension-operators", WasmFeatures.SignExtension),
        ("multi-value", WasmFeatures.MultiValue),
        ("bulk-memory", WasmFeatures.BulkMemory),
        ("reference-types", WasmFeatures.ReferenceTypes),
        ("simd", WasmFeatures.Simd),
        ("tail-call", WasmFeatures.TailCalls),
        ("extended-const", WasmFeatures.ExtendedConstants),
        ("function-reference", WasmFeatures.FunctionReferences),
        ("gc", WasmFeatures.GarbageCollection),
        ("multi-memory", WasmFeatures.MultiMemory),
        ("relaxed-simd", WasmFeatures.RelaxedSimd),
        ("exception-handling", WasmFeatures.ExceptionHandling),
        ("memory64", WasmFeatures.Memory64),
        ("threads", WasmFeatures.Threads),
    ];

    private static readonly (string Name, WasmFeatures Features)[] Versions =
    [
        ("--wasm-1", WasmFeatures.MutableGlobals), ("--wasm-2", WasmFeatures.Wasm2), ("--wasm-3", WasmFeatures.Wasm3),
    ];

    private readonly Option<bool> instructionCount = Statistic("--enable-instruction-count");
    private readonly Option<bool> gasMeasuring = Statistic("--enable-gas-measuring");
    private readonly Option<bool> timeMeasuring = Statistic("--enable-time-measuring");
    private readonly Option<bool> allStatistics = Statistic("--enable-all-statistics");
    private readonly Option<long?> gasLimit = new("--gas-limit")
    {
        Arity = ArgumentArity.ExactlyOne,
        Hidden = true,
        CustomParser = result =>
        {
            try
            {
                return Quantities.ParseCount("--gas-limit", result.Tokens[0].Value, long.MaxValue, "an amount of gas");
            }
            catch (FormatException exception)
            {
                result.AddError(exception.Message);
                return null;
            }
        },
    };

    private readonly List<(Option Option, string Answer)> ignored = [];
    private readonly List<(Option Option, Func<WasmFeatures, WasmFeatures> Change)> features = [];

    /// <summary>Adds all of them to the command, hidden from its help.</summary>
    public void AddTo(Command command)
    {
        foreach (Option option in (Option[])[instructionCount, gasMeasuring, timeMeasuring, allStatistics, gasLimit])
        {
            command.Options.Add(option);
        }

        foreach ((string name, string answer) in Switches)
        {
            ignored.Add((Add(command, new Option<bool>(name) { Arity = ArgumentArity.Zero, Hidden = true }), answer));
        }

        foreach ((string name, string answer) in Values)
        {
            ignored.Add((Add(command, new Option<string[]>(name) { Arity = ArgumentArity.OneOrMore, Hidden = true }), answer));
        }

        foreach ((string name, WasmFeatures set) in Versions)
        {
            features.Add((AddSwitch(command, name), _ => set));
        }

        features.Add((AddSwitch(command, "--enable-all"), current => current | WasmFeatures.Default));
        foreach ((string name, WasmFeatures feature) in Proposals)
        {
            features.Add((AddSwitch(command, "--enable-" + name), current => current | feature));
            features.Add((AddSwitch(command, "--disable-" + name), current => current & ~feature));
        }
    }

    /// <summary>One line for each option given that has no effect.</summary>
    public IEnumerable<string> Answers(ParseResult result) =>
        ignored.Where(row => IsGiven(result, row.Option)).Select(row => $"{row.Option.Name} has no effect: {row.Answer}");

    /// <summary>What is to be told when the guest has ended.</summary>
    public Statistics Statistics(ParseResult result)
    {
        bool all = result.GetValue(allStatistics);
        return (all || result.GetValue(instructionCount) ? Options.Statistics.Instructions : Options.Statistics.None)
            | (all || result.GetValue(gasMeasuring) ? Options.Statistics.Fuel : Options.Statistics.None)
            | (all || result.GetValue(timeMeasuring) ? Options.Statistics.Time : Options.Statistics.None);
    }

    /// <summary>The fuel, in WasmEdge's word.</summary>
    public long? GasLimit(ParseResult result) => result.GetValue(gasLimit);

    /// <summary>The features after the options that switch them.</summary>
    public WasmFeatures Apply(ParseResult result, WasmFeatures start)
    {
        foreach ((Option option, Func<WasmFeatures, WasmFeatures> change) in features)
        {
            if (IsGiven(result, option))
            {
                start = change(start);
            }
        }

        return start;
    }

    private static Option<bool> Statistic(string name) => new(name) { Arity = ArgumentArity.Zero, Hidden = true };

    private static bool IsGiven(ParseResult result, Option option) => result.GetResult(option) is { Implicit: false };

    private static Option<bool> AddSwitch(Command command, string name) => Add(command, new Option<bool>(name) { Arity = ArgumentArity.Zero, Hidden = true });

    private static T Add<T>(Command command, T option)
        where T : Option
    {
        command.Options.Add(option);
        return option;
    }
}
