namespace Wherry;

/// <summary>
/// An instance of an <see cref="InstancePool"/>, with a store of its own. Dispose it when done: its memory then goes back to the pool, with nothing left of what was in it. One that is not
/// disposed goes back when nothing references the instance, its exports or its store any more.
/// </summary>
public sealed class PooledInstance : IDisposable
{
    internal PooledInstance(Instance instance) => Instance = instance;

    /// <summary>The instance.</summary>
    public Instance Instance { get; }

    /// <summary>Its store, in which it is alone.</summary>
    public Store Store => Instance.Store;

    /// <summary>An exported function as a delegate, or null if there is no such function.</summary>
    /// <exception cref="ArgumentException">The function has another signature.</exception>
    public T? GetFunction<T>(string name)
        where T : Delegate => Instance.GetFunction<T>(name);

    /// <summary>
    /// Gives its memory back to the pool, and refuses later calls: it disposes the store. If the guest is running, it is interrupted, and the memory is given back when it has ended; if there is a
    /// <see cref="MemoryLease"/>, when that ends.
    /// </summary>
    public void Dispose() => Store.Dispose();
}
