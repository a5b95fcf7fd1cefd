using System.Diagnostics.Metrics;

namespace Wherry.Compose.Observing;

/// <summary>The instruments of the meter <c>Wherry</c>, one set for each project. docs/COMPOSE.md lists them.</summary>
internal sealed class ProjectMeter : IDisposable
{
    public const string Name = "Wherry";

    private readonly ProjectRunner project;
    private readonly Meter meter;
    private readonly Histogram<double> durations;

    public ProjectMeter(ProjectRunner project, TrafficObserver traffic)
    {
        this.project = project;
        meter = new Meter(new MeterOptions(Name) { Tags = [new("wherry.project", project.Project.Name)] });
        meter.CreateObservableUpDownCounter("wherry.replicas", CountReplicas, "{replica}", "Replicas, by what they are doing.");
        meter.CreateObservableCounter("wherry.restarts", () => OfReplicas<int>(status => status.Restarts), "{restart}", "How often a replica was started again since its service was started.");
        meter.CreateObservableUpDownCounter("wherry.memory", () => OfReplicas(status => status.MemoryBytes), "By", "Memory: a guest's linear memories, a helper's resident set.");
        meter.CreateObservableCounter("wherry.cpu.time", () => OfReplicas(status => status.CpuTime?.TotalSeconds), "s", "Processor time that a replica's run has used.");
        meter.CreateObservableUpDownCounter("wherry.connections.open", () => OfTraffic(status => status.OpenConnections), "{connection}", "Connections that are open.");
        meter.CreateObservableCounter("wherry.connections", () => OfTraffic(status => status.Connections), "{connection}", "Connections that were made.");
        meter.CreateObservableCounter("wherry.io", CountBytes, "By", "Bytes that a service was sent (receive) and has sent (transmit).");
        meter.CreateObservableCounter("wherry.http.requests", CountRequests, "{request}", "HTTP/1 requests that were answered, by the class of the status.");
        durations = meter.CreateHistogram(
            "wherry.http.request.duration",
            "s",
            "The time from a request's first byte at the service to the last byte of its response.",
            advice: new InstrumentAdvice<double> { HistogramBucketBoundaries = TrafficStatus.DurationBounds });
        traffic.RequestEnded = (counters, seconds) =>
        {
            if (durations.Enabled)
            {
                durations.Record(seconds, Service(counters.To), Client(counters.From));
            }
        };
    }

    public void Dispose() => meter.Dispose();

    private static KeyValuePair<string, object?> Service(string name) => new("wherry.service", name);

    private static KeyValuePair<string, object?> Client(string? name) => new("wherry.client", name ?? "");

    private IEnumerable<Measurement<long>> CountReplicas() => project.Status
        .GroupBy(status => (status.Service, status.State))
        .Select(group => new Measurement<long>(group.Count(), Service(group.Key.Service), new("wherry.state", group.Key.State.ToString().ToLowerInvariant())));

    private IEnumerable<Measurement<T>> OfReplicas<T>(Func<ReplicaStatus, T?> value)
        where T : struct => project.Status
            .Where(status => value(status) is not null)
            .Select(status => new Measurement<T>(value(status)!.Value, Service(status.Service), new("wherry.replica", status.Replica)));

    private IEnumerable<Measurement<long>> OfTraffic(Func<TrafficStatus, long> value) =>
        project.Traffic.Select(status => new Measurement<long>(value(status), Service(status.To), Client(status.From)));

    private IEnumerable<Measurement<long>> CountBytes() => project.Traffic.SelectMany(status => new[]
    {
        new Measurement<long>(status.BytesReceived, Service(status.To), Client(status.From), new("network.io.direction", "receive")),
        new Measurement<long>(status.BytesSent, Service(status.To), Client(status.From), new("network.io.direction", "transmit")),
    });

    private IEnumerable<Measurement<long>> CountRequests() => project.Traffic.SelectMany(status => status.RequestsByClass.Select(
        (count, index) => new Measurement<long>(count, Service(status.To), Client(status.From), new("wherry.status.class", $"{index + 1}xx"))));
}
