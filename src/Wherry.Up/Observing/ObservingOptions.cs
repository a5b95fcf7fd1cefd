using System.CommandLine;
using System.Globalization;
using Microsoft.AspNetCore.Http;
using Wherry.Cli.Options;
using Wherry.Cli.Output;
using Wherry.Compose;
using Wherry.Compose.Control;
using Wherry.Up.Dashboard;

namespace Wherry.Up.Observing;

/// <summary>The options by which a running project is watched from a browser and by programs.</summary>
internal sealed class ObservingOptions
{
    private const int DefaultMetricsPort = 9464;
    private const int DefaultDashboardPort = 9465;

    private static readonly string[] Hosts = ["127.0.0.1", "localhost", "[::1]"];

    private readonly Option<int?> metrics = Port("--metrics", "Serve metrics in Prometheus' text format at http://127.0.0.1:PORT/metrics; 9464 unless given.", DefaultMetricsPort);

    private readonly Option<int?> dashboard = Port("--dashboard", "Serve a page that shows the services and changes them, to this machine's browsers, at PORT; 9465 unless given.", DefaultDashboardPort);

    public void AddTo(Command command)
    {
        command.Options.Add(metrics);
        command.Options.Add(dashboard);
    }

    /// <summary>Begins to show a project, where it was asked for.</summary>
    /// <returns>To be disposed when it ends.</returns>
    public async Task<IAsyncDisposable> StartAsync(ParseResult result, ProjectRunner runner, ControlServer control)
    {
        var running = new Observation();
        try
        {
            if (OpenTelemetryExport.Start(runner.Project.Name) is { } export)
            {
                running.Add(export);
                running.Add(runner.Logs.Read(export.Write));
            }

            if (result.GetValue(metrics) is { } port)
            {
                LoopbackServer server = await LoopbackServer.StartAsync("--metrics", port, Hosts, (context, _) => AnswerMetricsAsync(context, runner)).ConfigureAwait(false);
                running.Add(server);
                Terminal.Note($"metrics are at http://127.0.0.1:{server.Port.ToString(CultureInfo.InvariantCulture)}/metrics");
            }

            if (result.GetValue(dashboard) is { } page)
            {
                DashboardServer server = await DashboardServer.StartAsync(runner, page).ConfigureAwait(false);
                running.Add(server);
                control.DashboardLink = server.NewLink;
                Terminal.Note($"the dashboard is at {server.NewLink()} (opens once; wherry dashboard gives another link)");
            }

            return running;
        }
        catch
        {
            await running.DisposeAsync().ConfigureAwait(false);
            throw;
        }
    }

    private static Option<int?> Port(string name, string description, int common) => new(name)
    {
        Description = description,
        HelpName = "PORT",
        Arity = ArgumentArity.ZeroOrOne,
        CustomParser = argument =>
        {
            if (argument.Tokens.Count == 0)
            {
                return common;
            }

            string text = argument.Tokens[0].Value;
            if (!int.TryParse(text, NumberStyles.None, CultureInfo.InvariantCulture, out int port) || port > ushort.MaxValue)
            {
                argument.AddError($"{name} '{text}' is not a port. If it is a service, write it before the options.");
            }

            return port;
        },
    };

    private static Task AnswerMetricsAsync(HttpContext context, ProjectRunner runner)
    {
        if (context.Request.Path != "/metrics" || !(HttpMethods.IsGet(context.Request.Method) || HttpMethods.IsHead(context.Request.Method)))
        {
            context.Response.StatusCode = context.Request.Path == "/metrics" ? StatusCodes.Status405MethodNotAllowed : StatusCodes.Status404NotFound;
            return Task.CompletedTask;
        }

        context.Response.ContentType = PrometheusText.ContentType;
        return context.Response.WriteAsync(PrometheusText.Write(runner.Project.Name, runner.Status, runner.Traffic));
    }

    /// <summary>What shows the project, ended in the opposite order.</summary>
    private sealed class Observation : IAsyncDisposable
    {
        private readonly Stack<object> parts = new();

        public void Add(object part) => parts.Push(part);

        public async ValueTask DisposeAsync()
        {
            while (parts.TryPop(out object? part))
            {
                if (part is IAsyncDisposable asynchronous)
                {
                    await asynchronous.DisposeAsync().ConfigureAwait(false);
                }
                else
                {
                    ((IDisposable)part).Dispose();
                }
            }
        }
    }
}
