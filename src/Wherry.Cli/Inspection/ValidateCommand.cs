using System.CommandLine;
using Wherry.Cli.Options;

namespace Wherry.Cli.Inspection;

/// <summary><c>wherry validate</c>: whether a file is a module by the specification.</summary>
internal static class ValidateCommand
{
    public static Command Create()
    {
        var module = new Argument<string>("app.wasm") { Description = "The module.", Arity = ArgumentArity.ExactlyOne };
        var features = OptionFactory.Single<WasmFeatures?>(
            "--features", "LIST", "Proposals that the module may use, such as wasm3 or simd,-threads.", text => FeatureList.Parse(text));
        var command = new Command("validate", "Checks a module by the specification: exit code 0 if it is valid.") { module, features };
        command.SetAction(result =>
        {
            string path = result.GetValue(module)!;
            ModuleFile.Load(path, ModuleFile.Read(path), result.GetValue(features) ?? WasmFeatures.Default);
            Console.Out.WriteLine($"{Output.Terminal.CleanName(path)} is valid.");
            return ExitCodes.Success;
        });
        return command;
    }
}
