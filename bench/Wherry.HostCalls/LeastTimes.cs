using System.Diagnostics;
using System.Globalization;

namespace Wherry.HostCalls;

/// <summary>The same calls on a machine that has other work, where means tell of that work: the least of many short rounds, taken in turn.</summary>
internal static class LeastTimes
{
    private const int Calls = 1_000;
    private const int CallsInRound = 50 * Calls;
    private const int WarmRounds = 10;
    private const int Rounds = 200;

    public static void Print()
    {
        var benchmarks = new CallBenchmarks();
        benchmarks.Setup();
        (string Name, Func<int> Run)[] ways =
        [
            ("plain delegate", benchmarks.PlainDelegate), ("into a guest", benchmarks.HostToGuest), ("with a time limit", benchmarks.HostToGuestWithTimeLimit), ("out of a guest", benchmarks.GuestToHost),
        ];
        var least = new double[ways.Length];
        Array.Fill(least, double.MaxValue);
        for (int round = -WarmRounds; round < Rounds; round++)
        {
            for (int way = 0; way < ways.Length; way++)
            {
                long allocated = GC.GetAllocatedBytesForCurrentThread();
                long start = Stopwatch.GetTimestamp();
                for (int i = 0; i < CallsInRound / Calls; i++)
                {
                    _ = ways[way].Run();
                }

                double time = Stopwatch.GetElapsedTime(start).TotalNanoseconds / CallsInRound;
                allocated = GC.GetAllocatedBytesForCurrentThread() - allocated;
                if (round >= 0)
                {
                    least[way] = Math.Min(least[way], time);
                    if (allocated != 0)
                    {
                        Console.WriteLine($"{ways[way].Name}: {allocated} bytes were allocated");
                    }
                }
            }

            if (round < 0)
            {
                // The JIT's second tier takes its time.
                Thread.Sleep(100);
            }
        }

        Console.WriteLine($"nanoseconds a call: the least of {Rounds} rounds of {CallsInRound} calls, in turn");
        for (int way = 0; way < ways.Length; way++)
        {
            Console.WriteLine(string.Create(CultureInfo.InvariantCulture, $"{ways[way].Name,-18}{least[way],6:0.00}"));
        }
    }
}
