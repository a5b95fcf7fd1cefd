using System.Globalization;

namespace Wherry.Compose.Running;

/// <summary>What Linux tells of processes and threads, in /proc. Elsewhere nothing is known.</summary>
internal static class ProcessStatistics
{
    /// <summary>Clock ticks are hundredths of a second for every program (USER_HZ).</summary>
    private const double TicksPerSecond = 100;

    public static (TimeSpan CpuTime, long MemoryBytes)? OfThread(int thread) => Read($"/proc/self/task/{thread}/stat");

    public static (TimeSpan CpuTime, long MemoryBytes)? OfProcess(int process) => Read($"/proc/{process}/stat");

    /// <summary>How often a thread has waited for something, if it waits now; null if it runs.</summary>
    public static long? CountWaits(int thread)
    {
        bool isWaiting = false;
        try
        {
            foreach (string line in File.ReadLines($"/proc/self/task/{thread}/status"))
            {
                if (line.StartsWith("State:", StringComparison.Ordinal))
                {
                    isWaiting = line.Contains("sleeping", StringComparison.Ordinal);
                }
                else if (line.StartsWith("voluntary_ctxt_switches:", StringComparison.Ordinal))
                {
                    return isWaiting ? long.Parse(line.AsSpan(line.IndexOf(':', StringComparison.Ordinal) + 1).Trim(), CultureInfo.InvariantCulture) : null;
                }
            }
        }
        catch (Exception exception) when (exception is IOException or UnauthorizedAccessException)
        {
            // It has ended.
        }

        return null;
    }

    private static (TimeSpan CpuTime, long MemoryBytes)? Read(string path)
    {
        try
        {
            // The name, in parentheses, may contain anything.
            string text = File.ReadAllText(path);
            string[] fields = text[(text.LastIndexOf(')') + 2)..].Split(' ');
            long ticks = long.Parse(fields[11], CultureInfo.InvariantCulture) + long.Parse(fields[12], CultureInfo.InvariantCulture);
            long pages = long.Parse(fields[21], CultureInfo.InvariantCulture);
            return (TimeSpan.FromSeconds(ticks / TicksPerSecond), pages * Environment.SystemPageSize);
        }
        catch (Exception exception) when (exception is IOException or UnauthorizedAccessException or FormatException or IndexOutOfRangeException)
        {
            return null;
        }
    }
}
