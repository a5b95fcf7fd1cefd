namespace Wherry.Compose.Logs;

/// <summary>Passes the services' lines on, and keeps each service's last ones for those who ask later.</summary>
internal sealed class LogHub
{
    private const int KeptLines = 1000;
    private const int KeptCharacters = 256 * 1024;

    private readonly Lock gate = new();
    private readonly Dictionary<string, Kept> kept = [];
    private Action<LogLine>[] readers = [];

    public void Add(string service, int replica, LogSource source, string text)
    {
        var line = new LogLine(DateTimeOffset.Now, service, replica, source, text);

        // Under the lock, so that each reader gets the lines in their order.
        lock (gate)
        {
            if (!kept.TryGetValue(service, out Kept? lines))
            {
                kept[service] = lines = new Kept();
            }

            lines.Add(line);
            foreach (Action<LogLine> reader in readers)
            {
                reader(line);
            }
        }
    }

    /// <summary>Passes on what comes; readers must not wait. What was kept of the services comes first, if asked for.</summary>
    public IDisposable Read(Action<LogLine> reader, Func<string, bool>? includesKept = null, int? last = null)
    {
        lock (gate)
        {
            if (includesKept is not null)
            {
                foreach (LogLine line in kept.Where(pair => includesKept(pair.Key)).SelectMany(pair => last is { } count ? pair.Value.Lines.TakeLast(count) : pair.Value.Lines).OrderBy(line => line.Time))
                {
                    reader(line);
                }
            }

            readers = [.. readers, reader];
        }

        return new Reading(this, reader);
    }

    private sealed class Kept
    {
        private int characters;

        public Queue<LogLine> Lines { get; } = new();

        public void Add(LogLine line)
        {
            Lines.Enqueue(line);
            characters += line.Text.Length;
            while (Lines.Count > KeptLines || (characters > KeptCharacters && Lines.Count > 1))
            {
                characters -= Lines.Dequeue().Text.Length;
            }
        }
    }

    private sealed class Reading(LogHub hub, Action<LogLine> reader) : IDisposable
    {
        public void Dispose()
        {
            lock (hub.gate)
            {
                hub.readers = [.. hub.readers.Where(other => other != reader)];
            }
        }
    }
}
