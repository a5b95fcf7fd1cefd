using System.Globalization;
using System.Net.Sockets;
using System.Text.Json;
using System.Text.Json.Nodes;

namespace Wherry.Bench.Soak;

/// <summary>Looks at all orders again and again, and whether those are among them that were acknowledged.</summary>
internal sealed class OrderReader(Uri service, OrderLedger ledger)
{
    private static readonly TimeSpan Pause = TimeSpan.FromMilliseconds(500);
    private static readonly TimeSpan Patience = TimeSpan.FromSeconds(20);

    /// <summary>So long the service may take to answer when all that disturbed it has ended.</summary>
    private static readonly TimeSpan Recovery = TimeSpan.FromMinutes(2);

    public async Task RunAsync(CancellationToken end)
    {
        using var client = new HttpClient { BaseAddress = service, Timeout = Patience };
        while (!end.IsCancellationRequested)
        {
            int[] before = ledger.Owed();
            if (await ReadAsync(client) is { } orders)
            {
                ledger.Compare(before, orders);
            }

            await Task.Delay(Pause, CancellationToken.None);
        }
    }

    /// <summary>The last look, once the service answers.</summary>
    /// <param name="isRunning">Whether it is of use to wait.</param>
    /// <returns>What is missing, or why nobody knows.</returns>
    public async Task<string[]> CheckAtEndAsync(Func<bool> isRunning)
    {
        using var client = new HttpClient { BaseAddress = service, Timeout = Patience };
        using var limit = new CancellationTokenSource(Recovery);
        while (isRunning() && !limit.IsCancellationRequested)
        {
            int[] before = ledger.Owed();
            if (await ReadAsync(client) is { } orders)
            {
                return [.. before.Where(id => !orders.Contains(id)).Select(id => id.ToString(CultureInfo.InvariantCulture))];
            }

            await Task.Delay(Pause, CancellationToken.None);
        }

        return ["all of them: the service does not answer any more"];
    }

    private static async Task<HashSet<int>?> ReadAsync(HttpClient client)
    {
        try
        {
            string text = await client.GetStringAsync(new Uri("orders", UriKind.Relative));
            return [.. JsonNode.Parse(text)!.AsArray().Select(order => (int)order!["order_id"]!)];
        }
        catch (Exception exception) when (exception is HttpRequestException or OperationCanceledException or IOException or SocketException or JsonException)
        {
            return null;
        }
    }
}
