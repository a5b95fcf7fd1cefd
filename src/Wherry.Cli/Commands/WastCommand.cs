using System.CommandLine;
using System.Globalization;
using System.Text.Json;
using Wherry.Cli.Options;
using Wherry.Cli.Output;
using Wherry.Text.Scripts;

namespace Wherry.Cli.Commands;

/// <summary><c>wherry wast</c>: runs test scripts, such as the official suite.</summary>
internal static class WastCommand
{
    private const int ShownFailures = 20;

    public static Command Create()
    {
        var paths = new Argument<string[]>("file-or-folder") { Description = "Scripts, or folders with scripts.", Arity = ArgumentArity.OneOrMore };
        Option<BoundsChecks?> boundsChecks = OptionFactory.BoundsChecks();
        var features = OptionFactory.Single<WasmFeatures?>(
            "--features", "LIST", "Proposals that are on for all scripts, such as wasm3 or simd,-threads. Without it each part of the official suite has its own.", text => FeatureList.Parse(text));
        var aheadOfTime = OptionFactory.Switch("--aot", "Compile each module ahead of time, by crossgen2. That takes its time.");
        var fuel = OptionFactory.Switch("--fuel", "Count instructions, without a limit.");
        var asJson = OptionFactory.Switch("--json", "Write JSON instead of lines and a table.");
        var command = new Command("wast", "Runs test scripts (.wast): exit code 0 if every assertion holds.") { paths, boundsChecks, features, aheadOfTime, fuel, asJson };
        command.SetAction(result => Run(result.GetValue(paths)!, result.GetValue(boundsChecks) ?? BoundsChecks.Guard, result.GetValue(features), result.GetValue(aheadOfTime), result.GetValue(fuel), result.GetValue(asJson)));
        return command;
    }

    private static int Run(string[] paths, BoundsChecks boundsChecks, WasmFeatures? features, bool isAheadOfTime, bool fuel, bool asJson)
    {
        string[] files;
        try
        {
            files = ScriptSuite.Find(paths);
        }
        catch (FileNotFoundException exception)
        {
            throw CommandException.Usage(exception.Message);
        }

        if (isAheadOfTime && !Precompiler.IsAvailable)
        {
            throw new CommandException(ExitCodes.CannotRun, "--aot needs crossgen2, which is not there: `wherry compile` gets it.");
        }

        var results = new List<ScriptResult>();
        foreach (string file in files)
        {
            var options = new EngineOptions
            {
                BoundsChecks = boundsChecks,
                Features = features ?? SuiteFeatures.OfPath(Path.GetFullPath(file)),
                CreateCode = isAheadOfTime ? Precompiler.CompileAndLoad : null,
                FuelCosts = fuel ? FuelCosts.Default : null,
            };
            ScriptResult result = ScriptRunner.Run(file, options);
            results.Add(result);
            if (!asJson)
            {
                Print(result);
            }
        }

        if (asJson)
        {
            WriteJson(results, boundsChecks);
        }
        else
        {
            PrintTable(results);
        }

        return results.Sum(result => result.Failed) == 0 ? ExitCodes.Success : ExitCodes.Failure;
    }

    private static void Print(ScriptResult result)
    {
        string file = Terminal.CleanName(result.File);
        Console.Out.WriteLine($"{(result.Failed == 0 ? "pass" : "FAIL")} {file}: {result.Passed} passed, {result.Failed} failed");
        foreach (ScriptFailure failure in result.Failures.Take(ShownFailures))
        {
            Console.Out.WriteLine($"  {file}:{failure.Line}: {Terminal.CleanName(failure.Directive)}\n    {Terminal.Clean(failure.Reason).Replace("\n", "\n    ", StringComparison.Ordinal)}");
        }

        if (result.Failed > ShownFailures)
        {
            Console.Out.WriteLine($"  and {result.Failed - ShownFailures} more; --json lists all");
        }
    }

    /// <summary>What came of each part of the suite, and the sums.</summary>
    private static void PrintTable(List<ScriptResult> results)
    {
        Console.Out.WriteLine();
        Console.Out.WriteLine(string.Create(CultureInfo.InvariantCulture, $"{"",-24}{"files",8}{"passed",10}{"failed",10}"));
        foreach (IGrouping<string, ScriptResult> group in results.GroupBy(result => result.Group).OrderBy(group => group.Key, StringComparer.Ordinal))
        {
            Console.Out.WriteLine(string.Create(
                CultureInfo.InvariantCulture, $"{Terminal.CleanName(group.Key),-24}{group.Count(),8}{group.Sum(result => result.Passed),10}{group.Sum(result => result.Failed),10}"));
        }

        Console.Out.WriteLine();
        Console.Out.WriteLine($"{results.Sum(result => result.Passed)} passed, {results.Sum(result => result.Failed)} failed");
    }

    private static void WriteJson(List<ScriptResult> results, BoundsChecks boundsChecks)
    {
        using Stream output = Console.OpenStandardOutput();
        using var json = new Utf8JsonWriter(output, new JsonWriterOptions { Indented = true });
        json.WriteStartObject();
        json.WriteString("boundsChecks", boundsChecks == BoundsChecks.Guard ? "guard" : "explicit");
        json.WriteNumber("passed", results.Sum(result => result.Passed));
        json.WriteNumber("failed", results.Sum(result => result.Failed));
        json.WriteStartArray("files");
        foreach (ScriptResult result in results)
        {
            json.WriteStartObject();
            json.WriteString("file", result.File);
            json.WriteString("group", result.Group);
            json.WriteNumber("assertions", result.Assertions);
            json.WriteNumber("passed", result.Passed);
            json.WriteNumber("failed", result.Failed);
            json.WriteStartArray("failures");
            foreach (ScriptFailure failure in result.Failures)
            {
                json.WriteStartObject();
                json.WriteNumber("line", failure.Line);
                json.WriteString("directive", failure.Directive);
                json.WriteString("reason", failure.Reason);
                json.WriteEndObject();
            }

            json.WriteEndArray();
            json.WriteEndObject();
        }

        json.WriteEndArray();
        json.WriteEndObject();
        json.Flush();
        output.Write("\n"u8);
    }
}
