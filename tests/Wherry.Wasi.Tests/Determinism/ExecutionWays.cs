using Wherry.Aot;

namespace Wherry.Wasi.Tests.Determinism;

/// <summary>The ways in which a module is executed: jitted and compiled ahead of time, with guard pages and with explicit checks.</summary>
internal static class ExecutionWays
{
    /// <summary>All of them. Without crossgen2 the test that asks is skipped, except in CI, where it fails.</summary>
    public static IEnumerable<(string Name, EngineOptions Options)> Of(EngineOptions options)
    {
        if (!Precompiler.IsAvailable)
        {
            const string Reason = "crossgen2 is not there: wherry compile gets it";
            if (Environment.GetEnvironmentVariable("WHERRY_CI") == "1")
            {
                Assert.Fail(Reason);
            }

            Assert.Skip(Reason);
        }

        foreach (BoundsChecks checks in new[] { BoundsChecks.Guard, BoundsChecks.Explicit })
        {
            yield return ($"jitted, {checks}", options with { BoundsChecks = checks });
            yield return ($"ahead of time, {checks}", options with { BoundsChecks = checks, CreateCode = Precompiler.CompileAndLoad });
        }
    }
}
