using System.Net;
using System.Net.Sockets;
using System.Text;

namespace Wherry.Guests.Tests;

/// <summary>Clients in great number and of bad manners: the service goes on.</summary>
public sealed class RobustnessTests
{
    [Fact]
    public async Task A_thousand_connections_are_kept_and_none_is_lost()
    {
        await using Service service = await Service.StartOrdersAsync();
        var connections = new List<Connection>();
        try
        {
            for (int i = 0; i < 1000; i++)
            {
                connections.Add(await Connection.OpenAsync(service.Port));
            }

            // Several rounds, so that each connection is used again while all others are open.
            for (int round = 0; round < 3; round++)
            {
                await Parallel.ForEachAsync(connections, new ParallelOptions { MaxDegreeOfParallelism = 64 }, async (connection, _) =>
                    Assert.Contains("200 OK", await connection.AskAsync($"{round}"), StringComparison.Ordinal));
            }

            Assert.All(connections, connection => Assert.True(connection.IsOpen));
        }
        finally
        {
            connections.ForEach(connection => connection.Dispose());
        }

        Assert.Equal("afterwards", await service.PostAsync("/echo", "afterwards"));
    }

    [Theory]
    [InlineData("no HTTP at all\r\n\r\n")]
    [InlineData("GET / HTTP/9.9\r\n\r\n")]
    [InlineData("\0\0\0\0\0\0\0\0\r\n\r\n")]
    [InlineData("GET / HTTP/1.1\r\nContent-Length: -5\r\n\r\n")]
    [InlineData("POST /echo HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\nZZZ\r\n")]
    [InlineData("GET /")]
    [InlineData("")]
    [InlineData("POST /create_order HTTP/1.1\r\nHost: x\r\nContent-Length: 1000\r\n\r\n{\"order_id\":")]
    public async Task A_malformed_or_half_request_hurts_nobody_else(string request)
    {
        await using Service service = await Service.StartOrdersAsync();
        foreach (bool isReset in new[] { false, true })
        {
            using var client = new TcpClient();
            await client.ConnectAsync(IPAddress.Loopback, service.Port);
            await client.GetStream().WriteAsync(Encoding.Latin1.GetBytes(request));
            Assert.Equal("meanwhile", await service.PostAsync("/echo", "meanwhile"));
            if (isReset)
            {
                // Closing with a linger time of zero sends a reset.
                client.LingerState = new LingerOption(true, 0);
            }
        }

        Assert.Equal("afterwards", await service.PostAsync("/echo", "afterwards"));
        await OrderWalk.RunAsync(service);
    }

    [Fact]
    public async Task A_body_that_is_no_order_is_answered()
    {
        await using Service service = await Service.StartOrdersAsync();
        using var content = new StringContent("{\"order_id\":\"x\"}");
        using HttpResponseMessage response = await service.Client.PostAsync(new Uri("/create_order", UriKind.Relative), content);
        Assert.Equal(HttpStatusCode.BadRequest, response.StatusCode);
        await OrderWalk.RunAsync(service);
    }

    [Fact]
    public async Task Connections_that_are_reset_in_the_midst_of_an_answer_hurt_nobody_else()
    {
        await using Service service = await Service.StartOrdersAsync();
        byte[] request = Encoding.Latin1.GetBytes($"POST /echo HTTP/1.1\r\nHost: x\r\nContent-Length: 1000000\r\n\r\n{new string('x', 1_000_000)}");
        for (int i = 0; i < 20; i++)
        {
            using var client = new TcpClient();
            await client.ConnectAsync(IPAddress.Loopback, service.Port);
            Task sending = client.GetStream().WriteAsync(request).AsTask();
            await client.GetStream().ReadExactlyAsync(new byte[10]);
            client.LingerState = new LingerOption(true, 0);
            client.Close();
            await Assert.ThrowsAnyAsync<Exception>(async () =>
            {
                await sending;
                throw new IOException("All was sent before the reset.");
            });
        }

        await OrderWalk.RunAsync(service);
    }

    [Fact]
    public async Task A_large_body_comes_back_whole()
    {
        await using Service service = await Service.StartOrdersAsync();
        string body = string.Concat(Enumerable.Range(0, 500_000).Select(i => (char)('a' + (i % 26))));
        Assert.Equal(body, await service.PostAsync("/echo", body));
    }

    private sealed class Connection(Socket socket) : IDisposable
    {
        public bool IsOpen => !(socket.Poll(0, SelectMode.SelectRead) && socket.Available == 0);

        public static async Task<Connection> OpenAsync(int port)
        {
            var socket = new Socket(AddressFamily.InterNetwork, SocketType.Stream, ProtocolType.Tcp);
            await socket.ConnectAsync(IPAddress.Loopback, port);
            return new Connection(socket);
        }

        /// <summary>Sends one request and reads the whole answer, which ends with what was sent.</summary>
        public async Task<string> AskAsync(string text)
        {
            string body = $"<{text}>";
            await socket.SendAsync(Encoding.Latin1.GetBytes($"POST /echo HTTP/1.1\r\nHost: x\r\nContent-Length: {body.Length}\r\n\r\n{body}"));
            var answer = new StringBuilder();
            var buffer = new byte[4096];
            using var limit = new CancellationTokenSource(RunningCommand.Patience);
            while (!answer.ToString().Contains(body, StringComparison.Ordinal) || !answer.ToString().Contains("\r\n\r\n", StringComparison.Ordinal) || !IsWhole(answer.ToString()))
            {
                int length = await socket.ReceiveAsync(buffer, limit.Token);
                Assert.True(length > 0, $"The connection was closed after: {answer}");
                answer.Append(Encoding.Latin1.GetString(buffer, 0, length));
            }

            return answer.ToString();
        }

        public void Dispose() => socket.Dispose();

        // An echo is chunked (it ends with an empty chunk), or has a length.
        private static bool IsWhole(string answer) =>
            !answer.Contains("transfer-encoding: chunked", StringComparison.OrdinalIgnoreCase) || answer.EndsWith("0\r\n\r\n", StringComparison.Ordinal);
    }
}
