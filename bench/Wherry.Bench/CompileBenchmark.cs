using System.Globalization;

namespace Wherry.Bench;

/// <summary>How long compiling ahead of time takes, as whole processes.</summary>
internal static class CompileBenchmark
{
    private static readonly TimeSpan Limit = TimeSpan.FromMinutes(15);

    public static int Run(Settings settings)
    {
        string[]? wasmEdge = settings.Peer("wasmedge");
        int rounds = settings.Number("rounds", 3);
        Console.WriteLine($"medians of {rounds} (wasmedge: one), seconds: wall (CPU); × is the CPU time of the peer through that of wherry");
        Console.WriteLine($"{"program",-14}{"wherry",26}{"wasmedge",30}");
        foreach (string program in settings.Text("only", "quickjs,sqlite,zstd,lua").Split(','))
        {
            string module = Path.Combine(settings.Shared, "bench", program + ".wasm");
            var ours = new List<Measurement>();
            for (int round = 0; round < rounds; round++)
            {
                ours.Add(MeasuredProcess.Run([.. settings.Wherry, "compile", module, "-o", Path.Combine(settings.Cache, program + ".cwasm")], Limit));
            }

            double wall = Statistics.Median(ours.Select(time => time.Wall)), processor = Statistics.Median(ours.Select(time => time.Processor));
            Console.Write($"{program,-14}{(ours.TrueForAll(time => time.Succeeded) ? Cell(wall, processor) : "failed"),26}");
            if (wasmEdge is not null)
            {
                Measurement peer = MeasuredProcess.Run([.. wasmEdge, "compile", module, Path.Combine(settings.Cache, program + ".so")], Limit);
                Console.Write($"{(peer.Succeeded ? Cell(peer.Wall, peer.Processor) + string.Create(CultureInfo.InvariantCulture, $" ×{peer.Processor / processor:0.0}") : "failed"),30}");
            }

            Console.WriteLine();
        }

        return 0;
    }

    private static string Cell(double wall, double processor) => string.Create(CultureInfo.InvariantCulture, $"{wall:0.000} ({processor:0.000})");
}
