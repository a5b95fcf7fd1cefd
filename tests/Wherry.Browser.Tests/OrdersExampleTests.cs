using System.Globalization;
using System.Text.Json.Nodes;
using System.Text.RegularExpressions;

namespace Wherry.Browser.Tests;

/// <summary>examples/orders/compose.yaml, with a real MariaDB, seen in the dashboard.</summary>
public sealed class OrdersExampleTests(Browser browser) : IClassFixture<Browser>
{
    /// <summary>As many samples make lines in the picture's graphs.</summary>
    private const int SamplesOfPicture = 45;

    [Fact]
    public async Task The_map_shows_who_talks_to_whom()
    {
        await using IBrowserContext context = await browser.NewContextAsync(new BrowserNewContextOptions { ColorScheme = ColorScheme.Light, ViewportSize = new ViewportSize { Width = 1400, Height = 900 } });
        if (!File.Exists("/usr/sbin/mariadbd") && !File.Exists("/usr/bin/mariadbd"))
        {
            Repository.MissingTool("MariaDB is not installed: apt-get install mariadb-server");
        }

        // The example's own ports may be taken here.
        await using var project = new UpProject("""
            services:
              client: {ports: !override ["0:80"]}
              server: {ports: !override ["0:8080"]}
            """);
        project.Variables.Add(("COMPOSE_FILE", $"{Repository.Example("orders/compose.yaml")}:{project.Folder["compose.yaml"]}"));
        Result up = (await project.RunSlowAsync("up", "-d", "--allow-processes", "--dashboard=0")).Expect(0);
        Match link = Regex.Match(up.Error, @"the dashboard is at (\S+)");
        IPage page = await context.NewPageAsync();
        await page.GotoAsync(link.Groups[1].Value);
        foreach (string service in new[] { "client", "server", "db" })
        {
            await Expect(page.Locator($"#service-table tr[data-service={service}] td").Nth(0)).ToHaveTextAsync("running");
        }

        await Expect(page.Locator("#service-table tr[data-service=db] th")).ToContainTextAsync("process");
        JsonObject[] status = await project.StatusAsync();
        string Address(string service) => ((string)status.Single(each => (string?)each["service"] == service)["ports"]![0]!).Split("->")[0];
        using var client = new HttpClient { Timeout = RunningCommand.Patience };
        await client.GetStringAsync(new Uri($"http://{Address("server")}/init"));
        await SendOrdersAsync(client, Address("server"), Address("client"), Browser.KeepsPictures ? SamplesOfPicture : 1);

        ILocator stored = page.Locator("#link-table tbody tr", new PageLocatorOptions { HasText = "serverdb" });
        await Expect(stored).ToBeVisibleAsync();
        await Expect(page.Locator("#link-table tbody tr", new PageLocatorOptions { HasText = "outsideserver" })).ToBeVisibleAsync();
        await Expect(page.Locator("#link-table tbody tr", new PageLocatorOptions { HasText = "outsideclient" })).ToBeVisibleAsync();

        // The map goes from the outside inwards.
        await page.WaitForFunctionAsync("""
            () => {
              const place = name => Number([...document.querySelectorAll("#map text.name")].find(text => text.textContent === name)?.getAttribute("x"));
              return place("outside") < place("server") && place("server") < place("db");
            }
            """);
        await page.GetByRole(AriaRole.Combobox, new PageGetByRoleOptions { Name = "Service" }).SelectOptionAsync("server");
        await Browser.KeepPictureAsync(page, "dashboard-light.png");
        await page.EmulateMediaAsync(new PageEmulateMediaOptions { ColorScheme = ColorScheme.Dark });
        await Browser.KeepPictureAsync(page, "dashboard-dark.png");
        (await project.RunAsync("down")).Expect(0);
    }

    private static async Task SendOrdersAsync(HttpClient client, string server, string site, int samples)
    {
        for (int sample = 0; sample < samples; sample++)
        {
            for (int i = 0; i < 4 + (sample % 5 * 8); i++)
            {
                string order = string.Create(CultureInfo.InvariantCulture, $$"""{"order_id":{{(sample * 100) + i + 1}},"product_id":12,"quantity":2,"amount":56.0,"shipping":15.0,"tax":2.0,"shipping_address":"Mataderos 2312"}""");
                using var content = new StringContent(order);
                using HttpResponseMessage created = await client.PostAsync(new Uri($"http://{server}/create_order"), content);
                created.EnsureSuccessStatusCode();
                await client.GetStringAsync(new Uri($"http://{server}/orders"));
            }

            await client.GetStringAsync(new Uri($"http://{site}/"));
            if (samples > 1)
            {
                await Task.Delay(800);
            }
        }
    }
}
