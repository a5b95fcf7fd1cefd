using System.Collections.Concurrent;
using System.Text;
using Microsoft.Extensions.Configuration;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Diagnostics.HealthChecks;
using Microsoft.Extensions.Hosting;
using Microsoft.Extensions.Logging;
using Wherry.Compose.Tests.Up;
using Wherry.Hosting;

namespace Wherry.Compose.Tests.Hosting;

/// <summary>Services in an application's own process.</summary>
public sealed class AddWherryTests
{
    [Fact]
    public async Task Services_come_from_configuration_laid_over_files_and_log_to_loggers_of_their_own()
    {
        using var folder = new TemporaryFolder();
        folder.Write("compose.yaml", $$$$"""
            services:
              env: {image: {{{{UpProject.Probe}}}}, command: [env], environment: {FROM_FILE: "1", BOTH: file}}
            """);
        var logs = new Logs();
        using IHost host = Build(folder, logs, $$$$"""
            {"Files": ["compose.yaml"], "UsesCodeCache": false,
             "Services": {"env": {"environment": {"BOTH": "configuration"}}, "asleep": {"image": "{{{{UpProject.Probe}}}}", "command": ["sleep"]}}}
            """);
        await host.StartAsync();
        await logs.WaitForAsync("Wherry.Services.asleep", "asleep-1: sleeping");
        await logs.WaitForAsync("Wherry.Services.env", "env-1: BOTH=configuration");
        await logs.WaitForAsync("Wherry.Services.env", "env-1: FROM_FILE=1");
        await logs.WaitForAsync("Wherry.Services.env", "exited with code 0");

        HealthReport report = await host.Services.GetRequiredService<HealthCheckService>().CheckHealthAsync();
        Assert.Equal(["wherry-asleep: Healthy asleep-1 running", "wherry-env: Healthy env-1 exited with code 0"], report.Entries.Select(entry => $"{entry.Key}: {entry.Value.Status} {entry.Value.Description}").Order());
        await host.StopAsync();
        Assert.All(host.Services.GetRequiredService<ProjectRunner>().Status, status => Assert.Equal(ReplicaState.Exited, status.State));
    }

    [Fact]
    public async Task Services_that_sleep_or_are_scaled_to_nothing_are_healthy()
    {
        using var folder = new TemporaryFolder();
        using IHost host = Build(folder, new Logs(), $$$$"""
            {"services": {"none": {"image": "{{{{UpProject.Probe}}}}", "command": ["sleep"], "scale": "2"},
                          "asleep": {"image": "{{{{VersionedGuest.Path}}}}", "expose": ["8080"], "x-wherry": {"start": "on-demand"}}}, "UsesCodeCache": false}
            """);
        await host.StartAsync();
        ProjectRunner runner = host.Services.GetRequiredService<ProjectRunner>();
        await runner.ScaleAsync("none", 0);
        var patience = Task.Delay(RunningCommand.Patience);
        HealthReport report;
        while ((report = await host.Services.GetRequiredService<HealthCheckService>().CheckHealthAsync()).Status != HealthStatus.Healthy)
        {
            Assert.False(patience.IsCompleted, string.Join('\n', report.Entries.Select(entry => $"{entry.Key}: {entry.Value.Status} {entry.Value.Description}")));
            await Task.Delay(50);
        }

        Assert.Equal(["asleep-1 idle", "no replicas"], report.Entries.Select(entry => entry.Value.Description!).Order());
        await host.StopAsync();
    }

    [Fact]
    public async Task A_service_that_fails_is_unhealthy()
    {
        using var folder = new TemporaryFolder();
        var logs = new Logs();
        using IHost host = Build(folder, logs, $$$$"""{"services": {"fails": {"image": "{{{{UpProject.Probe}}}}", "command": ["exit", "3"]}}, "UsesCodeCache": false}""");
        await host.StartAsync();
        await logs.WaitForAsync("Wherry.Services.fails", "exited with code 3");
        ProjectRunner runner = host.Services.GetRequiredService<ProjectRunner>();
        Assert.Equal(3, await runner.WaitForEndAsync());
        HealthReport report = await host.Services.GetRequiredService<HealthCheckService>().CheckHealthAsync();
        Assert.Equal(HealthStatus.Unhealthy, report.Status);

        // Nobody waits for what has ended.
        await Assert.ThrowsAsync<IOException>(async () => await runner.ConnectAsync("fails", 80));
        await Assert.ThrowsAsync<IOException>(async () => await runner.ConnectAsync("nobody", 80));
        await host.StopAsync();
    }

    [Fact]
    public async Task Clients_reach_services_that_are_not_published_by_name()
    {
        using var folder = new TemporaryFolder();
        Directory.CreateDirectory(folder["site"]);
        folder.Write("site/hello.txt", "hello");
        using IHost host = Build(folder, new Logs(), $$$$"""
            {"services": {"orders": {"image": "{{{{UpProject.Orders}}}}", "scale": "2"}, "site": {"x-wherry": {"static": "./site"}}}, "UsesCodeCache": false}
            """);
        await host.StartAsync();

        // The guests may not listen yet: the first request waits until one does.
        using var client = new HttpClient(host.Services.GetRequiredService<ProjectRunner>().CreateHttpHandler()) { Timeout = RunningCommand.Patience };
        Assert.StartsWith("The order service", await client.GetStringAsync(new Uri("http://orders:8080/")), StringComparison.Ordinal);
        Assert.Equal("hello", await client.GetStringAsync(new Uri("http://site/hello.txt")));
        await Assert.ThrowsAsync<HttpRequestException>(() => client.GetStringAsync(new Uri("http://127.0.0.1:1/")));
        await host.StopAsync();
    }

    [Fact]
    public async Task An_application_does_not_start_without_its_services()
    {
        using var folder = new TemporaryFolder();
        using IHost wrong = Build(folder, new Logs(), """{"services": {"one": {"image": "./missing.wasm"}}}""");
        ComposeFileException refused = await Assert.ThrowsAsync<ComposeFileException>(() => wrong.StartAsync());
        Assert.Contains("configuration Wherry:services:one", refused.Message, StringComparison.Ordinal);

        using IHost refuses = Build(folder, new Logs(), """{"services": {"one": {"x-wherry": {"process": ["true"]}}}}""");
        Assert.Contains("with all your rights", (await Assert.ThrowsAsync<ComposeFileException>(() => refuses.StartAsync())).Message, StringComparison.Ordinal);
        Assert.Contains("Wherry:servics", Assert.Throws<InvalidOperationException>(() => Build(folder, new Logs(), """{"servics": {"one": ""}}""")).Message, StringComparison.Ordinal);
        Assert.Contains("already", Assert.Throws<InvalidOperationException>(() => new ServiceCollection().AddWherry(new WherryHostingOptions()).AddWherry(new WherryHostingOptions())).Message, StringComparison.Ordinal);
    }

    private static IHost Build(TemporaryFolder folder, Logs logs, string section)
    {
        HostApplicationBuilder builder = Host.CreateEmptyApplicationBuilder(new HostApplicationBuilderSettings { ContentRootPath = folder.Path });
        builder.Configuration.AddJsonStream(new MemoryStream(Encoding.UTF8.GetBytes($$"""{"Wherry": {{section}}}""")));
        builder.Logging.AddProvider(logs);
        builder.Services.AddWherry(builder.Configuration.GetSection("Wherry"));
        return builder.Build();
    }

    private sealed class Logs : ILoggerProvider
    {
        private readonly ConcurrentQueue<(string Category, string Text)> all = new();

        public async Task WaitForAsync(string category, string text)
        {
            var patience = Task.Delay(RunningCommand.Patience);
            while (!all.Any(line => line.Category == category && line.Text.Contains(text, StringComparison.Ordinal)))
            {
                Assert.False(patience.IsCompleted, $"'{text}' did not come:\n{string.Join('\n', all)}");
                await Task.Delay(50);
            }
        }

        public ILogger CreateLogger(string categoryName) => new Logger(all, categoryName);

        public void Dispose()
        {
        }

        private sealed class Logger(ConcurrentQueue<(string, string)> all, string category) : ILogger
        {
            public IDisposable? BeginScope<TState>(TState state)
                where TState : notnull => null;

            public bool IsEnabled(LogLevel logLevel) => true;

            public void Log<TState>(LogLevel logLevel, EventId eventId, TState state, Exception? exception, Func<TState, Exception?, string> formatter) => all.Enqueue((category, formatter(state, exception)));
        }
    }
}
