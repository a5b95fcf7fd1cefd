using System.Net;
using System.Net.Sockets;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Hosting;
using Microsoft.AspNetCore.Hosting.Server;
using Microsoft.AspNetCore.Hosting.Server.Features;
using Microsoft.AspNetCore.Http;
using Microsoft.AspNetCore.StaticFiles;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.FileProviders;
using Wherry.Compose.Observing;

namespace Wherry.Compose.Running.Workloads;

/// <summary>A folder served by Kestrel: content types, ETag, ranges, compression.</summary>
internal sealed class StaticWorkload(ComposeService service, IReadOnlyList<IPEndPoint> endPoints, TrafficCounters traffic, Action<LogSource, string> log) : Workload, IDisposable
{
    private const int Failed = 1;

    private static readonly string[] CompressedTypes =
    [
        "text/html", "text/css", "text/plain", "text/xml", "text/javascript", "application/javascript", "application/json", "application/xml", "application/wasm", "image/svg+xml",
    ];

    private readonly CancellationTokenSource killed = new();
    private WebApplication? application;

    public override void Start() => _ = StartAsync();

    public override void AskToStop() => _ = StopAsync();

    public override void Kill()
    {
        try
        {
            killed.Cancel();
            _ = StopAsync();
        }
        catch (ObjectDisposedException)
        {
            // It has ended.
        }
    }

    public void Dispose() => killed.Dispose();

    public override async ValueTask<Stream> ConnectAsync(int port, CancellationToken cancellationToken)
    {
        var socket = new Socket(SocketType.Stream, ProtocolType.Tcp);
        try
        {
            await socket.ConnectAsync(endPoints[0], cancellationToken).ConfigureAwait(false);
            return new NetworkStream(socket, ownsSocket: true);
        }
        catch
        {
            socket.Dispose();
            throw;
        }
    }

    private async Task StartAsync()
    {
        try
        {
            application = Build();
            await application.StartAsync().ConfigureAwait(false);
            foreach (string address in application.Services.GetRequiredService<IServer>().Features.Get<IServerAddressesFeature>()!.Addresses.Distinct())
            {
                log(LogSource.Wherry, $"listening on {address}");
            }

            SetRunning();
        }
        catch (Exception exception) when (exception is IOException or SocketException or UnauthorizedAccessException)
        {
            log(LogSource.Wherry, $"it can't be served: {exception.Message}");
            SetEnded(Failed);
        }
    }

    private async Task StopAsync()
    {
        if (application is not null)
        {
            try
            {
                await application.StopAsync(killed.Token).ConfigureAwait(false);
            }
            catch (Exception exception) when (exception is OperationCanceledException or ObjectDisposedException)
            {
                // Connections that were still open are closed by disposal.
            }

            await application.DisposeAsync().ConfigureAwait(false);
        }

        SetEnded(0);
    }

    private WebApplication Build()
    {
        WebApplicationBuilder builder = WebApplication.CreateEmptyBuilder(new WebApplicationOptions { ContentRootPath = service.StaticFolder, WebRootPath = service.StaticFolder });
        builder.WebHost.UseKestrelCore().ConfigureKestrel(kestrel =>
        {
            kestrel.AddServerHeader = false;
            foreach (IPEndPoint endPoint in endPoints)
            {
                kestrel.Listen(endPoint, listener => SiteTraffic.CountConnections(listener, traffic));
            }
        });
        builder.Services.AddResponseCompression(compression => compression.MimeTypes = CompressedTypes);
        WebApplication site = builder.Build();
        var files = new PhysicalFileProvider(service.StaticFolder!);
        SiteTraffic.CountRequests(site, traffic);
        site.UseResponseCompression();
        site.UseDefaultFiles(new DefaultFilesOptions { FileProvider = files });
        site.UseStaticFiles(new StaticFileOptions
        {
            FileProvider = files,
            ServeUnknownFileTypes = true,
            DefaultContentType = "application/octet-stream",
            ContentTypeProvider = new FileExtensionContentTypeProvider(),

            // Browsers ask each time, and are told by the ETag that nothing has changed.
            OnPrepareResponse = context => context.Context.Response.Headers.CacheControl = "no-cache",
        });
        site.Run(context =>
        {
            context.Response.StatusCode = StatusCodes.Status404NotFound;
            context.Response.ContentType = "text/plain; charset=utf-8";
            return context.Response.WriteAsync("Not found.\n");
        });
        return site;
    }
}
