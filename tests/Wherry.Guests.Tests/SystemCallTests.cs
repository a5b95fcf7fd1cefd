using System.Globalization;
using System.Net;
using System.Net.Sockets;
using System.Runtime.InteropServices;
using System.Text;

namespace Wherry.Guests.Tests;

/// <summary>What a served request costs in system calls, counted by strace.</summary>
public sealed class SystemCallTests
{
    private const int IdleConnections = 300;
    private const int Requests = 300;

    [Fact]
    public async Task Idle_connections_cost_a_request_no_system_calls()
    {
        if (!File.Exists("/usr/bin/strace"))
        {
            Repository.MissingTool("strace is not installed: apt-get install strace");
        }

        Result attempt = await RunningCommand.RunAsync("/usr/bin/strace", "-o", "/dev/null", "true");
        Assert.SkipWhen(attempt.ExitCode != 0, $"strace may not trace here: {attempt.Error}");

        using TemporaryFolder folder = new();
        string log = folder["calls"];
        await using RunningCommand command = RunningCommand.Start(
            "/usr/bin/strace",
            [
                "-f", "-c", "-o", log, "-e", "trace=epoll_wait,epoll_pwait,epoll_ctl,poll,ppoll,recvfrom,recvmsg,sendto,sendmsg",
                "dotnet", Repository.Command, "run", "-p", "0:8080", Repository.Example("orders/orders.wasm"),
            ]);
        int port = await command.WaitForPortAsync();
        List<TcpClient> clients = [];
        try
        {
            for (int i = 0; i < IdleConnections; i++)
            {
                TcpClient client = new();
                clients.Add(client);
                await client.ConnectAsync(IPAddress.Loopback, port);
                await AskAsync(client);
            }

            for (int i = 0; i < Requests; i++)
            {
                await AskAsync(clients[IdleConnections / 2]);
            }
        }
        finally
        {
            clients.ForEach(client => client.Dispose());
        }

        string children = await File.ReadAllTextAsync($"/proc/{command.Id}/task/{command.Id}/children");
        Assert.Equal(0, Kill(int.Parse(children.Split(' ')[0], CultureInfo.InvariantCulture), 15));
        await command.EndAsync();

        // Columns: time, seconds, time per call, calls, errors (may be absent), name.
        long calls = File.ReadLines(log)
            .Select(line => line.Split(' ', StringSplitOptions.RemoveEmptyEntries))
            .Where(columns => columns.Length >= 5 && columns[^1] != "total" && long.TryParse(columns[3], out _))
            .Sum(columns => long.Parse(columns[3], CultureInfo.InvariantCulture));

        // About five a request on a kept-alive connection, some more for a new one. One for each idle connection would make 90,000.
        Assert.InRange(calls, Requests, (20 * (IdleConnections + Requests)) + 1000);
    }

    private static async Task AskAsync(TcpClient client)
    {
        using CancellationTokenSource limit = new(RunningCommand.Patience);
        await client.GetStream().WriteAsync("GET / HTTP/1.1\r\nHost: localhost\r\n\r\n"u8.ToArray(), limit.Token);
        byte[] buffer = new byte[4096];
        StringBuilder answer = new();
        while (!answer.ToString().Contains("/echo", StringComparison.Ordinal))
        {
            int count = await client.GetStream().ReadAsync(buffer, limit.Token);
            Assert.NotEqual(0, count);
            answer.Append(Encoding.Latin1.GetString(buffer, 0, count));
        }
    }

#pragma warning disable CA5392 // libc is found by the system's own search only.
    [DllImport("libc", EntryPoint = "kill")]
    private static extern int Kill(int process, int signal);
}
