using Wherry.Text.Scripts;

namespace Wherry.Spec.Tests.Wast;

/// <summary>Runs scripts of the suite and sees to it that every assertion was run and held.</summary>
internal static class SuiteScript
{
    /// <param name="file">The script, as <see cref="Suite.Files"/> names it.</param>
    /// <param name="options">The way of execution; the features are the script's.</param>
    /// <param name="call">Calls functions; null for <see cref="Function.Invoke"/>.</param>
    public static void AssertPasses(string file, EngineOptions options, Func<Function, object?[], object?[]>? call = null)
    {
        string path = Suite.PathOf(file);
        ScriptResult result = ScriptRunner.Run(path, options with { Features = SuiteFeatures.OfPath(path) }, call: call);
        Assert.True(
            result.Failed == 0,
            string.Join('\n', result.Failures.Take(10).Select(failure => $"{file}:{failure.Line}: {failure.Directive}: {failure.Reason}")));
        Assert.Equal(AssertionCounter.Count(File.ReadAllText(path)), result.Assertions);
    }
}
