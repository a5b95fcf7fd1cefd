using System.Globalization;
using System.Runtime.InteropServices;
using System.Text.Json.Nodes;
using Wherry.Compose.Running.Bounds;

namespace Wherry.Compose.Tests.Up;

/// <summary>What happens where the system gives no more: whoever comes then is refused, and those that run go on.</summary>
public sealed class BoundTests
{
    private const int Many = 300;

    private static readonly string Noisy = Path.Combine(Repository.Root, "tests", "Wherry.Compose.Tests", "Guests", "noisy.wasm");

    [Fact]
    public async Task Who_finds_too_few_open_files_is_refused_and_the_others_go_on()
    {
        await using var project = new UpProject(File(Many, ""));
        RunningCommand up = Start(project, "ulimit -n 320");
        var address = new Uri($"http://127.0.0.1:{await UpProject.WaitForPortAsync(up, "good")}/");
        JsonObject[] status = await WaitForAllAsync(project);
        int running = status.Count(each => IsOf(each, "many", "running"));
        Assert.InRange(running, 1, Many - 1);
        await up.WaitForAsync(new(@"many-\d+ +\| \* .*too few handles.*320 open files \(ulimit -n\)"));
        Assert.All(status.Where(each => IsOf(each, "many", "exited")), each => Assert.True((int)each["exitCode"]! is 1 or 126));
        await AskAsync(address);

        // A guest that takes all that it can get does not get what is left for those that have few.
        await up.WaitForAsync(new(@"greedy-1 +\| \d+ descriptors"));
        await AskAsync(address);
        up.Signal(PosixSignal.SIGTERM);
        Assert.Equal(143, (await up.EndAsync()).ExitCode);
    }

    [Fact]
    public async Task Who_takes_all_open_files_does_not_keep_others_from_being_started()
    {
        await using var project = new UpProject(File(1, "").Replace("[descriptors]", "[descriptors, keep]", StringComparison.Ordinal));
        RunningCommand up = Start(project, "ulimit -n 640");
        var address = new Uri($"http://127.0.0.1:{await UpProject.WaitForPortAsync(up, "good")}/");
        await up.WaitForAsync(new(@"greedy-1 +\| \d+ descriptors"));
        (await project.RunAsync("scale", "many=20")).Expect(0);
        foreach (JsonObject status in await WaitForAllAsync(project))
        {
            Assert.True((string?)status["state"] == "running", $"{status}\n{up.Output}\n{up.Error}");
        }

        await AskAsync(address);
        up.Signal(PosixSignal.SIGTERM);
        Assert.Equal(143, (await up.EndAsync()).ExitCode);
    }

    [Fact]
    public async Task Who_finds_too_little_address_space_is_refused_and_the_others_go_on()
    {
        await using var project = new UpProject(File(Many, ", mem_limit: 2g"));
        RunningCommand up = Start(project, "ulimit -v 80000000");
        var address = new Uri($"http://127.0.0.1:{await UpProject.WaitForPortAsync(up, "good")}/");
        JsonObject[] status = await WaitForAllAsync(project);
        Assert.InRange(status.Count(each => IsOf(each, "many", "running")), 1, Many - 1);
        await up.WaitForAsync(new(@"many-\d+ +\| \* The system refused to reserve \d+ bytes of address space for a memory"));
        await AskAsync(address);
        up.Signal(PosixSignal.SIGTERM);
        Assert.Equal(143, (await up.EndAsync()).ExitCode);
    }

    [Fact]
    public void Mappings_are_counted_again_when_they_may_have_been_used_up_and_the_last_are_kept()
    {
        int used = 1_000;
        int counts = 0;
        var budget = new MappingBudget(10_000, () =>
        {
            counts++;
            return used;
        });
        int started = 0;
        while (budget.TryTake())
        {
            started++;
            used += 5;
        }

        // A sixteenth is kept, and what guests take may be underestimated by the last few.
        Assert.InRange(used, 10_000 * 8 / 10, 10_000 * 15 / 16);
        Assert.Equal((used - 1_000) / 5, started);
        Assert.InRange(counts, 2, 40);
        Assert.False(budget.TryTake());
    }

    [Fact]
    public void Where_scarcely_any_mappings_are_left_a_count_does_for_a_while()
    {
        int counts = 0;
        var clock = new Clock();
        var budget = new MappingBudget(
            10_000,
            () =>
            {
                counts++;
                return (10_000 * 15 / 16) - 45;
            },
            clock);
        for (int round = 1; round <= 3; round++)
        {
            // Two have room in half of what is left.
            Assert.Equal(2, Enumerable.Range(0, 100).Count(_ => budget.TryTake()));
            Assert.Equal(round, counts);
            clock.Now += TimeSpan.TicksPerSecond;
        }
    }

    [Fact]
    public async Task The_number_of_threads_does_not_depend_on_how_many_guests_wait()
    {
        // The first ones show where the program waits; what comes later has no thread while it does.
        await using var project = new UpProject(File(1, ""));
        RunningCommand up = project.Start("up");
        var address = new Uri($"http://127.0.0.1:{await UpProject.WaitForPortAsync(up, "good")}/");
        await WaitForAllAsync(project);
        await AskAsync(address);
        await WaitForThreadsAsync(40);
        (await project.RunAsync("scale", string.Create(CultureInfo.InvariantCulture, $"many={Many}"))).Expect(0);
        foreach (JsonObject status in await WaitForAllAsync(project))
        {
            Assert.True((string?)status["state"] == "running", $"{status}\n{up.Output}\n{up.Error}");
        }

        await AskAsync(address);
        await WaitForThreadsAsync(40);
        up.Signal(PosixSignal.SIGTERM);
        Assert.Equal(143, (await up.EndAsync()).ExitCode);

        // Threads that were needed for a moment go when they have been idle for a while.
        async Task WaitForThreadsAsync(int most)
        {
            var patience = Task.Delay(RunningCommand.Patience);
            while (Directory.GetDirectories(string.Create(CultureInfo.InvariantCulture, $"/proc/{up.Id}/task")).Length is var count && count > most)
            {
                Assert.False(patience.IsCompleted, $"There are {count} threads.");
                await Task.Delay(500);
            }
        }
    }

    private static string File(int many, string more) => $$$"""
        services:
          good: {image: {{{UpProject.Orders}}}, ports: ["0:8080"], healthcheck: {x-tcp: 8080}}
          many: {image: {{{VersionedGuest.Path}}}, scale: {{{many}}}, restart: "no"{{{more}}}, depends_on: {good: {condition: service_healthy} } }
          greedy: {image: {{{Noisy}}}, command: [descriptors], restart: always, depends_on: {good: {condition: service_healthy} } }

        """;

    private static RunningCommand Start(UpProject project, string limit) =>
        project.StartOther("sh", ["-c", $"{limit} && exec dotnet \"$0\" up", Repository.Command]);

    private static bool IsOf(JsonObject status, string service, string state) => (string?)status["service"] == service && (string?)status["state"] == state;

    /// <summary>Waits until each replica runs, or won't.</summary>
    private static async Task<JsonObject[]> WaitForAllAsync(UpProject project)
    {
        await project.WaitForStatusAsync(all => all.Where(each => (string?)each["service"] != "greedy").All(each => (string?)each["state"] is "running" or "exited"));
        return [.. (await project.StatusAsync()).Where(each => (string?)each["service"] != "greedy")];
    }

    private static async Task AskAsync(Uri address)
    {
        for (int i = 0; i < 5; i++)
        {
            using var client = new HttpClient { Timeout = RunningCommand.Patience };
            Assert.StartsWith("The order service", await client.GetStringAsync(address), StringComparison.Ordinal);
        }
    }

    /// <summary>Goes on when it is told to.</summary>
    private sealed class Clock : TimeProvider
    {
        public long Now { get; set; }

        public override long TimestampFrequency => TimeSpan.TicksPerSecond;

        public override long GetTimestamp() => Now;
    }
}
