using System.Diagnostics;

namespace Wherry.Compose.Observing;

/// <summary>What a request's method means for the response.</summary>
internal enum RequestMethod : byte
{
    Other,

    /// <summary>Its response has no body, whatever its headers say.</summary>
    Head,

    /// <summary>After its success the connection is a tunnel.</summary>
    Connect,
}

/// <summary>How a response's body ends.</summary>
internal enum ResponseBody : byte
{
    /// <summary>As its headers say.</summary>
    ByHeaders,

    /// <summary>It has none.</summary>
    None,
}

/// <summary>The requests of a connection that wait for their responses, which come in the same order.</summary>
internal sealed class HttpExchange(TrafficCounters counters)
{
    /// <summary>Clients that send more without waiting are not followed.</summary>
    private const int MostWaiting = 32;

    private const int SwitchingProtocols = 101;
    private const int NoContent = 204;
    private const int NotModified = 304;

    private (long Started, RequestMethod Method, Activity? Span)[] waiting = new (long, RequestMethod, Activity?)[2];
    private int first;
    private int count;
    private int status;

    /// <summary>It is no HTTP/1, no longer, or none that can be followed.</summary>
    public bool IsLost { get; private set; }

    /// <summary>The span of the request that begins next.</summary>
    public Activity? NextSpan { get; set; }

    public void Lose() => IsLost = true;

    public void BeginRequest(long started, RequestMethod method)
    {
        if (count == MostWaiting)
        {
            IsLost = true;
            return;
        }

        if (count == waiting.Length)
        {
            var more = new (long, RequestMethod, Activity?)[count * 2];
            for (int i = 0; i < count; i++)
            {
                more[i] = waiting[(first + i) % count];
            }

            waiting = more;
            first = 0;
        }

        waiting[(first + count++) % waiting.Length] = (started, method, NextSpan);
        NextSpan = null;
    }

    /// <summary>A response's first line.</summary>
    public ResponseBody BeginResponse(int code)
    {
        if (count == 0)
        {
            // An answer that nobody asked for, as when a server gives up waiting: what follows can't be told apart.
            IsLost = true;
            return ResponseBody.None;
        }

        status = code;
        RequestMethod method = waiting[first].Method;
        if (code == SwitchingProtocols || (method == RequestMethod.Connect && code is >= 200 and < 300))
        {
            EndResponse();
            IsLost = true;
        }

        return code is < 200 or NoContent or NotModified || method == RequestMethod.Head ? ResponseBody.None : ResponseBody.ByHeaders;
    }

    public void EndResponse()
    {
        // After an interim response the final one follows.
        if (count > 0 && status is >= 200 or SwitchingProtocols)
        {
            counters.AddRequest(status, waiting[first].Started);
            TraceContext.End(waiting[first].Span, status);
            waiting[first] = default;
            first = (first + 1) % waiting.Length;
            count--;
        }

        status = 0;
    }

    /// <summary>The connection has ended, and with it a response that has begun.</summary>
    public void Close()
    {
        if (!IsLost && status >= 200)
        {
            EndResponse();
        }

        IsLost = true;
        for (; count > 0; count--)
        {
            TraceContext.End(waiting[first].Span, null);
            first = (first + 1) % waiting.Length;
        }
    }
}
