using System.Globalization;
using System.Text.Json.Nodes;
using Wherry.Compose.Logs;

namespace Wherry.Up;

/// <summary>What <c>wherry top</c> shows of each replica, from what a running project says of them.</summary>
internal sealed class TopTable
{
    public static readonly string[] Head = ["NAME", "KIND", "STATE", "MEMORY", "CPU", "CONNECTIONS", "RESTARTS"];

    private Dictionary<string, double> last = [];
    private TimeSpan lastTime;

    /// <summary>The rows of one look.</summary>
    /// <param name="replicas">What the project says.</param>
    /// <param name="time">When it said so: from the second look on, CPU is a share of a core since the one before; before, the time in seconds.</param>
    public IReadOnlyList<string[]> Rows(IReadOnlyCollection<JsonObject> replicas, TimeSpan time)
    {
        Dictionary<string, double> now = [];
        List<string[]> rows = [];
        foreach (JsonObject status in replicas)
        {
            string name = Name(status);
            string cpu = "-";
            if ((double?)status["cpuSeconds"] is { } seconds)
            {
                now[name] = seconds;
                cpu = last.TryGetValue(name, out double before) && time > lastTime
                    ? string.Create(CultureInfo.InvariantCulture, $"{Math.Max(0, seconds - before) / (time - lastTime).TotalSeconds * 100:0.0} %")
                    : string.Create(CultureInfo.InvariantCulture, $"{seconds:0.00} s");
            }

            rows.Add(
            [
                name,
                Text(status, "kind"),
                State(status),
                (long?)status["memoryBytes"] is { } bytes ? string.Create(CultureInfo.InvariantCulture, $"{bytes / 1048576.0:0.0} MiB") : "-",
                cpu,
                Text(status, "connections"),
                Text(status, "restarts"),
            ]);
        }

        last = now;
        lastTime = time;
        return rows;
    }

    public static string Name(JsonObject status) => $"{(string?)status["service"]}-{(int)status["replica"]!}";

    public static string Text(JsonObject status, string key) => TerminalText.Clean(status[key]?.ToString() ?? "-");

    /// <summary>The state, with the code of one that has ended, the health of one that runs, and how many earlier versions still do.</summary>
    public static string State(JsonObject status)
    {
        string state = Text(status, "state");
        return state == "exited" && (int?)status["exitCode"] is { } code ? string.Create(CultureInfo.InvariantCulture, $"exited ({(uint)code})")
            : state == "running" && (int?)status["retiring"] is { } retiring and > 0 ? string.Create(CultureInfo.InvariantCulture, $"running (+{retiring} old)")
            : state;
    }
}
