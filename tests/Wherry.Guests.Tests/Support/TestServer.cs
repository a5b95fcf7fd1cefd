using System.Net;
using System.Net.Security;
using System.Net.Sockets;
using System.Security.Cryptography.X509Certificates;
using System.Text;

namespace Wherry.Guests.Tests;

/// <summary>A small HTTP server for guests that are clients: answers each request with its method, path and body.</summary>
internal sealed class TestServer : IAsyncDisposable
{
    private readonly TcpListener listener = new(IPAddress.Loopback, 0);
    private readonly X509Certificate2? certificate;
    private readonly CancellationTokenSource end = new();
    private readonly Task accepting;

    public TestServer(X509Certificate2? certificate = null)
    {
        this.certificate = certificate;
        listener.Start(512);
        accepting = AcceptAsync();
    }

    public int Port => ((IPEndPoint)listener.LocalEndpoint).Port;

    /// <summary>What it answers to a request without a body.</summary>
    public static string Answer(string method, string path, string body = "") => $"{method} {path} [{body}]";

    public async ValueTask DisposeAsync()
    {
        await end.CancelAsync();
        listener.Stop();
        await accepting;
        end.Dispose();
    }

    private async Task AcceptAsync()
    {
        while (!end.IsCancellationRequested)
        {
            try
            {
                TcpClient client = await listener.AcceptTcpClientAsync(end.Token);
                _ = ServeAsync(client);
            }
            catch (Exception exception) when (exception is OperationCanceledException or SocketException or ObjectDisposedException)
            {
                return;
            }
        }
    }

    private async Task ServeAsync(TcpClient client)
    {
        try
        {
            using (client)
            {
                Stream stream = client.GetStream();
                if (certificate is not null)
                {
                    var secure = new SslStream(stream);
                    await secure.AuthenticateAsServerAsync(new SslServerAuthenticationOptions { ServerCertificate = certificate }, end.Token);
                    stream = secure;
                }

                await using (stream)
                {
                    await AnswerAsync(stream);
                }
            }
        }
        catch (Exception exception) when (exception is IOException or OperationCanceledException or System.Security.Authentication.AuthenticationException or SocketException)
        {
            // The client left; it says what it thinks of that.
        }
    }

    private async Task AnswerAsync(Stream stream)
    {
        var received = new StringBuilder();
        var buffer = new byte[4096];
        int headEnd;
        while ((headEnd = received.ToString().IndexOf("\r\n\r\n", StringComparison.Ordinal)) < 0)
        {
            int length = await stream.ReadAsync(buffer, end.Token);
            if (length == 0)
            {
                return;
            }

            received.Append(Encoding.Latin1.GetString(buffer, 0, length));
        }

        string head = received.ToString()[..headEnd];
        string? lengthLine = head.Split("\r\n").FirstOrDefault(line => line.StartsWith("content-length:", StringComparison.OrdinalIgnoreCase));
        int bodyLength = lengthLine is null ? 0 : int.Parse(lengthLine.Split(':')[1], System.Globalization.CultureInfo.InvariantCulture);
        while (received.Length < headEnd + 4 + bodyLength)
        {
            received.Append(Encoding.Latin1.GetString(buffer, 0, await stream.ReadAsync(buffer, end.Token)));
        }

        string[] words = head.Split(' ');
        string answer = Answer(words[0], words[1], received.ToString(headEnd + 4, bodyLength));
        await stream.WriteAsync(Encoding.Latin1.GetBytes($"HTTP/1.1 200 OK\r\nContent-Length: {answer.Length}\r\nConnection: close\r\n\r\n{answer}"), end.Token);
        await stream.FlushAsync(end.Token);
    }
}
