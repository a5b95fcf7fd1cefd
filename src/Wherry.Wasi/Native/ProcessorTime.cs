namespace Wherry.Wasi.Native;

/// <summary>The processor time of threads of this process.</summary>
internal static unsafe class ProcessorTime
{
    /// <summary>What the calling thread has used, in nanoseconds.</summary>
    public static long OfThisThread => Read(Libc.CLOCK_THREAD_CPUTIME_ID);

    /// <summary>What a thread has used, in nanoseconds; 0 if it is gone.</summary>
    /// <param name="thread">The system's number of it.</param>
    public static long Of(int thread)
    {
        // A thread's clock is its number, inverted, above three bits: what the system's scheduler counts (CPUCLOCK_SCHED), of one thread.
        return Read((~thread << 3) | 6);
    }

    private static long Read(int clock)
    {
        Timespec time;

        // Sound: the system fills in a local.
        return Libc.clock_gettime(clock, &time) == 0 ? (time.Seconds * 1_000_000_000) + time.Nanoseconds : 0;
    }
}
