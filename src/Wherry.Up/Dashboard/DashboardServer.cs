using System.Globalization;
using System.Security.Cryptography;
using System.Text.Json;
using System.Text.Json.Nodes;
using Microsoft.AspNetCore.Http;
using Wherry.Compose;
using Wherry.Up.Observing;

namespace Wherry.Up.Dashboard;

/// <summary>The page on which a running project is watched and changed: at the loopback address, for the browser that was given a link. docs/SECURITY.md says what protects it.</summary>
internal sealed class DashboardServer : IAsyncDisposable
{
    private const int MostReplicas = 10_000;

    /// <summary>
    /// A name of its own for cookies, which know no ports: whoever serves pages at another port of the name would get the dashboard's, so nobody can guess it. Browsers know that names below localhost are the
    /// loopback address.
    /// </summary>
    private readonly string host = $"wherry-{Convert.ToHexStringLower(RandomNumberGenerator.GetBytes(16))}.localhost";

    private readonly ProjectRunner runner;
    private readonly DashboardSessions sessions = new(TimeProvider.System);
    private readonly DashboardSampler sampler;
    private LoopbackServer? server;

    private DashboardServer(ProjectRunner runner)
    {
        this.runner = runner;
        sampler = new DashboardSampler(runner);
    }

    public static async Task<DashboardServer> StartAsync(ProjectRunner runner, int port)
    {
        var dashboard = new DashboardServer(runner);
        try
        {
            dashboard.server = await LoopbackServer.StartAsync("--dashboard", port, [dashboard.host], dashboard.AnswerAsync).ConfigureAwait(false);
            return dashboard;
        }
        catch
        {
            await dashboard.DisposeAsync().ConfigureAwait(false);
            throw;
        }
    }

    /// <summary>A link that opens the page once.</summary>
    public string NewLink() => string.Create(CultureInfo.InvariantCulture, $"http://{host}:{server!.Port}/open?code={sessions.NewCode()}");

    public async ValueTask DisposeAsync()
    {
        await sampler.DisposeAsync().ConfigureAwait(false);
        if (server is not null)
        {
            await server.DisposeAsync().ConfigureAwait(false);
        }
    }

    /// <summary>Cookies of one host are shared by all its ports, and there may be several dashboards.</summary>
    private static string CookieName(int port) => string.Create(CultureInfo.InvariantCulture, $"wherry-dashboard-{port}");

    private async Task AnswerAsync(HttpContext context, int port)
    {
        HttpRequest request = context.Request;
        IHeaderDictionary headers = context.Response.Headers;
        headers.ContentSecurityPolicy = "default-src 'none'; script-src 'self'; style-src 'self'; connect-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'";
        headers.XContentTypeOptions = "nosniff";
        headers.XFrameOptions = "DENY";
        headers["Referrer-Policy"] = "no-referrer";
        headers["Cross-Origin-Opener-Policy"] = "same-origin";
        headers["Cross-Origin-Resource-Policy"] = "same-origin";
        headers.CacheControl = "no-store";

        string path = request.Path.Value ?? "";
        bool isGet = HttpMethods.IsGet(request.Method);
        if (isGet && path == "/open")
        {
            await OpenAsync(context, port).ConfigureAwait(false);
        }
        else if (isGet && path != "/" && path != "/index.html" && DashboardPage.TryGet(path[1..], out (byte[] Content, string Type) file))
        {
            await SendAsync(context, file).ConfigureAwait(false);
        }
        else if (!sessions.IsOpen(request.Cookies[CookieName(port)]))
        {
            context.Response.StatusCode = StatusCodes.Status401Unauthorized;
            await SendSignInAsync(context).ConfigureAwait(false);
        }
        else if (isGet && path == "/")
        {
            DashboardPage.TryGet("index.html", out (byte[] Content, string Type) page);
            await SendAsync(context, page).ConfigureAwait(false);
        }
        else if (request.Headers.TryGetValue("Sec-Fetch-Site", out var site) && site != "same-origin")
        {
            // Another page's script, with the cookie that the browser adds.
            context.Response.StatusCode = StatusCodes.Status403Forbidden;
        }
        else if (isGet && path == "/events")
        {
            await DashboardEvents.SendAsync(context, runner, sampler).ConfigureAwait(false);
        }
        else if (HttpMethods.IsPost(request.Method) && path.Split('/') is ["", "services", var name, var action])
        {
            await ActAsync(context, Uri.UnescapeDataString(name), action).ConfigureAwait(false);
        }
        else
        {
            context.Response.StatusCode = StatusCodes.Status404NotFound;
        }
    }

    /// <summary>Exchanges the link's code for a cookie, and leads to an address without it.</summary>
    private async Task OpenAsync(HttpContext context, int port)
    {
        // What a browser fetches ahead would use the code up.
        bool isAhead = context.Request.Headers.ContainsKey("Sec-Purpose") || context.Request.Headers.ContainsKey("Purpose");
        if (isAhead || context.Request.Query["code"] is not [{ Length: > 0 } code] || sessions.TryOpen(code) is not { } token)
        {
            context.Response.StatusCode = isAhead ? StatusCodes.Status503ServiceUnavailable : StatusCodes.Status401Unauthorized;
            await SendSignInAsync(context).ConfigureAwait(false);
            return;
        }

        context.Response.Cookies.Append(CookieName(port), token, new CookieOptions { HttpOnly = true, SameSite = SameSiteMode.Strict, Path = "/", IsEssential = true });
        context.Response.StatusCode = StatusCodes.Status303SeeOther;
        context.Response.Headers.Location = "/";
    }

    /// <summary>Does what a button asks for.</summary>
    private async Task ActAsync(HttpContext context, string name, string action)
    {
        HttpRequest request = context.Request;
        if (request.Headers.Origin != $"http://{request.Host.Value}" || !request.HasJsonContentType())
        {
            context.Response.StatusCode = StatusCodes.Status403Forbidden;
            return;
        }

        try
        {
            if (runner.Find(name) is not { } service)
            {
                await RefuseAsync(context, StatusCodes.Status404NotFound, "There is no such service.").ConfigureAwait(false);
                return;
            }

            switch (action)
            {
                case "restart":
                    await runner.RestartAsync([name]).ConfigureAwait(false);
                    break;
                case "stop":
                    await runner.StopAsync([name]).ConfigureAwait(false);
                    break;
                case "start":
                    if (!await runner.StartAsync([name], context.RequestAborted).ConfigureAwait(false))
                    {
                        await RefuseAsync(context, StatusCodes.Status409Conflict, "It could not be started: its log says why.").ConfigureAwait(false);
                        return;
                    }

                    break;
                case "scale":
                    JsonNode? body = await JsonNode.ParseAsync(request.Body, cancellationToken: context.RequestAborted).ConfigureAwait(false);
                    if (service.Service.Kind != ComposeServiceKind.Guest || body is not JsonObject || (int?)body["replicas"] is not (>= 0 and <= MostReplicas and var count))
                    {
                        await RefuseAsync(context, StatusCodes.Status400BadRequest, $"Only guests have replicas, and {MostReplicas} at most.").ConfigureAwait(false);
                        return;
                    }

                    await runner.ScaleAsync(name, count).ConfigureAwait(false);
                    break;
                default:
                    context.Response.StatusCode = StatusCodes.Status404NotFound;
                    return;
            }

            context.Response.StatusCode = StatusCodes.Status204NoContent;
        }
        catch (Exception exception) when (exception is JsonException or InvalidOperationException or FormatException)
        {
            await RefuseAsync(context, StatusCodes.Status400BadRequest, "The request makes no sense.").ConfigureAwait(false);
        }
        catch (OperationCanceledException)
        {
            // The browser has gone, or the project ends.
        }
    }

    private static Task RefuseAsync(HttpContext context, int status, string reason)
    {
        context.Response.StatusCode = status;
        context.Response.ContentType = "text/plain; charset=utf-8";
        return context.Response.WriteAsync(reason);
    }

    private static Task SendSignInAsync(HttpContext context)
    {
        DashboardPage.TryGet("signin.html", out (byte[] Content, string Type) page);
        return SendAsync(context, page);
    }

    private static Task SendAsync(HttpContext context, (byte[] Content, string Type) file)
    {
        context.Response.ContentType = file.Type;
        context.Response.ContentLength = file.Content.Length;
        return context.Response.Body.WriteAsync(file.Content, context.RequestAborted).AsTask();
    }
}
