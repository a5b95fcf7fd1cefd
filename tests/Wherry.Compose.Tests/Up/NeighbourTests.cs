using System.Runtime.InteropServices;

namespace Wherry.Compose.Tests.Up;

/// <summary>A service beside others that do what they can to disturb it.</summary>
public sealed class NeighbourTests
{
    private const int Requests = 300;

    [Fact]
    public async Task A_service_answers_beside_neighbours_that_spin_fill_their_memory_and_crash()
    {
        string noisy = Path.Combine(Repository.Root, "tests", "Wherry.Compose.Tests", "Guests", "noisy.wasm");
        await using var project = new UpProject($$$$"""
            services:
              good: {image: {{{{UpProject.Orders}}}}, ports: ["0:8080"], healthcheck: {x-tcp: 8080}}
              spin: {image: {{{{noisy}}}}, command: [spin], scale: 8, cpus: 0.1, stop_grace_period: 0s}
              memory: {image: {{{{noisy}}}}, command: [memory], scale: 8, mem_limit: 8m}
              trap: {image: {{{{noisy}}}}, command: [trap], scale: 4, restart: always}
              stack: {image: {{{{noisy}}}}, command: [stack], scale: 3, restart: always}
              descriptors: {image: {{{{noisy}}}}, command: [descriptors], restart: always}
            """);
        RunningCommand up = project.Start("up");
        int port = await UpProject.WaitForPortAsync(up, "good");
        await UpProject.WaitForLineAsync(up, "memory", @"1\d\d pages");
        await UpProject.WaitForLineAsync(up, "descriptors", @"\d+ descriptors");
        await UpProject.WaitForLineAsync(up, "stack", @"\* exited with code 134; it is started again in 0\.2 s");
        await project.WaitForStatusAsync(all => all.Count(each => (string?)each["service"] == "spin" && (string?)each["state"] == "running" && (double?)each["cpuSeconds"] > 0) == 8);
        using var client = new HttpClient { Timeout = RunningCommand.Patience };
        for (int i = 0; i < Requests; i++)
        {
            // Old connections and new ones.
            using var request = new HttpRequestMessage(HttpMethod.Get, new Uri($"http://127.0.0.1:{port}/"));
            request.Headers.ConnectionClose = i % 2 == 0;
            using HttpResponseMessage response = await client.SendAsync(request);
            Assert.StartsWith("The order service", await response.EnsureSuccessStatusCode().Content.ReadAsStringAsync(), StringComparison.Ordinal);
        }

        System.Text.Json.Nodes.JsonObject[] status = await project.StatusAsync();
        Assert.Equal("running healthy 0", status.Where(each => (string?)each["service"] == "good").Select(each => $"{each["state"]} {each["health"]} {each["restarts"]}").Single());
        Assert.Equal(8, status.Count(each => (string?)each["service"] == "memory" && (string?)each["state"] == "running" && (long)each["memoryBytes"]! is > 7 << 20 and <= 8 << 20));
        up.Signal(PosixSignal.SIGTERM);
        Assert.Equal(143, (await up.EndAsync()).ExitCode);
    }
}
