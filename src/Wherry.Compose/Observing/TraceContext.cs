using System.Diagnostics;
using System.Text;

namespace Wherry.Compose.Observing;

/// <summary>Begins traces: gives requests that have none a header (W3C Trace Context, version 00), and the span that it names to whoever listens to the source <c>Wherry</c>.</summary>
internal static class TraceContext
{
    /// <summary><c>traceparent: 00-TRACE-SPAN-01</c> and the end of the line.</summary>
    public const int HeaderLength = 70;

    private const int HeadersSeen = 16 * 1024;

    private static readonly ActivitySource Source = new("Wherry");

    /// <summary>Where a header can be put into bytes that begin with a request's whole head, and that have none yet; -1 if they don't.</summary>
    public static int FindPlace(ReadOnlySpan<byte> bytes)
    {
        bytes = bytes[..Math.Min(bytes.Length, HeadersSeen)];
        int end = bytes.IndexOf("\r\n\r\n"u8);
        int line = bytes.IndexOf("\r\n"u8);
        if (end < 0 || line < 0 || !bytes[..line].EndsWith(" HTTP/1.1"u8))
        {
            return -1;
        }

        int place = line + 2;
        for (ReadOnlySpan<byte> rest = bytes[Math.Min(place, end)..end]; !rest.IsEmpty;)
        {
            ReadOnlySpan<byte> name = "traceparent:"u8;
            if (rest.Length >= name.Length && Ascii.EqualsIgnoreCase(rest[..name.Length], name))
            {
                return -1;
            }

            int next = rest.IndexOf((byte)'\n');
            rest = next < 0 ? [] : rest[(next + 1)..];
        }

        return place;
    }

    /// <summary>Begins a trace with a span for a request to a service; null if nobody listens.</summary>
    public static Activity? Begin(string service)
    {
        // The request has nothing to do with what this thread was doing.
        Activity? current = Activity.Current;
        Activity.Current = null;
        try
        {
            return Source.StartActivity("HTTP", ActivityKind.Server, parentContext: default, [new("wherry.service", service)]);
        }
        finally
        {
            Activity.Current = current;
        }
    }

    /// <summary>Ends the span of a request that was answered, or never was.</summary>
    public static void End(Activity? span, int? status)
    {
        if (span is null)
        {
            return;
        }

        Activity? current = Activity.Current;
        if (status is { } code)
        {
            span.SetTag("http.response.status_code", code);
        }

        if (status is null or >= 500)
        {
            span.SetStatus(ActivityStatusCode.Error);
        }

        span.Stop();
        Activity.Current = current;
    }

    /// <summary>Writes the header, of the span or of one that nobody has. It asks for the trace to be recorded: it begins here.</summary>
    public static void Write(Activity? span, Span<byte> destination)
    {
        string trace = (span?.TraceId ?? ActivityTraceId.CreateRandom()).ToHexString();
        string parent = (span?.SpanId ?? ActivitySpanId.CreateRandom()).ToHexString();
        Encoding.ASCII.GetBytes($"traceparent: 00-{trace}-{parent}-01\r\n", destination);
    }
}
