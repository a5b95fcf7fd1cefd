using Wherry.Text.Scripts;

namespace Wherry.Spec.Tests.Wast;

/// <summary>A part of the suite with code that crossgen2 made: calls, traps, exceptions, the guest's heap, vectors. `wherry wast --aot` runs all of it, which takes long.</summary>
public sealed class AheadOfTimeTests
{
    [Theory]
    [InlineData("call_indirect.wast")]
    [InlineData("return_call_ref.wast")]
    [InlineData("br_table.wast")]
    [InlineData("linking.wast")]
    [InlineData("traps.wast")]
    [InlineData("try_table.wast")]
    [InlineData("struct.wast")]
    [InlineData("br_on_cast.wast")]
    [InlineData("simd_lane.wast")]
    public void A_script_passes_with_code_compiled_ahead_of_time(string file)
    {
        Suite.Require();
        if (!Precompiler.IsAvailable)
        {
            const string Reason = "crossgen2 is not there: wherry compile gets it";
            if (Environment.GetEnvironmentVariable("WHERRY_CI") == "1")
            {
                Assert.Fail(Reason);
            }

            Assert.Skip(Reason);
        }

        string path = Suite.PathOf(file);
        ScriptResult result = ScriptRunner.Run(path, new EngineOptions { Features = SuiteFeatures.OfPath(path), CreateCode = Precompiler.CompileAndLoad });
        Assert.True(
            result.Failed == 0,
            string.Join('\n', result.Failures.Take(10).Select(failure => $"{file}:{failure.Line}: {failure.Directive}: {failure.Reason}")));
        Assert.Equal(AssertionCounter.Count(File.ReadAllText(path)), result.Assertions);
    }
}
