namespace Wherry.Spec.Tests.Core2;

/// <summary>The official suite as far as it needs Wasm 2.0 without vectors, in both memory modes.</summary>
public class Core2Tests
{
    private const int Assertions = 25_171;

    public static TheoryData<string, BoundsChecks> Cases()
    {
        var cases = new TheoryData<string, BoundsChecks>();
        foreach (string script in Core2Archive.Scripts)
        {
            cases.Add(script, BoundsChecks.Guard);
            cases.Add(script, BoundsChecks.Explicit);
        }

        return cases;
    }

    [Fact]
    public void The_suite_is_there_with_all_its_assertions()
    {
        if (!Core2Archive.Scripts.Any())
        {
            const string Reason = "The suite is not at ../shared/spec/core-2.0.zip: put the folder of test suites and guests, as its maintainers give it to contributors, beside the project under the name shared.";
            Assert.True(Environment.GetEnvironmentVariable("WHERRY_CI") != "1", Reason);
            Assert.Skip(Reason);
        }

        // Each script is held to its own number below.
        Assert.Equal(Assertions, Core2Archive.Scripts.Sum(Core2Archive.CountAssertions));
    }

    [Theory(SkipTestWithoutData = true)]
    [MemberData(nameof(Cases))]
    public void The_official_script_passes(string script, BoundsChecks boundsChecks)
    {
        using Core2Script result = Core2Script.Run(script, boundsChecks);
        Assert.Equal(Core2Archive.CountAssertions(script), result.Assertions);
        Assert.True(result.Failures.Count == 0, $"{result.Failures.Count} failures of {result.Assertions}:\n{string.Join('\n', result.Failures.Take(10))}");
    }
}
