namespace Wherry.Up;

/// <summary>
/// The threads of .NET's pool that are always needed, started beforehand. A thread has the priority of the one that starts it, and .NET has whoever needs one start it: a guest that has computed for long and was made to give way would
/// leave its priority to a thread that everybody uses.
/// </summary>
internal static class PoolThreads
{
    private static readonly TimeSpan Patience = TimeSpan.FromSeconds(5);

    /// <summary>Starts as many as there are processors, which are kept. To be called before anything uses the pool.</summary>
    public static void Keep()
    {
        int count = Environment.ProcessorCount;
        AppContext.SetData("System.Threading.ThreadPool.ThreadsToKeepAlive", count);
        var all = new CountdownEvent(count);
        for (int i = 0; i < count; i++)
        {
            // None is free for the next one before all are there.
            _ = ThreadPool.UnsafeQueueUserWorkItem(
                static all =>
                {
                    _ = all.Signal();
                    _ = all.Wait(Patience);
                },
                all,
                preferLocal: false);
        }

        _ = all.Wait(Patience);
    }
}
