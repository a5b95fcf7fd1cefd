using System.CommandLine;
using System.Text.Json.Nodes;
using Wherry.Cli;
using Wherry.Cli.Options;
using Wherry.Compose.Control;
using Wherry.Compose.Loading;

namespace Wherry.Up.Commands;

/// <summary><c>wherry update</c>: replaces a guest of a running project by another module.</summary>
internal static class UpdateCommand
{
    private const double LongestTime = 86400;

    public static Command Create()
    {
        var project = new ProjectOptions();
        var service = new Argument<string>("service") { Description = "The service: a guest." };
        var module = new Argument<string>("module") { Description = "The file of the module that takes its place." };
        Option<double?> drain = OptionFactory.Single<double?>("--drain", "TIME", "How long connections to the old version may take to end (30s).", text => ParseTime("--drain", text));
        Option<double?> startLimit = OptionFactory.Single<double?>(
            "--start-limit", "TIME", "How long the new version may take to listen where the old one does, and to be healthy (60s); then the old one stays.", text => ParseTime("--start-limit", text));
        var command = new Command("update", "Replaces a guest of a running project by another module, without refusing a connection.") { drain, startLimit, service, module };
        project.AddTo(command);
        command.SetAction(result =>
        {
            string path = Path.GetFullPath(result.GetValue(module)!);
            if (!File.Exists(path))
            {
                throw new CommandException(ExitCodes.CannotRun, $"{path} is not there.");
            }

            var request = new JsonObject { ["command"] = "update", ["service"] = result.GetValue(service), ["module"] = path, ["drain"] = result.GetValue(drain), ["startLimit"] = result.GetValue(startLimit) };
            foreach (JsonObject _ in ControlClient.Ask(project.Name(result), request))
            {
                // It only ends.
            }

            return ExitCodes.Success;
        });
        return command;
    }

    /// <summary>A time such as <c>30s</c>, or a number of seconds.</summary>
    private static double? ParseTime(string option, string text) =>
        Quantity.TryParseDuration(char.IsAsciiDigit(text.LastOrDefault()) ? text + "s" : text, out TimeSpan drain) && drain.TotalSeconds <= LongestTime
            ? drain.TotalSeconds
            : throw new FormatException($"{option} '{text}' is not a time such as 30s.");
}
