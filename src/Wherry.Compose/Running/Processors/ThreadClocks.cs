using System.Runtime.InteropServices;

namespace Wherry.Compose.Running.Processors;

/// <summary>The processor time of a guest: of the threads that run it, and of those that have.</summary>
internal sealed unsafe partial class ThreadClocks
{
    /// <summary>The clock of a thread's processor time, of the thread that asks (CLOCK_THREAD_CPUTIME_ID).</summary>
    private const int OwnClock = 3;

    /// <summary>Of the clock of another thread of this process: its number is the thread's, inverted, above these bits (CPUCLOCK_SCHED for one thread).</summary>
    private const int ThreadClock = 6;

    private readonly Lock gate = new();
    private readonly Dictionary<int, TimeSpan> running = [];
    private TimeSpan ended;

    /// <summary>The thread that calls runs the guest from now on.</summary>
    public void Begin()
    {
        lock (gate)
        {
            running[gettid()] = Read(OwnClock);
        }
    }

    /// <summary>The thread that calls no longer runs the guest.</summary>
    public void End()
    {
        lock (gate)
        {
            if (running.Remove(gettid(), out TimeSpan start))
            {
                ended += Read(OwnClock) - start;
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
                TimeSpan sum = ended;
                foreach ((int thread, TimeSpan start) in running)
                {
                    TimeSpan used = Read((~thread << 3) | ThreadClock) - start;
                    sum += used > TimeSpan.Zero ? used : TimeSpan.Zero;
                }

                return sum;
            }
        }
    }

    private static TimeSpan Read(int clock)
    {
        Timespec time;

        // Sound: the system fills in the sixteen bytes of a local.
        return clock_gettime(clock, &time) == 0 ? TimeSpan.FromSeconds(time.Seconds) + TimeSpan.FromTicks(time.Nanoseconds / 100) : TimeSpan.Zero;
    }

    [StructLayout(LayoutKind.Sequential)]
    private struct Timespec
    {
        public long Seconds;
        public long Nanoseconds;
    }

    [LibraryImport("libc")]
    [DefaultDllImportSearchPaths(DllImportSearchPath.SafeDirectories)]
    private static partial int clock_gettime(int clock, Timespec* time);

    [LibraryImport("libc")]
    [DefaultDllImportSearchPaths(DllImportSearchPath.SafeDirectories)]
    private static partial int gettid();
}
