using Wherry.Execution;

namespace Wherry;

/// <content>Fuel: how many instructions the guests may execute.</content>
public sealed unsafe partial class Store
{
    /// <summary>
    /// What is left of the fuel. Each instruction takes some (<see cref="EngineOptions.FuelCosts"/>); a guest that has none left ends with a trap of kind
    /// <see cref="TrapKind.OutOfFuel"/> at the next loop, call or return. Host functions may read and set it; it is exact there, after a trap, and when a
    /// call has ended. It is below zero where the last stretch without loops and calls, or the last four rounds of a small loop, took more than there was.
    /// </summary>
    /// <exception cref="InvalidOperationException">The engine does not count instructions.</exception>
    public long Fuel
    {
        get => RequireMeter().Remaining;
        set => RequireMeter().Set(value);
    }

    /// <summary>All fuel that the store's guests used up, whatever was set in between.</summary>
    /// <exception cref="InvalidOperationException">The engine does not count instructions.</exception>
    public ulong FuelConsumed => RequireMeter().Consumed;

    /// <summary>The count of instructions, if the engine counts them.</summary>
    internal Meter? Meter { get; }

    private Meter RequireMeter() => Meter
        ?? throw new InvalidOperationException("The store's engine does not count instructions: set EngineOptions.FuelCosts, to FuelCosts.Default for example.");
}
