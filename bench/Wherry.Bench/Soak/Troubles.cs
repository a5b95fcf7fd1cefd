using System.Globalization;
using System.Net;
using System.Net.Sockets;
using System.Runtime.InteropServices;
using System.Text;

namespace Wherry.Bench.Soak;

/// <summary>All that goes wrong, each at its own pace, and how often it did.</summary>
internal sealed class Troubles(SoakProject project) : IDisposable
{
    private const int FloodConnections = 300;
    private const int SlowConnections = 20;
    private const int Kill = 9;

    private readonly SortedDictionary<string, int> counts = new(StringComparer.Ordinal);

    // Restarts and scalings of one service at the same time would be a test of something else.
    private readonly SemaphoreSlim commands = new(1, 1);

    /// <summary>Whether each kind has happened at least once.</summary>
    public bool AllHappened
    {
        get
        {
            lock (counts)
            {
                return counts.Values.All(count => count > 0);
            }
        }
    }

    public IEnumerable<Task> Start(CancellationToken end) =>
    [
        RepeatAsync("replicas killed, three at a time", 11, () => CommandAsync("restart", "-t", "0", "server"), end),
        RepeatAsync("a replica taken away and put back", 17, ScaleAsync, end),
        RepeatAsync("traps, stack overflows, handles used up: crashed and begun anew", 13, () => CommandAsync("restart", "-t", "0", "trap", "stack", "descriptors"), end),
        RepeatAsync("endless loops and full memories killed", 19, () => CommandAsync("restart", "-t", "0", "spin", "memory"), end),
        RepeatAsync("an endless loop without a limit, for two seconds", 23, LoopAsync, end),
        RepeatAsync($"floods of {FloodConnections} half-open connections", 5, FloodAsync, end),
        RepeatAsync($"{SlowConnections} slow readers", 3, ReadSlowlyAsync, end),
        RepeatAsync("the database restarted", 53, () => CommandAsync("restart", "db"), end),
        RepeatAsync("the database killed", 71, KillDatabaseAsync, end),
    ];

    public void Dispose() => commands.Dispose();

    public override string ToString()
    {
        lock (counts)
        {
            return string.Join('\n', counts.Select(pair => string.Create(CultureInfo.InvariantCulture, $"{pair.Value,6}  {pair.Key}")));
        }
    }

    private async Task RepeatAsync(string name, int seconds, Func<Task<bool>> happen, CancellationToken end)
    {
        lock (counts)
        {
            counts[name] = 0;
        }

        while (project.IsRunning())
        {
            try
            {
                await Task.Delay(TimeSpan.FromSeconds(seconds), end);
            }
            catch (OperationCanceledException)
            {
                return;
            }

            if (await happen())
            {
                lock (counts)
                {
                    counts[name]++;
                }
            }
        }
    }

    private async Task<bool> CommandAsync(params string[] arguments)
    {
        await commands.WaitAsync();
        try
        {
            return await project.RunAsync(arguments);
        }
        finally
        {
            commands.Release();
        }
    }

    private async Task<bool> ScaleAsync()
    {
        bool isDone = await CommandAsync("scale", "server=2");
        await Task.Delay(1000);
        return await CommandAsync("scale", "server=3") && isDone;
    }

    private async Task<bool> LoopAsync()
    {
        bool isDone = await CommandAsync("start", "loop");
        await Task.Delay(2000);
        return await CommandAsync("stop", "-t", "0", "loop") && isDone;
    }

    private async Task<bool> KillDatabaseAsync()
    {
        await commands.WaitAsync();
        try
        {
            return project.FindDatabase() is { } id && SendSignal(id, Kill) == 0;
        }
        finally
        {
            commands.Release();
        }
    }

    /// <summary>Connections that say nothing, or half of a request, or have closed their half of the connection; some end with a reset.</summary>
    private async Task<bool> FloodAsync()
    {
        var all = new List<Socket>();
        try
        {
            for (int i = 0; i < FloodConnections; i++)
            {
                var socket = new Socket(AddressFamily.InterNetwork, SocketType.Stream, ProtocolType.Tcp);
                all.Add(socket);
                await socket.ConnectAsync(IPAddress.Loopback, project.Address.Port);
                switch (i % 3)
                {
                    case 1:
                        await socket.SendAsync("POST /create_order HTTP/1.1\r\nHost: h\r\nContent-Length: 1000\r\n\r\n{\"order"u8.ToArray());
                        break;
                    case 2:
                        await socket.SendAsync("GET /ord"u8.ToArray());
                        socket.Shutdown(SocketShutdown.Send);
                        break;
                }
            }

            await Task.Delay(2000);
            return true;
        }
        catch (SocketException)
        {
            // The service is just away. What was opened counts for the next time.
            return false;
        }
        finally
        {
            for (int i = 0; i < all.Count; i++)
            {
                if (i % 2 == 0)
                {
                    all[i].LingerState = new LingerOption(enable: true, seconds: 0);
                }

                all[i].Dispose();
            }
        }
    }

    /// <summary>Connections that ask for far more than they take.</summary>
    private async Task<bool> ReadSlowlyAsync()
    {
        bool[] results = await Task.WhenAll(Enumerable.Range(0, SlowConnections).Select(async _ =>
        {
            using var socket = new Socket(AddressFamily.InterNetwork, SocketType.Stream, ProtocolType.Tcp) { ReceiveBufferSize = 4096 };
            try
            {
                await socket.ConnectAsync(IPAddress.Loopback, project.Address.Port);
                using var limit = new CancellationTokenSource(TimeSpan.FromSeconds(5));
                await socket.SendAsync(Encoding.ASCII.GetBytes(string.Concat(Enumerable.Repeat("GET /orders HTTP/1.1\r\nHost: h\r\n\r\n", 30))), limit.Token);
                var buffer = new byte[512];
                while (await socket.ReceiveAsync(buffer, limit.Token) > 0)
                {
                    await Task.Delay(100, limit.Token);
                }

                return false;
            }
            catch (OperationCanceledException)
            {
                return true;
            }
            catch (SocketException)
            {
                return false;
            }
        }));
        return results.Any(result => result);
    }

    [DllImport("libc", EntryPoint = "kill")]
    [DefaultDllImportSearchPaths(DllImportSearchPath.SafeDirectories)]
    private static extern int SendSignal(int process, int signal);
}
