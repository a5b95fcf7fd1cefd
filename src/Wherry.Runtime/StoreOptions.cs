namespace Wherry;

/// <summary>What bounds the guests of a <see cref="Store"/>.</summary>
public sealed record StoreOptions
{
    // Not a TimeSpan, whose type (and Decimal with it) the runtime would load for every store.
    private readonly long? _timeLimitTicks;

    /// <summary>No limits but the default ones.</summary>
    public static StoreOptions Default { get; } = new();

    /// <summary>How much the guests may take.</summary>
    public ResourceLimits Limits { get; init; } = ResourceLimits.Default;

    /// <summary>How long one call from .NET into a guest may take, compiling included; null for no limit.</summary>
    public TimeSpan? TimeLimit { get => _timeLimitTicks is { } ticks ? new TimeSpan(ticks) : null; init => _timeLimitTicks = value?.Ticks; }

    /// <summary>
    /// The fuel that the store starts with, if its engine counts instructions (<see cref="EngineOptions.FuelCosts"/>); null for as good as no limit.
    /// A thread that a guest starts gets half of what is left, once and for all.
    /// </summary>
    public long? Fuel { get; init; }

    /// <summary>Interrupts the store when cancelled, as <see cref="Store.Interrupt"/> does.</summary>
    public CancellationToken CancellationToken { get; init; }

    /// <summary>Whether there is a <see cref="TimeLimit"/>.</summary>
    internal bool HasTimeLimit => _timeLimitTicks is not null;

    /// <summary>Whether there is a <see cref="TimeLimit"/>, and it is shorter than so many milliseconds.</summary>
    internal bool HasTimeLimitBelow(long milliseconds) => _timeLimitTicks < milliseconds * TimeSpan.TicksPerMillisecond;
}
