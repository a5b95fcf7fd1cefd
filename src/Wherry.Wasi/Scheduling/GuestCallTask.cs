using System.Runtime.CompilerServices;
using Wherry.Execution.Suspension;
using Wherry.Wasi.Native;

namespace Wherry.Wasi.Scheduling;

/// <summary>A guest's call on the threads of a scheduler: it has one while it runs, and none while it waits.</summary>
internal sealed class GuestCallTask : IGuestWork
{
    private readonly GuestScheduler scheduler;
    private readonly Func<SuspendableCall> start;
    private readonly Action resume;
    private readonly TaskCompletionSource completion = new(TaskCreationOptions.RunContinuationsAsynchronously);
    private SuspendableCall? call;
    private long cpuNanoseconds;
    private long turns;
    private long turnStart;
    private int turnThread;

    private GuestCallTask(GuestScheduler scheduler, Func<SuspendableCall> start)
    {
        this.scheduler = scheduler;
        this.start = start;
        resume = Resume;
    }

    /// <summary>Ends when the call does, with what it threw.</summary>
    public Task Completion => completion.Task;

    /// <summary>What the function returned.</summary>
    public object?[] Results => call!.Results;

    /// <summary>The time of processors that it has taken.</summary>
    public TimeSpan CpuTime
    {
        get
        {
            long total = Volatile.Read(ref cpuNanoseconds);
            long start = Volatile.Read(ref turnStart);
            int thread = Volatile.Read(ref turnThread);

            // If the turn ends meanwhile, the thread may be another guest's: a moment later it is right again.
            return TimeSpan.FromTicks((total + (thread != 0 ? Math.Max(0, ProcessorTime.Of(thread) - start) : 0)) / 100);
        }
    }

    /// <summary>How often it has begun to run.</summary>
    public long TurnCount => Volatile.Read(ref turns);

    /// <summary>The system's number of the thread that it has; 0 if it has none.</summary>
    public int ThreadId => Volatile.Read(ref turnThread);

    /// <summary>Whether it waits without a thread.</summary>
    public bool IsWaiting { get; private set; }

    /// <param name="start">Makes the call, on a thread of the scheduler.</param>
    public static GuestCallTask Start(GuestScheduler scheduler, Func<SuspendableCall> start)
    {
        var task = new GuestCallTask(scheduler, start);
        scheduler.PostNext(task);
        return task;
    }

    void IGuestWork.Execute()
    {
        IsWaiting = false;
        _ = Interlocked.Increment(ref turns);
        long before = ProcessorTime.OfThisThread;
        Volatile.Write(ref turnStart, before);
        Volatile.Write(ref turnThread, GuestScheduler.ThreadId);
        Task? waitsFor = null;
        Exception? failure = null;
        try
        {
            call ??= start();
            waitsFor = call.Run() ? null : call.WaitsFor;
        }
#pragma warning disable CA1031 // Whatever it is, it belongs to the one who awaits the call.
        catch (Exception exception)
        {
            failure = exception;
        }
#pragma warning restore CA1031

        Volatile.Write(ref turnThread, 0);
        Volatile.Write(ref cpuNanoseconds, cpuNanoseconds + ProcessorTime.OfThisThread - before);
        if (failure is not null)
        {
            completion.SetException(failure);
        }
        else if (waitsFor is null)
        {
            completion.SetResult();
        }
        else
        {
            // Nothing of this object may be touched afterwards: it may be running already.
            IsWaiting = true;
            ConfiguredTaskAwaitable.ConfiguredTaskAwaiter awaiter = waitsFor.ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing).GetAwaiter();
            if (waitsFor.IsCompleted)
            {
                scheduler.Post(this);
            }
            else
            {
                awaiter.UnsafeOnCompleted(resume);
            }
        }
    }

    private void Resume()
    {
        if (scheduler.IsHere)
        {
            ((IGuestWork)this).Execute();
        }
        else
        {
            scheduler.Post(this);
        }
    }
}
