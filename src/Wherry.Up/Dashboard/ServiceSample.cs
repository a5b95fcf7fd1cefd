using Wherry.Compose;

namespace Wherry.Up.Dashboard;

/// <summary>A service at a moment, its replicas together.</summary>
/// <param name="Memory">Bytes; null if not known.</param>
/// <param name="Cpu">Cores that were busy with it since the sample before.</param>
/// <param name="Connections">Connections to it that are open.</param>
/// <param name="Requests">Answered requests in a second.</param>
/// <param name="Median">The time that half of the requests stayed below, in seconds; null if there were none.</param>
/// <param name="Slow">The same for 95 of 100.</param>
internal sealed record ServiceSample(long? Memory, double? Cpu, long Connections, double Requests, double? Median, double? Slow)
{
    /// <summary>The time below which a part of the requests stayed, estimated within the histogram's bucket.</summary>
    public static double? Quantile(ReadOnlySpan<long> counts, double part)
    {
        long total = 0;
        foreach (long count in counts)
        {
            total += count;
        }

        if (total <= 0)
        {
            return null;
        }

        IReadOnlyList<double> bounds = TrafficStatus.DurationBounds;
        double rank = total * part;
        long below = 0;
        for (int i = 0; i < bounds.Count; i++)
        {
            if (below + counts[i] >= rank && counts[i] > 0)
            {
                double lower = i == 0 ? 0 : bounds[i - 1];
                return lower + ((bounds[i] - lower) * (rank - below) / counts[i]);
            }

            below += counts[i];
        }

        return bounds[^1];
    }
}
