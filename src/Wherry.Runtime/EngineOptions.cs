namespace Wherry;

/// <summary>What an <see cref="Engine"/> accepts and how it compiles.</summary>
public sealed record EngineOptions
{
    /// <summary>The options of an engine unless told otherwise.</summary>
    public static EngineOptions Default { get; } = new();

    /// <summary>How memory accesses are checked. <see cref="Engine.BoundsChecks"/> says what the system made of it.</summary>
    public BoundsChecks BoundsChecks { get; init; } = BoundsChecks.Guard;

    /// <summary>The proposals that modules may use.</summary>
    public WasmFeatures Features { get; init; } = WasmFeatures.Default;

    /// <summary>How large modules may be.</summary>
    public ModuleLimits ModuleLimits { get; init; } = ModuleLimits.Default;
}
