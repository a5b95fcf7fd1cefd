using Wherry.Text.Scripts;

namespace Wherry.Spec.Tests.Wast;

/// <summary>The official suite, script by script, in both kinds of bounds checks.</summary>
public class SuiteTests
{
    /// <summary>Scripts that need instructions which the compiler does not know yet. Each name is the start of a path.</summary>
    private static readonly string[] Pending =
    [
        "proposals/custom-descriptors/br_on_cast_desc_eq", "proposals/custom-descriptors/exact-", "proposals/custom-descriptors/ref_",
        "proposals/custom-descriptors/struct_new_desc.wast",
    ];

    public static TheoryData<string> Files =>
        [.. Suite.Files.Where(file => !Pending.Any(start => file.StartsWith(start, StringComparison.Ordinal)))];

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
