using System.Globalization;
using System.Net;
using System.Net.Http.Json;
using System.Runtime.InteropServices;
using System.Text.Json.Nodes;
using System.Text.RegularExpressions;

namespace Wherry.Compose.Tests.Hosting;

/// <summary>examples/hosting, as a user starts it.</summary>
public sealed partial class HostingExampleTests
{
#if DEBUG
    private const string Configuration = "Debug";
#else
    private const string Configuration = "Release";
#endif

    [Fact]
    public async Task The_application_hosts_the_guest_with_its_configuration_logging_health_and_lifetime()
    {
        string program = Repository.Example($"hosting/bin/{Configuration}/net10.0/Hosting.dll");
        Assert.True(File.Exists(program), $"{program} was not built");
        await using RunningCommand app = RunningCommand.Start("dotnet", [program, "--urls", "http://127.0.0.1:0"]);
        Match listening = await app.WaitForAsync(ListeningLine());
        using var client = new HttpClient { BaseAddress = new Uri(listening.Groups[1].Value), Timeout = RunningCommand.Patience };
        await WaitForHealthAsync(client);

        using HttpResponseMessage created = await client.PostAsJsonAsync("orders", new { order_id = 1, product_id = 12, quantity = 2, amount = 56.0, shipping = 15.0, tax = 2.0, shipping_address = "Mataderos 2312" });
        Assert.Equal(HttpStatusCode.OK, created.StatusCode);
        JsonArray orders = JsonNode.Parse(await client.GetStringAsync(new Uri("orders", UriKind.Relative)))!.AsArray();
        Assert.Equal("Mataderos 2312", (string?)Assert.Single(orders)!["shipping_address"]);
        Assert.Equal("[\"orders-1 Running\"]", await client.GetStringAsync(new Uri("services", UriKind.Relative)));

        // Its database was in the guest's memory.
        using (HttpResponseMessage refused = await client.PostAsync(new Uri("restart", UriKind.Relative), null))
        {
            Assert.Equal(HttpStatusCode.Forbidden, refused.StatusCode);
        }

        client.DefaultRequestHeaders.Add("X-Restart", "1");
        using HttpResponseMessage restarted = await client.PostAsync(new Uri("restart", UriKind.Relative), null);
        Assert.Equal(HttpStatusCode.OK, restarted.StatusCode);
        await WaitForHealthAsync(client);
        Assert.Equal("[]", await client.GetStringAsync(new Uri("orders", UriKind.Relative)));

        app.Signal(PosixSignal.SIGTERM);
        Result result = await app.EndAsync();
        Assert.Equal(0, result.ExitCode);
        Assert.Matches(@"Wherry\.Services\.orders\[\d\]\n +orders-1: ", result.Output);
    }

    private static async Task WaitForHealthAsync(HttpClient client)
    {
        using var limit = new CancellationTokenSource(RunningCommand.Patience);
        while (true)
        {
            using HttpResponseMessage health = await client.GetAsync(new Uri("health", UriKind.Relative), limit.Token);
            if (health.StatusCode == HttpStatusCode.OK && await health.Content.ReadAsStringAsync(limit.Token) == "Healthy")
            {
                return;
            }

            await Task.Delay(100, limit.Token);
        }
    }

    [GeneratedRegex(@"Now listening on: (http://127\.0\.0\.1:\d+)")]
    private static partial Regex ListeningLine();
}
