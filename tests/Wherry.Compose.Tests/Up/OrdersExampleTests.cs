using System.Text.Json.Nodes;

namespace Wherry.Compose.Tests.Up;

/// <summary>examples/orders/compose.yaml, with a real MariaDB.</summary>
public sealed class OrdersExampleTests
{
    [Fact]
    public async Task The_order_service_comes_up_with_its_database_and_its_page_and_orders_outlive_it()
    {
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
        string[] files = ["-f", Repository.Example("orders/compose.yaml"), "-f", project.Folder["compose.yaml"]];
        project.Variables.Add(("COMPOSE_FILE", $"{files[1]}:{files[3]}"));
        (await project.RunSlowAsync("up", "-d", "--allow-processes")).Expect(0);
        string server = await AddressAsync(project, "server");
        using var client = new HttpClient { Timeout = RunningCommand.Patience };
        Result walk = (await RunningCommand.RunAsync("bash", Repository.Example("orders/walk.sh"), $"http://{server}")).Expect(0);
        JsonArray orders = JsonNode.Parse(walk.Output.TrimEnd('\n').Split('\n')[^1])!.AsArray();
        Assert.Equal([1, 3, 4, 5], orders.Select(order => (int)order!["order_id"]!));
        Assert.Equal("123 Main Street", (string?)orders[1]!["shipping_address"]);
        string site = await AddressAsync(project, "client");
        Assert.Contains("<title>Orders</title>", await client.GetStringAsync(new Uri($"http://{site}/")), StringComparison.Ordinal);
        Assert.Contains("/create_order", await client.GetStringAsync(new Uri($"http://{site}/orders.js")), StringComparison.Ordinal);

        // The database goes away and comes back; then the whole project does.
        (await project.RunAsync("restart", "db")).Expect(0);
        (await project.RunAsync("down")).Expect(0);
        (await project.RunSlowAsync("up", "-d", "--allow-processes")).Expect(0);
        server = await AddressAsync(project, "server");
        Assert.Equal(orders.ToJsonString(), JsonNode.Parse(await client.GetStringAsync(new Uri($"http://{server}/orders")))!.ToJsonString());
        (await project.RunAsync("down")).Expect(0);
    }

    private static async Task<string> AddressAsync(UpProject project, string service)
    {
        JsonObject status = (await project.StatusAsync()).Single(each => (string?)each["service"] == service);
        return ((string)status["ports"]![0]!).Split("->")[0];
    }
}
