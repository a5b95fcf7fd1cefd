using Wherry.Tests.AheadOfTime;

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
        PrecompilerRequirement.Check();
        SuiteScript.AssertPasses(file, new EngineOptions { CreateCode = Precompiler.CompileAndLoad });
    }
}
