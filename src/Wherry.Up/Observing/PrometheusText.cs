using System.Globalization;
using System.Text;
using Wherry.Compose;

namespace Wherry.Up.Observing;

/// <summary>What is measured of a project, in Prometheus' text format (version 0.0.4). The names are those of the meter, as OpenTelemetry translates them.</summary>
internal static class PrometheusText
{
    public const string ContentType = "text/plain; version=0.0.4; charset=utf-8";

    public static string Write(string project, IReadOnlyList<ReplicaStatus> replicas, IReadOnlyList<TrafficStatus> traffic)
    {
        var text = new StringBuilder();
        void Family(string name, string type, string help) => text.Append(CultureInfo.InvariantCulture, $"# HELP {name} {help}\n# TYPE {name} {type}\n");
        void Sample(string name, double value, params ReadOnlySpan<(string Name, string Value)> labels)
        {
            text.Append(name).Append("{project=\"").Append(Escape(project)).Append('"');
            foreach ((string label, string content) in labels)
            {
                text.Append(',').Append(label).Append("=\"").Append(Escape(content)).Append('"');
            }

            text.Append(CultureInfo.InvariantCulture, $"}} {value}\n");
        }

        void OfReplicas(string name, string type, string help, Func<ReplicaStatus, double?> value)
        {
            Family(name, type, help);
            foreach (ReplicaStatus status in replicas)
            {
                if (value(status) is { } known)
                {
                    Sample(name, known, ("service", status.Service), ("replica", status.Replica.ToString(CultureInfo.InvariantCulture)));
                }
            }
        }

        void OfTraffic(string name, string type, string help, Func<TrafficStatus, double> value)
        {
            Family(name, type, help);
            foreach (TrafficStatus status in traffic)
            {
                Sample(name, value(status), ("service", status.To), ("client", status.From ?? ""));
            }
        }

        Family("wherry_replicas", "gauge", "Replicas, by what they are doing.");
        foreach (IGrouping<(string Service, ReplicaState State), ReplicaStatus> group in replicas.GroupBy(status => (status.Service, status.State)))
        {
            Sample("wherry_replicas", group.Count(), ("service", group.Key.Service), ("state", group.Key.State.ToString().ToLowerInvariant()));
        }

        OfReplicas("wherry_healthy", "gauge", "Whether the health check says so; only of those that have one.", status => status.Health == ReplicaHealth.None ? null : status.Health == ReplicaHealth.Healthy ? 1 : 0);
        OfReplicas("wherry_restarts_total", "counter", "How often a replica was started again since its service was started.", status => status.Restarts);
        OfReplicas("wherry_memory_bytes", "gauge", "Memory: a guest's linear memories, a helper's resident set.", status => status.MemoryBytes);
        OfReplicas("wherry_cpu_time_seconds_total", "counter", "Processor time that a replica's run has used.", status => status.CpuTime?.TotalSeconds);
        OfTraffic("wherry_connections_open", "gauge", "Connections that are open.", status => status.OpenConnections);
        OfTraffic("wherry_connections_total", "counter", "Connections that were made.", status => status.Connections);
        Family("wherry_io_bytes_total", "counter", "Bytes that a service was sent (receive) and has sent (transmit).");
        foreach (TrafficStatus status in traffic)
        {
            Sample("wherry_io_bytes_total", status.BytesReceived, ("service", status.To), ("client", status.From ?? ""), ("direction", "receive"));
            Sample("wherry_io_bytes_total", status.BytesSent, ("service", status.To), ("client", status.From ?? ""), ("direction", "transmit"));
        }

        Family("wherry_http_requests_total", "counter", "HTTP/1 requests that were answered, by the class of the status.");
        foreach (TrafficStatus status in traffic)
        {
            for (int i = 0; i < status.RequestsByClass.Count; i++)
            {
                Sample("wherry_http_requests_total", status.RequestsByClass[i], ("service", status.To), ("client", status.From ?? ""), ("class", string.Create(CultureInfo.InvariantCulture, $"{i + 1}xx")));
            }
        }

        const string Duration = "wherry_http_request_duration_seconds";
        Family(Duration, "histogram", "The time from a request's first byte at the service to the last byte of its response.");
        foreach (TrafficStatus status in traffic)
        {
            long sum = 0;
            for (int i = 0; i < status.RequestsByDuration.Count; i++)
            {
                sum += status.RequestsByDuration[i];
                string bound = i < TrafficStatus.DurationBounds.Count ? TrafficStatus.DurationBounds[i].ToString(CultureInfo.InvariantCulture) : "+Inf";
                Sample(Duration + "_bucket", sum, ("service", status.To), ("client", status.From ?? ""), ("le", bound));
            }

            Sample(Duration + "_sum", status.RequestTime.TotalSeconds, ("service", status.To), ("client", status.From ?? ""));
            Sample(Duration + "_count", sum, ("service", status.To), ("client", status.From ?? ""));
        }

        return text.ToString();
    }

    private static string Escape(string label) => label.Replace("\\", "\\\\", StringComparison.Ordinal).Replace("\"", "\\\"", StringComparison.Ordinal).Replace("\n", "\\n", StringComparison.Ordinal);
}
