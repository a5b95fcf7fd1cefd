namespace Wherry.Execution;

/// <summary>
/// One thread for the time limits of all stores. A thread of its own, since the thread pool's timers are late when guests keep the pool busy. It
/// sleeps while no call with a limit is running, and holds stores weakly.
/// </summary>
internal static class Watchdog
{
    private static readonly object s_lock = new();
    private static readonly PriorityQueue<(WeakReference<Store> Store, EntryBias? Bias), long> s_stores = new();
    private static Thread? s_thread;
    private static int s_biasCount;

    // Biases are looked at again and again; deadlines once.
    private const int MaximumBiases = 256;

    /// <summary>Whether no more biases should be watched.</summary>
    public static bool IsBusy => Volatile.Read(ref s_biasCount) >= MaximumBiases;

    /// <summary>Asks the store at the deadline (and at those that it names then) whether its call must end.</summary>
    /// <param name="store">The store.</param>
    /// <param name="deadline">When, as <see cref="Environment.TickCount64"/> counts.</param>
    /// <param name="bias">If it is about calls that enter by a bias, which have no deadline of their own.</param>
    public static void Watch(Store store, long deadline, EntryBias? bias = null)
    {
        lock (s_lock)
        {
            s_stores.Enqueue((new WeakReference<Store>(store), bias), deadline);
            s_biasCount += bias is null ? 0 : 1;
            if (s_thread is null)
            {
                s_thread = new Thread(Run) { IsBackground = true, Name = "Wherry time limits" };
                s_thread.UnsafeStart();
            }

            Monitor.Pulse(s_lock);
        }
    }

    private static void Run()
    {
        while (true)
        {
            CheckNext();
        }
    }

    private static void CheckNext()
    {
        (WeakReference<Store> Store, EntryBias? Bias) next;
        lock (s_lock)
        {
            while (true)
            {
                if (!s_stores.TryPeek(out _, out long deadline))
                {
                    _ = Monitor.Wait(s_lock);
                    continue;
                }

                long wait = deadline - Environment.TickCount64;
                if (wait <= 0)
                {
                    break;
                }

                _ = Monitor.Wait(s_lock, (int)Math.Min(wait, int.MaxValue));
            }

            next = s_stores.Dequeue();
        }

        long now = Environment.TickCount64;
        if (next.Store.TryGetTarget(out Store? store) && (next.Bias is { } bias ? store.CheckBias(bias, now) : store.CheckDeadline(now)) is long again)
        {
            lock (s_lock)
            {
                s_stores.Enqueue(next, again);
            }
        }
        else if (next.Bias is not null)
        {
            lock (s_lock)
            {
                s_biasCount--;
            }
        }
    }
}
