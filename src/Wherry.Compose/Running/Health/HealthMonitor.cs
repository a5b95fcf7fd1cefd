using System.Diagnostics;
using System.Net.Sockets;
using Wherry.Compose.Running.Workloads;

namespace Wherry.Compose.Running.Health;

/// <summary>Asks a workload's health until it ends.</summary>
internal sealed class HealthMonitor(ComposeHealthCheck check, Workload workload, Action<ReplicaHealth> changed)
{
    private const int FirstFailingStatus = 400;

    public async Task RunAsync(CancellationToken cancellationToken)
    {
        long start = Stopwatch.GetTimestamp();
        int failures = 0;
        ReplicaHealth health = ReplicaHealth.Starting;
        while (true)
        {
            // Others may wait for the first success: until then it is asked often, and failures count by the time that they may take.
            bool isStarting = health == ReplicaHealth.Starting;
            await Task.Delay(isStarting ? check.StartInterval : check.Interval, cancellationToken).ConfigureAwait(false);
            bool isGood = await TryAsync(cancellationToken).ConfigureAwait(false);
            failures = isGood ? 0 : failures + 1;
            bool hasFailed = isStarting ? Stopwatch.GetElapsedTime(start) >= check.StartPeriod + (check.Retries * check.Interval) : failures >= check.Retries;
            ReplicaHealth next = isGood ? ReplicaHealth.Healthy : hasFailed ? ReplicaHealth.Unhealthy : health;
            if (next != health)
            {
                health = next;
                changed(health);
            }
        }
    }

    private async Task<bool> TryAsync(CancellationToken cancellationToken)
    {
        using var limit = CancellationTokenSource.CreateLinkedTokenSource(cancellationToken);
        limit.CancelAfter(check.Timeout);
        try
        {
            switch (check.Test)
            {
                case ComposeHealthTest.Command:
                    return await workload.TryCommandAsync(check.Command, limit.Token).ConfigureAwait(false);
                case ComposeHealthTest.Tcp:
                    await using (await workload.ConnectAsync(check.Port, limit.Token).ConfigureAwait(false))
                    {
                        return true;
                    }

                default:
                    return await TryHttpAsync(limit.Token).ConfigureAwait(false);
            }
        }
        catch (Exception exception) when (exception is IOException or SocketException or HttpRequestException)
        {
            return false;
        }
        catch (OperationCanceledException) when (!cancellationToken.IsCancellationRequested)
        {
            return false;
        }
    }

    private async Task<bool> TryHttpAsync(CancellationToken cancellationToken)
    {
        using var handler = new SocketsHttpHandler
        {
            ConnectCallback = async (context, token) => await workload.ConnectAsync(context.DnsEndPoint.Port, token).ConfigureAwait(false),
            AllowAutoRedirect = false,
            UseProxy = false,
            UseCookies = false,
        };
        using var client = new HttpClient(handler);
        using var request = new HttpRequestMessage(HttpMethod.Get, new Uri($"http://localhost:{check.Port}{check.Path}")) { Headers = { ConnectionClose = true } };
        using HttpResponseMessage response = await client.SendAsync(request, HttpCompletionOption.ResponseHeadersRead, cancellationToken).ConfigureAwait(false);
        return (int)response.StatusCode < FirstFailingStatus;
    }
}
