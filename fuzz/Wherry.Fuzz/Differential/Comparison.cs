namespace Wherry.Fuzz.Differential;

/// <summary>Runs a module on both engines.</summary>
/// <param name="wasmtime">Is asked too, if given.</param>
/// <param name="judged">Of how many modules it judges one.</param>
internal sealed class Comparison(ExternalTool node, ExternalTool? wasmtime = null, int judged = 1) : IDisposable
{
    private readonly ScriptJudge? judge = wasmtime is null ? null : new ScriptJudge(wasmtime);

    private readonly EngineRunner guarded = new(ExecutionWay.Guard);
    private readonly EngineRunner checkedExplicitly = new(ExecutionWay.Explicit);
    private readonly Dictionary<ExecutionWay, EngineRunner> further = [];
    private readonly Oracle optimizing = new(node, isOptimizing: true);
    private readonly Oracle baseline = new(node, isOptimizing: false);

    public Engine Engine => guarded.Engine;

    /// <summary>A module, what was done with it, and what V8 answered.</summary>
    public sealed record Case(TestPlan Plan, List<string> Expected);

    public void Dispose()
    {
        guarded.Dispose();
        checkedExplicitly.Dispose();
        foreach (EngineRunner runner in further.Values)
        {
            runner.Dispose();
        }

        optimizing.Dispose();
        baseline.Dispose();
    }

    /// <param name="difference">What differs, or null.</param>
    /// <param name="statistics">Is told of the module, under this source.</param>
    /// <returns>The case, if the engines could be compared.</returns>
    public Case? Run(byte[] bytes, int index, string source, DifferentialStatistics statistics, out string? difference)
    {
        difference = null;
        Module module;
        try
        {
            module = Module.Load(guarded.Engine, bytes);
        }
        catch (ModuleException error)
        {
            difference = JudgeRefusal(bytes, index, statistics, error);
            return null;
        }

        TestPlan plan = TestPlan.Create(module, new Randomness((ulong)index));

        // Compiling costs most: a quarter of the modules are run in both ways, half with guard pages only, a quarter with explicit checks only.
        bool isGuarded = index % 4 is 0 or 1 or 2;
        bool isChecked = index % 4 is 0 or 3;
        List<string>? first = isGuarded ? guarded.Run(bytes, plan) : [];
        List<string>? second = isChecked ? checkedExplicitly.Run(bytes, plan) : [];
        if (first is null || second is null)
        {
            DifferentialStatistics.Count(statistics.NotCompared, "a limit of time, stack or heap");
            return null;
        }

        List<string>? expected = (index / 4 % 2 == 0 ? optimizing : baseline).Run(bytes, plan);
        if (expected is null || expected is ["failed", ..])
        {
            DifferentialStatistics.Count(statistics.NotCompared, "V8 does not end, or dies");
            return null;
        }

        if (expected.Any(line => line.EndsWith("trap stack", StringComparison.Ordinal) || line.EndsWith("trap resources", StringComparison.Ordinal)))
        {
            DifferentialStatistics.Count(statistics.NotCompared, "a limit of V8");
            return null;
        }

        DifferentialStatistics.Count(statistics.Modules, source);
        difference = (isGuarded ? Difference(first, expected, "guard") : null) ?? (isChecked ? Difference(second, expected, "explicit") : null)
            ?? RunFurther(bytes, index, module, plan, expected, statistics);
        if (difference is null)
        {
            statistics.AddCalls(expected, plan);
            if (index % 2 == 0)
            {
                // Counting costs as much as running: half of the modules show enough.
                NoteCoverage(module, plan, statistics);
            }

            if (index % judged == 0)
            {
                difference = Judge(module, plan, statistics);
            }
        }

        return new Case(plan, expected);
    }

    /// <summary>Compares a module that V8 can't run: both kinds of bounds checks with each other, and with Wasmtime.</summary>
    public bool RunBeyondV8(byte[] bytes, int index, DifferentialStatistics statistics, out string? difference)
    {
        Module module;
        try
        {
            module = Module.Load(guarded.Engine, bytes);
        }
        catch (ModuleException error)
        {
            difference = $"refused: {error.Message}";
            return false;
        }

        TestPlan plan = TestPlan.Create(module, new Randomness((ulong)index));
        difference = null;
        if (guarded.Run(bytes, plan) is not List<string> first || checkedExplicitly.Run(bytes, plan) is not List<string> second)
        {
            DifferentialStatistics.Count(statistics.NotCompared, "a limit of time, stack or heap");
            return false;
        }

        DifferentialStatistics.Count(statistics.Modules, "beyond V8");
        statistics.AddCalls(first, plan);
        difference = Difference(second, first, "explicit, guard expected") ?? RunFurther(bytes, index, module, plan, first, statistics) ?? Judge(module, plan, statistics);
        return true;
    }

    /// <summary>A module in one way, against what is expected.</summary>
    public string? RunIn(ExecutionWay way, byte[] bytes, TestPlan plan, List<string> expected, DifferentialStatistics statistics)
    {
        if (!further.TryGetValue(way, out EngineRunner? runner))
        {
            runner = new EngineRunner(way);
            further.Add(way, runner);
        }

        long waits = runner.WaitCount;
        if (runner.Run(bytes, plan) is not List<string> lines)
        {
            DifferentialStatistics.Count(statistics.Ways, $"{way} (a limit was reached)");
            return null;
        }

        DifferentialStatistics.Count(statistics.Ways, ExecutionWays.IsSuspended(way) && runner.WaitCount == waits ? $"{way} (was never left)" : way.ToString());
        return Difference(lines, expected, way.ToString());
    }

    private string? RunFurther(byte[] bytes, int index, Module module, TestPlan plan, List<string> expected, DifferentialStatistics statistics) =>
        RunIn(ExecutionWays.Of(index, module), bytes, plan, expected, statistics);

    /// <summary>The first line that differs.</summary>
    public static string? Difference(List<string> actual, List<string> expected, string mode)
    {
        for (int i = 0; i < Math.Max(actual.Count, expected.Count); i++)
        {
            string ours = i < actual.Count ? actual[i] : "nothing";
            string theirs = i < expected.Count ? expected[i] : "nothing";
            if (!MeanTheSame(ours, theirs))
            {
                return $"({mode}) {ours}, expected {theirs}";
            }
        }

        return null;
    }

    /// <summary>
    /// Of two reasons to trap either may be named: an access may be unaligned and out of bounds, an array and a segment both be too short. Where an array that is too short is to be copied to from null,
    /// the specification looks at null first, V8 at the array.
    /// </summary>
    private static bool MeanTheSame(string ours, string theirs)
    {
        const string Trap = ": trap ";
        int at = ours.IndexOf(Trap, StringComparison.Ordinal);
        return ours == theirs || (at > 0 && theirs.StartsWith(ours[..(at + Trap.Length)], StringComparison.Ordinal)
            && (ours[(at + Trap.Length)..], theirs[(at + Trap.Length)..]) is ("memory", "unaligned") or ("unaligned", "memory") or ("array", "table" or "memory") or ("null", "array"));
    }

    /// <summary>What we refuse, V8 must refuse as well.</summary>
    private string? JudgeRefusal(byte[] bytes, int index, DifferentialStatistics statistics, ModuleException error)
    {
        var plan = new TestPlan { Calls = [], Memories = [], Globals = [], Tables = [], WideTables = [] };
        List<string>? answer = (index % 2 == 0 ? optimizing : baseline).Run(bytes, plan);
        if (answer is [string line, ..] && line.StartsWith("refused", StringComparison.Ordinal))
        {
            DifferentialStatistics.Count(statistics.NotCompared, "refused by both");
            return null;
        }

        return $"refused: {error.Message}, V8 takes it";
    }

    /// <summary>What Wasmtime says of what both engines agree on.</summary>
    private string? Judge(Module module, TestPlan plan, DifferentialStatistics statistics)
    {
        List<ulong> checksums = [];
        if (judge is null
            || guarded.Run(module.Definition.Bytes.ToArray(), plan, checksums) is not List<string> lines
            || AssertionScript.Write(module, plan, lines, checksums) is not string script)
        {
            return null;
        }

        DifferentialStatistics.Count(statistics.Judged, judge.Judge(script, out string? difference));
        return difference;
    }

    private void NoteCoverage(Module module, TestPlan plan, DifferentialStatistics statistics)
    {
        if (CoverageInstrumenter.Instrument(module.Definition) is not byte[] instrumented)
        {
            return;
        }

        List<string>? answer = baseline.Run(instrumented, plan with { Memories = [CoverageInstrumenter.MemoryName], Globals = [], Tables = [], Coverage = CoverageInstrumenter.MemoryName });
        const string Prefix = "covered ";
        if (answer?.Find(line => line.StartsWith(Prefix, StringComparison.Ordinal)) is string covered)
        {
            foreach (string opcode in covered[Prefix.Length..].Split(' ', StringSplitOptions.RemoveEmptyEntries))
            {
                DifferentialStatistics.Count(statistics.Executed, int.Parse(opcode, System.Globalization.CultureInfo.InvariantCulture));
            }
        }
        else
        {
            DifferentialStatistics.Count(statistics.NotCompared, "(compared, but its instructions were not counted)");
        }
    }
}
