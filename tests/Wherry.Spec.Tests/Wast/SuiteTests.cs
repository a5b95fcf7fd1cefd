using Wherry.Text.Scripts;

namespace Wherry.Spec.Tests.Wast;

/// <summary>The official suite, script by script, in both kinds of bounds checks. Nothing is skipped.</summary>
public class SuiteTests
{
    public static TheoryData<string> Files => [.. Suite.Files];

    [Fact]
    public void The_suite_is_there() => Suite.Require();

    [Theory]
    [MemberData(nameof(Files))]
    public void A_script_passes_with_guard_pages(string file) => Run(file, BoundsChecks.Guard);

    [Theory]
    [MemberData(nameof(Files))]
    public void A_script_passes_with_explicit_bounds_checks(string file) => Run(file, BoundsChecks.Explicit);

    private static void Run(string file, BoundsChecks boundsChecks)
    {
        string path = Suite.PathOf(file);
        ScriptResult result = ScriptRunner.Run(path, new EngineOptions { BoundsChecks = boundsChecks, Features = SuiteFeatures.OfPath(path) });
        Assert.True(
            result.Failed == 0,
            string.Join('\n', result.Failures.Take(10).Select(failure => $"{file}:{failure.Line}: {failure.Directive}: {failure.Reason}")));
        Assert.Equal(AssertionCounter.Count(File.ReadAllText(path)), result.Assertions);
    }
}
