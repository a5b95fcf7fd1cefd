using System.Globalization;

namespace Wherry.Bench;

/// <summary>The program of examples/threads: the same sum by one thread and by several, as whole processes.</summary>
internal static class ThreadsBenchmark
{
    private static readonly TimeSpan Limit = TimeSpan.FromMinutes(3);

    public static int Run(Settings settings)
    {
        string program = Path.Combine(settings.Root, "examples", "threads", "sum.wasm");
        string count = settings.Text("argument", "1000000000");
        int[] threads = [.. settings.Text("threads", string.Create(CultureInfo.InvariantCulture, $"1,{Environment.ProcessorCount}"))
            .Split(',').Select(text => int.Parse(text, CultureInfo.InvariantCulture))];
        int rounds = settings.Number("rounds", 3);
        var engines = new List<(string Name, string[] Command)> { ("wherry", [.. settings.Wherry, "run", program]) };
        if (settings.Peer("wasmtime") is { } wasmtime)
        {
            engines.Add(("wasmtime", [.. wasmtime, "run", "-W", "threads,shared-memory", "-S", "threads", program]));
        }

        Console.WriteLine($"medians of {rounds} over {count} numbers, seconds: wall (CPU); × is the wall time of {threads[0]} through that of so many threads");
        string? expected = null;
        bool isRight = true;
        var times = new Dictionary<(string Engine, int Threads), List<Measurement>>();
        for (int round = 0; round < rounds; round++)
        {
            foreach ((string name, string[] command) in engines)
            {
                foreach (int number in threads)
                {
                    Measurement measurement = MeasuredProcess.Run([.. command, number.ToString(CultureInfo.InvariantCulture), count], Limit);
                    expected ??= measurement.Output;
                    isRight &= measurement.Succeeded && measurement.Output == expected;
                    if (!times.TryGetValue((name, number), out List<Measurement>? list))
                    {
                        times.Add((name, number), list = []);
                    }

                    list.Add(measurement);
                }
            }
        }

        foreach ((string name, _) in engines)
        {
            double alone = Statistics.Median(times[(name, threads[0])].Select(time => time.Wall));
            foreach (int number in threads)
            {
                double wall = Statistics.Median(times[(name, number)].Select(time => time.Wall));
                double processor = Statistics.Median(times[(name, number)].Select(time => time.Processor));
                Console.WriteLine(string.Create(CultureInfo.InvariantCulture, $"{name,-10} {number,3} {(number == 1 ? "thread " : "threads")} {wall,8:0.00} ({processor:0.00})  × {alone / wall:0.00}"));
            }
        }

        if (!isRight)
        {
            Console.WriteLine("The sums differ, or a run failed.");
        }

        return isRight ? 0 : 1;
    }
}
