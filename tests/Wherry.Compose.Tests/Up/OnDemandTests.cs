using System.Net.Sockets;
using System.Runtime.InteropServices;
using System.Text.Json.Nodes;

namespace Wherry.Compose.Tests.Up;

/// <summary>Guests that the first connection starts.</summary>
public sealed class OnDemandTests
{
    [Fact]
    public async Task The_first_connection_starts_a_guest_which_leaves_when_nobody_uses_it()
    {
        await using var project = new UpProject($$$$"""
            services:
              web: {image: {{{{VersionedGuest.Path}}}}, ports: ["0:8080"], x-wherry: {start: on-demand, idle: 500ms}}
            """);
        (await project.RunAsync("up", "-d")).Expect(0);
        string address = await AddressAsync(project, "idle");
        for (int round = 0; round < 3; round++)
        {
            using (var client = new HttpClient { Timeout = RunningCommand.Patience })
            {
                Assert.Equal("one\n", await client.GetStringAsync(new Uri(address)));

                // The client keeps its connection, and with it the guest.
                await Task.Delay(1000);
                JsonObject status = Assert.Single(await project.StatusAsync());
                Assert.Equal("running 1 1", $"{status["state"]} {status["connections"]} {status["accepted"]}");
            }

            await project.WaitForStatusAsync(all => (string?)all[0]["state"] == "idle");
        }

        JsonObject last = Assert.Single(await project.StatusAsync());
        Assert.Equal(0, (int)last["restarts"]!);
        Assert.Null(last["memoryBytes"]);
        Assert.Contains("web-1  guest  idle", (await project.RunAsync("ps")).Expect(0).Output, StringComparison.Ordinal);
        (await project.RunAsync("down")).Expect(0);
    }

    [Fact]
    public async Task All_that_connect_before_the_guest_listens_are_answered()
    {
        await using var project = new UpProject($$$$"""
            services:
              web: {image: {{{{UpProject.Orders}}}}, ports: ["0:8080"], x-wherry: {start: on-demand, idle: 1h}}
            """);
        (await project.RunAsync("up", "-d")).Expect(0);
        string address = await AddressAsync(project, "idle");
        string[] answers = await Task.WhenAll(Enumerable.Range(0, 40).Select(async _ =>
        {
            using var client = new HttpClient { Timeout = RunningCommand.Patience };
            return await client.GetStringAsync(new Uri(address));
        }));
        Assert.All(answers, answer => Assert.StartsWith("The order service", answer, StringComparison.Ordinal));
        (await project.RunAsync("down")).Expect(0);
    }

    [Fact]
    public async Task Other_guests_start_it_by_its_name_and_its_dependents_do_not()
    {
        string fetch = Repository.Shared("guests/http-client-rust/http-client.wasm");
        await using var project = new UpProject($$$$"""
            services:
              server: {image: {{{{UpProject.Orders}}}}, expose: [8080], healthcheck: {x-tcp: 8080}, x-wherry: {start: on-demand}}
              never: {image: {{{{VersionedGuest.Path}}}}, expose: [8080], x-wherry: {start: on-demand}}
              client: {image: {{{{fetch}}}}, command: ["http://server:8080/"], depends_on: {server: {condition: service_healthy}, never: {condition: service_started}}}
              refused: {image: {{{{fetch}}}}, command: ["http://never:81/"], depends_on: [never]}
            """);
        RunningCommand up = project.Start("up");
        await UpProject.WaitForLineAsync(up, "client", @"200 \d+ http://server:8080/");
        await UpProject.WaitForLineAsync(up, "refused", @"\* exited with code 1");
        Assert.Equal(["running", "idle"], (await project.StatusAsync()).Take(2).Select(status => (string)status["state"]!));
        up.Signal(PosixSignal.SIGTERM);
        Assert.Equal(143, (await up.EndAsync()).ExitCode);
    }

    [Fact]
    public async Task A_guest_that_crashes_is_started_again_by_the_next_connection()
    {
        await using var project = new UpProject($$$$"""
            services:
              web: {image: {{{{VersionedGuest.Path}}}}, ports: ["0:8080"], restart: always, x-wherry: {start: on-demand, idle: 1h}}
            """);
        (await project.RunAsync("up", "-d")).Expect(0);
        string address = await AddressAsync(project, "idle");
        await VersionedGuest.CrashAsync(new Uri(address));
        await project.WaitForStatusAsync(all => (string?)all[0]["state"] == "idle" && (int)all[0]["restarts"]! == 1);
        Assert.Contains("web-1 | * exited with code 134; the next connection starts it again\n", (await project.RunAsync("logs")).Expect(0).Output, StringComparison.Ordinal);
        using var client = new HttpClient { Timeout = RunningCommand.Patience };
        Assert.Equal("one\n", await client.GetStringAsync(new Uri(address)));
    }

    [Fact]
    public async Task Who_waits_for_a_guest_that_can_not_start_is_refused()
    {
        await using var project = new UpProject("services: {web: {image: ./app.wasm, ports: [\"0:8080\"], x-wherry: {start: on-demand}}}\n");
        VersionedGuest.Write(project.Folder, "app.wasm", "trap");
        (await project.RunAsync("up", "-d")).Expect(0);
        string address = await AddressAsync(project, "idle");
        using var client = new TcpClient();
        await client.ConnectAsync("127.0.0.1", new Uri(address).Port);
        client.Client.ReceiveTimeout = (int)RunningCommand.Patience.TotalMilliseconds;
        Assert.Equal(SocketError.ConnectionReset, Assert.Throws<SocketException>(() => client.Client.Receive(new byte[1])).SocketErrorCode);
        await project.WaitForStatusAsync(all => (string?)all[0]["state"] == "idle");
        (await project.RunAsync("stop")).Expect(0);
        await project.WaitForStatusAsync(all => (string?)all[0]["state"] == "exited");
    }

    [Fact]
    public async Task A_module_that_is_none_is_told_before_anybody_connects()
    {
        await using var project = new UpProject("services: {web: {image: ./app.wasm, ports: [\"0:8080\"], x-wherry: {start: on-demand}}}\n");
        project.Folder.Write("app.wasm", "not a module");
        Result result = (await project.RunAsync("up")).Expect(126);
        Assert.Matches(@"web-1 +\| \* .*magic", result.Output);
    }

    private static async Task<string> AddressAsync(UpProject project, string state)
    {
        JsonObject status = Assert.Single(await project.StatusAsync());
        Assert.Equal(state, (string?)status["state"]);
        return $"http://{((string)status["ports"]![0]!).Split("->")[0]}/";
    }
}
