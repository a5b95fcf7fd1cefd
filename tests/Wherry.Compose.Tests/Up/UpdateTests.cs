using System.Collections.Concurrent;
using System.Runtime.InteropServices;
using System.Text.Json.Nodes;

namespace Wherry.Compose.Tests.Up;

/// <summary>Guests that are replaced while they run.</summary>
public sealed class UpdateTests
{
    [Fact]
    public async Task Twenty_replacements_fail_nobody_and_new_connections_see_each_version()
    {
        const int Replacements = 20;
        await using var project = new UpProject("services: {web: {image: ./v0.wasm, ports: [\"0:8080\"]}}\n");
        VersionedGuest.Write(project.Folder, "v0.wasm", "v0");
        RunningCommand up = project.Start("up");
        var address = new Uri($"http://127.0.0.1:{await UpProject.WaitForPortAsync(up, "web")}/");
        using var end = new CancellationTokenSource();
        var seen = new ConcurrentDictionary<string, int>();
        Task<int> fresh = RequestAsync(address, isKept: false, answer => seen.AddOrUpdate(answer, 1, (_, count) => count + 1), end.Token);
        Task<int>[] kept = [.. Enumerable.Range(0, 4).Select(_ =>
        {
            // One that stays with its connection stays with its version.
            string? first = null;
            return RequestAsync(address, isKept: true, answer => Assert.Equal(first ??= answer, answer), end.Token);
        })];
        await WaitForAsync(() => seen.ContainsKey("v0\n"));
        for (int i = 1; i <= Replacements; i++)
        {
            string version = $"v{i}";
            VersionedGuest.Write(project.Folder, $"{version}.wasm", version);
            (await project.RunAsync("update", "web", $"{version}.wasm", "--drain", "10m")).Expect(0);
            await WaitForAsync(() => seen.ContainsKey($"{version}\n"));
        }

        await end.CancelAsync();
        Assert.True(await fresh > Replacements);
        foreach (Task<int> each in kept)
        {
            Assert.True(await each > 0);
        }

        Assert.Equal(Enumerable.Range(0, Replacements + 1).Select(i => $"v{i}\n").Order(), seen.Keys.Order());

        // Those that nobody uses have gone, the first one too now.
        await project.WaitForStatusAsync(all => (int)all[0]["retiring"]! == 0);
        JsonObject status = Assert.Single(await project.StatusAsync());
        Assert.Equal("running 0", $"{status["state"]} {status["restarts"]}");
        up.Signal(PosixSignal.SIGTERM);
        Assert.Equal(143, (await up.EndAsync()).ExitCode);
    }

    [Theory]
    [InlineData("trap", "the new version has ended with code 134")]
    [InlineData("deaf", "the new version did not listen on port 8080 within")]
    [InlineData("", "magic")]
    public async Task A_version_that_does_not_start_leaves_the_old_one(string version, string message)
    {
        await using var project = new UpProject("services: {web: {image: ./app.wasm, ports: [\"0:8080\"]}}\n");
        VersionedGuest.Write(project.Folder, "app.wasm", "good");
        RunningCommand up = project.Start("up");
        var address = new Uri($"http://127.0.0.1:{await UpProject.WaitForPortAsync(up, "web")}/");
        if (version.Length > 0)
        {
            VersionedGuest.Write(project.Folder, "next.wasm", version);
        }
        else
        {
            project.Folder.Write("next.wasm", "not a module");
        }

        Result result = (await project.RunAsync("update", "web", "next.wasm", "--start-limit", "3s")).Expect(1);
        Assert.Contains($"web was not updated: {message}", result.Error, StringComparison.Ordinal);
        using var client = new HttpClient { Timeout = RunningCommand.Patience };
        Assert.Equal("good\n", await client.GetStringAsync(address));
        await UpProject.WaitForLineAsync(up, "web", $@"\* not updated: .*{message}");
    }

    [Fact]
    public async Task What_does_not_end_in_time_is_cut()
    {
        await using var project = new UpProject("services: {web: {image: ./app.wasm, ports: [\"0:8080\"]}}\n");
        VersionedGuest.Write(project.Folder, "app.wasm", "old");
        VersionedGuest.Write(project.Folder, "next.wasm", "new");
        RunningCommand up = project.Start("up");
        var address = new Uri($"http://127.0.0.1:{await UpProject.WaitForPortAsync(up, "web")}/");
        using var kept = new HttpClient { Timeout = RunningCommand.Patience };
        Assert.Equal("old\n", await kept.GetStringAsync(address));
        (await project.RunAsync("update", "web", "next.wasm", "--drain", "0.5")).Expect(0);
        await UpProject.WaitForLineAsync(up, "web", @"\* 1 connections to the old version have not ended within 0.5 s and are cut");
        await project.WaitForStatusAsync(all => (int)all[0]["retiring"]! == 0);
        Assert.Equal("new\n", await kept.GetStringAsync(address));
    }

    [Fact]
    public async Task Replicas_are_replaced_together_and_a_restarted_one_is_of_the_new_version()
    {
        await using var project = new UpProject("services: {web: {image: ./app.wasm, ports: [\"0:8080\"], scale: 3, restart: always, healthcheck: {x-http: 8080/}}}\n");
        VersionedGuest.Write(project.Folder, "app.wasm", "old");
        VersionedGuest.Write(project.Folder, "next.wasm", "new");
        RunningCommand up = project.Start("up");
        var address = new Uri($"http://127.0.0.1:{await UpProject.WaitForPortAsync(up, "web")}/");
        await project.WaitForStatusAsync(all => all.Count(each => (string?)each["health"] == "healthy") == 3);
        (await project.RunAsync("update", "web", "next.wasm")).Expect(0);
        for (int i = 0; i < 9; i++)
        {
            using var client = new HttpClient { Timeout = RunningCommand.Patience };
            Assert.Equal("new\n", await client.GetStringAsync(address));
        }

        await VersionedGuest.CrashAsync(address);
        await project.WaitForStatusAsync(all => all.Sum(each => (int)each["restarts"]!) == 1 && all.All(each => (string?)each["state"] == "running"));
        for (int i = 0; i < 9; i++)
        {
            using var client = new HttpClient { Timeout = RunningCommand.Patience };
            Assert.Equal("new\n", await client.GetStringAsync(address));
        }
    }

    [Fact]
    public async Task One_that_crashes_while_it_is_replaced_is_of_the_new_version_when_the_update_has_ended()
    {
        await using var project = new UpProject("services: {web: {image: ./app.wasm, ports: [\"0:8080\"], scale: 2, restart: always, volumes: [\"./gate:/gate\"]}}\n");
        Directory.CreateDirectory(project.Folder["gate"]);
        VersionedGuest.Write(project.Folder, "app.wasm", "old");
        VersionedGuest.Write(project.Folder, "next.wasm", "slow");
        RunningCommand up = project.Start("up");
        var address = new Uri($"http://127.0.0.1:{await UpProject.WaitForPortAsync(up, "web")}/");
        await project.WaitForStatusAsync(all => all.All(each => (string?)each["state"] == "running"));
        RunningCommand update = project.Start("update", "web", "next.wasm");

        // The new ones run, and do not listen yet.
        await up.WaitForAsync(new System.Text.RegularExpressions.Regex(@"web-1 +\| waiting"));
        await up.WaitForAsync(new System.Text.RegularExpressions.Regex(@"web-2 +\| waiting"));
        await VersionedGuest.CrashAsync(address);
        await project.WaitForStatusAsync(all => all.Sum(each => (int)each["restarts"]!) == 1 && all.All(each => (string?)each["state"] == "running"));
        project.Folder.Write("gate/open", "");
        (await update.EndAsync()).Expect(0);
        for (int i = 0; i < 8; i++)
        {
            using var client = new HttpClient { Timeout = RunningCommand.Patience };
            Assert.Equal("slow\n", await client.GetStringAsync(address));
        }
    }

    [Fact]
    public async Task A_project_that_is_watched_follows_its_modules_and_its_file()
    {
        await using var project = new UpProject(File(setting: "first"));
        VersionedGuest.Write(project.Folder, "app.wasm", "one");
        RunningCommand up = project.Start("up", "--watch");
        var address = new Uri($"http://127.0.0.1:{await UpProject.WaitForPortAsync(up, "web")}/");
        await WaitForAnswerAsync("one first\n");

        VersionedGuest.Write(project.Folder, "app.wasm", "two");
        await WaitForAnswerAsync("two first\n");

        project.Folder.Write("app.wasm", "not a module");
        await UpProject.WaitForLineAsync(up, "web", @"\* not updated: .*magic");
        await WaitForAnswerAsync("two first\n");

        VersionedGuest.Write(project.Folder, "app.wasm", "three");
        await WaitForAnswerAsync("three first\n");

        project.Folder.Write("compose.yaml", File(setting: "second"));
        await WaitForAnswerAsync("three second\n");

        project.Folder.Write("compose.yaml", "services: [\n");
        await up.WaitForAsync(new System.Text.RegularExpressions.Regex(@"wherry-1 +\| \* .*compose\.yaml:\d+:\d+"));
        project.Folder.Write("compose.yaml", File(setting: "third").Replace("0:8080", "0:8081", StringComparison.Ordinal));
        await up.WaitForAsync(new System.Text.RegularExpressions.Regex(@"wherry-1 +\| \* web has changed in what can't change while it runs"));
        await WaitForAnswerAsync("three second\n");
        up.Signal(PosixSignal.SIGINT);
        Assert.Equal(130, (await up.EndAsync()).ExitCode);

        static string File(string setting) => $$"""
            services:
              web: {image: ./app.wasm, ports: ["0:8080"], command: ["8080", {{setting}}]}
            """;

        async Task WaitForAnswerAsync(string wanted)
        {
            using var limit = new CancellationTokenSource(RunningCommand.Patience);
            string answer;
            do
            {
                using var client = new HttpClient { Timeout = RunningCommand.Patience };
                answer = await client.GetStringAsync(address, limit.Token);
                await Task.Delay(50, limit.Token);
            }
            while (answer != wanted);
        }
    }

    [Fact]
    public async Task A_guest_that_sleeps_wakes_as_the_new_version()
    {
        await using var project = new UpProject("services: {web: {image: ./app.wasm, ports: [\"0:8080\"], x-wherry: {start: on-demand, idle: 300ms}}}\n");
        VersionedGuest.Write(project.Folder, "app.wasm", "old");
        VersionedGuest.Write(project.Folder, "next.wasm", "new");
        VersionedGuest.Write(project.Folder, "last.wasm", "last");
        (await project.RunAsync("up", "-d")).Expect(0);
        (await project.RunAsync("update", "web", "next.wasm")).Expect(0);
        JsonObject status = Assert.Single(await project.StatusAsync());
        Assert.Equal("idle", (string?)status["state"]);
        var address = new Uri($"http://{((string)status["ports"]![0]!).Split("->")[0]}/");
        using (var kept = new HttpClient { Timeout = RunningCommand.Patience })
        {
            Assert.Equal("new\n", await kept.GetStringAsync(address));

            // While it is awake it is replaced as others are, and the new one leaves as it would have.
            (await project.RunAsync("update", "web", "last.wasm", "--drain", "10m")).Expect(0);
            using var fresh = new HttpClient { Timeout = RunningCommand.Patience };
            Assert.Equal("last\n", await fresh.GetStringAsync(address));
            Assert.Equal("new\n", await kept.GetStringAsync(address));
        }

        await project.WaitForStatusAsync(all => (string?)all[0]["state"] == "idle" && (int)all[0]["retiring"]! == 0);
        (await project.RunAsync("down")).Expect(0);
    }

    [Fact]
    public async Task What_is_no_guest_is_not_updated()
    {
        await using var project = new UpProject($"services: {{site: {{x-wherry: {{static: .}}}}, web: {{image: {VersionedGuest.Path}}}}}\n");
        VersionedGuest.Write(project.Folder, "next.wasm", "new");
        (await project.RunAsync("up", "-d")).Expect(0);
        Assert.Contains("only guests can be replaced", (await project.RunAsync("update", "site", "next.wasm")).Expect(1).Error, StringComparison.Ordinal);
        Assert.Contains("there is no service \"nobody\"", (await project.RunAsync("update", "nobody", "next.wasm")).Expect(1).Error, StringComparison.Ordinal);
        Assert.Contains("missing.wasm is not there", (await project.RunAsync("update", "web", "missing.wasm")).Expect(126).Error, StringComparison.Ordinal);
        (await project.RunAsync("update", "web", "next.wasm", "--drain", "soon")).Expect(2);
    }

    /// <summary>Requests until it is cancelled; anything but an answer throws.</summary>
    private static async Task<int> RequestAsync(Uri address, bool isKept, Action<string> answered, CancellationToken end)
    {
        int count = 0;
        using var handler = new SocketsHttpHandler { MaxConnectionsPerServer = 1, PooledConnectionLifetime = isKept ? Timeout.InfiniteTimeSpan : TimeSpan.Zero };
        using var client = new HttpClient(handler) { Timeout = RunningCommand.Patience };
        while (!end.IsCancellationRequested)
        {
            using var request = new HttpRequestMessage(HttpMethod.Get, address);
            request.Headers.ConnectionClose = !isKept;
            using HttpResponseMessage response = await client.SendAsync(request, CancellationToken.None);
            answered(await response.EnsureSuccessStatusCode().Content.ReadAsStringAsync(CancellationToken.None));
            count++;
            if (isKept)
            {
                await Task.Delay(5, CancellationToken.None);
            }
        }

        return count;
    }

    private static async Task WaitForAsync(Func<bool> isSo)
    {
        using var limit = new CancellationTokenSource(RunningCommand.Patience);
        while (!isSo())
        {
            await Task.Delay(10, limit.Token);
        }
    }
}
