using System.Diagnostics;
using System.Globalization;
using System.Text.Json.Nodes;
using Wherry.Compose;
using Wherry.Compose.Logs;
using Wherry.Wasi;
using Wherry.Wasi.Network;

namespace Wherry.Up.Dashboard;

/// <summary>Looks at a project once a second, less often where looking takes long, and keeps what it saw for some minutes.</summary>
internal sealed class DashboardSampler : IAsyncDisposable
{
    /// <summary>Five minutes of graphs.</summary>
    private const int KeptSamples = 300;

    /// <summary>Beyond these the page would only be slow.</summary>
    private const int MostServices = 500;
    private const int MostReplicas = 50;
    private const int MostEgress = 200;

    /// <summary>It looks for a twentieth of the time at most.</summary>
    private const int Patience = 20;

    private static readonly TimeSpan Interval = TimeSpan.FromSeconds(1);

    private readonly ProjectRunner runner;
    private readonly CancellationTokenSource ending = new();
    private readonly Lock gate = new();
    private readonly Queue<(DateTimeOffset Time, Dictionary<string, ServiceSample> Services)> history = new();
    private readonly Task sampling;
    private Dictionary<string, TimeSpan> lastCpu = [];
    private Dictionary<(string?, string), TrafficStatus> lastTraffic = [];
    private long lastTime = Stopwatch.GetTimestamp();
    private Action<JsonObject>[] readers = [];
    private JsonObject? last;

    public DashboardSampler(ProjectRunner runner)
    {
        this.runner = runner;
        sampling = Task.Run(SampleAsync);
    }

    /// <summary>What was seen until now: times, and for each service its numbers at these.</summary>
    public JsonObject History()
    {
        lock (gate)
        {
            var services = new JsonObject();
            foreach (string name in history.SelectMany(sample => sample.Services.Keys).Distinct())
            {
                JsonArray Series(Func<ServiceSample, double?> value) => [.. history.Select(sample => sample.Services.TryGetValue(name, out ServiceSample? seen) ? Number(value(seen)) : null)];
                services[name] = new JsonObject
                {
                    ["memory"] = Series(sample => sample.Memory),
                    ["cpu"] = Series(sample => sample.Cpu),
                    ["connections"] = Series(sample => sample.Connections),
                    ["latency"] = Series(sample => sample.Slow),
                };
            }

            return new JsonObject { ["times"] = new JsonArray([.. history.Select(sample => (JsonNode)sample.Time.ToUnixTimeMilliseconds())]), ["services"] = services };
        }
    }

    /// <summary>Passes on what is seen from now on, and what was seen last.</summary>
    public IDisposable Read(Action<JsonObject> reader)
    {
        lock (gate)
        {
            if (last is not null)
            {
                reader(last);
            }

            readers = [.. readers, reader];
        }

        return new Reading(this, reader);
    }

    public async ValueTask DisposeAsync()
    {
        await ending.CancelAsync().ConfigureAwait(false);
        await sampling.ConfigureAwait(false);
        ending.Dispose();
    }

    private static JsonValue? Number(double? value) => value is { } known ? JsonValue.Create(Math.Round(known, 6)) : null;

    private async Task SampleAsync()
    {
        try
        {
            while (true)
            {
                long start = Stopwatch.GetTimestamp();
                Sample();
                TimeSpan rest = Stopwatch.GetElapsedTime(start) * Patience;
                await Task.Delay(rest > Interval ? rest : Interval, ending.Token).ConfigureAwait(false);
            }
        }
        catch (OperationCanceledException)
        {
            // The project ends.
        }
    }

    private void Sample()
    {
        double seconds = Math.Max(0.001, Stopwatch.GetElapsedTime(lastTime).TotalSeconds);
        lastTime = Stopwatch.GetTimestamp();
        ILookup<string, ReplicaStatus> replicas = runner.Status.ToLookup(status => status.Service);
        TrafficStatus[] traffic = [.. runner.Traffic];
        ComposeService[] services = [.. runner.Project.Services.Take(MostServices)];
        var samples = new Dictionary<string, ServiceSample>();
        var cpu = new Dictionary<string, TimeSpan>();
        foreach (ComposeService service in services)
        {
            samples[service.Name] = Sample(service.Name, [.. replicas[service.Name]], traffic, cpu, seconds);
        }

        var state = new JsonObject
        {
            ["project"] = runner.Project.Name,
            ["time"] = DateTimeOffset.Now.ToUnixTimeMilliseconds(),
            ["hidden"] = runner.Project.Services.Count - services.Length,
            ["services"] = new JsonArray([.. services.Select(service => (JsonNode)Describe(service, [.. replicas[service.Name]], samples[service.Name]))]),
            ["egress"] = DescribeEgress(replicas),
            ["links"] = new JsonArray([.. traffic.Select(status => (JsonNode)Describe(status, seconds))]),
        };
        lastCpu = cpu;
        lastTraffic = traffic.ToDictionary(status => (status.From, status.To));
        lock (gate)
        {
            history.Enqueue((DateTimeOffset.Now, samples));
            if (history.Count > KeptSamples)
            {
                history.Dequeue();
            }

            last = state;
            foreach (Action<JsonObject> reader in readers)
            {
                reader(state);
            }
        }
    }

    private ServiceSample Sample(string name, ReplicaStatus[] replicas, TrafficStatus[] traffic, Dictionary<string, TimeSpan> cpu, double seconds)
    {
        TimeSpan used = replicas.Aggregate(TimeSpan.Zero, (sum, status) => sum + (status.CpuTime ?? TimeSpan.Zero));
        cpu[name] = used;
        bool hasMemory = replicas.Any(status => status.MemoryBytes is not null);
        double? cores = !replicas.Any(status => status.CpuTime is not null) ? null : Math.Max(0, (used - lastCpu.GetValueOrDefault(name, used)).TotalSeconds / seconds);
        long open = 0;
        var durations = new long[TrafficStatus.DurationBounds.Count + 1];
        foreach (TrafficStatus status in traffic.Where(status => status.To == name))
        {
            open += status.OpenConnections;
            TrafficStatus? before = lastTraffic.GetValueOrDefault((status.From, status.To));
            for (int i = 0; i < durations.Length; i++)
            {
                durations[i] += status.RequestsByDuration[i] - (before?.RequestsByDuration[i] ?? 0);
            }
        }

        return new ServiceSample(
            hasMemory ? replicas.Sum(status => status.MemoryBytes ?? 0) : null, cores, open, durations.Sum() / seconds, ServiceSample.Quantile(durations, 0.5), ServiceSample.Quantile(durations, 0.95));
    }

    private static JsonObject Describe(ComposeService service, ReplicaStatus[] replicas, ServiceSample sample) => new()
    {
        ["name"] = service.Name,
        ["kind"] = service.Kind.ToString().ToLowerInvariant(),
        ["count"] = replicas.Length,
        ["memory"] = sample.Memory,
        ["cpu"] = Number(sample.Cpu),
        ["connections"] = sample.Connections,
        ["requests"] = Number(sample.Requests),
        ["median"] = Number(sample.Median),
        ["latency"] = Number(sample.Slow),
        ["ports"] = new JsonArray([.. (replicas.FirstOrDefault()?.Ports ?? []).Select(port => (JsonNode)port)]),
        ["replicas"] = new JsonArray([.. replicas.Take(MostReplicas).Select(status => (JsonNode)new JsonObject
        {
            ["replica"] = status.Replica,
            ["state"] = status.State.ToString().ToLowerInvariant(),
            ["health"] = status.Health == ReplicaHealth.None ? null : status.Health.ToString().ToLowerInvariant(),
            ["exitCode"] = status.State == ReplicaState.Exited ? (uint?)status.ExitCode : null,
            ["restarts"] = status.Restarts,
            ["since"] = status.Since.ToUnixTimeMilliseconds(),
            ["memory"] = status.MemoryBytes,
        })]),
    };

    /// <summary>Where guests have connected to outside of the project, the most frequent first.</summary>
    private static JsonArray DescribeEgress(ILookup<string, ReplicaStatus> replicas) =>
    [
        .. replicas.SelectMany(service => service.SelectMany(status => status.Egress).Where(entry => !entry.IsInside).GroupBy(entry => (entry.Host, entry.Port, entry.Protocol)).Select(group =>
            (Service: service.Key, Place: group.Key, Count: group.Sum(entry => entry.Count)))).OrderByDescending(entry => entry.Count).Take(MostEgress).Select(entry => (JsonNode)new JsonObject
            {
                ["service"] = entry.Service,
                ["place"] = string.Create(CultureInfo.InvariantCulture, $"{TerminalText.Clean(entry.Place.Host)}:{entry.Place.Port}{(entry.Place.Protocol == NetworkProtocol.Udp ? "/udp" : "")}"),
                ["count"] = entry.Count,
            }),
    ];

    private JsonObject Describe(TrafficStatus status, double seconds)
    {
        TrafficStatus? before = lastTraffic.GetValueOrDefault((status.From, status.To));
        return new JsonObject
        {
            ["from"] = status.From is { } from ? TerminalText.Clean(from) : null,
            ["to"] = status.To,
            ["open"] = status.OpenConnections,
            ["connections"] = status.Connections,
            ["received"] = Number((status.BytesReceived - (before?.BytesReceived ?? 0)) / seconds),
            ["sent"] = Number((status.BytesSent - (before?.BytesSent ?? 0)) / seconds),
            ["requests"] = Number((status.Requests - (before?.Requests ?? 0)) / seconds),
            ["failed"] = status.RequestsByClass[4],
        };
    }

    private sealed class Reading(DashboardSampler sampler, Action<JsonObject> reader) : IDisposable
    {
        public void Dispose()
        {
            lock (sampler.gate)
            {
                sampler.readers = [.. sampler.readers.Where(other => other != reader)];
            }
        }
    }
}
