using System.Collections.Concurrent;
using Wherry.Wasi.Network.InProcess;

namespace Wherry.Compose.Observing;

/// <summary>Counts what passes between a project's services, and between them and the outside.</summary>
/// <param name="countsItself">The services that count their connections themselves, whoever makes them.</param>
/// <param name="isTraced">The services whose requests get a trace's header.</param>
internal sealed class TrafficObserver(IReadOnlySet<string> countsItself, IReadOnlySet<string> isTraced) : NetworkObserver
{
    private readonly ConcurrentDictionary<(string From, string To), TrafficCounters> all = new();

    /// <summary>Told each answered request, and the seconds that it took.</summary>
    public Action<TrafficCounters, double>? RequestEnded { get; set; }

    /// <summary>All pairs between which something has passed.</summary>
    public IReadOnlyList<TrafficStatus> Status => [.. all.OrderBy(pair => pair.Key).Select(pair => pair.Value.Describe())];

    public override ConnectionObserver? Connecting(NetworkService? from, NetworkService to) => countsItself.Contains(to.Name) ? null : new ConnectionMeter(Counters(from?.Name, to.Name), isTraced.Contains(to.Name));

    /// <summary>The counters between a client, null for the outside, and a service.</summary>
    public TrafficCounters Counters(string? from, string to) =>
        all.GetOrAdd((from ?? "", to), static (_, state) => new TrafficCounters(state.from, state.to, (counters, seconds) => state.observer.RequestEnded?.Invoke(counters, seconds)), (observer: this, from, to));
}
