using System.Diagnostics;

namespace Wherry.Compose.Running.Processors;

/// <summary>One thread that keeps all guests of a project to their shares of the processors. It sleeps while there are none.</summary>
internal sealed class CpuLimiter : IDisposable
{
    private readonly object gate = new();
    private readonly List<CpuLimit> limits = [];
    private Thread? thread;
    private bool isClosed;

    private static TimeSpan Now => Stopwatch.GetElapsedTime(0);

    /// <summary>Begins to keep a guest to its share.</summary>
    /// <param name="cores">The share.</param>
    /// <param name="used">The processor time that it has used.</param>
    /// <param name="hold">Holds it. Must not wait.</param>
    /// <param name="release">Lets it go on. Must not wait.</param>
    /// <returns>Ends that when it is disposed. The guest is not held afterwards.</returns>
    public IDisposable Add(double cores, Func<TimeSpan> used, Action hold, Action release)
    {
        var limit = new CpuLimit(cores, used, hold, release, Now);
        lock (gate)
        {
            limits.Add(limit);
            if (thread is null)
            {
                thread = new Thread(Run, 256 * 1024) { IsBackground = true, Name = "processor limits", Priority = ThreadPriority.AboveNormal };
                thread.Start();
            }

            Monitor.Pulse(gate);
        }

        return new Registration(this, limit, release);
    }

    public void Dispose()
    {
        lock (gate)
        {
            isClosed = true;
            Monitor.Pulse(gate);
        }

        thread?.Join();
    }

    private void Run()
    {
        lock (gate)
        {
            while (!isClosed)
            {
                TimeSpan now = Now;
                TimeSpan next = TimeSpan.MaxValue;
                foreach (CpuLimit limit in limits)
                {
                    if (limit.Next <= now)
                    {
                        limit.Look(now);
                    }

                    next = limit.Next < next ? limit.Next : next;
                }

                _ = next == TimeSpan.MaxValue ? Monitor.Wait(gate) : Monitor.Wait(gate, (int)Math.Clamp(Math.Ceiling((next - now).TotalMilliseconds), 1, 1000));
            }
        }
    }

    private sealed class Registration(CpuLimiter limiter, CpuLimit limit, Action release) : IDisposable
    {
        public void Dispose()
        {
            lock (limiter.gate)
            {
                limiter.limits.Remove(limit);
                if (limit.IsHeld)
                {
                    release();
                }
            }
        }
    }
}
