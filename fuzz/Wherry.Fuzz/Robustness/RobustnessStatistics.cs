using System.Globalization;

namespace Wherry.Fuzz.Robustness;

/// <summary>An input worth naming.</summary>
internal sealed record NotedInput(int Index, string Origin, InputKind Kind, int Size, string Outcome, double Milliseconds, long AllocatedBytes);

/// <summary>What a run has seen. Workers send theirs in parts, which are added up.</summary>
internal sealed class RobustnessStatistics
{
    private const int Kept = 10;

    public SortedDictionary<string, int> Outcomes { get; set; } = new(StringComparer.Ordinal);

    public List<NotedInput> Slowest { get; set; } = [];

    public List<NotedInput> Hungriest { get; set; } = [];

    public int Inputs { get; set; }

    public void Add(NotedInput input)
    {
        Inputs++;
        Outcomes[input.Outcome] = Outcomes.GetValueOrDefault(input.Outcome) + 1;
        Slowest = Keep(Slowest.Append(input).OrderByDescending(noted => noted.Milliseconds), Slowest, input.Milliseconds, noted => noted.Milliseconds);
        Hungriest = Keep(Hungriest.Append(input).OrderByDescending(noted => noted.AllocatedBytes), Hungriest, input.AllocatedBytes, noted => noted.AllocatedBytes);
    }

    public void Add(RobustnessStatistics part)
    {
        Inputs += part.Inputs;
        foreach ((string outcome, int count) in part.Outcomes)
        {
            Outcomes[outcome] = Outcomes.GetValueOrDefault(outcome) + count;
        }

        Slowest = [.. Slowest.Concat(part.Slowest).OrderByDescending(noted => noted.Milliseconds).Take(Kept)];
        Hungriest = [.. Hungriest.Concat(part.Hungriest).OrderByDescending(noted => noted.AllocatedBytes).Take(Kept)];
    }

    public void Print(TextWriter output)
    {
        output.WriteLine();
        foreach ((string outcome, int count) in Outcomes)
        {
            output.WriteLine(string.Create(CultureInfo.InvariantCulture, $"{outcome,-30}{count,10}"));
        }

        output.WriteLine(string.Create(CultureInfo.InvariantCulture, $"{"inputs",-30}{Inputs,10}"));
        output.WriteLine();
        output.WriteLine("slowest:");
        Print(output, Slowest);
        output.WriteLine("hungriest (all bytes allocated, freed ones included):");
        Print(output, Hungriest);
    }

    private static void Print(TextWriter output, List<NotedInput> inputs)
    {
        foreach (NotedInput input in inputs)
        {
            output.WriteLine(string.Create(
                CultureInfo.InvariantCulture,
                $"  {input.Milliseconds,8:F1} ms {input.AllocatedBytes / 1e6,8:F1} MB for {input.Size,8} bytes: {input.Kind} #{input.Index} of {input.Origin}, {input.Outcome}"));
        }
    }

    private static List<NotedInput> Keep(IEnumerable<NotedInput> all, List<NotedInput> former, double value, Func<NotedInput, double> measure) =>
        former.Count == Kept && measure(former[^1]) >= value ? former : [.. all.Take(Kept)];
}
