using System.Collections.Concurrent;
using System.Net;
using System.Net.Sockets;
using System.Text;
using System.Text.RegularExpressions;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Hosting;
using Microsoft.AspNetCore.Http;
using Wherry.Compose.Tests.Up;

namespace Wherry.Compose.Tests.Observing;

/// <summary><c>--metrics</c>, and OTLP where the environment asks for it.</summary>
public sealed partial class MetricsTests
{
    [Fact]
    public async Task Metrics_are_served_to_this_machine_in_prometheus_format()
    {
        await using var project = new UpProject($$$$"""
            services:
              server: {image: {{{{UpProject.Orders}}}}, ports: ["0:8080"], healthcheck: {x-http: 8080/}}
            """);
        project.Variables.Add(("COMPOSE_PROJECT_NAME", "shop"));
        RunningCommand up = project.Start("up", "--metrics=0");
        int metrics = int.Parse((await up.WaitForAsync(MetricsLine())).Groups[1].ValueSpan, System.Globalization.CultureInfo.InvariantCulture);
        int port = await UpProject.WaitForPortAsync(up, "server");
        using var client = new HttpClient { Timeout = RunningCommand.Patience };
        for (int i = 0; i < 3; i++)
        {
            await client.GetStringAsync(new Uri($"http://127.0.0.1:{port}/"));
        }

        await project.WaitForStatusAsync(all => (string?)all[0]["health"] == "healthy");
        using HttpResponseMessage response = await client.GetAsync(new Uri($"http://127.0.0.1:{metrics}/metrics"));
        Assert.Equal("text/plain; version=0.0.4; charset=utf-8", response.Content.Headers.ContentType!.ToString());
        string text = await response.Content.ReadAsStringAsync();
        Assert.Contains("\nwherry_http_requests_total{project=\"shop\",service=\"server\",client=\"\",class=\"2xx\"} 3\n", text, StringComparison.Ordinal);
        Assert.Contains("\nwherry_http_request_duration_seconds_bucket{project=\"shop\",service=\"server\",client=\"\",le=\"+Inf\"} 3\n", text, StringComparison.Ordinal);
        Assert.Contains("\nwherry_http_request_duration_seconds_count{project=\"shop\",service=\"server\",client=\"\"} 3\n", text, StringComparison.Ordinal);
        Assert.Contains("\nwherry_replicas{project=\"shop\",service=\"server\",state=\"running\"} 1\n", text, StringComparison.Ordinal);
        Assert.Contains("\nwherry_healthy{project=\"shop\",service=\"server\",replica=\"1\"} 1\n", text, StringComparison.Ordinal);
        Assert.Matches("\nwherry_memory_bytes\\{project=\"shop\",service=\"server\",replica=\"1\"\\} [1-9]\\d+\n", text);

        // Each line is one of the format's.
        Assert.All(text.TrimEnd('\n').Split('\n'), line => Assert.Matches(@"^(# HELP [a-z_]+ .+|# TYPE [a-z_]+ (counter|gauge|histogram)|[a-z_]+\{([a-z]+=""[^""]*"",?)+\} \S+)$", line));

        Assert.Contains("HTTP/1.1 421 ", await AskAsync(metrics, $"GET /metrics HTTP/1.1\r\nHost: attacker.example:{metrics}\r\nConnection: close\r\n\r\n"), StringComparison.Ordinal);
        Assert.Contains("HTTP/1.1 405 ", await AskAsync(metrics, $"POST /metrics HTTP/1.1\r\nHost: localhost:{metrics}\r\nContent-Length: 0\r\nConnection: close\r\n\r\n"), StringComparison.Ordinal);
        Assert.Contains("HTTP/1.1 404 ", await AskAsync(metrics, $"GET / HTTP/1.1\r\nHost: localhost:{metrics}\r\nConnection: close\r\n\r\n"), StringComparison.Ordinal);
    }

    [Fact]
    public async Task A_port_that_is_taken_is_told_and_nothing_starts()
    {
        using var taken = new TcpListener(IPAddress.Loopback, 0);
        taken.Start();
        int port = ((IPEndPoint)taken.LocalEndpoint).Port;
        await using var project = new UpProject($"services: {{one: {{image: {UpProject.Probe}, command: [sleep]}}}}\n");
        Result result = (await project.RunAsync("up", "--metrics", $"{port}")).Expect(1);
        Assert.Contains($"wherry: --metrics: the host can't listen on 127.0.0.1:{port}: ", result.Error, StringComparison.Ordinal);
        Assert.DoesNotContain("sleeping", result.Output, StringComparison.Ordinal);
        Assert.Contains("--metrics 'one' is not a port", (await project.RunAsync("up", "--metrics", "one")).Expect(2).Error, StringComparison.Ordinal);
    }

    [Fact]
    public async Task Metrics_logs_and_traces_are_sent_by_otlp_where_the_environment_says()
    {
        var received = new ConcurrentQueue<(string Path, string Type, string Body)>();
        WebApplicationBuilder builder = WebApplication.CreateEmptyBuilder(new WebApplicationOptions());
        builder.WebHost.UseKestrelCore().ConfigureKestrel(kestrel => kestrel.Listen(IPAddress.Loopback, 0));
        await using WebApplication collector = builder.Build();
        collector.Run(async context =>
        {
            using var body = new MemoryStream();
            await context.Request.Body.CopyToAsync(body);
            received.Enqueue(($"{context.Request.Method} {context.Request.Path}", context.Request.ContentType ?? "", Encoding.Latin1.GetString(body.ToArray())));
            context.Response.ContentType = "application/x-protobuf";
        });
        await collector.StartAsync();

        await using var project = new UpProject($$$$"""
            services:
              one: {image: {{{{UpProject.Probe}}}}, command: [sleep]}
              server: {image: {{{{UpProject.Orders}}}}, ports: ["0:8080"], x-wherry: {http: true}}
            """);
        project.Variables.Add(("OTEL_EXPORTER_OTLP_ENDPOINT", collector.Urls.First()));
        project.Variables.Add(("OTEL_EXPORTER_OTLP_PROTOCOL", "http/protobuf"));
        project.Variables.Add(("OTEL_METRIC_EXPORT_INTERVAL", "500"));
        RunningCommand up = project.Start("up", "-p", "shop");
        await UpProject.WaitForLineAsync(up, "one", "sleeping");
        int port = await UpProject.WaitForPortAsync(up, "server");
        Assert.Contains("The order service", await AskAsync(port, "GET / HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n"), StringComparison.Ordinal);
        await WaitForAsync("POST /v1/traces", "HTTP", "wherry.service", "server", "http.response.status_code", "shop");
        await WaitForAsync("POST /v1/metrics", "wherry.replicas", "running", "wherry.service", "shop");
        await WaitForAsync("POST /v1/logs", "Wherry.Services.one", "sleeping", "shop");

        async Task WaitForAsync(string path, params string[] texts)
        {
            using var limit = new CancellationTokenSource(RunningCommand.Patience);
            while (!received.Any(each => each.Path == path && each.Type == "application/x-protobuf" && texts.All(text => each.Body.Contains(text, StringComparison.Ordinal))))
            {
                await Task.Delay(50, limit.Token);
            }
        }
    }

    private static async Task<string> AskAsync(int port, string request)
    {
        using var client = new TcpClient();
        await client.ConnectAsync(IPAddress.Loopback, port);
        await using NetworkStream stream = client.GetStream();
        await stream.WriteAsync(Encoding.ASCII.GetBytes(request));
        using var reader = new StreamReader(stream);
        return await reader.ReadToEndAsync();
    }

    [GeneratedRegex(@"metrics are at http://127\.0\.0\.1:(\d+)/metrics")]
    private static partial Regex MetricsLine();
}
