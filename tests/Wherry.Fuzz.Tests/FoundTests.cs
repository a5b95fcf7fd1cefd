using Wherry.Text.Scripts;

namespace Wherry.Fuzz.Tests;

/// <summary>What the fuzzers found, shrunk, with what V8 does.</summary>
public class FoundTests
{
    public static TheoryData<string, BoundsChecks> Scripts
    {
        get
        {
            var scripts = new TheoryData<string, BoundsChecks>();
            foreach (string file in Directory.GetFiles(Path.Combine(AppContext.BaseDirectory, "Found"), "*.wast").Order(StringComparer.Ordinal))
            {
                scripts.Add(Path.GetFileName(file), BoundsChecks.Guard);
                scripts.Add(Path.GetFileName(file), BoundsChecks.Explicit);
            }

            return scripts;
        }
    }

    [Theory]
    [MemberData(nameof(Scripts))]
    public void A_bug_that_was_found_does_not_come_back(string script, BoundsChecks boundsChecks)
    {
        string file = Path.Combine(AppContext.BaseDirectory, "Found", script);
        ScriptResult result = ScriptRunner.Run(file, EngineOptions.Default with { BoundsChecks = boundsChecks });
        Assert.Empty(result.Failures.Select(failure => $"line {failure.Line}: {failure.Directive}: {failure.Reason}"));
        Assert.NotEqual(0, result.Passed);
    }
}
