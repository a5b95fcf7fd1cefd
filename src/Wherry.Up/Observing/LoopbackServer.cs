using System.Globalization;
using System.Net;
using System.Net.Sockets;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Hosting;
using Microsoft.AspNetCore.Http;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Hosting;
using Wherry.Cli;

namespace Wherry.Up.Observing;

/// <summary>
/// An HTTP server at the loopback address, for this machine's programs and browsers. It answers only requests for names of the loopback address: a page of another site, whose name was made to lead here
/// (DNS rebinding), is refused.
/// </summary>
internal sealed class LoopbackServer : IAsyncDisposable
{
    /// <summary>The most that anyone has to say to it.</summary>
    private const int LongestRequestBody = 64 * 1024;

    private readonly WebApplication application;

    private LoopbackServer(WebApplication application, int port)
    {
        this.application = application;
        Port = port;
    }

    public int Port { get; }

    /// <summary>Begins to listen.</summary>
    /// <param name="option">The option that asked for it, for messages.</param>
    /// <param name="port">Where; 0 lets the system choose.</param>
    /// <param name="hosts">The names by which it may be asked.</param>
    /// <param name="answer">Answers a request; the server's port is the second argument.</param>
    /// <exception cref="CommandException">The port can't be had.</exception>
    public static async Task<LoopbackServer> StartAsync(string option, int port, IReadOnlyList<string> hosts, Func<HttpContext, int, Task> answer)
    {
        WebApplicationBuilder builder = WebApplication.CreateEmptyBuilder(new WebApplicationOptions());
        builder.WebHost.UseKestrelCore().ConfigureKestrel(kestrel =>
        {
            kestrel.AddServerHeader = false;
            kestrel.Limits.MaxRequestBodySize = LongestRequestBody;
            kestrel.Listen(IPAddress.Loopback, port);
        });

        // Streams of events have no end of their own.
        builder.Services.Configure<HostOptions>(host => host.ShutdownTimeout = TimeSpan.FromMilliseconds(100));
        WebApplication application = builder.Build();
        application.Run(context =>
        {
            int own = context.Connection.LocalPort;
            if (context.Request.Host is not { HasValue: true, Port: var asked } host || (asked ?? 80) != own || !hosts.Contains(host.Host, StringComparer.OrdinalIgnoreCase))
            {
                context.Response.StatusCode = StatusCodes.Status421MisdirectedRequest;
                return Task.CompletedTask;
            }

            return answer(context, own);
        });
        try
        {
            await application.StartAsync().ConfigureAwait(false);
        }
        catch (Exception exception) when (exception is IOException or SocketException)
        {
            await application.DisposeAsync().ConfigureAwait(false);
            throw new CommandException(ExitCodes.Failure, $"{option}: the host can't listen on 127.0.0.1:{port.ToString(CultureInfo.InvariantCulture)}: {exception.Message} Choose another port: {option}=PORT");
        }

        return new LoopbackServer(application, new Uri(application.Urls.First()).Port);
    }

    public async ValueTask DisposeAsync()
    {
        await application.StopAsync().ConfigureAwait(false);
        await application.DisposeAsync().ConfigureAwait(false);
    }
}
