namespace Wherry;

/// <summary>
/// What instances live in: those of one store may share functions, memories, tables and globals, and together keep its limits. A store's guests
/// run on one thread at a time; which one may change between calls. A second thread that enters meanwhile gets an <see cref="InvalidOperationException"/>.
/// </summary>
public sealed partial class Store : IDisposable
{
    /// <summary>A store.</summary>
    public Store(Engine engine, StoreOptions? options = null)
    {
        ArgumentNullException.ThrowIfNull(engine);
        Engine = engine;
        Options = options ?? StoreOptions.Default;
    }

    /// <summary>The engine of its modules.</summary>
    public Engine Engine { get; }

    /// <summary>What bounds its guests.</summary>
    public StoreOptions Options { get; }

    /// <summary>For the embedder: whatever its host functions need to find.</summary>
    public object? UserState { get; set; }

    /// <summary>
    /// Cancelled when the guest that runs now is interrupted or over its time limit: host functions that wait should wait with it.
    /// </summary>
    public CancellationToken InterruptionToken => throw new NotImplementedException();

    /// <summary>
    /// Ends the guest that runs now, within 50 ms, with a <see cref="TrapException"/> of kind <see cref="TrapKind.Interrupted"/>, and refuses later
    /// calls in the same way until <see cref="ClearInterruption"/>. May be called from any thread.
    /// </summary>
    public void Interrupt() => throw new NotImplementedException();

    /// <summary>Allows calls again after <see cref="Interrupt"/>. The guest was stopped anywhere: whether it is still sound only the embedder can know.</summary>
    public void ClearInterruption() => throw new NotImplementedException();

    /// <summary>Gives back the memories of all instances at once, rather than when nothing references them any more.</summary>
    public void Dispose()
    {
    }
}
