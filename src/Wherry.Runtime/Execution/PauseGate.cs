namespace Wherry.Execution;

/// <summary>
/// Holds the guests of a store where they look whether something is wanted of them, and lets them go on as if nothing had happened. Nothing is unwound. What is in a host function meanwhile is held when it
/// returns.
/// </summary>
internal sealed class PauseGate(SampleRequest request)
{
    private readonly object gate = new();
    private bool isPaused;

    public bool IsPaused => Volatile.Read(ref isPaused);

    public void Pause()
    {
        lock (gate)
        {
            isPaused = true;
            Volatile.Write(ref request.IsWanted, 1);
        }
    }

    public void Resume()
    {
        lock (gate)
        {
            isPaused = false;
            Volatile.Write(ref request.IsWanted, 0);
            Monitor.PulseAll(gate);
        }
    }

    /// <summary>Those that are held look whether they were interrupted: then they go on to where that ends them.</summary>
    public void Wake()
    {
        lock (gate)
        {
            Monitor.PulseAll(gate);
        }
    }

    /// <summary>Called by the guest's thread.</summary>
    public void Hold(Store store)
    {
        lock (gate)
        {
            while (isPaused && !store.IsInterrupted)
            {
                _ = Monitor.Wait(gate);
            }
        }
    }
}
