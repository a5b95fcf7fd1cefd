using System.Globalization;
using System.Net;
using System.Net.Sockets;
using System.Text.RegularExpressions;

namespace Wherry.Browser.Tests;

/// <summary>A project that runs with a dashboard.</summary>
internal sealed partial class DashboardProject : IAsyncDisposable
{
    /// <summary>What a guest says that would like to be more than text.</summary>
    public const string Script = "<script>window.isOwned = true</script><img src=x onerror=\"window.isOwned = true\">";

    private readonly UpProject project;
    private readonly TcpListener outside;

    private DashboardProject(UpProject project, TcpListener outside, RunningCommand up, string link)
    {
        this.project = project;
        this.outside = outside;
        Up = up;
        Link = link;
        Address = new Uri(link[..(link.IndexOf("/open", StringComparison.Ordinal) + 1)]);
    }

    public RunningCommand Up { get; }

    /// <summary>The link that the command printed.</summary>
    public string Link { get; }

    public Uri Address { get; }

    /// <summary>Where the order service is published.</summary>
    public int ServerPort { get; private set; }

    /// <summary>Where the site is published.</summary>
    public int SitePort { get; private set; }

    /// <summary>What a guest connects to outside of the project.</summary>
    public int OutsidePort => ((IPEndPoint)outside.LocalEndpoint).Port;

    public static async Task<DashboardProject> StartAsync()
    {
        var outside = new TcpListener(IPAddress.Loopback, 0);
        outside.Start();
        int port = ((IPEndPoint)outside.LocalEndpoint).Port;
        var project = new UpProject($$$$"""
            services:
              client: {x-wherry: {static: ./site}, ports: ["0:80"]}
              server: {image: {{{{UpProject.Orders}}}}, ports: ["0:8080"], healthcheck: {x-http: 8080/}}
              asleep: {image: {{{{UpProject.Probe}}}}, command: [sleep]}
              reaches: {image: {{{{UpProject.Probe}}}}, command: [connect, 127.0.0.1, "{{{{port}}}}"], x-wherry: {connect: ["localhost:{{{{port}}}}"]}}
              speaks: {image: {{{{UpProject.Probe}}}}, command: [env], environment: {WORDS: "\u001b[31mred\u001b[0m {{{{Script.Replace("\"", "\\\"", StringComparison.Ordinal)}}}}"}}
            """);
        project.Variables.Add(("COMPOSE_PROJECT_NAME", "shop"));
        Directory.CreateDirectory(project.Folder["site"]);
        project.Folder.Write("site/index.html", "<!doctype html><title>Site</title><h1>A page of a service</h1>");
        RunningCommand up = project.Start("up", "--dashboard=0");
        Match link = await up.WaitForAsync(LinkLine());
        var running = new DashboardProject(project, outside, up, link.Groups[1].Value);
        running.ServerPort = await UpProject.WaitForPortAsync(up, "server");
        running.SitePort = await UpProject.WaitForPortAsync(up, "client");
        await UpProject.WaitForLineAsync(up, "asleep", "sleeping");
        return running;
    }

    /// <summary>Another link.</summary>
    public async Task<string> NewLinkAsync() => (await project.RunAsync("dashboard")).Expect(0).Output.Trim();

    /// <summary>A page with the dashboard. What its scripts complain of ends up in the list.</summary>
    public async Task<IPage> OpenAsync(IBrowserContext context, List<string>? complaints = null)
    {
        IPage page = await context.NewPageAsync();
        page.Console += (_, message) =>
        {
            if (message.Type is "error" or "warning")
            {
                complaints?.Add(message.Text);
            }
        };
        page.PageError += (_, error) => complaints?.Add(error);
        await page.GotoAsync(await NewLinkAsync());
        await Expect(page.Locator("#connection")).ToHaveTextAsync("Live");
        return page;
    }

    public async Task<string?> StateAsync(string service) =>
        (string?)(await project.StatusAsync()).First(status => (string?)status["service"] == service)["state"];

    /// <summary>Sends requests to the order service.</summary>
    public async Task AskServerAsync(int count)
    {
        using var client = new HttpClient { Timeout = RunningCommand.Patience };
        for (int i = 0; i < count; i++)
        {
            await client.GetStringAsync(new Uri(string.Create(CultureInfo.InvariantCulture, $"http://127.0.0.1:{ServerPort}/")));
        }
    }

    public ValueTask DisposeAsync()
    {
        outside.Dispose();
        return project.DisposeAsync();
    }

    [GeneratedRegex(@"the dashboard is at (http://wherry-[0-9a-f]{32}\.localhost:\d+/open\?code=\S+)")]
    private static partial Regex LinkLine();
}
