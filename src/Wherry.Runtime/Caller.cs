namespace Wherry;

/// <summary>The guest that calls a host function: declare it as the function's first parameter.</summary>
public readonly unsafe struct Caller
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
    public Instance Instance => _instance ?? throw new InvalidOperationException("The host function was not imported by an instance.");

    /// <summary>The instance's memory: the export <c>memory</c>, else its first.</summary>
    public Memory? Memory => throw new NotImplementedException();

    /// <summary>Cancelled when the guest is interrupted or over its time limit.</summary>
    public CancellationToken CancellationToken => Store.InterruptionToken;

    /// <summary>A view of guest memory, valid until the host function returns.</summary>
    /// <returns>False if it reaches beyond the memory, or there is none.</returns>
    public bool TryGetSpan(uint address, uint length, out Span<byte> span) => throw new NotImplementedException($"{address}{length}");
}
