using Wherry.Wasi.Network.InProcess;

namespace Wherry.Compose.Observing;

/// <summary>Counts what passes over one connection.</summary>
internal sealed class ConnectionMeter : ConnectionObserver
{
    private readonly TrafficCounters counters;
    private readonly HttpExchange exchange;
    private HttpScanner? requests;
    private HttpScanner? responses;
    private bool isClosed;

    public ConnectionMeter(TrafficCounters counters)
    {
        this.counters = counters;
        exchange = new HttpExchange(counters);
        requests = new HttpScanner(exchange, isRequests: true);
        responses = new HttpScanner(exchange, isRequests: false);
        counters.Open();
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
