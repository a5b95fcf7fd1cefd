using System.Runtime.InteropServices;
using Wherry.Wasi.Native;

namespace Wherry.Wasi.Scheduling;

/// <summary>
/// How a thread stands with the system's scheduler. While its guest has computed for long without waiting, the thread gives way to those that wake: they run at once, and not when its time is up (Linux asks from tick to tick, which are
/// 4 or 10 ms), and it gets about a hundredth of what each of them gets where all want more than there is. Afterwards the thread is as it was, or, where the system does not allow that, ends and leaves its place to a new one.
/// </summary>
internal sealed unsafe class TurnPriority
{
    /// <summary>As often must the thread be found in the same turn, until its processor time is looked at.</summary>
    private const int LooksUntilSuspect = 4;

    /// <summary>The processor time that it may have used from then on.</summary>
    private const long LongNanoseconds = 10_000_000;

    /// <summary>The least of the system's scale, from -20 to 19.</summary>
    private const int LeastNice = 19;

    /// <summary>For how long the thread runs when it does: whoever wants shorter ones goes first (Linux 6.12; others ignore it).</summary>
    private const ulong LongSlice = 20_000_000;

    private readonly Lock gate = new();
    private SchedulingAttributes own;
    private int thread;
    private int turn;
    private int seenTurn;
    private int looks;
    private long start;
    private volatile bool isRunning;
    private volatile bool isSuspect;
    private volatile bool isLow;

    /// <summary>Whether the system did not let the thread have its own priority again.</summary>
    public bool IsLow => isLow;

    /// <summary>The thread begins to run a guest. Called by the thread, as is <see cref="End"/>.</summary>
    public void Begin()
    {
        if (thread == 0)
        {
            thread = GuestScheduler.ThreadId;
            own = Read();
        }

        isRunning = true;
    }

    /// <summary>The guest waits, or has ended.</summary>
    public void End()
    {
        isRunning = false;
        turn++;

        // Either the other thread sees that this turn is over, or this one that it was suspected.
        Interlocked.MemoryBarrier();
        if (isSuspect)
        {
            lock (gate)
            {
                isSuspect = false;
                if (isLow && TrySet(own.Nice, 0))
                {
                    isLow = false;
                }
            }
        }
    }

    /// <summary>Looks at what the thread does. Called by one other thread every few milliseconds.</summary>
    public void Look()
    {
        int current = Volatile.Read(ref turn);
        if (!isRunning || current != seenTurn)
        {
            seenTurn = current;
            looks = 0;
        }
        else if (++looks == LooksUntilSuspect)
        {
            isSuspect = true;
            start = ProcessorTime.Of(thread);
        }
        else if (looks > LooksUntilSuspect && !isLow && own.IsOrdinary && ProcessorTime.Of(thread) - start > LongNanoseconds)
        {
            lock (gate)
            {
                isLow = isRunning && Volatile.Read(ref turn) == current && TrySet(LeastNice, LongSlice);
            }
        }
    }

    private SchedulingAttributes Read()
    {
        SchedulingAttributes attributes = default;

        // Sound: the system fills in at most as much as the local's size, which it is told.
        return Libc.syscall(Libc.SYS_sched_getattr, thread, (nint)(&attributes), sizeof(SchedulingAttributes), 0, 0, 0) == 0 ? attributes : new() { Policy = uint.MaxValue };
    }

    private bool TrySet(int nice, ulong slice)
    {
        SchedulingAttributes attributes = own;
        attributes.Size = (uint)sizeof(SchedulingAttributes);
        attributes.Nice = nice;
        attributes.Runtime = slice;

        // Sound: the system reads a local of the size that it says itself.
        return Libc.syscall(Libc.SYS_sched_setattr, thread, (nint)(&attributes), 0, 0, 0, 0) == 0;
    }

    /// <summary>The system's struct sched_attr, as far as the first version goes.</summary>
    [StructLayout(LayoutKind.Sequential)]
    private struct SchedulingAttributes
    {
        public uint Size;
        public uint Policy;
        public ulong Flags;
        public int Nice;
        public uint Priority;
        public ulong Runtime;
        public ulong Deadline;
        public ulong Period;

        /// <summary>Whether the thread takes its turns as most do (SCHED_OTHER, SCHED_BATCH), and not by rules that somebody has set for it.</summary>
        public readonly bool IsOrdinary => Policy is 0 or 3;
    }
}
