namespace Wherry.Execution.Atomics;

/// <summary>
/// The threads that wait for an address of a shared memory (threads proposal, "wait and notify"). An address of the host identifies it: a shared memory
/// lies at one place for all that share it. Looking at the value and joining the queue happen under one lock, which notify takes too.
/// </summary>
internal static unsafe class WaitQueues
{
    private const int Woken = 0;
    private const int NotEqual = 1;
    private const int TimedOut = 2;

    private static readonly Lock Gate = new();
    private static readonly Dictionary<nint, LinkedList<Waiter>> Queues = [];

    /// <summary>Waits as long as the value is the expected one.</summary>
    /// <param name="timeout">Nanoseconds, or negative for no end.</param>
    /// <returns>0 if woken, 1 if the value differs, 2 if the time is up.</returns>
    public static int Wait32(byte* address, int expected, long timeout, CancellationToken interruption)
    {
        using var waiter = new Waiter();
        lock (Gate)
        {
            // Sound: compiled code has checked that all four bytes are the memory's, and memories never shrink or move.
            if (Volatile.Read(ref *(int*)address) != expected)
            {
                return NotEqual;
            }

            Join(address, waiter);
        }

        return Wait(address, waiter, timeout, interruption);
    }

    /// <inheritdoc cref="Wait32"/>
    public static int Wait64(byte* address, long expected, long timeout, CancellationToken interruption)
    {
        using var waiter = new Waiter();
        lock (Gate)
        {
            // Sound: compiled code has checked that all eight bytes are the memory's, and memories never shrink or move.
            if (Volatile.Read(ref *(long*)address) != expected)
            {
                return NotEqual;
            }

            Join(address, waiter);
        }

        return Wait(address, waiter, timeout, interruption);
    }

    /// <summary>Wakes threads in the order in which they came.</summary>
    /// <returns>How many.</returns>
    public static int Notify(byte* address, uint count)
    {
        lock (Gate)
        {
            if (!Queues.TryGetValue((nint)address, out LinkedList<Waiter>? queue))
            {
                return 0;
            }

            int woken = 0;
            while ((uint)woken < count && queue.First is { } first)
            {
                queue.RemoveFirst();
                first.Value.IsWoken = true;
                first.Value.Signal.Set();
                woken++;
            }

            if (queue.Count == 0)
            {
                _ = Queues.Remove((nint)address);
            }

            return woken;
        }
    }

    private static void Join(byte* address, Waiter waiter)
    {
        if (!Queues.TryGetValue((nint)address, out LinkedList<Waiter>? queue))
        {
            queue = [];
            Queues.Add((nint)address, queue);
        }

        _ = queue.AddLast(waiter);
    }

    private static int Wait(byte* address, Waiter waiter, long timeout, CancellationToken interruption)
    {
        try
        {
            // The clock of the host counts milliseconds, rounded up; beyond 24 days it waits in pieces.
            long milliseconds = timeout < 0 ? -1 : (timeout / 1_000_000) + (timeout % 1_000_000 > 0 ? 1 : 0);
            while (milliseconds != 0)
            {
                int piece = milliseconds < 0 ? -1 : (int)Math.Min(milliseconds, int.MaxValue);
                if (waiter.Signal.Wait(piece, interruption))
                {
                    break;
                }

                milliseconds -= piece;
            }
        }
        finally
        {
            Leave(address, waiter);
        }

        return waiter.IsWoken ? Woken : TimedOut;
    }

    private static void Leave(byte* address, Waiter waiter)
    {
        lock (Gate)
        {
            if (!waiter.IsWoken && Queues.TryGetValue((nint)address, out LinkedList<Waiter>? queue))
            {
                _ = queue.Remove(waiter);
                if (queue.Count == 0)
                {
                    _ = Queues.Remove((nint)address);
                }
            }
        }
    }

    private sealed class Waiter : IDisposable
    {
        public ManualResetEventSlim Signal { get; } = new(false, 0);

        /// <summary>Written and read under the lock, until the wait is over.</summary>
        public bool IsWoken { get; set; }

        public void Dispose() => Signal.Dispose();
    }
}
