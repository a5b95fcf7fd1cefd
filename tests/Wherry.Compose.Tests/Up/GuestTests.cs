using System.Net;
using System.Net.Sockets;
using System.Runtime.InteropServices;

namespace Wherry.Compose.Tests.Up;

/// <summary>Guests that a project runs.</summary>
public sealed class GuestTests
{
    [Fact]
    public async Task Guests_with_the_same_port_are_published_apart()
    {
        await using var project = new UpProject($$$$"""
            services:
              one: &orders
                image: {{{{UpProject.Orders}}}}
                ports: ["0:8080"]
              two: *orders
            """);
        RunningCommand up = project.Start("up");
        using var client = new HttpClient { Timeout = RunningCommand.Patience };
        foreach (string service in new[] { "one", "two" })
        {
            int port = await UpProject.WaitForPortAsync(up, service);
            Assert.StartsWith("The order service", await client.GetStringAsync(new Uri($"http://127.0.0.1:{port}/")), StringComparison.Ordinal);
            using var body = new StringContent(service);
            using HttpResponseMessage echo = await client.PostAsync(new Uri($"http://127.0.0.1:{port}/echo"), body);
            Assert.Equal(service, await echo.Content.ReadAsStringAsync());
        }

        up.Signal(PosixSignal.SIGINT);
        Assert.Equal(130, (await up.EndAsync()).ExitCode);
    }

    [Fact]
    public async Task A_guest_reaches_services_by_name_and_nothing_else()
    {
        string fetch = Repository.Shared("guests/http-client-rust/http-client.wasm");
        using var outside = new TcpListener(IPAddress.Loopback, 0);
        outside.Start();
        int port = ((IPEndPoint)outside.LocalEndpoint).Port;
        await using var project = new UpProject($$$$"""
            services:
              server: {image: {{{{UpProject.Orders}}}}, healthcheck: {x-tcp: 8080}, networks: {default: {aliases: [api]}}}
              site: {x-wherry: {static: ./site}}
              apart: {image: {{{{UpProject.Orders}}}}, healthcheck: {x-tcp: 8080}, networks: [other]}
              reaches:
                image: {{{{fetch}}}}
                command: ["http://server:8080/", "http://api:8080/", "http://site/hello.txt"]
                depends_on: &all {server: {condition: service_healthy}, apart: {condition: service_healthy}, site: {condition: service_started}}
              kept-out:
                image: {{{{fetch}}}}
                command: ["http://apart:8080/", "http://127.0.0.1:{{{{port}}}}/", "http://example.com/"]
                depends_on: *all
            networks: {other: }
            """);
        Directory.CreateDirectory(project.Folder["site"]);
        project.Folder.Write("site/hello.txt", "hello");
        RunningCommand up = project.Start("up");
        await UpProject.WaitForLineAsync(up, "reaches", @"200 \d+ http://server:8080/");
        await UpProject.WaitForLineAsync(up, "reaches", @"200 \d+ http://api:8080/");
        await UpProject.WaitForLineAsync(up, "reaches", @"200 5 http://site/hello.txt");
        await UpProject.WaitForLineAsync(up, "reaches", @"\* exited with code 0");
        await UpProject.WaitForLineAsync(up, "kept-out", @"\* exited with code 1");
        Assert.DoesNotContain("kept-out-1 | 200 ", up.Output, StringComparison.Ordinal);
        Assert.Contains($"x-wherry: connect: [\"localhost:{port}\"] would allow it", up.Output, StringComparison.Ordinal);
        Assert.False(outside.Pending());
    }

    [Fact]
    public async Task A_guest_that_asks_a_dns_server_finds_services_there_and_what_it_reached_is_recorded()
    {
        string fetch = Repository.Shared("guests/http-client-rust/http-client.wasm");
        await using var project = new UpProject($$$$"""
            services:
              server: {image: {{{{UpProject.Orders}}}}, healthcheck: {x-tcp: 8080}}
              client:
                image: {{{{fetch}}}}
                command: ["http://server:8080/"]
                environment: {DNS_SERVER: "127.0.0.11:53"}
                depends_on: {server: {condition: service_healthy}}
              lost: {image: {{{{fetch}}}}, command: ["http://nowhere:8080/"], environment: {DNS_SERVER: "127.0.0.11:53"}, depends_on: [client]}
            """);
        RunningCommand up = project.Start("up");
        await UpProject.WaitForLineAsync(up, "client", @"200 \d+ http://server:8080/");
        await UpProject.WaitForLineAsync(up, "lost", @"\* The guest may not look up ""nowhere"".*x-wherry: connect: \[""nowhere""\] would allow it");
        Assert.Matches(@"client-1 +server:8080 +tcp +yes +1\n", (await project.RunAsync("egress")).Expect(0).Output);
        Assert.Equal("server", (string?)(await project.StatusAsync()).Single(status => (string?)status["service"] == "client")["egress"]![0]!["host"]);
        up.Signal(PosixSignal.SIGTERM);
        await up.EndAsync();
    }

    [Fact]
    public async Task Volumes_secrets_and_configs_are_there_and_last()
    {
        await using var project = new UpProject($$$$"""
            services:
              write: {image: {{{{UpProject.Probe}}}}, command: [write, /data/kept.txt], volumes: ["data:/data"]}
              read:
                image: {{{{UpProject.FileTool}}}}
                command: [ls, /data]
                volumes: ["data:/data:ro"]
                depends_on: {write: {condition: service_completed_successfully}}
              change:
                image: {{{{UpProject.Probe}}}}
                command: [write, /data/other.txt]
                volumes: ["data:/data:ro"]
              secret: {image: {{{{UpProject.FileTool}}}}, command: [cat, /run/secrets/password], secrets: [password]}
              config: {image: {{{{UpProject.FileTool}}}}, command: [cat, /etc/app/settings], configs: [{source: settings, target: /etc/app/settings}]}
              single: {image: {{{{UpProject.FileTool}}}}, command: [cat, /etc/one.txt], volumes: ["./one.txt:/etc/one.txt:ro"]}
            volumes: {data: }
            secrets: {password: {environment: PASSWORD}}
            configs: {settings: {content: some settings}}
            """);
        project.Variables.Add(("PASSWORD", "the secret"));
        project.Folder.Write("one.txt", "one file");
        Result result = await project.RunAsync("up", "-p", "shop");
        Assert.Contains("write-1  | written", result.Output, StringComparison.Ordinal);
        Assert.Contains("secret-1 | the secret", result.Output, StringComparison.Ordinal);
        Assert.Contains("config-1 | some settings", result.Output, StringComparison.Ordinal);
        Assert.Contains("single-1 | one file", result.Output, StringComparison.Ordinal);
        Assert.Matches(@"read-1 +\| .*kept\.txt", result.Output);
        Assert.Matches(@"change-1 +\| Read-only file system", result.Output);
        Assert.True(File.Exists(project.Folder["data/wherry/volumes/shop_data/kept.txt"]));
        Assert.False(File.Exists(project.Folder["data/wherry/volumes/shop_data/other.txt"]));
    }

    [Fact]
    public async Task A_guest_that_fails_is_started_again_as_often_as_the_policy_says()
    {
        await using var project = new UpProject($$$$"""
            services:
              fails: {image: {{{{UpProject.Probe}}}}, command: [exit, "3"], restart: "on-failure:2"}
              traps: {image: {{{{UpProject.Probe}}}}, command: [divide, "1"]}
              ends: {image: {{{{UpProject.Probe}}}}, command: [exit, "0"], restart: on-failure}
            """);
        Result result = await project.RunAsync("up");
        Assert.Equal(3, result.ExitCode);
        Assert.Contains("fails-1 | * exited with code 3; it is started again in 0.1 s\n", result.Output, StringComparison.Ordinal);
        Assert.Contains("fails-1 | * exited with code 3; it is started again in 0.2 s\n", result.Output, StringComparison.Ordinal);
        Assert.Contains("fails-1 | * exited with code 3, after 2 restarts\n", result.Output, StringComparison.Ordinal);
        Assert.Contains("traps-1 | * trap: integer divide by zero\n", result.Output, StringComparison.Ordinal);
        Assert.Contains("traps-1 | * exited with code 134\n", result.Output, StringComparison.Ordinal);
        Assert.Contains("ends-1  | * exited with code 0\n", result.Output, StringComparison.Ordinal);
    }

    [Fact]
    public async Task Neighbours_that_exhaust_stack_memory_and_time_harm_nobody()
    {
        await using var project = new UpProject($$$$"""
            services:
              good: {image: {{{{UpProject.Orders}}}}, ports: ["0:8080"]}
              recursive: {image: {{{{UpProject.Probe}}}}, command: [recurse], restart: always}
              greedy: {image: {{{{UpProject.Probe}}}}, command: [grow], mem_limit: 16m}
              beyond: {image: {{{{UpProject.Probe}}}}, command: [touch-beyond], restart: always}
              endless: {image: {{{{UpProject.Probe}}}}, command: [loop], stop_grace_period: 500ms}
            """);
        RunningCommand up = project.Start("up");
        int port = await UpProject.WaitForPortAsync(up, "good");
        await UpProject.WaitForLineAsync(up, "greedy", "256$");
        await UpProject.WaitForLineAsync(up, "recursive", @"\* exited with code 134; it is started again in 0.2 s");
        await UpProject.WaitForLineAsync(up, "beyond", @"\* trap: out of bounds memory access");
        await UpProject.WaitForLineAsync(up, "endless", "looping");
        using var client = new HttpClient { Timeout = RunningCommand.Patience };
        Assert.StartsWith("The order service", await client.GetStringAsync(new Uri($"http://127.0.0.1:{port}/")), StringComparison.Ordinal);
        up.Signal(PosixSignal.SIGTERM);
        Result result = await up.EndAsync();
        Assert.Equal(143, result.ExitCode);
        Assert.Contains("endless-1   | * it did not stop within 0.5 s and is killed", result.Output, StringComparison.Ordinal);
    }

    [Fact]
    public async Task Guests_with_a_share_of_the_processors_work_and_stop_as_others_do()
    {
        await using var project = new UpProject($$$$"""
            services:
              good: {image: {{{{UpProject.Orders}}}}, ports: ["0:8080"], cpus: 0.5}
              endless: {image: {{{{UpProject.Probe}}}}, command: [loop], cpus: 0.05, stop_grace_period: 500ms}
              threads: {image: {{{{Repository.Example("threads/sum.wasm")}}}}, cpus: 1.5}
            """);
        RunningCommand up = project.Start("up");
        int port = await UpProject.WaitForPortAsync(up, "good");
        await UpProject.WaitForLineAsync(up, "endless", "looping");
        await UpProject.WaitForLineAsync(up, "threads", @"\* exited with code 0");
        using var client = new HttpClient { Timeout = RunningCommand.Patience };
        Assert.StartsWith("The order service", await client.GetStringAsync(new Uri($"http://127.0.0.1:{port}/")), StringComparison.Ordinal);

        // It goes on between its pauses.
        double used = await CpuSecondsAsync();
        using (var limit = new CancellationTokenSource(RunningCommand.Patience))
        {
            while (await CpuSecondsAsync() <= used)
            {
                await Task.Delay(50, limit.Token);
            }
        }

        up.Signal(PosixSignal.SIGTERM);
        Result result = await up.EndAsync();
        Assert.Equal(143, result.ExitCode);
        Assert.Contains("endless-1 | * it did not stop within 0.5 s and is killed", result.Output, StringComparison.Ordinal);

        async Task<double> CpuSecondsAsync() => (double)(await project.StatusAsync()).Single(each => (string?)each["service"] == "endless")["cpuSeconds"]!;
    }

    [Fact]
    public async Task A_second_signal_ends_what_does_not_stop()
    {
        await using var project = new UpProject($$$$"""
            services:
              endless: {image: {{{{UpProject.Probe}}}}, command: [loop], stop_grace_period: 1h}
            """);
        RunningCommand up = project.Start("up");
        await UpProject.WaitForLineAsync(up, "endless", "looping");
        up.Signal(PosixSignal.SIGINT);
        Task<Result> end = up.EndAsync();
        while (!end.IsCompleted)
        {
            // It may just have ended.
            await RunningCommand.RunAsync("sh", "-c", $"kill -INT {up.Id} 2>/dev/null");
            await Task.WhenAny(end, Task.Delay(200));
        }

        Assert.Equal(130, (await end).ExitCode);
    }

    [Fact]
    public async Task What_cannot_start_is_told_and_the_project_ends()
    {
        using var taken = new TcpListener(IPAddress.Loopback, 0);
        taken.Start();
        int port = ((IPEndPoint)taken.LocalEndpoint).Port;
        await using var project = new UpProject($$$$"""
            services:
              other: {image: {{{{UpProject.Probe}}}}, command: [sleep]}
              web: {image: {{{{UpProject.Orders}}}}, ports: ["{{{{port}}}}:8080"], depends_on: [other]}
              after: {image: {{{{UpProject.Probe}}}}, command: [exit, "0"], depends_on: [web]}
            """);
        Result result = await project.RunAsync("up");
        Assert.Equal(1, result.ExitCode);
        Assert.Contains($"web-1   | * the host can't listen on 127.0.0.1:{port}: another program has the port.", result.Output, StringComparison.Ordinal);
        Assert.Contains("after-1 | * it is not started: web exited with code 126", result.Output, StringComparison.Ordinal);
        Assert.Contains("wherry: not all services could be started.", result.Error, StringComparison.Ordinal);
    }

    [Fact]
    public async Task A_file_that_is_no_module_is_told()
    {
        await using var project = new UpProject("services: {web: {image: ./app.wasm}}\n");
        project.Folder.Write("app.wasm", "not a module");
        Result result = await project.RunAsync("up");
        Assert.Equal(126, result.ExitCode);
        Assert.Matches(@"web-1 +\| \* .*magic", result.Output);
    }

    [Fact]
    public async Task Dependencies_are_waited_for()
    {
        await using var project = new UpProject($$$$"""
            services:
              last: {image: {{{{UpProject.Probe}}}}, command: [show], depends_on: {job: {condition: service_completed_successfully}, server: {condition: service_healthy}}}
              job: {image: {{{{UpProject.Probe}}}}, command: [exit, "0"], depends_on: {server: {condition: service_healthy}}}
              server: {image: {{{{UpProject.Orders}}}}, healthcheck: {test: curl -f http://localhost:8080/orders-or-not || exit 1, retries: 1, interval: 1s}}
            """);

        // The path is not found, so the server never becomes healthy.
        Result result = await project.RunAsync("up");
        Assert.Equal(1, result.ExitCode);
        Assert.Contains("server-1 | * it is unhealthy", result.Output, StringComparison.Ordinal);
        Assert.Contains("job-1    | * it is not started: server is unhealthy", result.Output, StringComparison.Ordinal);
        Assert.Contains("last-1   | * it is not started: job exited with code 126", result.Output, StringComparison.Ordinal);
    }
}
