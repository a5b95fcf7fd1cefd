using System.Globalization;
using System.Text.Json.Nodes;
using System.Text.RegularExpressions;

namespace Wherry.Compose.Tests.Up;

/// <summary>A project in a folder of its own, with its own control sockets and volumes, run by the command.</summary>
internal sealed class UpProject : IAsyncDisposable
{
    private readonly List<RunningCommand> running = [];

    public UpProject(string compose)
    {
        Folder.Write("compose.yaml", compose);
        Directory.CreateDirectory(Folder["run"]);
        Directory.CreateDirectory(Folder["temporary"]);
    }

    public static string Probe { get; } = Path.Combine(Repository.Root, "tests", "Wherry.Cli.Tests", "Guests", "probe.wasm");

    public static string Orders { get; } = Repository.Example("orders/orders.wasm");

    public static string FileTool { get; } = Repository.Example("filetool/filetool.wasm");

    public TemporaryFolder Folder { get; } = new();

    /// <summary>More variables for the commands.</summary>
    public List<(string Name, string? Value)> Variables { get; } = [];

    private (string Name, string? Value)[] Environment => [("XDG_RUNTIME_DIR", Folder["run"]), ("XDG_DATA_HOME", Folder["data"]), ("TMPDIR", Folder["temporary"]), .. Variables];

    /// <summary>Starts a command and leaves it running.</summary>
    public RunningCommand Start(params string[] arguments)
    {
        RunningCommand command = RunningCommand.Start("dotnet", [Repository.Command, .. arguments], Folder.Path, Environment);
        running.Add(command);
        return command;
    }

    /// <summary>Starts another program, with the commands' variables.</summary>
    public RunningCommand StartOther(string program, IEnumerable<string> arguments, params (string Name, string? Value)[] variables)
    {
        RunningCommand command = RunningCommand.Start(program, arguments, Folder.Path, [.. Environment, .. variables]);
        running.Add(command);
        return command;
    }

    /// <summary>Runs a command to its end.</summary>
    public Task<Result> RunAsync(params string[] arguments) => RunningCommand.RunInAsync(Folder.Path, arguments, Environment);

    /// <summary>Runs a command to its end, which may be as far off as an installation's.</summary>
    public Task<Result> RunSlowAsync(params string[] arguments) => Start(arguments).EndAsync(TimeSpan.FromMinutes(5));

    /// <summary>Waits for a line of a service.</summary>
    public static async Task<Match> WaitForLineAsync(RunningCommand up, string service, string pattern) =>
        await up.WaitForAsync(new Regex($@"^{Regex.Escape(service)}-1 +\| {pattern}", RegexOptions.Multiline | RegexOptions.CultureInvariant));

    /// <summary>Waits until the host listens for a service.</summary>
    public static async Task<int> WaitForPortAsync(RunningCommand up, string service) =>
        int.Parse((await WaitForLineAsync(up, service, @"\* listening on \S+:(\d+)")).Groups[1].ValueSpan, CultureInfo.InvariantCulture);

    /// <summary>What ps tells.</summary>
    public async Task<JsonObject[]> StatusAsync()
    {
        Result result = (await RunAsync("ps", "--format", "json")).Expect(0);
        return [.. result.Output.Split('\n', StringSplitOptions.RemoveEmptyEntries).Select(line => (JsonObject)JsonNode.Parse(line)!)];
    }

    /// <summary>Waits until what ps tells is as it should be.</summary>
    public async Task WaitForStatusAsync(Predicate<JsonObject[]> isGood)
    {
        var patience = Task.Delay(RunningCommand.Patience);
        JsonObject[] status;
        while (!isGood(status = await StatusAsync()))
        {
            Assert.False(patience.IsCompleted, $"It stays at:\n{string.Join<JsonObject>('\n', status)}");
            await Task.Delay(100);
        }
    }

    public async ValueTask DisposeAsync()
    {
        foreach (RunningCommand command in running)
        {
            await command.DisposeAsync();
        }

        if (Directory.Exists(Folder["run/wherry"]) && Directory.GetFiles(Folder["run/wherry"]).Length > 0)
        {
            // What runs in the background, or was killed.
            await RunAsync("down", "-t", "0");
        }

        Folder.Dispose();
    }
}
