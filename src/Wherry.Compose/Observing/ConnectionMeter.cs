using System.Diagnostics;
using Wherry.Wasi.Network.InProcess;

namespace Wherry.Compose.Observing;

/// <summary>Counts what passes over one connection.</summary>
internal sealed class ConnectionMeter : ConnectionObserver
{
    private readonly TrafficCounters counters;
    private readonly bool isTraced;
    private readonly HttpExchange exchange;
    private HttpScanner? requests;
    private HttpScanner? responses;
    private bool isClosed;

    /// <param name="counters">Who counts.</param>
    /// <param name="isTraced">Whether requests without a trace's header get one.</param>
    public ConnectionMeter(TrafficCounters counters, bool isTraced = false)
    {
        this.isTraced = isTraced;
        this.counters = counters;
        exchange = new HttpExchange(counters);
        requests = new HttpScanner(exchange, isRequests: true);
        responses = new HttpScanner(exchange, isRequests: false);
        counters.Open();
    }

    public override int Room => isTraced && requests is { IsBetweenMessages: true } ? TraceContext.HeaderLength : 0;

    public override int AmendFromClient(Span<byte> buffer, int count)
    {
        int place = Room > 0 && count + TraceContext.HeaderLength <= buffer.Length ? TraceContext.FindPlace(buffer[..count]) : -1;
        if (place < 0)
        {
            return base.AmendFromClient(buffer, count);
        }

        Activity? span = TraceContext.Begin(counters.To);
        exchange.NextSpan = span;
        base.AmendFromClient(buffer, count);
        if (exchange.NextSpan is not null || exchange.IsLost)
        {
            // It was no request after all, or none that can be followed.
            TraceContext.End(exchange.NextSpan, null);
            exchange.NextSpan = null;
            return count;
        }

        buffer[place..count].CopyTo(buffer[(place + TraceContext.HeaderLength)..]);
        TraceContext.Write(span, buffer.Slice(place, TraceContext.HeaderLength));
        return count + TraceContext.HeaderLength;
    }

    public override void FromClient(ReadOnlySpan<byte> bytes)
    {
        counters.AddReceived(bytes.Length);
        requests?.Read(bytes);
        ForgetWhatIsLost();
    }

    public override void FromService(ReadOnlySpan<byte> bytes)
    {
        counters.AddSent(bytes.Length);
        responses?.Read(bytes);
        ForgetWhatIsLost();
    }

    public override void Refused() => counters.Refuse();

    public override void Closed()
    {
        if (!isClosed)
        {
            isClosed = true;
            exchange.Close();
            counters.Close();
        }
    }

    private void ForgetWhatIsLost()
    {
        if (exchange.IsLost)
        {
            requests = null;
            responses = null;
        }
    }
}
