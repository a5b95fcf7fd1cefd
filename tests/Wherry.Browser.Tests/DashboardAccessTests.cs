using System.Globalization;
using System.Net;
using System.Net.Sockets;
using System.Text;

namespace Wherry.Browser.Tests;

/// <summary>Who may use the dashboard, and who may not.</summary>
public sealed class DashboardAccessTests(Browser browser) : IClassFixture<Browser>
{
    [Fact]
    public async Task A_link_opens_the_page_once_and_leaves_no_secret_in_the_address()
    {
        await using IBrowserContext context = await browser.NewContextAsync();
        await using DashboardProject project = await DashboardProject.StartAsync();
        IPage page = await context.NewPageAsync();
        await page.GotoAsync(project.Link);
        await Expect(page.Locator("#connection")).ToHaveTextAsync("Live");
        Assert.Equal(project.Address.ToString(), page.Url);
        Assert.Equal("", await page.EvaluateAsync<string>("document.cookie"));
        BrowserContextCookiesResult cookie = Assert.Single(await context.CookiesAsync());
        Assert.True(cookie.HttpOnly);
        Assert.Equal(SameSiteAttribute.Strict, cookie.SameSite);
        Assert.Equal(project.Address.Host, cookie.Domain);

        // No step of the history has the code, and nothing that the page asks for tells where it came from.
        await page.ReloadAsync();
        await Expect(page.Locator("#connection")).ToHaveTextAsync("Live");
        await page.GoBackAsync();
        Assert.DoesNotContain("code=", page.Url, StringComparison.Ordinal);

        await using IBrowserContext other = await browser.NewContextAsync();
        IPage late = await other.NewPageAsync();
        IResponse? refused = await late.GotoAsync(project.Link);
        Assert.Equal(401, refused!.Status);
        await Expect(late.Locator("main")).ToContainTextAsync("wherry dashboard");
        Assert.Equal(401, (await late.GotoAsync(project.Address.ToString()))!.Status);
        await late.GotoAsync(await project.NewLinkAsync());
        await Expect(late.Locator("#connection")).ToHaveTextAsync("Live");
    }

    [Fact]
    public async Task A_page_of_a_service_can_neither_act_nor_read()
    {
        await using IBrowserContext context = await browser.NewContextAsync();
        await using DashboardProject project = await DashboardProject.StartAsync();

        // The browser has the cookie.
        _ = await project.OpenAsync(context);
        IPage site = await context.NewPageAsync();
        await site.GotoAsync(string.Create(CultureInfo.InvariantCulture, $"http://127.0.0.1:{project.SitePort}/"));
        foreach (string host in new[] { project.Address.Host, "127.0.0.1" })
        {
            string address = string.Create(CultureInfo.InvariantCulture, $"http://{host}:{project.Address.Port}");

            await site.EvaluateAsync("async address => { try { await fetch(`${address}/services/asleep/stop`, { method: 'POST', mode: 'no-cors', credentials: 'include', body: '{}' }); } catch { } }", address);
            string read = await site.EvaluateAsync<string>("async address => { try { return await (await fetch(`${address}/events`, { credentials: 'include' })).text(); } catch (error) { return `${error}`; } }", address);
            Assert.Contains("Failed to fetch", read, StringComparison.Ordinal);
            string stopped = await site.EvaluateAsync<string>("async address => { try { return `${(await fetch(`${address}/services/asleep/stop`, { method: 'POST', credentials: 'include', headers: { 'Content-Type': 'application/json' }, body: '{}' })).status}`; } catch (error) { return `${error}`; } }", address);
            Assert.Contains("Failed to fetch", stopped, StringComparison.Ordinal);
            string framed = await site.EvaluateAsync<string>("address => new Promise(done => { const frame = document.createElement('iframe'); frame.src = address; frame.onload = () => { try { done(`${frame.contentDocument?.title ?? 'closed'}`); } catch { done('closed'); } }; document.body.append(frame); })", address);
            Assert.Equal("closed", framed);
        }

        Assert.Equal("running", await project.StateAsync("asleep"));
    }

    [Fact]
    public async Task Requests_that_are_not_the_pages_own_are_refused()
    {
        // What is sent here no browser would; one is needed only to be skipped with the others.
        await using IBrowserContext context = await browser.NewContextAsync();
        await using DashboardProject project = await DashboardProject.StartAsync();
        int port = project.Address.Port;
        string name = project.Address.Host;
        string own = $"{name}:{port}";
        string opened = await AskAsync(port, "GET", new Uri(project.Link).PathAndQuery, own);
        Assert.StartsWith("HTTP/1.1 303 ", opened, StringComparison.Ordinal);
        Assert.Contains("\r\nLocation: /\r\n", opened, StringComparison.Ordinal);
        string cookie = opened.Split("Set-Cookie: ")[1].Split(';')[0];
        string[] signed = [$"Cookie: {cookie}"];
        string[] json = [$"Cookie: {cookie}", "Content-Type: application/json"];

        // Names of others, as after DNS rebinding, with and without the cookie.
        foreach (string host in new[] { $"attacker.example:{port}", $"localhost:{port}", $"127.0.0.1:{port}", $"wherry.localhost:{port}", name, $"{name}:{port + 1}", $"{name}.attacker.example:{port}" })
        {
            Assert.StartsWith("HTTP/1.1 421 ", await AskAsync(port, "GET", "/", host, signed), StringComparison.Ordinal);
            Assert.StartsWith("HTTP/1.1 421 ", await AskAsync(port, "POST", "/services/asleep/stop", host, [.. json, $"Origin: http://{host}"]), StringComparison.Ordinal);
        }

        // Without the cookie, or with another.
        Assert.StartsWith("HTTP/1.1 401 ", await AskAsync(port, "GET", "/", own), StringComparison.Ordinal);
        Assert.StartsWith("HTTP/1.1 401 ", await AskAsync(port, "GET", "/events", own), StringComparison.Ordinal);
        Assert.StartsWith("HTTP/1.1 401 ", await AskAsync(port, "POST", "/services/asleep/stop", own, "Content-Type: application/json", $"Origin: http://{own}"), StringComparison.Ordinal);
        Assert.StartsWith("HTTP/1.1 401 ", await AskAsync(port, "GET", "/", own, $"Cookie: {cookie}x"), StringComparison.Ordinal);

        // No action by GET; none from elsewhere, without an origin, or as a form.
        Assert.StartsWith("HTTP/1.1 404 ", await AskAsync(port, "GET", "/services/asleep/stop", own, signed), StringComparison.Ordinal);
        Assert.StartsWith("HTTP/1.1 403 ", await AskAsync(port, "POST", "/services/asleep/stop", own, json), StringComparison.Ordinal);
        foreach (string origin in new[] { "http://attacker.example", $"http://127.0.0.1:{project.SitePort}", $"https://{own}", "null", $"http://{own}.attacker.example" })
        {
            Assert.StartsWith("HTTP/1.1 403 ", await AskAsync(port, "POST", "/services/asleep/stop", own, [.. json, $"Origin: {origin}"]), StringComparison.Ordinal);
        }

        Assert.StartsWith("HTTP/1.1 403 ", await AskAsync(port, "POST", "/services/asleep/stop", own, [.. signed, "Content-Type: text/plain", $"Origin: http://{own}"]), StringComparison.Ordinal);
        Assert.StartsWith("HTTP/1.1 403 ", await AskAsync(port, "GET", "/events", own, [.. signed, "Sec-Fetch-Site: same-site"]), StringComparison.Ordinal);

        // A link that a browser fetches ahead is not used up by it.
        string link = new Uri(await project.NewLinkAsync()).PathAndQuery;
        Assert.StartsWith("HTTP/1.1 503 ", await AskAsync(port, "GET", link, own, "Sec-Purpose: prefetch"), StringComparison.Ordinal);
        Assert.StartsWith("HTTP/1.1 303 ", await AskAsync(port, "GET", link, own), StringComparison.Ordinal);
        Assert.StartsWith("HTTP/1.1 401 ", await AskAsync(port, "GET", link, own), StringComparison.Ordinal);
        Assert.Equal("running", await project.StateAsync("asleep"));

        // What would have been let through, was; and what makes no sense says so.
        string[] good = [.. json, $"Origin: http://{own}"];
        Assert.StartsWith("HTTP/1.1 404 ", await AskAsync(port, "POST", "/services/nobody/stop", own, good), StringComparison.Ordinal);
        Assert.StartsWith("HTTP/1.1 400 ", await AskAsync(port, "POST", "/services/asleep/scale", own, good), StringComparison.Ordinal);
        Assert.StartsWith("HTTP/1.1 204 ", await AskAsync(port, "POST", "/services/asleep/stop", own, good), StringComparison.Ordinal);
        Assert.Equal("exited", await project.StateAsync("asleep"));
        string page = await AskAsync(port, "GET", "/", own, signed);
        Assert.Contains("\r\nContent-Security-Policy: default-src 'none'; script-src 'self'; style-src 'self'; connect-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'\r\n", page, StringComparison.Ordinal);
        Assert.DoesNotMatch(@"<script[^>]*>[^<]|\son\w+=|style=", page);
    }

    /// <summary>Sends a request as it stands, with an empty object where there is a body.</summary>
    private static async Task<string> AskAsync(int port, string method, string path, string host, params string[] headers)
    {
        using var client = new TcpClient();
        await client.ConnectAsync(IPAddress.Loopback, port);
        await using NetworkStream stream = client.GetStream();
        string body = method == "POST" ? "{}" : "";
        string head = string.Concat(((string[])[$"Host: {host}", $"Content-Length: {body.Length}", "Connection: close", .. headers]).Select(header => header + "\r\n"));
        await stream.WriteAsync(Encoding.ASCII.GetBytes($"{method} {path} HTTP/1.1\r\n{head}\r\n{body}"));
        using var reader = new StreamReader(stream);
        return await reader.ReadToEndAsync();
    }
}
