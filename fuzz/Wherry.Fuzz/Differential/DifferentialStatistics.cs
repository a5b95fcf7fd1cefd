using System.Globalization;
using Wherry.Instructions;

namespace Wherry.Fuzz.Differential;

/// <summary>What a run has seen. Workers send theirs in parts, which are added up.</summary>
internal sealed class DifferentialStatistics
{
    /// <summary>Modules that all engines ran and agreed on, or not, by source.</summary>
    public SortedDictionary<string, int> Modules { get; set; } = new(StringComparer.Ordinal);

    /// <summary>Why other modules could not be compared.</summary>
    public SortedDictionary<string, int> NotCompared { get; set; } = new(StringComparer.Ordinal);

    /// <summary>In which further ways modules ran.</summary>
    public SortedDictionary<string, int> Ways { get; set; } = new(StringComparer.Ordinal);

    /// <summary>What Wasmtime says of those that it was asked about.</summary>
    public SortedDictionary<string, int> Judged { get; set; } = new(StringComparer.Ordinal);

    /// <summary>How calls ended, by kind.</summary>
    public SortedDictionary<string, int> Calls { get; set; } = new(StringComparer.Ordinal);

    /// <summary>In how many modules an instruction was executed, by its number in the table.</summary>
    public SortedDictionary<int, int> Executed { get; set; } = [];

    public int Differences { get; set; }

    public int Compared => Modules.Values.Sum();

    public static void Count<TKey>(SortedDictionary<TKey, int> counts, TKey key, int by = 1)
        where TKey : notnull => counts[key] = counts.GetValueOrDefault(key) + by;

    public void Add(DifferentialStatistics part)
    {
        Merge(Modules, part.Modules);
        Merge(NotCompared, part.NotCompared);
        Merge(Ways, part.Ways);
        Merge(Judged, part.Judged);
        Merge(Calls, part.Calls);
        Merge(Executed, part.Executed);
        Differences += part.Differences;
    }

    public void AddCalls(IEnumerable<string> lines, TestPlan plan)
    {
        foreach ((string line, PlannedCall call) in lines.Zip(plan.Calls))
        {
            string outcome = line[(call.Name.Length + 2)..];
            Count(Calls, outcome.StartsWith("trap ", StringComparison.Ordinal) ? outcome : outcome.StartsWith("exception", StringComparison.Ordinal) ? "exception" : "returned");
        }
    }

    /// <param name="enough">In so many modules each instruction should run.</param>
    public void Print(TextWriter output, int enough)
    {
        output.WriteLine();
        Print(output, "modules compared, by source", Modules);
        Print(output, "modules not compared", NotCompared);
        Print(output, "in a further way each", Ways);
        if (Judged.Count > 0)
        {
            Print(output, "of these, judged by Wasmtime", Judged);
        }

        Print(output, "calls", Calls);
        int calls = Calls.Values.Sum();
        output.WriteLine(string.Create(CultureInfo.InvariantCulture, $"{100.0 * Calls.GetValueOrDefault("returned") / Math.Max(1, calls):F1} % of {calls} calls returned"));
        output.WriteLine();

        Instruction[] all = [.. InstructionTable.All.Where(IsExpected)];
        Instruction[] rare = [.. all.Where(instruction => Executed.GetValueOrDefault((int)instruction.Opcode) < enough).OrderBy(instruction => Executed.GetValueOrDefault((int)instruction.Opcode))];
        output.WriteLine($"{all.Length - rare.Length} of {all.Length} instructions were executed in at least {enough} modules each (counted by modules that note what they execute)");
        foreach (Instruction instruction in rare.Take(40))
        {
            output.WriteLine(string.Create(CultureInfo.InvariantCulture, $"  {instruction.Name,-40}{Executed.GetValueOrDefault((int)instruction.Opcode),8}"));
        }

        output.WriteLine();
        output.WriteLine($"{Compared} modules, {Differences} differences");
    }

    /// <summary>What V8 has: all but wide arithmetic and custom descriptors.</summary>
    private static bool IsExpected(Instruction instruction) => instruction.Feature is not (WasmFeatures.CustomDescriptors or WasmFeatures.WideArithmetic);

    private static void Merge<TKey>(SortedDictionary<TKey, int> into, SortedDictionary<TKey, int> from)
        where TKey : notnull
    {
        foreach ((TKey key, int count) in from)
        {
            Count(into, key, count);
        }
    }

    private static void Print(TextWriter output, string title, SortedDictionary<string, int> counts)
    {
        output.WriteLine($"{title}:");
        foreach ((string key, int count) in counts)
        {
            output.WriteLine(string.Create(CultureInfo.InvariantCulture, $"  {key,-40}{count,8}"));
        }
    }
}
