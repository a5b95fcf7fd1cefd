using System.Globalization;
using System.IO.Compression;
using System.Net;
using System.Net.Http.Headers;
using System.Net.Sockets;
using System.Text;

namespace Wherry.Compose.Tests.Up;

/// <summary>Folders that are served.</summary>
public sealed class StaticSiteTests
{
    [Fact]
    public async Task A_folder_is_served_with_types_etags_ranges_and_compression()
    {
        await using var project = new UpProject("services: {site: {x-wherry: {static: ./site}, ports: [\"0:80\"]}}\n");
        Directory.CreateDirectory(project.Folder["site/below"]);
        string text = string.Concat(Enumerable.Range(0, 2000).Select(i => $"line {i}\n"));
        project.Folder.Write("site/index.html", "<h1>top</h1>");
        project.Folder.Write("site/below/index.html", "<h1>below</h1>");
        project.Folder.Write("site/app.wasm", "\0asm\u0001\0\0\0"u8);
        project.Folder.Write("site/text.txt", text);
        project.Folder.Write("site/unknown.thing", "?");
        project.Folder.Write("secret.txt", "not here");
        RunningCommand up = project.Start("up");
        int port = await UpProject.WaitForPortAsync(up, "site");
        using var client = new HttpClient { BaseAddress = new Uri($"http://127.0.0.1:{port}/"), Timeout = RunningCommand.Patience };

        Assert.Equal("<h1>top</h1>", await client.GetStringAsync(new Uri("/", UriKind.Relative)));
        Assert.Equal("<h1>below</h1>", await client.GetStringAsync(new Uri("/below/", UriKind.Relative)));
        foreach ((string path, string type) in new[] { ("/", "text/html"), ("/app.wasm", "application/wasm"), ("/text.txt", "text/plain"), ("/unknown.thing", "application/octet-stream") })
        {
            using HttpResponseMessage response = await client.GetAsync(new Uri(path, UriKind.Relative));
            Assert.Equal((HttpStatusCode.OK, type), (response.StatusCode, response.Content.Headers.ContentType!.MediaType));
        }

        using HttpResponseMessage whole = await client.GetAsync(new Uri("/text.txt", UriKind.Relative));
        using var again = new HttpRequestMessage(HttpMethod.Get, "/text.txt") { Headers = { IfNoneMatch = { whole.Headers.ETag! } } };
        using HttpResponseMessage unchanged = await client.SendAsync(again);
        Assert.Equal(HttpStatusCode.NotModified, unchanged.StatusCode);

        using var part = new HttpRequestMessage(HttpMethod.Get, "/text.txt") { Headers = { Range = new RangeHeaderValue(5, 9), AcceptEncoding = { new StringWithQualityHeaderValue("gzip") } } };
        using HttpResponseMessage ranged = await client.SendAsync(part);
        Assert.Equal(HttpStatusCode.PartialContent, ranged.StatusCode);
        Assert.Equal(text[5..10], await ranged.Content.ReadAsStringAsync());

        using var packed = new HttpRequestMessage(HttpMethod.Get, "/text.txt") { Headers = { AcceptEncoding = { new StringWithQualityHeaderValue("gzip") } } };
        using HttpResponseMessage compressed = await client.SendAsync(packed);
        Assert.Equal("gzip", Assert.Single(compressed.Content.Headers.ContentEncoding));
        using var unpacked = new StreamReader(new GZipStream(await compressed.Content.ReadAsStreamAsync(), CompressionMode.Decompress));
        Assert.Equal(text, await unpacked.ReadToEndAsync());

        using HttpResponseMessage missing = await client.GetAsync(new Uri("/missing", UriKind.Relative));
        Assert.Equal(HttpStatusCode.NotFound, missing.StatusCode);
        foreach (string path in new[] { "/../secret.txt", "/%2e%2e/secret.txt", "/below/..%2f..%2fsecret.txt", "//etc/passwd" })
        {
            string answer = await AskAsync(port, path);
            Assert.DoesNotContain("not here", answer, StringComparison.Ordinal);
            Assert.Matches(@"^HTTP/1.1 40[04] ", answer);
        }
    }

    /// <summary>Sends a path as it stands: a client would tidy it up.</summary>
    private static async Task<string> AskAsync(int port, string path)
    {
        using var client = new TcpClient();
        await client.ConnectAsync(IPAddress.Loopback, port);
        await using NetworkStream stream = client.GetStream();
        await stream.WriteAsync(Encoding.ASCII.GetBytes(string.Create(CultureInfo.InvariantCulture, $"GET {path} HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n")));
        using var reader = new StreamReader(stream);
        return await reader.ReadToEndAsync();
    }
}
