using System.Globalization;
using System.Net.Sockets;
using System.Text;

namespace Wherry.Bench.Soak;

/// <summary>Creates orders, one after the other, and deletes its oldest when there are many: so the answers stay as large as they are. An order counts once the service has said that it has it.</summary>
internal sealed class OrderClient(Uri service, OrderLedger ledger, int number)
{
    /// <summary>What the service answers when it has done what was asked.</summary>
    public const string Done = """{"status":true}""";

    private const int KeptOrders = 100;
    private const int DeletionAttempts = 20;

    private static readonly TimeSpan Pause = TimeSpan.FromMilliseconds(10);
    private static readonly TimeSpan Patience = TimeSpan.FromSeconds(10);

    private readonly Queue<int> own = new();

    public async Task RunAsync(CancellationToken end)
    {
        // Half of them have a new connection for each request.
        using var handler = new SocketsHttpHandler { PooledConnectionLifetime = number % 2 == 0 ? Timeout.InfiniteTimeSpan : TimeSpan.Zero };
        using var client = new HttpClient(handler) { BaseAddress = service, Timeout = Patience };
        while (!end.IsCancellationRequested)
        {
            int id = ledger.NewId();
            using var order = new StringContent(
                string.Create(CultureInfo.InvariantCulture, $$"""{"order_id":{{id}},"product_id":{{number}},"quantity":2,"amount":56.0,"shipping":15.0,"tax":2.0,"shipping_address":"Mataderos 2312"}"""), Encoding.UTF8);
            if (await TryAsync(() => client.PostAsync(new Uri("create_order", UriKind.Relative), order, CancellationToken.None)))
            {
                ledger.Acknowledge(id);
                own.Enqueue(id);
            }

            if (own.Count > KeptOrders)
            {
                await DeleteAsync(client, own.Dequeue());
            }

            await Task.Delay(Pause, CancellationToken.None);
        }
    }

    private async Task DeleteAsync(HttpClient client, int id)
    {
        ledger.Forget(id);
        for (int attempt = 0; attempt < DeletionAttempts; attempt++)
        {
            if (await TryAsync(() => client.GetAsync(new Uri(string.Create(CultureInfo.InvariantCulture, $"delete_order?id={id}"), UriKind.Relative), CancellationToken.None)))
            {
                ledger.CountDeleted();
                return;
            }

            await Task.Delay(TimeSpan.FromSeconds(1));
        }
    }

    private async Task<bool> TryAsync(Func<Task<HttpResponseMessage>> send)
    {
        try
        {
            using HttpResponseMessage response = await send();
            if (response.IsSuccessStatusCode && await response.Content.ReadAsStringAsync() == Done)
            {
                return true;
            }
        }
        catch (Exception exception) when (exception is HttpRequestException or OperationCanceledException or IOException or SocketException)
        {
            // Not acknowledged: it may be there or not.
        }

        ledger.CountUnanswered();
        await Task.Delay(100);
        return false;
    }
}
