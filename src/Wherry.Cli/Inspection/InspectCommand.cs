using System.CommandLine;
using Wherry.Cli.Options;

namespace Wherry.Cli.Inspection;

/// <summary><c>wherry inspect</c>: what a module needs, gives and will ask for.</summary>
internal static class InspectCommand
{
    public static Command Create()
    {
        var module = new Argument<string>("app.wasm") { Description = "The module.", Arity = ArgumentArity.ExactlyOne };
        var asJson = OptionFactory.Switch("--json", "Write JSON instead of tables.");
        var command = new Command("inspect", "Shows what a module imports and exports, its memories, sections and features, and what it will ask for.") { module, asJson };
        command.SetAction(result =>
        {
            Inspect(result.GetValue(module)!, result.GetValue(asJson));
            return ExitCodes.Success;
        });
        return command;
    }

    private static void Inspect(string path, bool asJson)
    {
        byte[] bytes = ModuleFile.Read(path);
        var report = new ModuleReport(path, bytes, ModuleFile.Load(path, bytes, FeatureList.All));
        if (asJson)
        {
            using Stream output = Console.OpenStandardOutput();
            ReportJson.Write(report, output);
        }
        else
        {
            ReportTables.Write(report);
        }
    }
}
