using System.Text.Json.Nodes;
using System.Text.RegularExpressions;

namespace Wherry.Compose.Tests.Up;

/// <summary>What the commands show on a terminal, which script (util-linux) has in its place.</summary>
public sealed partial class TerminalTests
{
    [Fact]
    public async Task Up_shows_what_it_waits_for_below_the_services_lines()
    {
        await using var project = new UpProject($$$$"""
            services:
              web: {image: {{{{VersionedGuest.Path}}}}, ports: ["0:8080"], healthcheck: {x-http: 8080/, start_interval: 3s}}
              after: {image: {{{{UpProject.Probe}}}}, command: [sleep], depends_on: {web: {condition: service_healthy}}}
            """);
        RunningCommand up = StartOnTerminal(project, "up");
        await up.WaitForAsync(new Regex(@"\d of 2 started: .*after-1 waits"));
        await up.WaitForAsync(new Regex("sleeping"));
        await project.WaitForStatusAsync(all => all.All(each => (string?)each["state"] == "running"));
        (await project.RunAsync("down")).Expect(0);
        await up.EndAsync();

        // What is left on each line is the service's, and not what was waited for.
        string[] lines = [.. up.Output.Split('\n').Select(line => Escapes().Replace(line[(line.LastIndexOf("\e[K", StringComparison.Ordinal) is var last and >= 0 ? last + 3 : 0)..], "").Trim())];
        Assert.Contains(lines, line => line.StartsWith("web-1", StringComparison.Ordinal) && line.Contains("| * listening on", StringComparison.Ordinal));
        Assert.Contains("after-1 | sleeping", lines);
        Assert.DoesNotContain(lines, line => line.Contains(" started: ", StringComparison.Ordinal));
    }

    [Fact]
    public async Task Top_follows_what_happens_until_the_project_ends()
    {
        await using var project = new UpProject($$$$"""
            services:
              web: {image: {{{{VersionedGuest.Path}}}}, ports: ["0:8080"]}
              busy: {image: {{{{UpProject.Probe}}}}, command: [loop], cpus: 0.1, stop_grace_period: 0s}
            """);
        (await project.RunAsync("up", "-d")).Expect(0);
        RunningCommand top = StartOnTerminal(project, "top");
        await WaitForRowAsync(@"web-1 +guest +running +0\.1 MiB +\d+\.\d % +0 +0");
        await WaitForRowAsync(@"busy-1 +guest +running +\d+\.\d MiB +\d+\.\d % +0 +0");
        JsonObject status = (await project.StatusAsync())[0];
        using (var client = new HttpClient { Timeout = RunningCommand.Patience })
        {
            await client.GetStringAsync(new Uri($"http://{((string)status["ports"]![0]!).Split("->")[0]}/"));
            await WaitForRowAsync(@"web-1 +guest +running +0\.1 MiB +\d+\.\d % +1 +0");
        }

        (await project.RunAsync("stop", "busy")).Expect(0);
        await WaitForRowAsync(@"busy-1 +guest +exited \(137\) +- +-");
        (await project.RunAsync("down")).Expect(0);
        Assert.Contains("The project has ended.", (await top.EndAsync()).Output, StringComparison.Ordinal);

        async Task WaitForRowAsync(string pattern)
        {
            using var limit = new CancellationTokenSource(RunningCommand.Patience);
            while (!Regex.IsMatch(Escapes().Replace(top.Output, ""), pattern))
            {
                Assert.False(limit.IsCancellationRequested, $"'{pattern}' did not come:\n{Escapes().Replace(top.Output, "")}");
                await Task.Delay(100);
            }
        }
    }

    [Fact]
    public async Task Top_ends_when_it_is_interrupted_and_tells_what_does_not_run()
    {
        await using var project = new UpProject($"services: {{one: {{image: {UpProject.Probe}, command: [sleep]}}}}\n");
        Assert.Contains("is not running", (await StartOnTerminal(project, "top").EndAsync()).Output, StringComparison.Ordinal);
        (await project.RunAsync("up", "-d")).Expect(0);
        RunningCommand top = StartOnTerminal(project, "top");
        await top.WaitForAsync(new Regex("one-1"));

        // As a terminal sends it for Ctrl+C.
        await top.Process.StandardInput.WriteAsync('\u0003');
        await top.Process.StandardInput.FlushAsync();
        Assert.Equal(130, (await top.EndAsync()).ExitCode);
        Assert.EndsWith("\e[?25h", top.Output.TrimEnd(), StringComparison.Ordinal);
        JsonNode json = JsonNode.Parse((await project.RunAsync("top", "--json")).Expect(0).Output)!;
        Assert.Equal("one running", $"{json["service"]} {json["state"]}");
    }

    private static RunningCommand StartOnTerminal(UpProject project, string command)
    {
        if (!File.Exists("/usr/bin/script"))
        {
            Repository.MissingTool("needs script (util-linux), which is not here");
        }

        return project.StartOther("script", ["-qefc", $"stty cols 120; exec dotnet {Repository.Command} {command}", "/dev/null"], ("TERM", "xterm"), ("NO_COLOR", null));
    }

    [GeneratedRegex(@"\e\[[0-9;?]*[A-Za-z]|\e=")]
    private static partial Regex Escapes();
}
