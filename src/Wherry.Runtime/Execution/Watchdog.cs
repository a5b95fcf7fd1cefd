namespace Wherry.Execution;

/// <summary>
/// One thread for the time limits of all stores. A thread of its own, since the thread pool's timers are late when guests keep the pool busy. It
/// sleeps while no call with a limit is running, and holds stores weakly.
/// </summary>
internal static class Watchdog
{
    private static readonly object s_lock = new();
    private static readonly PriorityQueue<WeakReference<Store>, long> s_stores = new();
    private static Thread? s_thread;

    /// <summary>Asks the store at the deadline (and at those that it names then) whether its call must end.</summary>
    public static void Watch(Store store, long deadline)
    {
        lock (s_lock)
        {
            s_stores.Enqueue(new WeakReference<Store>(store), deadline);
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
        WeakReference<Store> next;
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

        if (next.TryGetTarget(out Store? store) && store.CheckDeadline(Environment.TickCount64) is long again)
        {
            lock (s_lock)
            {
                s_stores.Enqueue(next, again);
            }
        }
    }
}
