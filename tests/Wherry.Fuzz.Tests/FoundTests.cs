using Wherry.Fuzz.Differential;
using Wherry.Tests.AheadOfTime;
using Wherry.Text.Scripts;

namespace Wherry.Fuzz.Tests;

/// <summary>What the fuzzers found, shrunk, with what V8 does.</summary>
public class FoundTests
{
    // Those in which any script can run: no start-up of a compiler for each, and shared memories.
    private static readonly ExecutionWay[] s_ways = [.. ExecutionWays.All.Where(way => way < ExecutionWay.AheadOfTime && way is not (ExecutionWay.Pooled or ExecutionWay.Deterministic))];

    public static TheoryData<string, string> Scripts
    {
        get
        {
            var scripts = new TheoryData<string, string>();
            foreach (string file in Directory.GetFiles(Path.Combine(AppContext.BaseDirectory, "Found"), "*.wast").Order(StringComparer.Ordinal))
            {
                foreach (ExecutionWay way in s_ways)
                {
                    scripts.Add(Path.GetFileName(file), way.ToString());
                }
            }

            return scripts;
        }
    }

    [Theory]
    [MemberData(nameof(Scripts))]
    public void A_bug_that_was_found_does_not_come_back(string script, string wayName) => AssertPasses(script, Enum.Parse<ExecutionWay>(wayName));

    /// <summary>Those that need it: starting a compiler for each module takes long.</summary>
    [Theory]
    [InlineData("fault-in-atomics.wast")]
    [InlineData("dispatch-with-operands.wast")]
    [InlineData("thrown-without-tags.wast")]
    public void Nor_in_code_compiled_ahead_of_time(string script)
    {
        PrecompilerRequirement.Check();
        AssertPasses(script, ExecutionWay.AheadOfTime);
    }

    private static void AssertPasses(string script, ExecutionWay way)
    {
        string file = Path.Combine(AppContext.BaseDirectory, "Found", script);
        var turns = new GuestTurns();
        ScriptResult result = ScriptRunner.Run(file, ExecutionWays.Options(way), call: ExecutionWays.IsSuspended(way) ? turns.Call : null);
        Assert.Empty(result.Failures.Select(failure => $"line {failure.Line}: {failure.Directive}: {failure.Reason}"));
        Assert.NotEqual(0, result.Passed);
    }
}
