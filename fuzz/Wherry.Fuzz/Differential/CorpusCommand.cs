using System.CommandLine;

namespace Wherry.Fuzz.Differential;

/// <summary><c>record</c> makes the corpus that the tests run, <c>replay</c> runs one.</summary>
internal static class CorpusCommand
{
    // Now and then a mutated one has megabytes of data.
    private const int MaximumSize = 64 << 10;

    public static Command CreateRecord()
    {
        var file = new Argument<string>("CORPUS") { Description = "The file to write." };
        var modules = new Option<int>("--modules") { Description = "How many modules to keep.", DefaultValueFactory = _ => 1000 };
        var seed = new Option<ulong>("--seed") { Description = "The same seed gives the same modules.", DefaultValueFactory = _ => 1 };
        var node = new Option<string>("--node") { Description = "The command of node, 26 or newer.", DefaultValueFactory = _ => "node" };
        var wasmTools = new Option<string?>("--wasm-tools") { Description = "The command of wasm-tools; without it, all modules are made by our own generator." };
        var command = new Command("record", "Writes random modules with what V8 makes of them.") { file, modules, seed, node, wasmTools };
        command.SetAction(result =>
        {
            using var maker = new ModuleMaker(result.GetValue(seed), result.GetValue(wasmTools) is string tool ? new ExternalTool(tool) : null, 8);
            using var comparison = new Comparison(new ExternalTool(result.GetValue(node)!));
            var statistics = new DifferentialStatistics();
            List<Corpus.Entry> entries = [];
            int differences = 0;
            for (int index = 0; entries.Count < result.GetValue(modules); index++)
            {
                if (maker.Create(index, out Source source) is { Length: <= MaximumSize } bytes
                    && comparison.Run(bytes, index, source.ToString(), statistics, out string? difference) is { } done)
                {
                    if (difference is not null)
                    {
                        Console.WriteLine($"{index}: {difference}");
                        differences++;
                    }

                    entries.Add(new Corpus.Entry(bytes, done.Plan, done.Expected));
                }
            }

            Corpus.Write(result.GetValue(file)!, entries);
            statistics.Differences = differences;
            statistics.Print(Console.Out, 1);
            return 0;
        });
        return command;
    }

    public static Command CreateReplay()
    {
        var file = new Argument<string>("CORPUS") { Description = "A file that record has written." };
        var stop = new Option<bool>("--stop") { Description = "Stop at the first difference." };
        var command = new Command("replay", "Runs recorded modules, with guard pages, with explicit checks, and in a further way each.") { file, stop };
        command.SetAction(result =>
        {
            int count = 0;
            int differences = 0;
            foreach (string? difference in Replay(result.GetValue(file)!))
            {
                count++;
                if (difference is not null)
                {
                    Console.WriteLine($"module {count - 1}: {difference}");
                    differences++;
                    if (result.GetValue(stop))
                    {
                        break;
                    }
                }
            }

            Console.WriteLine($"{count} modules, {differences} differences");
            return differences == 0 ? 0 : 1;
        });
        return command;
    }

    /// <summary>For each module what differs, or null: with guard pages, with explicit checks, and in a further way each.</summary>
    public static IEnumerable<string?> Replay(string path)
    {
        ExecutionWay[] further = [.. ExecutionWays.All.Where(way => way > ExecutionWay.Explicit && way < ExecutionWay.AheadOfTime)];
        EngineRunner[] runners = [.. ExecutionWays.All.Where(way => way < ExecutionWay.AheadOfTime).Select(way => new EngineRunner(way))];
        int index = 0;
        foreach (Corpus.Entry entry in Corpus.Read(path))
        {
            string? Run(ExecutionWay way) => Comparison.Difference(runners[(int)way].Run(entry.Module, entry.Plan) ?? ["a limit was reached"], entry.Expected, way.ToString());
            ExecutionWay picked = further[index++ % further.Length];
            yield return Run(ExecutionWay.Guard) ?? Run(ExecutionWay.Explicit)
                ?? (ExecutionWays.CanRun(picked, Module.Load(runners[0].Engine, entry.Module)) ? Run(picked) : null);
        }

        Array.ForEach(runners, runner => runner.Dispose());
    }
}
