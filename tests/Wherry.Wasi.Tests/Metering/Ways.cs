namespace Wherry.Wasi.Tests.Metering;

/// <summary>The ways of execution in which metered code must behave alike.</summary>
public static class Ways
{
    /// <summary>What a test is run in; a further mode is a further row.</summary>
    public static TheoryData<BoundsChecks> All => [BoundsChecks.Guard, BoundsChecks.Explicit];

    internal static EngineOptions Metered(BoundsChecks way) => new() { BoundsChecks = way, Features = WasmFeatures.Wasm3, FuelCosts = FuelCosts.Default };
}
