using Wherry.Compilation;

namespace Wherry.Spec.Tests.Wast;

/// <summary>The official suite, script by script, in both kinds of bounds checks. Nothing is skipped.</summary>
public class SuiteTests
{
    // Control, traps, exceptions, bulk operations and what else a count depends on.
    private static readonly string[] CountedParts =
    [
        "array", "block", "br", "bulk", "call", "elem", "func", "if", "int", "labels", "legacy/", "linking", "load", "local", "loop", "memory", "ref", "return", "select",
        "stack", "start", "store", "struct", "switch", "table", "throw", "traps", "try", "unreach", "unwind",
    ];

    public static TheoryData<string> Files => [.. Suite.Files];

    public static TheoryData<string> CountedFiles => [.. Suite.Files.Where(file => CountedParts.Any(part => file.StartsWith(part, StringComparison.Ordinal)))];

    [Fact]
    public void The_suite_is_there() => Suite.Require();

    [Theory(SkipTestWithoutData = true)]
    [MemberData(nameof(Files))]
    public void A_script_passes_with_guard_pages(string file) => Run(file, BoundsChecks.Guard);

    [Theory(SkipTestWithoutData = true)]
    [MemberData(nameof(Files))]
    public void A_script_passes_with_explicit_bounds_checks(string file) => Run(file, BoundsChecks.Explicit);

    [Theory(SkipTestWithoutData = true)]
    [MemberData(nameof(CountedFiles))]
    public void A_script_passes_while_instructions_are_counted(string file)
    {
        Run(file, BoundsChecks.Guard, FuelCosts.Default);
        Run(file, BoundsChecks.Explicit, FuelCosts.Default);
    }

    [Theory(SkipTestWithoutData = true)]
    [MemberData(nameof(Files))]
    public void A_script_passes_with_code_that_was_compiled_in_haste(string file) =>
        SuiteScript.AssertPasses(file, new EngineOptions { BoundsChecks = BoundsChecks.Guard, CollectibleCode = false, Haste = Haste.All });

    private static void Run(string file, BoundsChecks boundsChecks, FuelCosts? costs = null) =>
        SuiteScript.AssertPasses(file, new EngineOptions { BoundsChecks = boundsChecks, FuelCosts = costs });
}
