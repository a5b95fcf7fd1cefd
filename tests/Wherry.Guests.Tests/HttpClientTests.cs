using System.Net;
using System.Net.Sockets;

namespace Wherry.Guests.Tests;

/// <summary>A guest that fetches URLs: with reqwest, all at once, and with http_req, one after the other.</summary>
public sealed class HttpClientTests
{
    private static string Module => Repository.Shared("guests/http-client-rust/http-client.wasm");

    [Theory]
    [InlineData("127.0.0.1", false)]
    [InlineData("127.0.0.1", true)]
    [InlineData("localhost", false)]
    [InlineData("localhost", true)]
    public async Task A_url_is_fetched(string host, bool isBlocking)
    {
        await using var server = new TestServer();
        string url = $"http://{host}:{server.Port}/path?q=1";
        Result result = await RunAsync(["--connect", $"{host}:{server.Port}"], isBlocking ? ["--blocking", url] : [url]);
        string answer = TestServer.Answer("GET", "/path?q=1");
        Assert.Equal($"200 {answer.Length} {url}\n{answer}\n", result.Expect(0).Output);
    }

    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public async Task A_body_is_posted(bool isBlocking)
    {
        await using var server = new TestServer();
        string url = $"http://127.0.0.1:{server.Port}/post";
        Result result = await RunAsync(["--net", "host"], [.. isBlocking ? ["--blocking"] : Array.Empty<string>(), "--post", "the body", url]);
        Assert.EndsWith(TestServer.Answer("POST", "/post", "the body") + "\n", result.Expect(0).Output, StringComparison.Ordinal);
    }

    [Fact]
    public async Task A_hundred_urls_are_fetched_at_once()
    {
        await using var server = new TestServer();
        string[] urls = [.. Enumerable.Range(0, 100).Select(i => $"http://127.0.0.1:{server.Port}/{i}")];
        Result result = await RunAsync(["--connect", "127.0.0.1"], urls);
        string[] lines = result.Expect(0).Output.TrimEnd('\n').Split('\n');
        Assert.Equal([.. urls.Select((url, i) => $"200 {TestServer.Answer("GET", $"/{i}").Length} {url}"), TestServer.Answer("GET", "/99")], lines);
    }

    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public async Task A_refused_connection_fails_and_the_others_do_not(bool isBlocking)
    {
        await using var server = new TestServer();
        using var refusing = new Socket(SocketType.Stream, ProtocolType.Tcp);
        refusing.Bind(new IPEndPoint(IPAddress.Loopback, 0));
        string refused = $"http://127.0.0.1:{((IPEndPoint)refusing.LocalEndPoint!).Port}/";
        string good = $"http://127.0.0.1:{server.Port}/good";
        Result result = await RunAsync(["--connect", "127.0.0.1"], [.. isBlocking ? ["--blocking"] : Array.Empty<string>(), refused, good]);
        Assert.Contains($"failed {refused}: ", result.Expect(1).Output, StringComparison.Ordinal);
        Assert.Contains($"200 {TestServer.Answer("GET", "/good").Length} {good}", result.Output, StringComparison.Ordinal);
    }

    [Fact]
    public async Task Without_leave_nothing_is_fetched()
    {
        await using var server = new TestServer();
        Result result = await RunAsync([], [$"http://127.0.0.1:{server.Port}/", $"http://localhost:{server.Port}/"]);
        Assert.DoesNotContain("200 ", result.Expect(1).Output, StringComparison.Ordinal);
        Assert.Matches($"--connect (localhost|127.0.0.1):{server.Port}", result.Error);
        Assert.Contains("--connect localhost", result.Error, StringComparison.Ordinal);
    }

    private static Task<Result> RunAsync(string[] options, string[] arguments) => RunningCommand.WherryAsync(["run", .. options, Module, .. arguments]);
}
