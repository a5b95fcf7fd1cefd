using System.Diagnostics;

namespace Wherry.Compose.Observing;

/// <summary>What has passed from one client (a service, or the outside) to one service. Counted from any thread.</summary>
internal sealed class TrafficCounters(string? from, string to, Action<TrafficCounters, double> requestEnded)
{
    private readonly long[] classes = new long[TrafficStatus.StatusClasses];
    private readonly long[] durations = new long[TrafficStatus.DurationBounds.Count + 1];
    private long connections;
    private long open;
    private long received;
    private long sent;
    private long ticks;

    public string? From => from;

    public string To => to;

    public void Open()
    {
        Interlocked.Increment(ref connections);
        Interlocked.Increment(ref open);
    }

    public void Refuse()
    {
        Interlocked.Decrement(ref connections);
        Interlocked.Decrement(ref open);
    }

    public void Close() => Interlocked.Decrement(ref open);

    public void AddReceived(long count) => Interlocked.Add(ref received, count);

    public void AddSent(long count) => Interlocked.Add(ref sent, count);

    /// <summary>A request has been answered.</summary>
    /// <param name="status">With this.</param>
    /// <param name="started">The timestamp of its first byte.</param>
    public void AddRequest(int status, long started)
    {
        TimeSpan duration = Stopwatch.GetElapsedTime(started);
        int bucket = 0;
        while (bucket < TrafficStatus.DurationBounds.Count && duration.TotalSeconds > TrafficStatus.DurationBounds[bucket])
        {
            bucket++;
        }

        Interlocked.Increment(ref durations[bucket]);
        Interlocked.Increment(ref classes[Math.Clamp((status / 100) - 1, 0, classes.Length - 1)]);
        Interlocked.Add(ref ticks, duration.Ticks);
        requestEnded(this, duration.TotalSeconds);
    }

    public TrafficStatus Describe() => new(
        from,
        to,
        Volatile.Read(ref open),
        Volatile.Read(ref connections),
        Volatile.Read(ref received),
        Volatile.Read(ref sent),
        Copy(classes),
        Copy(durations),
        TimeSpan.FromTicks(Volatile.Read(ref ticks)));

    private static long[] Copy(long[] counts) => Array.ConvertAll(counts, count => count);
}
