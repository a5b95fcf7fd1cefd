using Wherry.Wasi.Native;
using Wherry.Wasi.Scheduling;

namespace Wherry.Compose.Running.Processors;

/// <summary>The processor time of a guest: of the threads that run it, and of those that have.</summary>
internal sealed class ThreadClocks
{
    private readonly Lock gate = new();
    private readonly Dictionary<int, long> running = [];
    private long ended;

    /// <summary>The thread that calls runs the guest from now on.</summary>
    public void Begin()
    {
        lock (gate)
        {
            running[GuestScheduler.ThreadId] = ProcessorTime.OfThisThread;
        }
    }

    /// <summary>The thread that calls no longer runs the guest.</summary>
    public void End()
    {
        lock (gate)
        {
            if (running.Remove(GuestScheduler.ThreadId, out long start))
            {
                ended += ProcessorTime.OfThisThread - start;
            }
        }
    }

    /// <summary>All that was used. A thread can't end while this is being asked: it says so first.</summary>
    public TimeSpan Used
    {
        get
        {
            lock (gate)
            {
                long sum = ended;
                foreach ((int thread, long start) in running)
                {
                    sum += Math.Max(0, ProcessorTime.Of(thread) - start);
                }

                return TimeSpan.FromTicks(sum / TimeSpan.NanosecondsPerTick);
            }
        }
    }
}
