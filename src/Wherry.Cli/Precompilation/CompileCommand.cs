using System.CommandLine;
using System.Diagnostics;
using Wherry.Aot;
using Wherry.Cli.Options;
using Wherry.Cli.Output;

namespace Wherry.Cli.Precompilation;

/// <summary><c>wherry compile</c>: compiles a module ahead of time.</summary>
internal static class CompileCommand
{
    /// <summary>Makes the command fill the cache in place of writing a file: what `wherry run` starts beside a guest.</summary>
    public const string IntoCache = "--into-cache";

    /// <summary>Makes the code count instructions.</summary>
    public const string Fuel = "--fuel";

    /// <summary>Makes code that does the same in every run.</summary>
    public const string Deterministic = "--deterministic";

    private const int ShownFunctions = 10;

    public static Command Create()
    {
        var module = new Argument<string>("app.wasm") { Description = "The module.", Arity = ArgumentArity.ExactlyOne };
        Option<string?> output = OptionFactory.Single("--output", "FILE", "The file to write; app.cwasm beside the module unless given.", text => text, "-o");
        Option<BoundsChecks?> boundsChecks = OptionFactory.BoundsChecks();
        Option<WasmFeatures?> features = OptionFactory.Single<WasmFeatures?>(
            "--features", "LIST", "Proposals that the module may use, such as wasm3 or simd,-threads.", text => FeatureList.Parse(text));
        Option<bool> fuel = OptionFactory.Switch(Fuel, "Make code that counts instructions, for `wherry run --fuel`.");
        Option<bool> deterministic = OptionFactory.Switch(Deterministic, "Make code for `wherry run --deterministic`.");
        Option<bool> intoCache = OptionFactory.Switch(IntoCache, "Put the code into the cache of `wherry run` rather than into a file.");
        Option<bool> verbose = OptionFactory.Switch("--verbose", "Tell what happens.");
        var command = new Command("compile", "Compiles a module ahead of time to a file of native code that `wherry run` runs.")
        {
            output, boundsChecks, features, fuel, deterministic, intoCache, verbose, module,
        };
        command.SetAction(result =>
        {
            string path = result.GetValue(module)!;
            var engine = new Engine(new EngineOptions
            {
                BoundsChecks = result.GetValue(boundsChecks) ?? BoundsChecks.Guard,
                Features = result.GetValue(features) ?? WasmFeatures.Default,
                FuelCosts = result.GetValue(fuel) ? FuelCosts.Default : null,
                Deterministic = result.GetValue(deterministic),
            });
            try
            {
                return result.GetValue(intoCache)
                    ? FillCache(path, engine)
                    : Compile(path, result.GetValue(output) ?? Path.ChangeExtension(path == "-" ? "stdin" : path, ".cwasm"), engine, result.GetValue(verbose));
            }
            catch (PrecompilationException exception)
            {
                throw new CommandException(ExitCodes.Failure, exception.Message);
            }
            catch (Exception exception) when (exception is UnauthorizedAccessException or IOException)
            {
                throw new CommandException(ExitCodes.Failure, exception.Message);
            }
        });
        return command;
    }

    private static int Compile(string path, string output, Engine engine, bool isVerbose)
    {
        long start = Stopwatch.GetTimestamp();
        string folder = Path.GetDirectoryName(Path.GetFullPath(output))!;
        if (!Directory.Exists(folder))
        {
            throw new CommandException(ExitCodes.Usage, $"can't write {output}: there is no folder {folder}.");
        }

        byte[] bytes = ModuleFile.Read(path);
        Module module = ModuleFile.Load(path, bytes, engine);
        if (Crossgen.Find() is null)
        {
            CrossgenRestore.Run(isVerbose);
        }

        if (isVerbose)
        {
            Terminal.Note($"native code is made by {Crossgen.Find()}");
        }

        IReadOnlyList<int> left = Precompiler.Compile(module, output);
        if (isVerbose)
        {
            Terminal.Note($"{output} was written in {Stopwatch.GetElapsedTime(start).TotalMilliseconds:0} ms: {new FileInfo(output).Length} bytes");
        }

        if (left.Count > 0)
        {
            string names = string.Join(", ", left.Take(ShownFunctions).Select(index => module.DebugInformation.GetFunctionName(index) is { } name ? $"{index} ({Terminal.CleanName(name)})" : $"{index}"));
            Terminal.Note(
                $"{left.Count} of {module.Definition.Bodies.Length} functions have no native code and are compiled when they are first called: {names}{(left.Count > ShownFunctions ? ", …" : "")}."
                + " So it is with tail calls that pass more arguments on the stack than their function got.");
        }

        return ExitCodes.Success;
    }

    // Nobody waits for it, and what it can't do it needn't.
    private static int FillCache(string path, Engine engine)
    {
        UnixFiles.LowerPriority();
        if (Crossgen.Find() is null)
        {
            throw new CommandException(ExitCodes.Failure, "crossgen2 is not there: see wherry compile.");
        }

        _ = new CodeCache().Fill(ModuleFile.Load(path, ModuleFile.Read(path), engine));
        return ExitCodes.Success;
    }
}
