using System.Globalization;

namespace Wherry.Bench.Soak;

/// <summary>What a process takes of the system, looked at each second: it is flat if in the last third of the time it is hardly more than in the second.</summary>
internal sealed class ProcessSize(int id)
{
    private static readonly TimeSpan Interval = TimeSpan.FromSeconds(1);

    // Each with what it may grow by: a tenth, and so much. Guests that take all the handles that they get, and crash, come and go: what is left open shows when there is none.
    private static readonly (string Name, double Slack, bool IsFewest)[] Kinds =
        [("VmRSS + VmPTE, MB", 8, false), ("open files, fewest", 30, true), ("mappings", 100, false), ("threads", 8, false)];

    private readonly List<double[]> samples = [];

    public async Task WatchAsync(CancellationToken end)
    {
        while (!end.IsCancellationRequested)
        {
            try
            {
                samples.Add(Look());
                await Task.Delay(Interval, end);
            }
            catch (OperationCanceledException)
            {
                return;
            }
            catch (IOException)
            {
                // It has ended.
                return;
            }
        }
    }

    /// <summary>Prints each size.</summary>
    /// <returns>Whether all are flat.</returns>
    public bool Report(TextWriter output)
    {
        int third = samples.Count / 3;
        if (third == 0)
        {
            return false;
        }

        bool areFlat = true;
        for (int kind = 0; kind < Kinds.Length; kind++)
        {
            double before = Middle(samples[third..(2 * third)].Select(sample => sample[kind]), Kinds[kind].IsFewest);
            double after = Middle(samples[(2 * third)..].Select(sample => sample[kind]), Kinds[kind].IsFewest);
            bool isFlat = after <= (before * 1.1) + Kinds[kind].Slack;
            areFlat &= isFlat;
            output.WriteLine(string.Create(CultureInfo.InvariantCulture, $"  {Kinds[kind].Name,-24}{before,16:0.0}{after,13:0.0}{samples.Max(sample => sample[kind]),10:0.0}{(isFlat ? "" : "   NOT FLAT")}"));
        }

        return areFlat;
    }

    private static double Middle(IEnumerable<double> values, bool isFewest) => isFewest ? values.Min() : Statistics.Median(values);

    private double[] Look()
    {
        string[] status = File.ReadAllLines($"/proc/{id}/status");
        double Field(string name) => status.Where(line => line.StartsWith(name, StringComparison.Ordinal))
            .Sum(line => double.Parse(line.Split(' ', '\t').First(word => word.Length > 0 && char.IsAsciiDigit(word[0])), CultureInfo.InvariantCulture));
        return
        [
            (Field("VmRSS:") + Field("VmPTE:")) / 1024, Directory.GetFiles($"/proc/{id}/fd").Length, File.ReadLines($"/proc/{id}/maps").Count(), Field("Threads:"),
        ];
    }
}
