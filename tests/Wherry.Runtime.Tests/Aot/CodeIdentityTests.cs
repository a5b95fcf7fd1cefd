using Wherry.Aot;

namespace Wherry.Tests.Aot;

/// <summary>What a person is told of code that does not fit.</summary>
public sealed class CodeIdentityTests
{
    [Fact]
    public void Options_that_differ_are_named_and_no_others()
    {
        CodeIdentity made = CodeIdentity.Of(new Engine(), "hash");
        CodeIdentity here = CodeIdentity.Of(new Engine(new EngineOptions { BoundsChecks = BoundsChecks.Explicit, Features = WasmFeatures.Wasm2, FuelCosts = new FuelCosts() }), "hash");

        string difference = made.FindDifference(here)!;

        Assert.Null(made.FindDifference(CodeIdentity.Of(new Engine(), "hash")));
        Assert.StartsWith("it was made with other options (", difference, StringComparison.Ordinal);
        Assert.Contains("GuardsMemory = True, now False", difference, StringComparison.Ordinal);
        Assert.Contains("FuelCosts = none, now ", difference, StringComparison.Ordinal);
        Assert.Contains("features = ", difference, StringComparison.Ordinal);
        Assert.DoesNotContain("MaximumModuleSize", difference, StringComparison.Ordinal);
        Assert.DoesNotContain("IsProfiled", difference, StringComparison.Ordinal);
    }
}
