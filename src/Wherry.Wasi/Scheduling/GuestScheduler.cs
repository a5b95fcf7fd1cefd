using Wherry.Execution.Suspension;
using Wherry.Wasi.Native;

namespace Wherry.Wasi.Scheduling;

/// <summary>
/// Threads that run any number of guests, each as long as it does not wait. Idle ones wait for the events of all guests' handles, and the one that gets an event runs the guest. There are as many as
/// processors; while all are busy for some milliseconds one more is started, so that guests which compute share the processors with the others as the system's scheduler sees fit, and
/// one that keeps its thread while it waits is replaced at once.
/// </summary>
/// <remarks>
/// What a guest wakes while it runs, another guest by a connection, waits in the queue until that one waits itself, as it often does at once: its thread then goes on with it, without a system call. In case that it does not, one of the idle threads
/// looks at the queue every now and then, as long as there was anything of the kind of late.
/// </remarks>
internal sealed partial class GuestScheduler : IDisposable
{
    /// <summary>As deep as the threads that Wherry makes for guests.</summary>
    private const int StackBytes = 4 << 20;

    private const long IdleNanoseconds = 10_000_000_000;
    private const int Tick = 5;

    /// <summary>How often an idle thread looks at the queue that is otherwise left to those that run guests.</summary>
    private const long LookNanoseconds = 100_000;

    /// <summary>How many looks there are after the last guest that was woken by another.</summary>
    private const int MostLooks = 10;

    /// <summary>How many waits of other guests a thread ends before its own guest waits on it.</summary>
    private const int MostEnded = 8;

    /// <summary>How many guests a thread takes from the queue before it looks at the events: guests that wake each other may never leave it empty.</summary>
    private const int MostTurns = 64;

    // A number is used again late, when no thread can still have an event of its last bearer in hand.
    private const int TargetsKeptFree = 65_536;

    private static readonly TimeSpan Quiet = TimeSpan.FromSeconds(1);

    private static readonly Lazy<GuestScheduler> SharedInstance = new(() => new GuestScheduler());

    private readonly Lock gate = new();
    private readonly EventSet events = new();
    private readonly DeadlineHeap deadlines = new();
    private readonly Queue<IGuestWork> queue = new();
    private readonly List<IEventTarget?> targets = [];
    private readonly List<Worker> all = [];
    private readonly Queue<int> freeTargets = new();
    private readonly AutoResetEvent activity = new(false);
    private readonly int minimum = Environment.ProcessorCount;
    private readonly int maximum;
    private int looksLeft;
    private int looks;
    private bool isLookedAfter;
    private bool hasNewDeadline;
    private int workers;
    private int idle;
    private int blocked;
    private long turns;
    private volatile bool watches;
    private volatile bool isDisposed;

    /// <param name="maximumThreads">How many threads may run guests that do not wait.</param>
    public GuestScheduler(int maximumThreads = 512)
    {
        maximum = Math.Max(minimum, maximumThreads);
        lock (gate)
        {
            while (workers < minimum && TryStart())
            {
            }
        }

        if (workers == 0)
        {
            throw new IOException("The system has no thread left to run guests on.");
        }

        new Thread(Watch, 256 << 10) { IsBackground = true, Name = "guest scheduler" }.Start();
    }

    /// <summary>One for the whole process.</summary>
    public static GuestScheduler Shared => SharedInstance.Value;

    /// <summary>
    /// Whether the system is told to run those guests later that compute for long. A thread has the priority of the one that starts it, one of the thread pool's too, where a host function needs one that is not there yet: so this is for
    /// a program that keeps its pool's threads.
    /// </summary>
    public static bool LowersLongTurns { get; set; }

    [ThreadStatic]
    private static int t_threadId;

    /// <summary>The system's number of the current thread.</summary>
    public static int ThreadId => t_threadId != 0 ? t_threadId : t_threadId = Libc.gettid();

    /// <summary>Whether this system has what it needs.</summary>
    public static bool IsSupported => OperatingSystem.IsLinux();

    /// <summary>How many threads it has at present.</summary>
    public int ThreadCount => Volatile.Read(ref workers);

    /// <summary>The thread pool has no say: this is a thread of a scheduler.</summary>
    public bool IsHere => GuestThread.Current is Worker worker && worker.Scheduler == this;

    /// <summary>Runs something on one of the threads.</summary>
    public void Post(IGuestWork work)
    {
        if (GuestThread.Current is not Worker worker || worker.Scheduler != this)
        {
            Enqueue(work);
        }
        else if (worker.Collected is { } collected)
        {
            // It is this thread that got the event: it goes on with it.
            collected.Add(work);
        }
        else
        {
            EnqueueForNext(work, worker.IsKept);
        }
    }

    /// <summary>The guest on the current thread begins to wait.</summary>
    public void Begin(GuestWait wait)
    {
        if (GuestThread.Current is Worker worker && worker.Scheduler == this)
        {
            worker.LastWait = wait;
        }
    }

    /// <summary>Runs something on one of the threads. Where the caller is one of them and about to end its own work, it goes on with this, and no other is woken.</summary>
    public void PostNext(IGuestWork work)
    {
        if (!IsHere)
        {
            Enqueue(work);
            return;
        }

        lock (gate)
        {
            queue.Enqueue(work);
        }
    }

    public int AddTarget(IEventTarget target)
    {
        lock (gate)
        {
            if (freeTargets.Count > TargetsKeptFree)
            {
                int free = freeTargets.Dequeue();
                targets[free] = target;
                return free;
            }

            targets.Add(target);
            return targets.Count - 1;
        }
    }

    public void RemoveTarget(int id)
    {
        lock (gate)
        {
            targets[id] = null;
            freeTargets.Enqueue(id);
        }
    }

    public EventSet Events => events;

    public void AddDeadline(GuestWait wait, long deadline)
    {
        bool isFirst;
        lock (gate)
        {
            isFirst = deadline < deadlines.Earliest;
            hasNewDeadline |= isFirst;
            deadlines.Add(wait, deadline);
        }

        if (isFirst && !IsHere)
        {
            // A thread of the scheduler looks at the times itself, before it waits. If it is busy for long, the watch sees to it.
            WakeIdle();
        }
    }

    public void RemoveDeadline(GuestWait wait)
    {
        if (wait.DeadlineIndex >= 0)
        {
            lock (gate)
            {
                deadlines.Remove(wait);
            }
        }
    }

    /// <summary>Called for each event.</summary>
    public void OnEvent(int target, ulong tag, uint happened)
    {
        IEventTarget? found;
        lock (gate)
        {
            found = target < targets.Count ? targets[target] : null;
        }

        found?.OnEvent(tag, happened);
    }

    /// <summary>Ends the threads, once they are idle. Guests that wait are never run again.</summary>
    public void Dispose()
    {
        isDisposed = true;
        activity.Set();
        int count = Volatile.Read(ref workers);
        for (int i = 0; i < count; i++)
        {
            events.Wake();
        }
    }

    private void Enqueue(IGuestWork work)
    {
        lock (gate)
        {
            queue.Enqueue(work);
        }

        WakeIdle();
    }

    // Where the thread that calls this is likely to take it next, no other is woken if one looks anyway.
    private void EnqueueForNext(IGuestWork work, bool isKept)
    {
        bool isLeft;
        lock (gate)
        {
            isLeft = isLookedAfter && queue.Count == 0 && (!isKept || work is GuestWait { KeepsThread: true });
            looksLeft = MostLooks;
            queue.Enqueue(work);
        }

        if (!isLeft)
        {
            WakeIdle();
        }
    }

    private void WakeIdle()
    {
        if (Volatile.Read(ref idle) > 0)
        {
            events.Wake();
        }
    }

    // Under the lock.
    private bool TryStart()
    {
        var worker = new Worker(this);
        try
        {
            new Thread(worker.Run, StackBytes) { IsBackground = true, Name = "guests" }.UnsafeStart();
        }
        catch (Exception exception) when (exception is OutOfMemoryException or ThreadStartException)
        {
            // The others go on; it is tried again while they are all busy.
            return false;
        }

        workers++;
        all.Add(worker);
        return true;
    }

    // Under the lock.
    private void Leave(Worker worker)
    {
        workers--;
        _ = all.Remove(worker);
    }

    private void StartIfAllBusy()
    {
        lock (gate)
        {
            if (idle == 0 && workers - blocked < maximum && !isDisposed)
            {
                _ = TryStart();
            }
        }
    }

    // Sees to it that a thread looks for events, however long guests run. While nothing happens it sleeps.
    private void Watch()
    {
        long last = -1;
        long lastChange = Environment.TickCount64;
        int busyTicks = 0;
        int lastLooks = 0;
        while (!isDisposed)
        {
            Thread.Sleep(Tick);
            int looksNow = Volatile.Read(ref looks);
            busyTicks = Volatile.Read(ref idle) == 0 && looksNow == lastLooks ? busyTicks + 1 : 0;
            lastLooks = looksNow;
            if (busyTicks > 1 || Volatile.Read(ref workers) < minimum)
            {
                StartIfAllBusy();
                busyTicks = 0;
            }

            if (IsAnythingDue())
            {
                WakeIdle();
            }

            if (LowersLongTurns)
            {
                LookAtTurns();
            }

            long now = Environment.TickCount64;
            long current = Volatile.Read(ref turns);
            if (current != last || idle == 0 || IsMoreAwaited())
            {
                last = current;
                lastChange = now;
            }
            else if (now - lastChange > Quiet.TotalMilliseconds)
            {
                watches = false;
                Interlocked.MemoryBarrier();
                if (Volatile.Read(ref turns) == last && Volatile.Read(ref idle) > 0)
                {
                    _ = activity.WaitOne();
                }

                watches = true;
                lastChange = Environment.TickCount64;
            }
        }
    }

    private void LookAtTurns()
    {
        lock (gate)
        {
            foreach (Worker worker in all)
            {
                worker.Priority.Look();
            }
        }
    }

    private bool IsAnythingDue()
    {
        lock (gate)
        {
            return queue.Count > 0 || (deadlines.Earliest < long.MaxValue && deadlines.Earliest <= Libc.MonotonicNanoseconds());
        }
    }

    // While a thread is busy, the time that it would have waited for is nobody's.
    private bool IsMoreAwaited()
    {
        lock (gate)
        {
            return queue.Count > 0 || (idle < workers && deadlines.Earliest < long.MaxValue);
        }
    }
}
