using System.Diagnostics;
using System.Globalization;
using System.Net;
using System.Net.Sockets;
using System.Runtime.InteropServices;
using Wherry.Compose.Running.Workloads;

namespace Wherry.Compose.Tests.Up;

/// <summary>Native helpers, and containers.</summary>
public sealed class ProcessTests
{
    [Fact]
    public async Task Without_leave_no_program_is_started()
    {
        await using var project = new UpProject("services: {db: {x-wherry: {process: [touch, made]}}}\n");
        Result result = (await project.RunAsync("up")).Expect(126);
        Assert.Contains("compose.yaml:1:12: error: services.db runs a program of this machine, touch, with all your rights. If you trust the file: --allow-processes", result.Error, StringComparison.Ordinal);
        Assert.False(File.Exists(project.Folder["made"]));
    }

    [Fact]
    public async Task A_helper_gets_what_the_file_gives_and_nothing_of_the_rest()
    {
        await using var project = new UpProject("""
            services:
              show:
                x-wherry: {process: [env]}
                environment: {OWN: value}
                expose: [3306]
                volumes: ["data:/data"]
                secrets: [password]
                configs: [password, motd]
            volumes: {data: }
            secrets: {password: {environment: PASSWORD}}
            configs: {password: {content: none}, motd: {content: hello}}
            """);
        project.Variables.Add(("PASSWORD", "kept from it"));
        Result result = await project.RunAsync("up", "--allow-processes", "-p", "shop");
        Assert.Contains("show-1 | OWN=value\n", result.Output, StringComparison.Ordinal);
        Assert.Matches(@"show-1 \| WHERRY_PORT_3306=\d+\n", result.Output);
        Assert.Contains($"show-1 | WHERRY_VOLUME_DATA={project.Folder["data/wherry/volumes/shop_data"]}\n", result.Output, StringComparison.Ordinal);
        Assert.Matches(@"show-1 \| WHERRY_FILE_PASSWORD=/\S+/secrets/password\n", result.Output);
        Assert.Matches(@"show-1 \| WHERRY_FILE_MOTD=/\S+/configs/motd\n", result.Output);
        Assert.DoesNotContain("kept from it", result.Output, StringComparison.Ordinal);
        Assert.DoesNotContain("XDG_DATA_HOME", result.Output, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public async Task A_helper_ends_with_the_project_and_so_does_what_it_started(bool isKilled)
    {
        await using var project = new UpProject("""
            services:
              helper: {x-wherry: {process: [sh, helper.sh]}}
            """);
        project.Folder.Write("helper.sh", "trap 'echo told to stop; kill $child; exit 0' TERM\nsleep 1000 &\nchild=$!\necho \"processes $$ $child\"\nwait\n");
        RunningCommand up = project.Start("up", "--allow-processes");
        int[] processes = [.. (await UpProject.WaitForLineAsync(up, "helper", @"processes (\d+) (\d+)")).Groups.Values.Skip(1).Select(group => int.Parse(group.ValueSpan, CultureInfo.InvariantCulture))];
        if (isKilled)
        {
            up.KillAtOnce();
        }
        else
        {
            up.Signal(PosixSignal.SIGINT);
            Result result = await up.EndAsync();
            Assert.Equal(130, result.ExitCode);
            Assert.Contains("helper-1 | told to stop\n", result.Output, StringComparison.Ordinal);
        }

        foreach (int process in processes)
        {
            await WaitForEndAsync(process);
        }
    }

    [Fact]
    public async Task A_helper_that_does_not_stop_is_killed()
    {
        await using var project = new UpProject("""
            services:
              stubborn: {x-wherry: {process: [sh, -c, "trap '' TERM; echo ready; while :; do sleep 1; done"]}, stop_grace_period: 300ms}
            """);
        RunningCommand up = project.Start("up", "--allow-processes");
        await UpProject.WaitForLineAsync(up, "stubborn", "ready");
        up.Signal(PosixSignal.SIGTERM);
        Result result = await up.EndAsync();
        Assert.Equal(143, result.ExitCode);
        Assert.Contains("stubborn-1 | * it did not stop within 0.3 s and is killed", result.Output, StringComparison.Ordinal);
    }

    [Fact]
    public async Task A_helper_is_healthy_when_its_check_succeeds_and_its_dependents_start_then()
    {
        await using var project = new UpProject($$$$"""
            services:
              helper:
                x-wherry: {process: [sh, -c, "sleep 2; touch ready; exec sleep 1000"]}
                healthcheck: {test: test -e ready, interval: 200ms, start_period: 1h}
              guest: {image: {{{{UpProject.Probe}}}}, command: [exit, "0"], depends_on: {helper: {condition: service_healthy}}}
            """);
        RunningCommand up = project.Start("up", "--allow-processes");
        await UpProject.WaitForLineAsync(up, "guest", @"\* exited with code 0");
        Assert.True(File.Exists(project.Folder["ready"]));
    }

    [Fact]
    public async Task What_cannot_be_started_is_told()
    {
        await using var project = new UpProject("services: {helper: {x-wherry: {process: [./there-is-no-such-program]}}}\n");
        Result result = await project.RunAsync("up", "--allow-processes");
        Assert.NotEqual(0, result.ExitCode);
        Assert.Matches(@"helper-1 +\| .*there-is-no-such-program", result.Output);
    }

    [Fact]
    public async Task What_a_container_cannot_be_given_is_told()
    {
        await using var project = new UpProject("""
            services: {cache: {image: "redis:7", volumes: ["./compose.yaml/below:/data"]}}
            """);
        UseInDockersPlace(project, "exit 0\n");
        Result result = (await project.RunAsync("up", "--allow-containers")).Expect(126);
        Assert.Contains("cache-1 | * it can't be started: ", result.Output, StringComparison.Ordinal);
    }

    [Fact]
    public async Task Other_images_are_refused_unless_containers_are_allowed()
    {
        await using var project = new UpProject("""
            services:
              cache:
                image: redis:7
                command: [redis-server, --save, ""]
                ports: ["127.0.0.1:0:6379"]
                environment: {A: "1"}
                volumes: ["./data:/data:ro"]
                deploy: {resources: {limits: {memory: 64m, cpus: "0.25"}}}
                healthcheck: {test: [CMD, redis-cli, ping], interval: 200ms}
                stop_grace_period: 300ms
            """);
        Result refused = (await project.RunAsync("up")).Expect(126);
        Assert.Contains("the image redis:7 is no module, and needs docker or podman", refused.Error, StringComparison.Ordinal);

        // A command in docker's place that shows what it was asked.
        UseInDockersPlace(project, """
            case $1 in
            exec) echo "$@" >>asked; exit 0;;
            rm) echo "$@" >>removed; exit 0;;
            esac
            trap '' TERM
            for word; do echo "[$word]"; done
            while :; do sleep 1; done

            """);
        RunningCommand up = project.Start("up", "--allow-containers", "-p", "shop");
        await UpProject.WaitForLineAsync(up, "cache", @"\[redis-server\]\ncache-1 +\| \[--save\]\ncache-1 +\| \[\]");
        string line = string.Join(' ', up.Output.Split('\n').Select(each => each[(each.IndexOf('|', StringComparison.Ordinal) + 1)..].Trim()));
        Assert.Matches(@"\[run\] \[--rm\] \[--name\] \[shop-cache-1\] \[--security-opt\] \[no-new-privileges\]", line);
        Assert.Matches($@"\[-e\] \[A=1\] \[-p\] \[127\.0\.0\.1:\d+:6379\] \[-v\] \[{project.Folder["data"]}:/data:ro\] \[--memory\] \[67108864\] \[--cpus\] \[0\.25\] \[redis:7\] \[redis-server\]", line);
        using (var limit = new CancellationTokenSource(RunningCommand.Patience))
        {
            while (!File.Exists(project.Folder["asked"]) || !File.ReadAllText(project.Folder["asked"]).Contains('\n', StringComparison.Ordinal))
            {
                await Task.Delay(50, limit.Token);
            }
        }

        Assert.StartsWith("exec shop-cache-1 redis-cli ping\n", File.ReadAllText(project.Folder["asked"]), StringComparison.Ordinal);

        // What does not stop is killed; the container would survive that.
        up.Signal(PosixSignal.SIGTERM);
        await up.EndAsync();
        Assert.Equal("rm -f shop-cache-1\n", File.ReadAllText(project.Folder["removed"]));
    }

    [Fact]
    public async Task A_container_without_a_network_gets_none()
    {
        await using var project = new UpProject("services: {job: {image: \"busybox:1\", network_mode: none}}\n");
        UseInDockersPlace(project, "for word; do echo \"[$word]\"; done\n");
        Result result = (await project.RunAsync("up", "--allow-containers")).Expect(0);
        Assert.Matches(@"\[--network\]\n\S+ +\| \[none\]\n", result.Output);
    }

    [Fact]
    public async Task A_helper_that_leads_no_group_yet_is_signalled_itself()
    {
        // Without setsid in front of it, as for a moment at each start.
        var launch = new ProcessLaunch { Name = "helper", Command = ["sleep", "1000"], Folder = "/" };
        var workload = new ProcessWorkload(launch, () => [], _ => null, (_, line) => Assert.Fail(line));
        workload.Start();
        await workload.Running.WaitAsync(RunningCommand.Patience);
        workload.AskToStop();
        Assert.Equal(128 + 15, await workload.Ended.WaitAsync(RunningCommand.Patience));
    }

    private static void UseInDockersPlace(UpProject project, string script)
    {
        Directory.CreateDirectory(project.Folder["bin"]);
        string docker = project.Folder.Write("bin/docker", "#!/bin/sh\n" + script);
        File.SetUnixFileMode(docker, UnixFileMode.UserRead | UnixFileMode.UserWrite | UnixFileMode.UserExecute);
        project.Variables.Add(("PATH", $"{project.Folder["bin"]}:{Environment.GetEnvironmentVariable("PATH")}"));
    }

    private static async Task WaitForEndAsync(int process)
    {
        using var limit = new CancellationTokenSource(RunningCommand.Patience);
        while (IsRunning(process))
        {
            await Task.Delay(50, limit.Token);
        }
    }

    private static bool IsRunning(int process)
    {
        try
        {
            // A zombie whose parent has not looked yet has ended too.
            return !File.ReadAllText($"/proc/{process}/stat").Contains(") Z ", StringComparison.Ordinal);
        }
        catch (IOException)
        {
            return false;
        }
    }
}
