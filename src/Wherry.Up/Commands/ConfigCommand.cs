using System.CommandLine;
using Wherry.Cli;
using Wherry.Cli.Options;
using Wherry.Cli.Output;
using Wherry.Compose;
using Wherry.Compose.Loading;

namespace Wherry.Up.Commands;

/// <summary><c>wherry config</c>: checks the files and prints the project that they make.</summary>
internal static class ConfigCommand
{
    public static Command Create()
    {
        var project = new ProjectOptions();
        Option<string?> format = OptionFactory.Single(
            "--format", "yaml|json", "How to print it.", text => text is "yaml" or "json" ? text : throw new FormatException($"--format '{text}' is neither yaml nor json."));
        Option<bool> quiet = OptionFactory.Switch("--quiet", "Only check.", "-q");
        Option<bool> services = OptionFactory.Switch("--services", "Print the services' names only.");
        var command = new Command("config", "Checks Compose files and prints what they come to.") { format, quiet, services };
        project.AddTo(command);
        command.SetAction(result =>
        {
            ComposeProject loaded = project.Load(result);
            foreach (ComposeDiagnostic warning in loaded.Warnings)
            {
                Terminal.Note(warning.ToString());
            }

            if (result.GetValue(services))
            {
                Console.Out.Write(string.Concat(loaded.Services.Select(service => service.Name + "\n")));
            }
            else if (!result.GetValue(quiet))
            {
                Console.Out.Write(result.GetValue(format) == "json" ? ResolvedFile.ToJson(loaded) : ResolvedFile.ToYaml(loaded));
            }

            return ExitCodes.Success;
        });
        return command;
    }
}
