using System.Globalization;

namespace Wherry.Bench.Soak;

/// <summary>What a process takes of the system, looked at each second: it is flat if in the last third of the time it is hardly more than in the second.</summary>
internal sealed class ProcessSize(int id)
{
    private static readonly TimeSpan Interval = TimeSpan.FromSeconds(1);

    // Each with what it may grow by: a tenth, and so much.
    private static readonly (string Name, double Slack)[] Kinds = [("VmRSS + VmPTE, MB", 8), ("open files", 30), ("mappings", 100), ("threads", 8)];

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
            double before = Statistics.Median([.. samples[third..(2 * third)].Select(sample => sample[kind])]);
            double after = Statistics.Median([.. samples[(2 * third)..].Select(sample => sample[kind])]);
            bool isFlat = after <= (before * 1.1) + Kinds[kind].Slack;
            areFlat &= isFlat;
            output.WriteLine(string.Create(CultureInfo.InvariantCulture, $"  {Kinds[kind].Name,-24}{before,16:0.0}{after,13:0.0}{samples.Max(sample => sample[kind]),10:0.0}{(isFlat ? "" : "   NOT FLAT")}"));
        }

        return areFlat;
    }

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
