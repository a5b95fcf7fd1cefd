using System.Text.Json.Nodes;

namespace Wherry.Compose.Tests.Up;

/// <summary>The commands that ask a running project.</summary>
public sealed class ControlTests
{
    [Fact]
    public async Task In_the_background_a_service_that_crashes_has_been_started_and_is_named()
    {
        await using var project = new UpProject($"services: {{web: {{image: {UpProject.Probe}, command: [sleep]}}, crashes: {{image: {UpProject.Probe}, command: [exit, \"3\"], restart: always}}}}\n");
        (await project.RunAsync("up", "-d")).Expect(0);
        await project.WaitForStatusAsync(all => (string?)all[0]["state"] == "running" && (int)all[1]["restarts"]! >= 2);
        (await project.RunAsync("down")).Expect(0);
    }

    [Theory]
    [InlineData("healthcheck: {x-tcp: 8080}", "crashes-1 keeps ending, with code 3")]
    [InlineData("", "crashes-1 keeps ending, with code 126")]
    public async Task In_the_background_nobody_waits_for_ever_for_what_keeps_crashing(string more, string message)
    {
        string image = more.Length > 0 ? UpProject.Probe : "./app.wasm";
        await using var project = new UpProject($$"""
            services:
              crashes: {image: {{image}}, command: [exit, "3"], deploy: {restart_policy: {condition: any, delay: 1ms} }, {{(more.Length > 0 ? more : "cpus: 1")}} }
              later: {image: {{UpProject.Probe}}, command: [sleep], depends_on: {crashes: {condition: {{(more.Length > 0 ? "service_healthy" : "service_started")}} } } }

            """);
        project.Folder.Write("app.wasm", "not a module");
        Result result = (await project.RunAsync("up", "-d")).Expect(1);
        Assert.Contains(message, result.Error, StringComparison.Ordinal);
    }

    [Fact]
    public async Task A_project_in_the_background_is_shown_changed_and_taken_down()
    {
        await using var project = new UpProject($$$$"""
            services:
              server: {image: {{{{UpProject.Orders}}}}, ports: ["0:8080"], healthcheck: {x-http: 8080/}}
              other: {image: {{{{UpProject.Probe}}}}, command: [sleep], depends_on: [server]}
            """);
        Result up = (await project.RunAsync("up", "-d")).Expect(0);
        Assert.Contains("* listening on 127.0.0.1:", up.Output, StringComparison.Ordinal);
        Assert.Equal(UnixFileMode.UserRead | UnixFileMode.UserWrite | UnixFileMode.UserExecute, File.GetUnixFileMode(project.Folder["run/wherry"]));

        JsonObject[] status = await project.StatusAsync();
        Assert.Equal(["server 1 guest running healthy", "other 1 guest running "], status.Select(each => $"{each["service"]} {each["replica"]} {each["kind"]} {each["state"]} {each["health"]}"));
        string port = ((string)status[0]["ports"]![0]!).Split("->")[0];
        using var client = new HttpClient { Timeout = RunningCommand.Patience };
        Assert.StartsWith("The order service", await client.GetStringAsync(new Uri($"http://{port}/")), StringComparison.Ordinal);
        Assert.Contains("server-1  guest  running  healthy  0", (await project.RunAsync("ps")).Expect(0).Output, StringComparison.Ordinal);
        Assert.Matches(@"server-1 +guest +running +\d+\.\d MiB +\d+\.\d\d s", (await project.RunAsync("top")).Expect(0).Output);
        Assert.Contains("other-1  | sleeping\n", (await project.RunAsync("logs")).Expect(0).Output, StringComparison.Ordinal);
        Assert.Equal("other-1  | sleeping\n", (await project.RunAsync("logs", "--tail", "1", "other")).Expect(0).Output);

        (await project.RunAsync("stop", "other")).Expect(0);
        await project.WaitForStatusAsync(all => (string?)all[1]["state"] == "exited");
        (await project.RunAsync("start", "other")).Expect(0);
        await project.WaitForStatusAsync(all => (string?)all[1]["state"] == "running");
        (await project.RunAsync("restart", "server")).Expect(0);
        (await project.RunAsync("scale", "other=3")).Expect(0);
        await project.WaitForStatusAsync(all => all.Count(each => (string?)each["service"] == "other" && (string?)each["state"] == "running") == 3);
        (await project.RunAsync("scale", "other=1")).Expect(0);
        Assert.Single(await project.StatusAsync(), each => (string?)each["service"] == "other");

        Assert.Contains("is running already", (await project.RunAsync("up")).Expect(1).Error, StringComparison.Ordinal);
        Assert.Contains("there is no service \"nobody\"", (await project.RunAsync("stop", "nobody")).Expect(1).Error, StringComparison.Ordinal);
        (await project.RunAsync("down")).Expect(0);
        Assert.Contains("is not running", (await project.RunAsync("ps")).Expect(1).Error, StringComparison.Ordinal);
    }

    [Fact]
    public async Task Only_what_was_named_is_waited_for()
    {
        await using var project = new UpProject($$$$"""
            services:
              one: {image: {{{{UpProject.Probe}}}}, command: [sleep], depends_on: [two]}
              two: {image: {{{{UpProject.Probe}}}}, command: [sleep]}
              three: {image: {{{{UpProject.Probe}}}}, command: [sleep]}
            """);
        (await project.RunAsync("up", "-d", "one")).Expect(0);
        Assert.Equal(["one running", "two running"], (await project.StatusAsync()).Select(status => $"{status["service"]} {status["state"]}"));
        (await project.RunAsync("down")).Expect(0);
    }

    [Fact]
    public async Task Nobody_is_asked_in_a_folder_that_others_may_enter()
    {
        await using var project = new UpProject($"services: {{one: {{image: {UpProject.Probe}}}}}\n");
        Directory.CreateDirectory(project.Folder["run/wherry"]);
        File.SetUnixFileMode(project.Folder["run/wherry"], UnixFileMode.UserRead | UnixFileMode.UserWrite | UnixFileMode.UserExecute | UnixFileMode.GroupExecute);
        Assert.Contains("is not a folder of this user's alone", (await project.RunAsync("ps")).Expect(1).Error, StringComparison.Ordinal);
    }

    [Fact]
    public async Task Of_two_commands_that_start_a_project_at_once_one_has_it()
    {
        await using var project = new UpProject($"services: {{one: {{image: {UpProject.Probe}, command: [exit, \"0\"]}}}}\n");
        Directory.CreateDirectory(project.Folder["run/wherry"], UnixFileMode.UserRead | UnixFileMode.UserWrite | UnixFileMode.UserExecute);
        using (new FileStream(project.Folder["run/wherry/shop.sock.lock"], FileMode.CreateNew, FileAccess.ReadWrite, FileShare.None, bufferSize: 1, FileOptions.DeleteOnClose))
        {
            Assert.Contains("the project shop is just being started by another command", (await project.RunAsync("up", "-p", "shop")).Expect(1).Error, StringComparison.Ordinal);
            (await project.RunAsync("up", "-p", "other")).Expect(0);
        }

        (await project.RunAsync("up", "-p", "shop")).Expect(0);
    }

    [Fact]
    public async Task Logs_are_followed_until_the_project_ends()
    {
        await using var project = new UpProject($"services: {{one: {{image: {UpProject.Probe}, command: [sleep]}}}}\n");
        RunningCommand up = project.Start("up");
        await UpProject.WaitForLineAsync(up, "one", "sleeping");
        RunningCommand logs = project.Start("logs", "-f");
        await UpProject.WaitForLineAsync(logs, "one", "sleeping");
        (await project.RunAsync("restart", "-t", "5")).Expect(0);
        await logs.WaitForAsync(new System.Text.RegularExpressions.Regex("sleeping\n(.*\n)*.*sleeping\n"));
        (await project.RunAsync("down")).Expect(0);
        await logs.EndAsync();
        Assert.Equal(0, (await up.EndAsync()).ExitCode);
    }

    [Fact]
    public async Task What_fails_in_the_background_is_told_in_the_foreground()
    {
        await using var project = new UpProject($"services: {{one: {{image: {UpProject.Probe}, command: [exit, \"3\"], healthcheck: {{x-tcp: 80}}}}}}\n");
        Result result = await project.RunAsync("up", "-d");
        Assert.NotEqual(0, result.ExitCode);
        Assert.Contains("one-1 | * exited with code 3", result.Output, StringComparison.Ordinal);
        Assert.Contains("wherry: not all services could be started: one exited with code 3.", result.Error, StringComparison.Ordinal);
    }

    [Fact]
    public async Task Lines_lose_what_a_terminal_would_obey_and_are_json_if_asked_for()
    {
        await using var project = new UpProject($$$$"""
            services:
              one: {image: {{{{UpProject.FileTool}}}}, command: [cat, /files/text], volumes: ["./files:/files:ro"]}
            """);
        Directory.CreateDirectory(project.Folder["files"]);
        project.Folder.Write("files/text", "\e[31mred\e[0m \e]0;title\atext\u202Eturned\r\nlast\u0007 line without end");
        Result plain = await project.RunAsync("up");
        Assert.Contains("one-1 | red textturned\none-1 | last line without end\n", plain.Output, StringComparison.Ordinal);
        Assert.DoesNotContain('\e', plain.Output);
        Result json = await project.RunAsync("up", "--json");
        JsonNode[] lines = [.. json.Output.Split('\n', StringSplitOptions.RemoveEmptyEntries).Select(line => JsonNode.Parse(line)!)];
        Assert.Contains(lines, line => (string?)line["text"] == "red textturned" && (string?)line["service"] == "one" && (string?)line["source"] == "output" && (int)line["replica"]! == 1);
    }
}
