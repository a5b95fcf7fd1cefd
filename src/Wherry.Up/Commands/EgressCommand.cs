using System.CommandLine;
using System.Text.Json.Nodes;
using Wherry.Cli;
using Wherry.Compose.Control;

namespace Wherry.Up.Commands;

/// <summary><c>wherry egress</c>: where the guests of a running project have connected to.</summary>
internal static class EgressCommand
{
    public static Command Create()
    {
        var project = new ProjectOptions();
        var services = new Argument<string[]>("services") { Description = "The services; all unless given.", Arity = ArgumentArity.ZeroOrMore };
        var command = new Command("egress", "Shows where the guests of a running project have connected to.") { services };
        project.AddTo(command);
        command.SetAction(result =>
        {
            var request = new JsonObject { ["command"] = "ps", ["services"] = new JsonArray([.. (result.GetValue(services) ?? []).Select(name => (JsonNode)name)]) };
            Table.Print(
                ["NAME", "TO", "PROTOCOL", "IN PROJECT", "CONNECTIONS"],
                ControlClient.Ask(project.Name(result), request).Select(answer => (JsonObject)answer["status"]!).SelectMany(Rows));
            return ExitCodes.Success;
        });
        return command;
    }

    private static IEnumerable<string[]> Rows(JsonObject status) => ((JsonArray)status["egress"]!).Select(entry => new[]
    {
        $"{status["service"]}-{status["replica"]}",
        $"{entry!["host"]}:{entry["port"]}",
        entry["protocol"]!.ToString(),
        (bool)entry["inProject"]! ? "yes" : "no",
        entry["connections"]!.ToString(),
    });
}
