namespace Wherry;

/// <summary>What bounds the guests of a <see cref="Store"/>.</summary>
public sealed record StoreOptions
{
    /// <summary>No limits but the default ones.</summary>
    public static StoreOptions Default { get; } = new();

    /// <summary>How much the guests may take.</summary>
    public ResourceLimits Limits { get; init; } = ResourceLimits.Default;

    /// <summary>How long one call from .NET into a guest may take, compiling included; null for no limit.</summary>
    public TimeSpan? TimeLimit { get; init; }

    /// <summary>
    /// The fuel that the store starts with, if its engine counts instructions (<see cref="EngineOptions.FuelCosts"/>); null for as good as no limit.
    /// A thread that a guest starts gets half of what is left, once and for all.
    /// </summary>
    public long? Fuel { get; init; }

    /// <summary>Interrupts the store when cancelled, as <see cref="Store.Interrupt"/> does.</summary>
    public CancellationToken CancellationToken { get; init; }
}
