namespace Wherry.Execution;

/// <summary>What the host has for one store, by what it was made from. Disposed with the store, or when nothing references the store any more. Any thread may use it.</summary>
internal sealed class HostObjects : IDisposable
{
    private readonly Lock _lock = new();
    private readonly Dictionary<object, object> _objects = [];
    private bool _isDisposed;

    ~HostObjects()
    {
        try
        {
            Dispose();
        }
#pragma warning disable CA1031 // There is nobody to tell, and the other finalizers must run.
        catch (Exception)
        {
        }
#pragma warning restore CA1031
    }

    public object Get(object key, Func<Store, object> create, Store store)
    {
        lock (_lock)
        {
            ObjectDisposedException.ThrowIf(_isDisposed, store);
            if (!_objects.TryGetValue(key, out object? value))
            {
                value = create(store) ?? throw new InvalidOperationException("The function that makes a store's object returned null.");
                _objects.Add(key, value);
            }

            return value;
        }
    }

    public void Dispose()
    {
        GC.SuppressFinalize(this);
        object[] values;
        lock (_lock)
        {
            if (_isDisposed)
            {
                return;
            }

            _isDisposed = true;
            values = [.. _objects.Values];
        }

        foreach (object value in values)
        {
            (value as IDisposable)?.Dispose();
        }
    }
}
