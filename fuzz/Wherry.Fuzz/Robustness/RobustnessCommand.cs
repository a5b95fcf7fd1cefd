using System.CommandLine;
using System.Globalization;
using System.Text.Json;
using Wherry.Fuzz.Running;

namespace Wherry.Fuzz.Robustness;

/// <summary><c>robustness</c>: damaged modules must give a module or one clear error each.</summary>
internal static class RobustnessCommand
{
    private const int Batch = 20_000;
    private const int PartSize = 500;
    private const double SlowestAllowed = 1000;
    private const long HungriestAllowed = 100_000_000;

    // Within a thread of the size that programs have: what nests deeply must not overflow it.
    private const int StackSize = 1 << 20;

    public static Command Create()
    {
        var seeds = new Argument<string[]>("SEEDS") { Description = "Files and folders with *.wasm, *.wat and *.wast.", Arity = ArgumentArity.OneOrMore };
        var inputs = new Option<int>("--inputs") { Description = "How many inputs to make.", DefaultValueFactory = _ => 10_000 };
        var seed = new Option<ulong>("--seed") { Description = "The same seed and seeds give the same inputs.", DefaultValueFactory = _ => 1 };
        var largest = new Option<int>("--largest") { Description = "Larger seeds, in bytes, are left out.", DefaultValueFactory = _ => 100_000 };
        var findings = new Option<string>("--findings") { Description = "The folder for inputs that must be looked at.", DefaultValueFactory = _ => "findings" };
        var only = new Option<int>("--only") { Description = "Run this one input, and write it to the folder for findings.", DefaultValueFactory = _ => -1 };
        var worker = new Option<string[]>(WorkerProcess.Option) { Arity = new ArgumentArity(3, 3), AllowMultipleArgumentsPerToken = true, Hidden = true };
        var command = new Command("robustness", "Damages modules and scripts in many ways: each must give a module or one clear error.") { seeds, inputs, seed, largest, findings, only, worker };
        command.SetAction(result =>
        {
            string[] paths = result.GetValue(seeds)!;
            int bound = result.GetValue(largest);
            ulong runSeed = result.GetValue(seed);
            string folder = Path.GetFullPath(result.GetValue(findings)!);
            int single = result.GetValue(only);
            if (result.GetValue(worker) is [string first, string count, string progress])
            {
                return OnStack(() => Work(paths, bound, runSeed, int.Parse(first, CultureInfo.InvariantCulture), int.Parse(count, CultureInfo.InvariantCulture), progress));
            }

            if (single >= 0)
            {
                return OnStack(() => RunOne(paths, bound, runSeed, single, folder));
            }

            return Supervise(paths, bound, runSeed, result.GetValue(inputs), folder);
        });
        return command;
    }

    private static int Supervise(string[] paths, int largest, ulong seed, int inputs, string folder)
    {
        var mutator = new InputMutator(SeedCollection.Collect(paths, largest));
        var statistics = new RobustnessStatistics();
        int problems = 0;
        void Report(int index, string problem)
        {
            problems++;
            Directory.CreateDirectory(folder);
            Seed input = mutator.Create(seed, index);
            string file = Path.Combine(folder, string.Create(CultureInfo.InvariantCulture, $"{seed}-{index}{Extension(input.Kind)}"));
            File.WriteAllBytes(file, input.Bytes);
            Console.WriteLine($"{file}, made from {input.Origin}: {problem}");
        }

        string[] arguments =
        [
            "robustness", .. paths, "--largest", largest.ToString(CultureInfo.InvariantCulture), "--seed", seed.ToString(CultureInfo.InvariantCulture),
        ];
        WorkerProcess.Run(
            arguments,
            0,
            inputs,
            Batch,
            static _ => [],
            TimeSpan.FromSeconds(60),
            line =>
            {
                if (line.StartsWith("P ", StringComparison.Ordinal))
                {
                    string[] parts = line.Split(' ', 3);
                    Report(int.Parse(parts[1], CultureInfo.InvariantCulture), JsonSerializer.Deserialize<string>(parts[2])!);
                }
                else
                {
                    statistics.Add(JsonSerializer.Deserialize<RobustnessStatistics>(line)!);
                }

                return true;
            },
            Report);
        statistics.Print(Console.Out);
        Console.WriteLine();
        Console.WriteLine($"{statistics.Inputs} inputs, {problems} problems");
        return problems == 0 ? 0 : 1;
    }

    private static int Work(string[] paths, int largest, ulong seed, int first, int count, string progressPath)
    {
        var mutator = new InputMutator(SeedCollection.Collect(paths, largest));
        using var progress = new ProgressFile(progressPath);
        using var runner = new InputRunner();
        var part = new RobustnessStatistics();
        for (int index = first; index < first + count; index++)
        {
            progress.Set(index);
            Seed input = mutator.Create(seed, index);
            InputResult result = RunFairly(runner, input);
            part.Add(new NotedInput(index, input.Origin, input.Kind, input.Bytes.Length, result.Outcome, result.Milliseconds, result.AllocatedBytes));
            if ((result.Problem ?? Excess(input, result)) is string problem)
            {
                Console.WriteLine(string.Create(CultureInfo.InvariantCulture, $"P {index} {JsonSerializer.Serialize(problem)}"));
            }

            if (part.Inputs == PartSize || index == first + count - 1)
            {
                Console.WriteLine(JsonSerializer.Serialize(part));
                part = new RobustnessStatistics();
            }
        }

        return 0;
    }

    /// <summary>Something slow is run again: the machine may have been busy, or the code not yet compiled.</summary>
    private static InputResult RunFairly(InputRunner runner, Seed input)
    {
        InputResult result = runner.Run(input);
        for (int i = 0; i < 4 && result.Milliseconds > 100; i++)
        {
            InputResult again = runner.Run(input);
            result = again.Milliseconds < result.Milliseconds ? again : result;
        }

        return result;
    }

    private static string? Excess(Seed input, InputResult result)
    {
        // Larger inputs may take more, in proportion.
        double scale = Math.Max(1, input.Bytes.Length / 100_000.0);
        return result.Milliseconds > SlowestAllowed * scale ? string.Create(CultureInfo.InvariantCulture, $"it takes {result.Milliseconds:F0} ms ({input.Bytes.Length} bytes)")
            : result.AllocatedBytes > HungriestAllowed * scale ? string.Create(CultureInfo.InvariantCulture, $"it takes {result.AllocatedBytes / 1e6:F0} MB ({input.Bytes.Length} bytes)")
            : null;
    }

    private static int RunOne(string[] paths, int largest, ulong seed, int index, string folder)
    {
        Seed input = new InputMutator(SeedCollection.Collect(paths, largest)).Create(seed, index);
        Directory.CreateDirectory(folder);
        string file = Path.Combine(folder, string.Create(CultureInfo.InvariantCulture, $"{seed}-{index}{Extension(input.Kind)}"));
        File.WriteAllBytes(file, input.Bytes);
        using var runner = new InputRunner();
        InputResult result = RunFairly(runner, input);
        Console.WriteLine(string.Create(CultureInfo.InvariantCulture, $"{file}: {result.Outcome}, {result.Milliseconds:F1} ms, {result.AllocatedBytes / 1e6:F1} MB"));
        Console.WriteLine(result.Problem ?? Excess(input, result) ?? "no problem");
        return 0;
    }

    private static int OnStack(Func<int> action)
    {
        int code = 0;
        var thread = new Thread(() => code = action(), StackSize);
        thread.Start();
        thread.Join();
        return code;
    }

    private static string Extension(InputKind kind) => kind switch
    {
        InputKind.Binary => ".wasm",
        InputKind.Text => ".wat",
        _ => ".wast",
    };
}
