using System.Diagnostics;
using System.Globalization;

namespace Wherry.Bench;

/// <summary>
/// What WebAssembly gained since its first version, beside V8's optimizing compiler: vectors as whole programs, and small loops over the collector's heap, exceptions,
/// tail calls, calls through references, atomic accesses. Each process times the calls of an export by itself, so that start-up does not count.
/// </summary>
internal static class GainsBenchmark
{
    /// <summary>The first argument of the process that measures this engine.</summary>
    public const string Child = "gains-child";

    private static readonly TimeSpan Limit = TimeSpan.FromMinutes(3);

    // Each takes about 0.1 s on V8.
    private static readonly (string File, (string Export, int Count)[] Programs)[] Modules =
    [
        ("heap", [
            ("trees", 200), ("struct_new", 10_000_000), ("array_new", 2_000_000), ("array_new_fixed", 5_000_000), ("list_walk", 2_000), ("array_sieve", 2_000),
            ("array_references", 20_000), ("fields", 20_000_000), ("br_on_cast", 20_000), ("ref_cast", 20_000_000), ("i31", 50_000),
        ]),
        ("throws", [
            ("throw_same", 1_000_000), ("throw_1", 50_000), ("throw_5", 50_000), ("throw_ref", 50_000), ("throw_indirect", 50_000), ("no_throw", 50_000_000),
        ]),
        ("throws-legacy", [("legacy_same", 1_000_000), ("legacy_1", 50_000), ("legacy_5", 50_000), ("legacy_rethrow", 50_000)]),
        ("tails", [
            ("tail_self", 100_000_000), ("tail_mutual", 50_000_000), ("tail_indirect", 20_000_000), ("tail_ref", 20_000_000), ("tail_many", 10_000_000), ("tail_more", 20_000_000),
        ]),
        ("calls", [
            ("call", 50_000_000), ("call_indirect_1", 50_000_000), ("call_indirect_8", 50_000_000), ("call_indirect_open", 50_000_000), ("call_ref_1", 50_000_000), ("call_ref_8", 50_000_000),
        ]),
        ("atomics", [
            ("atomic_load", 100_000_000), ("atomic_store", 20_000_000), ("atomic_add", 20_000_000), ("atomic_add_dropped", 20_000_000), ("atomic_add8", 20_000_000),
            ("atomic_xor", 10_000_000), ("atomic_exchange", 20_000_000), ("atomic_cmpxchg", 20_000_000), ("atomic_spinlock", 10_000_000),
        ]),
    ];

    private const string NodeScript =
        """
        import { readFileSync } from 'node:fs';
        const [, , file, repetitions, ...programs] = process.argv;
        const module = new WebAssembly.Module(readFileSync(file));
        for (let i = 0; i < programs.length; i += 2) {
            const run = new WebAssembly.Instance(module, {}).exports[programs[i]], count = +programs[i + 1];
            for (let repetition = 0; repetition < repetitions; repetition++) {
                const start = performance.now(), result = run(count);
                console.log(programs[i], (performance.now() - start) * 1e6 / count, result);
            }
        }
        """;

    public static int Run(Settings settings)
    {
        string[]? only = settings.Optional("only")?.Split(',');
        int rounds = settings.Number("rounds", 3), repetitions = settings.Number("repetitions", 7);
        string script = Path.Combine(settings.Cache, "gains.mjs");
        File.WriteAllText(script, NodeScript);
        string[]? node = settings.Peer("node");
        Console.WriteLine($"nanoseconds per round of each loop: medians of {rounds} processes, each the median of {repetitions} calls; × is the time of wherry through that of node");
        Console.WriteLine($"{"program",-22}{"wherry",12}{"node",12}{"",9}");
        var ratios = new List<double>();
        foreach ((string file, (string Export, int Count)[] all) in Modules)
        {
            (string Export, int Count)[] programs = [.. all.Where(program => only?.Any(name => program.Export.StartsWith(name, StringComparison.Ordinal)) ?? true)];
            if (programs.Length == 0)
            {
                continue;
            }

            string module = Path.Combine(settings.Cache, file + ".wasm");
            if (!MeasuredProcess.Run([.. settings.Wherry, "wat2wasm", Path.Combine(settings.Root, "bench", "gains", file + ".wat"), "-o", module], Limit).Succeeded)
            {
                Console.Error.WriteLine($"{file}.wat can't be translated.");
                return 1;
            }

            string[] arguments = [module, $"{repetitions}", .. programs.SelectMany(program => new[] { program.Export, $"{program.Count}" })];
            var ours = new List<Dictionary<string, Sample>>();
            var theirs = new List<Dictionary<string, Sample>>();
            for (int round = 0; round < rounds; round++)
            {
                ours.Add(Measure(["dotnet", typeof(GainsBenchmark).Assembly.Location, Child, .. arguments]));
                if (node is not null)
                {
                    theirs.Add(Measure([.. node, "--no-warnings", "--no-liftoff", "--no-wasm-tier-up", script, .. arguments]));
                }
            }

            foreach ((string export, _) in programs)
            {
                Print(export, ours, theirs, ratios);
            }
        }

        if (ratios.Count > 0)
        {
            Console.WriteLine(string.Create(CultureInfo.InvariantCulture, $"{"geomean",-22}{"",24}{$"×{Statistics.GeometricMean(ratios):0.00}",9}"));
        }

        return only is null ? ComputeBenchmark.RunVectors(settings) : 0;
    }

    /// <summary>Times the calls of this engine: FILE REPETITIONS (EXPORT COUNT)…</summary>
    public static int RunChild(ReadOnlySpan<string> arguments)
    {
        var engine = new Engine(new EngineOptions());
        Module module = Module.LoadFile(engine, arguments[0]);
        int repetitions = int.Parse(arguments[1], CultureInfo.InvariantCulture);
        for (int i = 2; i + 1 < arguments.Length; i += 2)
        {
            using var store = new Store(engine);
            var run = new Linker(engine).Instantiate(store, module).GetFunction(arguments[i])!;
            int count = int.Parse(arguments[i + 1], CultureInfo.InvariantCulture);
            for (int repetition = 0; repetition < repetitions; repetition++)
            {
                long start = Stopwatch.GetTimestamp();
                object? result = run.Invoke(count)[0];
                double elapsed = Stopwatch.GetElapsedTime(start).TotalNanoseconds / count;
                Console.WriteLine(string.Create(CultureInfo.InvariantCulture, $"{arguments[i]} {elapsed} {result}"));
            }
        }

        return 0;
    }

    private static void Print(string export, List<Dictionary<string, Sample>> ours, List<Dictionary<string, Sample>> theirs, List<double> ratios)
    {
        Sample own = Combine(ours, export), other = Combine(theirs, export);
        string cell = "";
        if (theirs.Count > 0)
        {
            if (own.Result != other.Result)
            {
                cell = $"  results differ: {own.Result}, {other.Result}";
            }
            else
            {
                double ratio = own.Nanoseconds / other.Nanoseconds;
                ratios.Add(ratio);
                cell = string.Create(CultureInfo.InvariantCulture, $"{$"×{ratio:0.00}",9}");
            }
        }

        Console.WriteLine(string.Create(CultureInfo.InvariantCulture, $"{export,-22}{own.Nanoseconds,12:0.00}{other.Nanoseconds,12:0.00}") + cell);
    }

    private static Sample Combine(List<Dictionary<string, Sample>> rounds, string export)
    {
        Sample[] samples = [.. rounds.Select(round => round.GetValueOrDefault(export, new Sample(double.NaN, "nothing")))];
        string[] results = [.. samples.Select(sample => sample.Result).Distinct()];
        return new Sample(Statistics.Median(samples.Select(sample => sample.Nanoseconds)), string.Join(" or ", results));
    }

    /// <summary>Runs a process that prints lines of a program's name, nanoseconds and result.</summary>
    private static Dictionary<string, Sample> Measure(IReadOnlyList<string> command)
    {
        Measurement run = MeasuredProcess.Run(command, Limit);
        if (!run.Succeeded)
        {
            Console.Error.WriteLine($"failed: {string.Join(' ', command)}");
        }

        return run.Output.Split('\n', StringSplitOptions.RemoveEmptyEntries).Select(line => line.Split(' ')).GroupBy(words => words[0]).ToDictionary(
            lines => lines.Key,
            lines => new Sample(
                Statistics.Median(lines.Select(words => double.Parse(words[1], CultureInfo.InvariantCulture))),
                string.Join(" or ", lines.Select(words => words[2]).Distinct())));
    }

    private readonly record struct Sample(double Nanoseconds, string Result);
}
