using System.CommandLine;
using System.Globalization;
using System.Text.Json;
using Wherry.Fuzz.Running;

namespace Wherry.Fuzz.Differential;

/// <summary><c>differential</c>: random modules must do in Wherry what they do in V8.</summary>
internal static class DifferentialCommand
{
    private const int PartSize = 50;

    public static Command Create()
    {
        var modules = new Option<int>("--modules") { Description = "How many modules to make.", DefaultValueFactory = _ => 1000 };
        var first = new Option<int>("--first") { Description = "The number of the first.", DefaultValueFactory = _ => 0 };
        var seed = new Option<ulong>("--seed") { Description = "The same seed gives the same modules.", DefaultValueFactory = _ => 1 };
        var node = new Option<string>("--node") { Description = "The command of node, 26 or newer.", DefaultValueFactory = _ => "node" };
        var wasmTools = new Option<string?>("--wasm-tools") { Description = "The command of wasm-tools; without it, all modules are made by our own generator." };
        Option<string?> wasmtime = CompareCommand.CreateWasmtimeOption();
        var judged = new Option<int>("--judged") { Description = "Of how many modules Wasmtime judges one.", DefaultValueFactory = _ => 10 };
        var beyond = new Option<bool>("--beyond-v8") { Description = "All modules are made by our own generator, with what V8 lacks: wide arithmetic, pages of one byte. Wasmtime judges all of them." };
        var generated = new Option<int>("--generated") { Description = "How many of ten modules are made by our own generator.", DefaultValueFactory = _ => 7 };
        var findings = new Option<string>("--findings") { Description = "The folder for modules that must be looked at.", DefaultValueFactory = _ => "findings" };
        var enough = new Option<int>("--enough") { Description = "In how many modules each instruction should be executed.", DefaultValueFactory = _ => 100 };
        var resume = new Option<string?>("--resume") { Description = "A file in which the run is noted: the same command goes on where it was, if it was stopped." };
        var stop = new Option<bool>("--stop") { Description = "Stop at the first difference." };
        var worker = new Option<string[]>(WorkerProcess.Option) { Arity = new ArgumentArity(3, 3), AllowMultipleArgumentsPerToken = true, Hidden = true };
        var command = new Command("differential", "Runs random modules in Wherry and in V8 and compares all that can be seen of them.")
        {
            modules, first, seed, node, wasmTools, wasmtime, judged, beyond, generated, findings, enough, resume, stop, worker,
        };
        command.SetAction(result =>
        {
            var settings = new Settings(
                result.GetValue(seed),
                result.GetValue(node)!,
                result.GetValue(wasmTools),
                result.GetValue(wasmtime),
                result.GetValue(judged),
                result.GetValue(beyond),
                result.GetValue(generated),
                Path.GetFullPath(result.GetValue(findings)!),
                result.GetValue(stop));
            if (result.GetValue(worker) is [string from, string count, string progress])
            {
                return Work(settings, int.Parse(from, CultureInfo.InvariantCulture), int.Parse(count, CultureInfo.InvariantCulture), progress);
            }

            return Supervise(settings, result.GetValue(first), result.GetValue(modules), result.GetValue(enough), result.GetValue(resume));
        });
        return command;
    }

    private static int Supervise(Settings settings, int first, int modules, int enough, string? resume)
    {
        string run = settings.Describe(first, modules);
        RunState state;
        try
        {
            state = RunState.Load(resume, run) ?? new RunState { Run = run, Next = first };
        }
        catch (InvalidDataException error)
        {
            Console.Error.WriteLine($"{error.Message} Remove it, or name another.");
            return 1;
        }

        DifferentialStatistics statistics = state.Statistics;
        if (state.Next > first)
        {
            Console.WriteLine(string.Create(CultureInfo.InvariantCulture, $"going on from module {state.Next}, with {statistics.Differences} differences so far"));
        }

        void Report(int index, string difference)
        {
            statistics.Differences++;
            using ModuleMaker maker = settings.CreateMaker();
            Directory.CreateDirectory(settings.Findings);
            string file = Path.Combine(settings.Findings, string.Create(CultureInfo.InvariantCulture, $"{settings.Seed}-{index}.wasm"));
            if (maker.Create(index, out Source source) is byte[] bytes)
            {
                File.WriteAllBytes(file, bytes);
            }

            Console.WriteLine($"{file} ({source}{(JitProfile.IsUsed(index) ? ", with the JIT's profile" : "")}): {difference}");
        }

        string[] arguments =
        [
            "differential", "--seed", settings.Seed.ToString(CultureInfo.InvariantCulture), "--node", settings.Node,
            .. settings.WasmTools is null ? (string[])[] : ["--wasm-tools", settings.WasmTools],
            .. settings.Wasmtime is null ? (string[])[] : ["--wasmtime", settings.Wasmtime],
            .. settings.IsBeyondV8 ? (string[])["--beyond-v8"] : [],
            "--judged", settings.Judged.ToString(CultureInfo.InvariantCulture),
            "--generated", settings.GeneratedOfTen.ToString(CultureInfo.InvariantCulture),
        ];
        WorkerProcess.Run(
            arguments,
            state.Next,
            first + modules - state.Next,
            JitProfile.ModulesInTurn,
            JitProfile.GetEnvironment,
            TimeSpan.FromMinutes(3),
            line =>
            {
                if (line.StartsWith("D ", StringComparison.Ordinal))
                {
                    string[] parts = line.Split(' ', 3);
                    Report(int.Parse(parts[1], CultureInfo.InvariantCulture), JsonSerializer.Deserialize<string>(parts[2])!);
                    return !settings.StopsAtFirst;
                }

                Part part = JsonSerializer.Deserialize<Part>(line)!;
                statistics.Add(part.Statistics);
                (state with { Next = part.Next }).Save(resume);
                return true;
            },
            Report);
        statistics.Print(Console.Out, enough);
        return statistics.Differences == 0 ? 0 : 1;
    }

    private static int Work(Settings settings, int first, int count, string progressPath)
    {
        using var progress = new ProgressFile(progressPath);
        using ModuleMaker maker = settings.CreateMaker();
        using var comparison = new Comparison(new ExternalTool(settings.Node), ExternalTool.OrNone(settings.Wasmtime), settings.Judged);
        var part = new DifferentialStatistics();
        for (int index = first; index < first + count; index++)
        {
            progress.Set(index);
            if (maker.Create(index, out Source source) is not byte[] bytes)
            {
                DifferentialStatistics.Count(part.NotCompared, $"{source} made nothing of the seed");
            }
            else
            {
                _ = settings.IsBeyondV8
                    ? comparison.RunBeyondV8(bytes, index, part, out string? difference)
                    : comparison.Run(bytes, index, source.ToString(), part, out difference) is not null;
                if (difference is not null)
                {
                    Console.WriteLine(string.Create(CultureInfo.InvariantCulture, $"D {index} {JsonSerializer.Serialize(difference)}"));
                }
            }

            if ((index - first) % PartSize == PartSize - 1 || index == first + count - 1)
            {
                Console.WriteLine(JsonSerializer.Serialize(new Part(index + 1, part)));
                part = new DifferentialStatistics();
            }
        }

        return 0;
    }

    /// <summary>What a worker has seen, up to a module.</summary>
    private sealed record Part(int Next, DifferentialStatistics Statistics);

    private sealed record Settings(ulong Seed, string Node, string? WasmTools, string? Wasmtime, int Judged, bool IsBeyondV8, int GeneratedOfTen, string Findings, bool StopsAtFirst)
    {
        /// <summary>What makes a run the same run.</summary>
        public string Describe(int first, int modules) =>
            string.Create(CultureInfo.InvariantCulture, $"seed {Seed}, {modules} modules from {first}, {GeneratedOfTen} of ten generated, {(WasmTools is null ? "without" : "with")} wasm-tools{(IsBeyondV8 ? ", beyond V8" : "")}");

        public ModuleMaker CreateMaker() => new(Seed, ExternalTool.OrNone(WasmTools), GeneratedOfTen, IsBeyondV8);
    }
}
