using System.Text.RegularExpressions;
using Deque.AxeCore.Commons;
using Deque.AxeCore.Playwright;

namespace Wherry.Browser.Tests;

/// <summary>What the dashboard shows, and what its buttons do.</summary>
public sealed class DashboardPageTests(Browser browser) : IClassFixture<Browser>
{
    [Fact]
    public async Task The_page_shows_services_graphs_traffic_and_lines_without_a_complaint()
    {
        await using IBrowserContext context = await browser.NewContextAsync();
        await using DashboardProject project = await DashboardProject.StartAsync();
        var complaints = new List<string>();
        IPage page = await project.OpenAsync(context, complaints);
        await Expect(page).ToHaveTitleAsync("shop – Wherry");

        ILocator server = page.Locator("#service-table tr[data-service=server]");
        await Expect(server.Locator("td").Nth(0)).ToHaveTextAsync("running");
        await Expect(server.Locator("td").Nth(1)).ToHaveTextAsync("healthy");
        await Expect(server.Locator("td").Nth(3)).ToHaveTextAsync(new Regex(@"^\d+(\.\d)? MiB$"));
        await Expect(server.Locator("td").Nth(8)).ToContainTextAsync($"127.0.0.1:{project.ServerPort}->8080");
        await Expect(page.Locator("#service-table tr[data-service=speaks] td").Nth(0)).ToHaveTextAsync("exited (0)");
        await Expect(page.Locator("#service-table tr[data-service=client] th")).ToContainTextAsync("static");

        // Until a sample has them: traffic comes and goes.
        ILocator latency = page.Locator("figure[data-graph=latency] tbody tr", new PageLocatorOptions { HasText = "server" });
        while (!await latency.IsVisibleAsync())
        {
            await project.AskServerAsync(5);
        }

        await Expect(latency.Locator("td").Nth(2)).ToHaveTextAsync(new Regex(@"^\d+(\.\d)? (µs|ms|s)$"));
        await Expect(page.Locator("figure[data-graph=memory] tbody tr", new PageLocatorOptions { HasText = "server" })).ToBeVisibleAsync();
        await Expect(page.Locator("figure[data-graph=cpu] path.series").First).ToHaveAttributeAsync("d", new Regex("^M.*L"));
        ILocator link = page.Locator("#link-table tbody tr", new PageLocatorOptions { HasText = "outsideserver" });
        await Expect(link).ToBeVisibleAsync();
        await Expect(page.Locator("#map text.name", new PageLocatorOptions { HasText = "outside" })).ToBeVisibleAsync();
        await Expect(page.Locator("#map text.name", new PageLocatorOptions { HasText = "server" })).ToBeVisibleAsync();

        await Expect(page.Locator("#egress-table tbody tr")).ToHaveTextAsync(new Regex($"^reaches(localhost|127\\.0\\.0\\.1):{project.OutsidePort}1$"));
        await Expect(page.Locator("#log-lines li", new PageLocatorOptions { HasText = "sleeping" })).ToBeVisibleAsync();
        Assert.Empty(complaints);
    }

    [Fact]
    public async Task What_a_guest_writes_is_text()
    {
        await using IBrowserContext context = await browser.NewContextAsync();
        await using DashboardProject project = await DashboardProject.StartAsync();
        IPage page = await project.OpenAsync(context);
        ILocator line = page.Locator("#log-lines li", new PageLocatorOptions { HasText = "WORDS=" });
        await Expect(line).ToContainTextAsync($"WORDS=red {DashboardProject.Script}");

        // Found and marked, it still is.
        await page.GetByRole(AriaRole.Searchbox, new PageGetByRoleOptions { Name = "Search" }).FillAsync("<SCRIPT>");
        await Expect(page.Locator("#log-lines mark")).ToHaveTextAsync("<script>");
        await Expect(line).ToContainTextAsync($"WORDS=red {DashboardProject.Script}");
        await Expect(page.Locator("#log-lines li")).ToHaveCountAsync(1);
        await Expect(page.Locator("#log-count")).ToHaveTextAsync(new Regex(@"^1 of \d+ lines$"));
        Assert.Equal(0, await page.Locator("#log-lines script, #log-lines img").CountAsync());
        Assert.Equal("undefined", await page.EvaluateAsync<string>("typeof window.isOwned"));
    }

    [Fact]
    public async Task Lines_are_searched_and_chosen_by_service()
    {
        await using IBrowserContext context = await browser.NewContextAsync();
        await using DashboardProject project = await DashboardProject.StartAsync();
        IPage page = await project.OpenAsync(context);
        ILocator lines = page.Locator("#log-lines li");
        await Expect(lines.Filter(new LocatorFilterOptions { HasText = "asleep-1" }).First).ToBeVisibleAsync();
        await Expect(lines.Filter(new LocatorFilterOptions { HasText = "server-1" }).First).ToBeVisibleAsync();
        await page.GetByRole(AriaRole.Combobox, new PageGetByRoleOptions { Name = "Service" }).SelectOptionAsync("asleep");
        await Expect(lines.Filter(new LocatorFilterOptions { HasText = "server-1" })).ToHaveCountAsync(0);
        await Expect(lines.Filter(new LocatorFilterOptions { HasText = "sleeping" })).ToHaveCountAsync(1);
        await page.GetByLabel("Search").FillAsync("no such line");
        await Expect(lines).ToHaveCountAsync(0);
        await page.GetByLabel("Search").FillAsync("");
        await Expect(lines.First).ToBeVisibleAsync();
    }

    [Fact]
    public async Task Services_are_restarted_stopped_started_and_scaled_by_keyboard()
    {
        await using IBrowserContext context = await browser.NewContextAsync();
        await using DashboardProject project = await DashboardProject.StartAsync();
        IPage page = await project.OpenAsync(context);
        ILocator message = page.Locator("#message");
        ILocator state = page.Locator("#service-table tr[data-service=asleep] td").Nth(0);
        await Expect(state).ToHaveTextAsync("running");

        await TabToAsync(page, "Restart asleep");
        await page.Keyboard.PressAsync("Enter");
        await Expect(message).ToHaveTextAsync("asleep was restarted.");
        await UpProject.WaitForLineAsync(project.Up, "asleep", @"sleeping\n(.*\n)*asleep-1 +\| sleeping");
        Assert.Equal("Restart asleep", await FocusedAsync(page));

        await page.Keyboard.PressAsync("Tab");
        Assert.Equal("Stop asleep", await FocusedAsync(page));
        await page.Keyboard.PressAsync("Space");
        await Expect(message).ToHaveTextAsync("asleep was stopped.");
        await Expect(state).ToHaveTextAsync(new Regex(@"^exited \(\d+\)$"));
        Assert.Equal("exited", await project.StateAsync("asleep"));

        // The same button, which kept the focus, starts it.
        await Expect(page.Locator(":focus")).ToHaveAttributeAsync("aria-label", "Start asleep");
        await page.Keyboard.PressAsync("Enter");
        await Expect(message).ToHaveTextAsync("asleep was started.");
        await Expect(state).ToHaveTextAsync("running");
        Assert.Equal("running", await project.StateAsync("asleep"));

        await page.Keyboard.PressAsync("Tab");
        Assert.Equal("Replicas of asleep", await FocusedAsync(page));
        await page.Keyboard.PressAsync("Control+A");
        await page.Keyboard.TypeAsync("3");
        await page.Keyboard.PressAsync("Enter");
        await Expect(message).ToHaveTextAsync("asleep was scaled to 3.");
        await Expect(page.Locator("#service-table tr.replica", new PageLocatorOptions { HasText = "asleep-" })).ToHaveCountAsync(3);
        await UpProject.WaitForLineAsync(project.Up, "asleep", "sleeping(.*\n)+asleep-3 ");
        Assert.Equal("Replicas of asleep", await FocusedAsync(page));

        // What is no guest has no replicas to scale.
        Assert.Equal(0, await page.GetByLabel("Replicas of client").CountAsync());
    }

    [Theory]
    [InlineData(ColorScheme.Light, "dark")]
    [InlineData(ColorScheme.Dark, "light")]
    public async Task The_page_is_light_or_dark_and_readable_by_all(ColorScheme scheme, string other)
    {
        await using IBrowserContext context = await browser.NewContextAsync(new BrowserNewContextOptions { ColorScheme = scheme, ViewportSize = new ViewportSize { Width = 1400, Height = 900 } });
        await using DashboardProject project = await DashboardProject.StartAsync();
        IPage page = await project.OpenAsync(context);
        await Expect(page.Locator("#log-lines li").First).ToBeVisibleAsync();
        await project.AskServerAsync(3);
        await Expect(page.Locator("#link-table tbody tr").First).ToBeVisibleAsync();
        string system = await BackgroundAsync(page);
        await CheckAccessibilityAsync(page);

        // What is chosen goes before what the system says, and stays.
        await page.GetByLabel("Colours").SelectOptionAsync(other);
        string chosen = await BackgroundAsync(page);
        Assert.NotEqual(system, chosen);
        await CheckAccessibilityAsync(page);
        await page.ReloadAsync();
        await Expect(page.Locator("#connection")).ToHaveTextAsync("Live");
        Assert.Equal(chosen, await BackgroundAsync(page));
        await page.GetByLabel("Colours").SelectOptionAsync("");
        Assert.Equal(system, await BackgroundAsync(page));
        (bool isLight, string light, string dark) = scheme == ColorScheme.Light ? (true, system, chosen) : (false, chosen, system);
        Assert.True(Brightness(light) > Brightness(dark), $"{light} is not lighter than {dark} ({isLight})");
    }

    [Fact]
    public async Task The_end_of_the_project_is_told()
    {
        await using IBrowserContext context = await browser.NewContextAsync();
        await using DashboardProject project = await DashboardProject.StartAsync();
        IPage page = await project.OpenAsync(context);
        project.Up.Signal(System.Runtime.InteropServices.PosixSignal.SIGINT);
        Assert.Equal(130, (await project.Up.EndAsync()).ExitCode);
        await Expect(page.Locator("#connection")).ToContainTextAsync("The connection is lost");
    }

    private static async Task CheckAccessibilityAsync(IPage page)
    {
        AxeResult result = await page.RunAxe();
        Assert.True(result.Violations.Length == 0, string.Join('\n', result.Violations.Select(violation => $"{violation.Id}: {violation.Help}: {string.Join(", ", violation.Nodes.Select(node => node.Html))}")));
        Assert.NotEmpty(result.Passes);
    }

    private static async Task TabToAsync(IPage page, string label)
    {
        await page.Locator("body").PressAsync("Tab");
        for (int i = 0; i < 200 && await FocusedAsync(page) != label; i++)
        {
            await page.Keyboard.PressAsync("Tab");
        }

        Assert.Equal(label, await FocusedAsync(page));
    }

    private static Task<string?> FocusedAsync(IPage page) => page.EvaluateAsync<string?>("document.activeElement.getAttribute('aria-label')");

    private static Task<string> BackgroundAsync(IPage page) => page.EvaluateAsync<string>("getComputedStyle(document.documentElement).backgroundColor");

    private static int Brightness(string color) => Regex.Matches(color, @"\d+").Take(3).Sum(match => int.Parse(match.ValueSpan, System.Globalization.CultureInfo.InvariantCulture));
}
