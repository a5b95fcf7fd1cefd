using System.CommandLine;
using System.Globalization;
using System.Text.Json.Nodes;
using Wherry.Cli;
using Wherry.Cli.Options;
using Wherry.Compose;
using Wherry.Compose.Control;

namespace Wherry.Up.Commands;

/// <summary>The commands that ask a running project: <c>ps</c>, <c>top</c>, <c>logs</c>, <c>start</c>, <c>stop</c>, <c>restart</c>, <c>scale</c>, <c>down</c>, <c>dashboard</c>.</summary>
internal static class ControlCommands
{
    public static IEnumerable<Command> Create()
    {
        yield return CreatePs();
        yield return CreateTop();
        yield return CreateLogs();
        yield return CreateAction("start", "Starts services that were stopped.", hasTimeout: false);
        yield return CreateAction("stop", "Stops services.", hasTimeout: true);
        yield return CreateAction("restart", "Stops services and starts them again.", hasTimeout: true);
        yield return CreateScale();
        yield return CreateDown();
        yield return CreateDashboard();
    }

    private static Argument<string[]> Services() => new("services") { Description = "The services; all unless given.", Arity = ArgumentArity.ZeroOrMore };

    private static Option<double?> StopTimeout() =>
        OptionFactory.Single<double?>("--timeout", "SECONDS", "How long services may take to stop, in place of what the file says.", text => UpCommand.ParseSeconds("--timeout", text), "-t");

    private static JsonObject Request(string command, string[]? services) =>
        new() { ["command"] = command, ["services"] = new JsonArray([.. (services ?? []).Select(name => (JsonNode)name)]) };

    private static Command CreatePs()
    {
        var project = new ProjectOptions();
        Argument<string[]> services = Services();
        Option<string?> format = OptionFactory.Single(
            "--format", "table|json", "How to print it.", text => text is "table" or "json" ? text : throw new FormatException($"--format '{text}' is neither table nor json."));
        var command = new Command("ps", "Shows the services of a running project.") { format, services };
        project.AddTo(command);
        command.SetAction(result =>
        {
            JsonObject[] all = [.. ControlClient.Ask(project.Name(result), Request("ps", result.GetValue(services))).Select(answer => (JsonObject)answer["status"]!)];
            if (result.GetValue(format) == "json")
            {
                PrintJson(all);
                return ExitCodes.Success;
            }

            Table.Print(
                ["NAME", "KIND", "STATE", "HEALTH", "RESTARTS", "PORTS"],
                all.Select(status => new[] { TopTable.Name(status), TopTable.Text(status, "kind"), TopTable.State(status), TopTable.Text(status, "health"), TopTable.Text(status, "restarts"), string.Join(", ", ((JsonArray)status["ports"]!).Select(port => (string)port!)) }));
            return ExitCodes.Success;
        });
        return command;
    }

    private static Command CreateTop()
    {
        var project = new ProjectOptions();
        Argument<string[]> services = Services();
        Option<bool> json = OptionFactory.Switch("--json", "Print what is known as JSON, one replica on each line.");
        var command = new Command("top", "Shows memory, processor time and connections of the services of a running project; on a terminal, as they change.") { json, services };
        project.AddTo(command);
        command.SetAction(result =>
        {
            string name = project.Name(result);
            IReadOnlyCollection<JsonObject> Look() => [.. ControlClient.Ask(name, Request("ps", result.GetValue(services))).Select(answer => (JsonObject)answer["status"]!)];
            if (result.GetValue(json))
            {
                PrintJson(Look());
            }
            else if (Console.IsOutputRedirected || Environment.GetEnvironmentVariable("TERM") is null or "dumb")
            {
                Table.Print(TopTable.Head, new TopTable().Rows(Look(), TimeSpan.Zero));
            }
            else
            {
                return LiveTop.Run(Look);
            }

            return ExitCodes.Success;
        });
        return command;
    }

    private static void PrintJson(IEnumerable<JsonObject> replicas)
    {
        foreach (JsonObject status in replicas)
        {
            Console.Out.WriteLine(status.ToJsonString());
        }
    }

    private static Command CreateLogs()
    {
        var project = new ProjectOptions();
        Argument<string[]> services = Services();
        Option<bool> follow = new("--follow") { Description = "Go on with what comes." };
        Option<int?> tail = OptionFactory.Single<int?>("--tail", "COUNT", "Only the last lines of each service.", text =>
            int.TryParse(text, NumberStyles.None, CultureInfo.InvariantCulture, out int count) ? count : throw new FormatException($"--tail '{text}' is not a number of lines."), "-n");
        Option<bool> json = OptionFactory.Switch("--json", "Print lines as JSON.");
        follow.Arity = ArgumentArity.Zero;
        var command = new Command("logs", "Prints what the services of a running project wrote: the last 1,000 lines of each.") { follow, tail, json, services };

        // -f is the file's here as everywhere; Compose's own command takes it for --follow.
        project.AddTo(command, fileAlias: false);
        follow.Aliases.Add("-f");
        command.SetAction(result =>
        {
            string name = project.Name(result);
            JsonObject request = Request("logs", result.GetValue(services));
            request["follow"] = result.GetValue(follow);
            request["tail"] = result.GetValue(tail);
            var printer = new LogPrinter(ControlClient.Ask(name, Request("ps", null)).Select(answer => (string)answer["status"]!["service"]!).Distinct(), result.GetValue(json));
            foreach (JsonObject answer in ControlClient.Ask(name, request))
            {
                JsonNode line = answer["log"]!;
                printer.Print(new LogLine(
                    DateTimeOffset.Parse((string)line["time"]!, CultureInfo.InvariantCulture),
                    (string)line["service"]!,
                    (int)line["replica"]!,
                    Enum.Parse<LogSource>((string)line["source"]!, ignoreCase: true),
                    (string)line["text"]!));
            }

            return ExitCodes.Success;
        });
        return command;
    }

    private static Command CreateAction(string name, string description, bool hasTimeout)
    {
        var project = new ProjectOptions();
        Argument<string[]> services = Services();
        Option<double?> timeout = StopTimeout();
        var command = new Command(name, description) { services };
        if (hasTimeout)
        {
            command.Options.Add(timeout);
        }

        project.AddTo(command);
        command.SetAction(result =>
        {
            JsonObject request = Request(name, result.GetValue(services));
            request["timeout"] = hasTimeout ? result.GetValue(timeout) : null;
            return Send(project.Name(result), request);
        });
        return command;
    }

    private static Command CreateScale()
    {
        var project = new ProjectOptions();
        Argument<string[]> counts = new("SERVICE=COUNT") { Description = "How many replicas services have from now on.", Arity = ArgumentArity.OneOrMore };
        var command = new Command("scale", "Changes how many replicas services of a running project have.") { counts };
        project.AddTo(command);
        command.SetAction(result =>
        {
            var replicas = new JsonObject();
            foreach (string text in result.GetValue(counts)!)
            {
                try
                {
                    (string service, int count) = UpCommand.ParseScale(text);
                    replicas[service] = count;
                }
                catch (FormatException)
                {
                    throw CommandException.Usage($"'{text}' is not SERVICE=COUNT. See wherry scale --help.");
                }
            }

            JsonObject request = Request("scale", null);
            request["replicas"] = replicas;
            return Send(project.Name(result), request);
        });
        return command;
    }

    private static Command CreateDown()
    {
        var project = new ProjectOptions();
        Option<double?> timeout = StopTimeout();
        var command = new Command("down", "Stops a running project.") { timeout };
        project.AddTo(command);
        command.SetAction(result =>
        {
            JsonObject request = Request("down", null);
            request["timeout"] = result.GetValue(timeout);
            return Send(project.Name(result), request);
        });
        return command;
    }

    private static Command CreateDashboard()
    {
        var project = new ProjectOptions();
        var command = new Command("dashboard", "Prints a link to the dashboard of a running project, which opens it once.");
        project.AddTo(command);
        command.SetAction(result =>
        {
            foreach (JsonObject answer in ControlClient.Ask(project.Name(result), Request("dashboard", null)))
            {
                Console.Out.WriteLine((string)answer["link"]!);
            }

            return ExitCodes.Success;
        });
        return command;
    }

    private static int Send(string project, JsonObject request)
    {
        foreach (JsonObject _ in ControlClient.Ask(project, request))
        {
            // It only ends.
        }

        return ExitCodes.Success;
    }
}
