using System.Threading.Tasks.Sources;
using Wherry.Wasi.Native;
using Wherry.Wasi.Network.InProcess.Streams;

namespace Wherry.Wasi.Scheduling;

/// <summary>
/// What a guest waits with: it ends when something is signalled, when a time is over, or when the guest is interrupted. A guest waits for one thing at a time, so that it has one of these, used again and
/// again. A wait may end for no reason: whoever waits looks again. What is signalled while nothing waits ends the next wait at once. What comes after a wait runs on a thread of the scheduler.
/// </summary>
internal sealed class GuestWait(GuestScheduler scheduler) : IValueTaskSource, IGuestWork, IEventTarget, IStreamWatcher, IDisposable
{
    private readonly Lock gate = new();
    private ManualResetValueTaskSourceCore<bool> core;
    private bool isArmed;
    private bool isSignalled;
    private volatile bool keepsThread;
    private int id = -1;
    private CancellationToken watchedToken;
    private CancellationTokenRegistration registration;

    public GuestScheduler Scheduler { get; } = scheduler;

    /// <summary>When it ends by itself. The heap's.</summary>
    public long Deadline { get; set; }

    /// <summary>Where it is in the heap; -1 if it is not.</summary>
    public int DeadlineIndex { get; set; } = -1;

    /// <summary>Whether a thread is kept while it waits: what comes after the wait lets that go on, and no guest runs in it. The thread's.</summary>
    public bool KeepsThread
    {
        get => keepsThread;
        set => keepsThread = value;
    }

    /// <summary>Its number as a target of events.</summary>
    public int Id => id >= 0 ? id : id = Scheduler.AddTarget(this);

    /// <summary>Waits.</summary>
    /// <param name="nanoseconds">For how long; negative for ever.</param>
    /// <param name="cancellationToken">The guest's interruption.</param>
    /// <exception cref="OperationCanceledException">The guest was interrupted.</exception>
    public ValueTask WaitAsync(long nanoseconds, CancellationToken cancellationToken)
    {
        Watch(cancellationToken);
        cancellationToken.ThrowIfCancellationRequested();
        short version;
        lock (gate)
        {
            if (isSignalled)
            {
                isSignalled = false;
                return ValueTask.CompletedTask;
            }

            core.Reset();
            version = core.Version;
            isArmed = true;
        }

        Scheduler.Begin(this);
        if (nanoseconds >= 0)
        {
            long now = Libc.MonotonicNanoseconds();
            Scheduler.AddDeadline(this, nanoseconds > long.MaxValue - now ? long.MaxValue - 1 : now + nanoseconds);
        }

        return new ValueTask(this, version);
    }

    /// <summary>Ends the wait, or the next one. Any thread may.</summary>
    public void Signal()
    {
        lock (gate)
        {
            if (!isArmed)
            {
                isSignalled = true;
                return;
            }

            isArmed = false;
        }

        Scheduler.Post(this);
    }

    void IEventTarget.OnEvent(ulong tag, uint events) => Signal();

    void IStreamWatcher.OnStreamChanged() => Signal();

    void IGuestWork.Execute()
    {
        Scheduler.RemoveDeadline(this);
        core.SetResult(true);
    }

    void IValueTaskSource.GetResult(short token)
    {
        _ = core.GetResult(token);
        watchedToken.ThrowIfCancellationRequested();
    }

    ValueTaskSourceStatus IValueTaskSource.GetStatus(short token) => core.GetStatus(token);

    // Without the caller's context: what follows runs where the result is set.
    void IValueTaskSource.OnCompleted(Action<object?> continuation, object? state, short token, ValueTaskSourceOnCompletedFlags flags) =>
        core.OnCompleted(continuation, state, token, ValueTaskSourceOnCompletedFlags.None);

    public void Dispose()
    {
        registration.Dispose();
        Scheduler.RemoveDeadline(this);
        if (id >= 0)
        {
            Scheduler.RemoveTarget(id);
        }
    }

    // The registration is kept while the token stays the same, which it does as long as the same store calls.
    private void Watch(CancellationToken cancellationToken)
    {
        if (watchedToken != cancellationToken)
        {
            registration.Dispose();
            watchedToken = cancellationToken;
            registration = cancellationToken.UnsafeRegister(static state => ((GuestWait)state!).Signal(), this);
        }
    }
}
