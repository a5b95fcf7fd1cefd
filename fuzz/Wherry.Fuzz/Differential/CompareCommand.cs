using System.CommandLine;
using System.Diagnostics;
using System.Globalization;
using Wherry.Fuzz.Generation;

namespace Wherry.Fuzz.Differential;

/// <summary><c>compare</c>: one module, shown line by line.</summary>
internal static class CompareCommand
{
    public static Option<string?> CreateWasmtimeOption() => new("--wasmtime") { Description = "The command of Wasmtime, to be asked as well." };

    public static Command Create()
    {
        var file = new Argument<string>("MODULE") { Description = "A module, *.wasm or *.wat." };
        var node = new Option<string>("--node") { Description = "The command of node, 26 or newer.", DefaultValueFactory = _ => "node" };
        var number = new Option<int>("--number") { Description = "The number of the module in its run, from which arguments follow.", DefaultValueFactory = _ => 0 };
        Option<string?> wasmtime = CreateWasmtimeOption();
        var all = new Option<bool>("--all-ways") { Description = "Run it in every way that there is, not only in those of its number." };
        var quiet = new Option<bool>("--quiet") { Description = "Print nothing; the exit code is 0 if there is a difference. So it can guide a shrinking tool." };
        var command = new Command("compare", "Runs one module in Wherry and in V8.") { file, node, number, wasmtime, all, quiet };
        command.SetAction(result =>
        {
            string path = result.GetValue(file)!;
            byte[] bytes = File.ReadAllBytes(path);
            if (Path.GetExtension(path) == ".wat")
            {
                bytes = WatConverter.ToBinary(bytes, path);
            }

            using var comparison = new Comparison(new ExternalTool(result.GetValue(node)!), ExternalTool.OrNone(result.GetValue(wasmtime)));
            var statistics = new DifferentialStatistics();
            Comparison.Case? done = comparison.Run(bytes, result.GetValue(number), "module", statistics, out string? difference);
            if (result.GetValue(quiet))
            {
                return difference is null ? 1 : 0;
            }

            using var runner = new EngineRunner(ExecutionWay.Guard);
            List<string>? ours = done is null ? null : runner.Run(bytes, done.Plan);
            foreach ((string line, int i) in (done?.Expected ?? []).Select((line, i) => (line, i)))
            {
                string arguments = i < done!.Plan.Calls.Length ? $"   ({string.Join(' ', done.Plan.Calls[i].Arguments)})" : "";
                Console.WriteLine($"{line}{arguments}{(i < ours?.Count && ours[i] != line ? $"   but ours {ours[i]}" : "")}");
            }

            if (result.GetValue(all) && done is not null)
            {
                Module module = Module.Load(comparison.Engine, bytes);
                foreach (ExecutionWay way in ExecutionWays.All.Where(way => ExecutionWays.CanRun(way, module)))
                {
                    string? found = comparison.RunIn(way, bytes, done.Plan, done.Expected, statistics);
                    Console.WriteLine($"{way}: {found ?? "no difference"}");
                    difference ??= found;
                }
            }

            Console.WriteLine(difference ?? (done is null ? "not comparable" : "no difference"));
            return difference is null ? 0 : 1;
        });
        return command;
    }

    /// <summary><c>shrink</c>: makes a module that shows a difference smaller.</summary>
    public static Command CreateShrink()
    {
        var file = new Argument<string>("MODULE") { Description = "A module, *.wasm." };
        var output = new Argument<string>("OUTPUT") { Description = "The smaller one, as text." };
        var node = new Option<string>("--node") { Description = "The command of node, 26 or newer.", DefaultValueFactory = _ => "node" };
        var number = new Option<int>("--number") { Description = "The number of the module in its run, from which arguments follow.", DefaultValueFactory = _ => 0 };
        var command = new Command("shrink", "Makes a module smaller that does not do the same in Wherry and V8.") { file, output, node, number };
        command.SetAction(result =>
        {
            int index = result.GetValue(number);
            byte[] bytes = File.ReadAllBytes(result.GetValue(file)!);
            string oracle = result.GetValue(node)!;
            using var comparison = new Comparison(new ExternalTool(oracle));
            string Kind(byte[] module)
            {
                _ = comparison.Run(module, index, "module", new DifferentialStatistics(), out string? difference);
                return difference is null ? "" : difference.Contains("error ", StringComparison.Ordinal) ? "error" : difference.Contains("trap", StringComparison.Ordinal) ? "trap" : "value";
            }

            string kind = EndsProcess(bytes, index, oracle) ? "death" : Kind(bytes);
            if (kind.Length == 0)
            {
                Console.WriteLine("no difference");
                return 1;
            }

            // The end of the process is seen from another process.
            bool StillFails(byte[] candidate) => kind == "death" ? EndsProcess(candidate, index, oracle) : Kind(candidate) == kind;
            byte[] small = new Shrinker(comparison.Engine, StillFails).Shrink(bytes);
            File.WriteAllText(result.GetValue(output)!, WatConverter.ToText(small));
            string? last = "the process ends";
            if (kind != "death")
            {
                _ = comparison.Run(small, index, "module", new DifferentialStatistics(), out last);
            }

            Console.WriteLine($"{bytes.Length} bytes, now {small.Length}: {last}");
            return 0;
        });
        return command;
    }

    /// <summary>Whether a process that compares the module is ended by a signal.</summary>
    private static bool EndsProcess(byte[] module, int index, string node)
    {
        string file = Path.Combine(Path.GetTempPath(), $"wherry-shrink-{Environment.ProcessId}.wasm");
        File.WriteAllBytes(file, module);
        var start = new ProcessStartInfo(Environment.ProcessPath!) { RedirectStandardOutput = true, RedirectStandardError = true };
        foreach (string argument in (string[])["compare", file, "--quiet", "--number", index.ToString(CultureInfo.InvariantCulture), "--node", node])
        {
            start.ArgumentList.Add(argument);
        }

        using var process = Process.Start(start)!;
        _ = process.StandardError.ReadToEndAsync();
        _ = process.StandardOutput.ReadToEnd();
        process.WaitForExit();
        File.Delete(file);
        return process.ExitCode > 128;
    }

    /// <summary><c>generate</c>: writes one module of our own generator.</summary>
    public static Command CreateGenerate()
    {
        var output = new Argument<string>("MODULE") { Description = "The file to write." };
        var seed = new Option<ulong>("--seed") { DefaultValueFactory = _ => 1 };
        var plain = new Option<bool>("--plain") { Description = "Nothing beyond WebAssembly 2.0." };
        var beyond = new Option<bool>("--beyond") { Description = "With wide arithmetic and pages of one byte." };
        var command = new Command("generate", "Writes a random module.") { output, seed, plain, beyond };
        command.SetAction(result => File.WriteAllBytes(result.GetValue(output)!, ModuleGenerator.Generate(result.GetValue(seed), result.GetValue(plain), result.GetValue(beyond))));
        return command;
    }
}
