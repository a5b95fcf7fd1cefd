using System.Text;
using System.Text.Json.Nodes;
using System.Threading.Channels;
using Microsoft.AspNetCore.Http;
using Wherry.Compose;
using Wherry.Compose.Control;
using Wherry.Compose.Logs;

namespace Wherry.Up.Dashboard;

/// <summary>A browser's stream of server-sent events: <c>history</c> once, <c>log</c> for each line of a service, <c>state</c> whenever the project was looked at.</summary>
internal static class DashboardEvents
{
    /// <summary>Lines of all services that a new page begins with, and that wait for a slow one.</summary>
    private const int WaitingEvents = 5000;
    private const int WaitingCharacters = 4 << 20;
    private const int KeptLinesOfService = 200;
    private const int MostBrowsers = 16;

    private static int browsers;

    public static async Task SendAsync(HttpContext context, ProjectRunner runner, DashboardSampler sampler)
    {
        if (Interlocked.Increment(ref browsers) > MostBrowsers)
        {
            Interlocked.Decrement(ref browsers);
            context.Response.StatusCode = StatusCodes.Status503ServiceUnavailable;
            return;
        }

        try
        {
            // What a slow browser does not take in time is left out, the oldest first.
            long waiting = 0;
            var events = Channel.CreateBounded<string>(
                new BoundedChannelOptions(WaitingEvents) { FullMode = BoundedChannelFullMode.DropOldest },
                dropped => Interlocked.Add(ref waiting, -dropped.Length));
            context.Response.ContentType = "text/event-stream";
            await context.Response.WriteAsync(Event("history", sampler.History()), context.RequestAborted).ConfigureAwait(false);
            using IDisposable lines = runner.Logs.Read(line => Write(Event("log", ToJson(line))), _ => true, KeptLinesOfService);
            using IDisposable states = sampler.Read(state => Write(Event("state", state)));
            while (await events.Reader.WaitToReadAsync(context.RequestAborted).ConfigureAwait(false))
            {
                var text = new StringBuilder();
                while (text.Length < 256 * 1024 && events.Reader.TryRead(out string? next))
                {
                    Interlocked.Add(ref waiting, -next.Length);
                    text.Append(next);
                }

                await context.Response.WriteAsync(text.ToString(), context.RequestAborted).ConfigureAwait(false);
                await context.Response.Body.FlushAsync(context.RequestAborted).ConfigureAwait(false);
            }

            // Lines differ in length by thousands.
            bool Write(string text)
            {
                while (Interlocked.Read(ref waiting) + text.Length > WaitingCharacters && events.Reader.TryRead(out string? oldest))
                {
                    Interlocked.Add(ref waiting, -oldest.Length);
                }

                Interlocked.Add(ref waiting, text.Length);
                return events.Writer.TryWrite(text);
            }
        }
        catch (OperationCanceledException)
        {
            // The browser has gone, or the project ends.
        }
        finally
        {
            Interlocked.Decrement(ref browsers);
        }
    }

    /// <summary>JSON has no line ends of its own, so an event is one line.</summary>
    private static string Event(string name, JsonObject data) => $"event: {name}\ndata: {data.ToJsonString()}\n\n";

    private static JsonObject ToJson(LogLine line) => ControlServer.ToJson(line with { Service = TerminalText.Clean(line.Service), Text = TerminalText.Clean(line.Text) });
}
