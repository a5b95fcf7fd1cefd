using System.CommandLine;
using System.Runtime.CompilerServices;

namespace Wherry.Cli.Options;

/// <summary>
/// WasmEdge's options that Wherry knows under another name, or has no use for. They are understood, so that a command line written for
/// WasmEdge works, and those without effect say so in one line. Help does not show them.
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

    private static readonly (string Name, Statistics Statistics)[] Measurements =
    [
        ("--enable-instruction-count", Options.Statistics.Instructions),
        ("--enable-gas-measuring", Options.Statistics.Fuel),
        ("--enable-time-measuring", Options.Statistics.Time),
        ("--enable-all-statistics", Options.Statistics.Instructions | Options.Statistics.Fuel | Options.Statistics.Time),
    ];

    private readonly RunOption gasLimit = RunOption.WithValue(
        "--gas-limit", name => OptionFactory.Single<long?>(name, "GAS", "The fuel.", text => Quantities.ParseCount(name, text, long.MaxValue, "an amount of gas")));

    /// <summary>What each option means, once one was met that is not Wherry's own.</summary>
    private List<Meaning>? meanings;

    /// <summary>Whether an option with a value was given.</summary>
    public bool HasValues
    {
        [MethodImpl(MethodImplOptions.NoInlining)]
        get => Given.Any(option => option.TakesValue);
    }

    /// <summary>Whether an option was met that is not Wherry's own. If not, the other members need not be asked, for which LINQ would be loaded.</summary>
    public bool AreMet => meanings is not null;

    /// <summary>The options that were given.</summary>
    public IEnumerable<RunOption> Given => GivenMeanings.Select(meaning => meaning.Option);

    /// <summary>One line for each option given that has no effect.</summary>
    public IEnumerable<string> Answers
    {
        [MethodImpl(MethodImplOptions.NoInlining)]
        get => GivenMeanings.Where(meaning => meaning.Answer is not null).Select(meaning => $"{meaning.Option.Name} has no effect: {meaning.Answer}");
    }

    /// <summary>What is to be told when the guest has ended.</summary>
    public Statistics Statistics
    {
        [MethodImpl(MethodImplOptions.NoInlining)]
        get => GivenMeanings.Aggregate(Options.Statistics.None, (all, meaning) => all | meaning.Statistics);
    }

    private IEnumerable<Meaning> GivenMeanings => meanings is null ? [] : meanings.Where(meaning => meaning.Option.IsGiven);

    /// <summary>The option of this name, or null.</summary>
    public RunOption? Find(string name) => (meanings ??= List()).Find(meaning => meaning.Option.IsCalled(name))?.Option;

    /// <summary>The fuel, in WasmEdge's word.</summary>
    public long? GasLimit(ParseResult values) => gasLimit.IsGiven ? values.GetValue((Option<long?>)gasLimit.Option) : null;

    /// <summary>The features after the options that switch them.</summary>
    [MethodImpl(MethodImplOptions.NoInlining)]
    public WasmFeatures Apply(WasmFeatures start) =>
        GivenMeanings.Aggregate(start, (features, meaning) => meaning.Features is { } change ? change(features) : features);

    private List<Meaning> List()
    {
        List<Meaning> list = [new(gasLimit)];
        foreach ((string name, Statistics statistics) in Measurements)
        {
            list.Add(new(Switch(name)) { Statistics = statistics });
        }

        foreach ((string name, string answer) in Switches)
        {
            list.Add(new(Switch(name)) { Answer = answer });
        }

        foreach ((string name, string answer) in Values)
        {
            list.Add(new(RunOption.WithValue(name, name => new Option<string[]>(name) { Arity = ArgumentArity.OneOrMore })) { Answer = answer });
        }

        foreach ((string name, WasmFeatures set) in Versions)
        {
            list.Add(new(Switch(name)) { Features = _ => set });
        }

        list.Add(new(Switch("--enable-all")) { Features = features => features | WasmFeatures.Default });
        foreach ((string name, WasmFeatures feature) in Proposals)
        {
            list.Add(new(Switch("--enable-" + name)) { Features = features => features | feature });
            list.Add(new(Switch("--disable-" + name)) { Features = features => features & ~feature });
        }

        return list;
    }

    private static RunOption Switch(string name) => RunOption.Switch(name, "");

    /// <summary>What an option does, beyond being understood.</summary>
    private sealed class Meaning(RunOption option)
    {
        public RunOption Option { get; } = option;

        /// <summary>Why it has no effect.</summary>
        public string? Answer { get; init; }

        public Statistics Statistics { get; init; }

        public Func<WasmFeatures, WasmFeatures>? Features { get; init; }
    }
}
