using System.Collections.Concurrent;
using System.Diagnostics;
using System.Net;
using System.Net.Sockets;
using System.Text;
using System.Text.RegularExpressions;
using Wherry.Compose.Observing;
using Wherry.Compose.Tests.Up;

namespace Wherry.Compose.Tests.Observing;

/// <summary>The header that begins a trace.</summary>
public sealed partial class TraceContextTests
{
    private const string Parent = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-00";

    [Theory]
    [InlineData("GET / HTTP/1.1\r\nHost: a\r\n\r\n", true)]
    [InlineData("GET / HTTP/1.1\r\n\r\n", true)]
    [InlineData("POST / HTTP/1.1\r\nContent-Length: 20\r\n\r\ntraceparent: a body's", true)]
    [InlineData("GET / HTTP/1.1\r\nTraceParent: 00-x\r\n\r\n", false)]
    [InlineData("GET / HTTP/1.1\r\nHost: a\r\n", false)]
    [InlineData("GET / HTTP/1.0\r\nHost: a\r\n\r\n", false)]
    [InlineData("G(T / HTTP/1.1\r\nHost: a\r\n\r\n", false)]
    [InlineData("\u0016\u0003\u0001 HTTP/1.1\r\n\r\n", false)]
    [InlineData("PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", false)]
    [InlineData("", false)]
    public void Only_whole_heads_of_requests_without_one_get_it(string text, bool isAmended)
    {
        var meter = new ConnectionMeter(new TrafficObserver(new HashSet<string>(), new HashSet<string>()).Counters(null, "server"), isTraced: true);
        var buffer = new byte[1024];
        int count = Encoding.Latin1.GetBytes(text, buffer);
        Assert.Equal(70, meter.Room);
        int given = meter.AmendFromClient(buffer, count);
        string result = Encoding.Latin1.GetString(buffer, 0, given);
        Assert.Equal(isAmended ? 70 : 0, given - count);
        Assert.Equal(text, Header().Replace(result, ""));

        // Without room nothing is changed.
        var full = Encoding.Latin1.GetBytes(text);
        var other = new ConnectionMeter(new TrafficObserver(new HashSet<string>(), new HashSet<string>()).Counters(null, "server"), isTraced: true);
        Assert.Equal(full.Length, other.AmendFromClient(full, full.Length));
        Assert.Equal(text, Encoding.Latin1.GetString(full));
    }

    [Fact]
    public async Task A_guest_that_asked_for_it_gets_the_header_and_others_get_what_was_sent()
    {
        using var folder = new TemporaryFolder();
        folder.Write("compose.yaml", $$$$"""
            name: traced
            services:
              traced: {image: {{{{UpProject.Orders}}}}, ports: ["0:8080"], x-wherry: {http: true}}
              plain: {image: {{{{UpProject.Orders}}}}, ports: ["0:8080"]}
            """);
        await using var runner = new ProjectRunner(ComposeLoader.Load(new ComposeLoadOptions { Folder = folder.Path }), new ProjectRunnerOptions { VolumeFolder = folder["volumes"] });
        Assert.True(await runner.StartAsync());
        foreach (string service in new[] { "traced", "plain" })
        {
            // Waits until it listens.
            await using Stream none = await runner.ConnectAsync(service, 8080);
        }

        // A body passes as it is, whatever its length, and the connection goes on.
        string body = string.Concat(Enumerable.Range(0, 20_000).Select(i => $"line {i}\r\n\r\n"));
        foreach (string service in new[] { "traced", "plain" })
        {
            using var client = new HttpClient { Timeout = RunningCommand.Patience, BaseAddress = new Uri($"http://{Address(runner, service)}/") };
            for (int i = 0; i < 3; i++)
            {
                using var content = new StringContent(body);
                using HttpResponseMessage echo = await client.PostAsync(new Uri("echo", UriKind.Relative), content);
                Assert.Equal(body, await echo.Content.ReadAsStringAsync());
                Assert.StartsWith("The order service", await client.GetStringAsync(new Uri("/", UriKind.Relative)), StringComparison.Ordinal);
            }
        }

        foreach (string service in new[] { "traced", "plain" })
        {
            TrafficStatus status = Assert.Single(runner.Traffic, each => each.To == service);
            Assert.Equal(6, status.Requests);
        }
    }

    [Fact]
    public async Task The_guest_gets_the_header_and_a_span_has_its_numbers()
    {
        using var folder = new TemporaryFolder();
        folder.Write("show.wat", ShowRequest);
        folder.Write("compose.yaml", """
            services:
              traced: {image: ./show.wat, ports: ["0:8080"], x-wherry: {http: true}}
              plain: {image: ./show.wat, ports: ["0:8080"]}
            """);
        var spans = new ConcurrentQueue<Activity>();
        using var listener = new ActivityListener
        {
            ShouldListenTo = source => source.Name == "Wherry",
            Sample = (ref ActivityCreationOptions<ActivityContext> _) => ActivitySamplingResult.AllDataAndRecorded,
            ActivityStopped = spans.Enqueue,
        };
        ActivitySource.AddActivityListener(listener);
        await using var runner = new ProjectRunner(ComposeLoader.Load(new ComposeLoadOptions { Folder = folder.Path }), new ProjectRunnerOptions { VolumeFolder = folder["volumes"] });
        Assert.True(await runner.StartAsync());
        foreach (string service in new[] { "traced", "plain" })
        {
            // Waits until it listens.
            await using Stream none = await runner.ConnectAsync(service, 8080);
        }

        const string Request = "GET /a HTTP/1.1\r\nHost: a\r\n\r\n";
        Assert.Equal(Request, await AskAsync(runner, "plain", Request));
        string traced = await AskAsync(runner, "traced", Request);
        Assert.StartsWith("GET /a HTTP/1.1\r\ntraceparent: 00-", traced, StringComparison.Ordinal);
        Assert.Equal(Request, Header().Replace(traced, "", 1));
        using (var limit = new CancellationTokenSource(RunningCommand.Patience))
        {
            while (!spans.Any(span => traced.Contains(span.TraceId.ToHexString(), StringComparison.Ordinal)))
            {
                await Task.Delay(50, limit.Token);
            }
        }

        Activity seen = Assert.Single(spans, span => traced.Contains($"00-{span.TraceId.ToHexString()}-{span.SpanId.ToHexString()}-01", StringComparison.Ordinal));
        Assert.Equal((ActivityKind.Server, "traced", 200), (seen.Kind, seen.GetTagItem("wherry.service"), seen.GetTagItem("http.response.status_code")));

        // Who has begun a trace goes on with it.
        string own = $"GET /b HTTP/1.1\r\nHost: a\r\nTraceparent: {Parent}\r\n\r\n";
        Assert.Equal(own, await AskAsync(runner, "traced", own));
    }

    /// <summary>A server that answers each connection with what one receive gave it.</summary>
    private const string ShowRequest = """
        (module
          (import "wasi_snapshot_preview1" "sock_open" (func $open (param i32 i32 i32) (result i32)))
          (import "wasi_snapshot_preview1" "sock_bind" (func $bind (param i32 i32 i32) (result i32)))
          (import "wasi_snapshot_preview1" "sock_listen" (func $listen (param i32 i32) (result i32)))
          (import "wasi_snapshot_preview1" "sock_accept" (func $accept (param i32 i32 i32) (result i32)))
          (import "wasi_snapshot_preview1" "sock_recv" (func $receive (param i32 i32 i32 i32 i32 i32) (result i32)))
          (import "wasi_snapshot_preview1" "sock_send" (func $send (param i32 i32 i32 i32 i32) (result i32)))
          (import "wasi_snapshot_preview1" "fd_close" (func $close (param i32) (result i32)))
          (memory (export "memory") 1)
          (data (i32.const 16) "\00\00\00\00\04\00\00\00")
          (data (i32.const 64) "HTTP/1.1 200 OK\r\nConnection: close\r\n\r\n")
          (func $buffer (param i32 i32)
            (i32.store (i32.const 40) (local.get 0))
            (i32.store (i32.const 44) (local.get 1)))
          (func (export "_start")
            (if (call $open (i32.const 1) (i32.const 2) (i32.const 32)) (then unreachable))
            (if (call $bind (i32.load (i32.const 32)) (i32.const 16) (i32.const 8080)) (then unreachable))
            (if (call $listen (i32.load (i32.const 32)) (i32.const 16)) (then unreachable))
            (loop $next
              (if (call $accept (i32.load (i32.const 32)) (i32.const 0) (i32.const 36)) (then unreachable))
              (call $buffer (i32.const 1024) (i32.const 8192))
              (if (call $receive (i32.load (i32.const 36)) (i32.const 40) (i32.const 1) (i32.const 0) (i32.const 48) (i32.const 52)) (then unreachable))
              (call $buffer (i32.const 64) (i32.const 38))
              (drop (call $send (i32.load (i32.const 36)) (i32.const 40) (i32.const 1) (i32.const 0) (i32.const 56)))
              (call $buffer (i32.const 1024) (i32.load (i32.const 48)))
              (drop (call $send (i32.load (i32.const 36)) (i32.const 40) (i32.const 1) (i32.const 0) (i32.const 56)))
              (drop (call $close (i32.load (i32.const 36))))
              (br $next))))
        """;

    private static string Address(ProjectRunner runner, string service) => runner.Status.First(status => status.Service == service).Ports[0].Split("->")[0];

    private static async Task<string> AskAsync(ProjectRunner runner, string service, string request)
    {
        IPEndPoint address = IPEndPoint.Parse(Address(runner, service));
        using var client = new TcpClient();
        await client.ConnectAsync(address);
        await using NetworkStream stream = client.GetStream();
        await stream.WriteAsync(Encoding.ASCII.GetBytes(request));
        using var reader = new StreamReader(stream);
        string answer = await reader.ReadToEndAsync();
        return answer[(answer.IndexOf("\r\n\r\n", StringComparison.Ordinal) + 4)..];
    }

    [GeneratedRegex("traceparent: 00-[0-9a-f]{32}-[0-9a-f]{16}-01\r\n")]
    private static partial Regex Header();
}
