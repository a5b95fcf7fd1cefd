namespace Wherry;

/// <summary>The guest that calls a host function: declare it as the function's first parameter.</summary>
public readonly struct Caller
{
    private readonly Instance? _instance;

    internal Caller(Store store, Instance? instance)
    {
        Store = store;
        _instance = instance;
    }

    /// <summary>The guest's store.</summary>
    public Store Store { get; }

    /// <summary>The instance that imported the function.</summary>
    /// <exception cref="InvalidOperationException">No instance did: the function was made by <see cref="Function.Create"/>.</exception>
    public Instance Instance => _instance
        ?? throw new InvalidOperationException("No instance imported the host function: functions made by Function.Create have a store, but no instance.");

    /// <summary>The instance's memory: the export <c>memory</c>, else its first; null if it has none.</summary>
    public Memory? Memory => _instance?.DefaultMemory;

    /// <summary>Cancelled when the guest is interrupted or over its time limit.</summary>
    public CancellationToken CancellationToken => Store.InterruptionToken;

    /// <summary>A view of guest memory, valid until the host function returns.</summary>
    /// <returns>False if it reaches beyond the memory, or there is none.</returns>
    public bool TryGetSpan(uint address, uint length, out Span<byte> span)
    {
        if (Memory is Memory memory)
        {
            return memory.TryGetSpan(address, length, out span);
        }

        span = default;
        return false;
    }
}
