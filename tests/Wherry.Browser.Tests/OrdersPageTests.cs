using System.Globalization;
using System.Text.Json.Nodes;

namespace Wherry.Browser.Tests;

/// <summary>The order example's page, used as a person does.</summary>
public sealed class OrdersPageTests(Browser browser) : IClassFixture<Browser>
{
    [Fact]
    public async Task Orders_are_listed_created_edited_and_deleted()
    {
        await using IBrowserContext context = await browser.NewContextAsync(new BrowserNewContextOptions { ViewportSize = new ViewportSize { Width = 1000, Height = 760 } });

        // The example's own, but for the database: without one the order service has SQLite.
        await using var project = new UpProject($$$$"""
            services:
              client: {x-wherry: {static: {{{{Repository.Example("orders/client")}}}}}, ports: ["0:80"]}
              server: {image: {{{{UpProject.Orders}}}}, ports: ["0:8080"]}
            """);
        RunningCommand up = project.Start("up");
        int server = await UpProject.WaitForPortAsync(up, "server");
        int site = await UpProject.WaitForPortAsync(up, "client");
        IPage page = await context.NewPageAsync();
        await page.GotoAsync(string.Create(CultureInfo.InvariantCulture, $"http://127.0.0.1:{site}/?server={server}"));
        ILocator message = page.Locator("#message");
        ILocator rows = page.Locator("#orders tr");

        await page.GetByRole(AriaRole.Button, new PageGetByRoleOptions { Name = "Empty the database" }).ClickAsync();
        await Expect(message).ToHaveTextAsync("The database is empty.");
        await Expect(rows).ToHaveCountAsync(0);

        await FillAsync(page, "1", "12", "2", "56", "15", "2", "Mataderos 2312 <b>bold</b>");
        await page.GetByRole(AriaRole.Button, new PageGetByRoleOptions { Name = "Create" }).ClickAsync();
        await Expect(message).ToHaveTextAsync("Order 1 is created.");
        await FillAsync(page, "2", "15", "3", "256", "30", "16", "1234 NW Bobcat");

        // By keyboard: Enter in a field sends the form.
        await page.GetByLabel("Address").PressAsync("Enter");
        await Expect(message).ToHaveTextAsync("Order 2 is created.");
        await Expect(rows).ToHaveCountAsync(2);
        await Expect(rows.Nth(0).Locator("td").Nth(6)).ToHaveTextAsync("Mataderos 2312 <b>bold</b>");
        await Browser.KeepPictureAsync(page, "orders.png");

        await page.GetByRole(AriaRole.Button, new PageGetByRoleOptions { Name = "Edit order 2" }).ClickAsync();
        await Expect(page.GetByLabel("Order", new PageGetByLabelOptions { Exact = true })).ToHaveAttributeAsync("readonly", "");
        await page.GetByLabel("Quantity").FillAsync("7");
        await page.GetByRole(AriaRole.Button, new PageGetByRoleOptions { Name = "Save" }).ClickAsync();
        await Expect(message).ToHaveTextAsync("Order 2 is changed.");
        await Expect(rows.Nth(1).Locator("td").Nth(2)).ToHaveTextAsync("7");

        await page.GetByRole(AriaRole.Button, new PageGetByRoleOptions { Name = "Delete order 1" }).ClickAsync();
        await Expect(message).ToHaveTextAsync("Order 1 is deleted.");
        await Expect(rows).ToHaveCountAsync(1);

        using var client = new HttpClient { Timeout = RunningCommand.Patience };
        JsonArray orders = JsonNode.Parse(await client.GetStringAsync(new Uri(string.Create(CultureInfo.InvariantCulture, $"http://127.0.0.1:{server}/orders"))))!.AsArray();
        Assert.Equal((2, 7, "1234 NW Bobcat"), ((int)Assert.Single(orders)!["order_id"]!, (int)orders[0]!["quantity"]!, (string?)orders[0]!["shipping_address"]));
    }

    private static async Task FillAsync(IPage page, params string[] values)
    {
        string[] labels = ["Order", "Product", "Quantity", "Amount", "Shipping", "Tax", "Address"];
        foreach ((string label, string value) in labels.Zip(values))
        {
            await page.GetByLabel(label, new PageGetByLabelOptions { Exact = true }).FillAsync(value);
        }
    }
}
