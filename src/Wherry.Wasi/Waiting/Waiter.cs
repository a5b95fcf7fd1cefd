using System.Runtime.InteropServices;
using Wherry.Wasi.Native;
using Wherry.Wasi.Scheduling;

namespace Wherry.Wasi.Waiting;

/// <summary>
/// The one seam through which every blocking wait of a guest goes. A wait ends when a host descriptor is ready, when its time is over, or with
/// <see cref="OperationCanceledException"/> when the guest is interrupted. It returns a ValueTask: of a guest that has a thread of its own, the wait blocks that in poll(2) and
/// is complete when it returns; one that runs on a <see cref="GuestScheduler"/> gives its thread back meanwhile.
/// </summary>
/// <remarks>
/// Cancellation writes to an eventfd that is in every poll, so no wait uses a timer to look for it. Where threads share the context, the waiting one gives
/// its turn away meanwhile, and each wait has an eventfd of its own.
/// </remarks>
internal sealed unsafe partial class Waiter(Turns turns, GuestWait? guestWait = null) : IDisposable
{
    /// <summary>No limit.</summary>
    public const long Forever = -1;

    /// <summary>What a guest waits with that has no thread of its own; null for others.</summary>
    public GuestWait? GuestWait { get; } = guestWait;

    // Eventfds that no wait uses at present: one, unless threads waited at once.
    private readonly Stack<int> idleHandles = new();

    /// <summary>Waits for one descriptor. <paramref name="events"/> are poll(2)'s; the result is what it reported, 0 if the time was over.</summary>
    public ValueTask<short> WaitAsync(int handle, short events, long timeoutNanoseconds, CancellationToken cancellationToken)
    {
        if (GuestWait is { } wait)
        {
            return WaitWithoutThreadAsync(wait, handle, events, timeoutNanoseconds, cancellationToken);
        }

        var descriptors = stackalloc PollDescriptor[2];
        descriptors[1] = new PollDescriptor { Handle = handle, Events = events };
        Poll(descriptors, 2, timeoutNanoseconds, cancellationToken);
        return ValueTask.FromResult(descriptors[1].ReturnedEvents);
    }

    /// <summary>
    /// Waits for any of the descriptors. Element 0 is the waiter's own and is filled in here; the caller's start at 1. The result is how many of
    /// the caller's are ready, 0 if the time was over.
    /// </summary>
    public ValueTask<int> WaitAsync(Memory<PollDescriptor> descriptors, long timeoutNanoseconds, CancellationToken cancellationToken)
    {
        if (GuestWait is { } wait)
        {
            return WaitWithoutThreadAsync(wait, descriptors, timeoutNanoseconds, cancellationToken);
        }

        using var pin = descriptors.Pin();
        return ValueTask.FromResult(Poll((PollDescriptor*)pin.Pointer, descriptors.Length, timeoutNanoseconds, cancellationToken));
    }

    /// <summary>Waits for nothing but time.</summary>
    public ValueTask SleepAsync(long nanoseconds, CancellationToken cancellationToken)
    {
        if (GuestWait is { } wait)
        {
            return SleepWithoutThreadAsync(wait, nanoseconds, cancellationToken);
        }

        if (!OperatingSystem.IsLinux())
        {
            turns.Leave();
            cancellationToken.WaitHandle.WaitOne(nanoseconds < 0 ? Timeout.InfiniteTimeSpan : TimeSpan.FromMilliseconds(Math.Min(nanoseconds / 1_000_000, int.MaxValue)));
            turns.Resume();
            cancellationToken.ThrowIfCancellationRequested();
            return ValueTask.CompletedTask;
        }

        PollDescriptor own;
        Poll(&own, 1, nanoseconds, cancellationToken);
        return ValueTask.CompletedTask;
    }

    /// <summary>Waits for a task, whatever its outcome.</summary>
    public ValueTask WaitAsync(Task task, CancellationToken cancellationToken)
    {
        if (GuestWait is not null && !task.IsCompleted)
        {
            return WaitWithoutThreadAsync(task, cancellationToken);
        }

        // An event of the task's own, since waiting on it directly would throw what it failed with.
        if (!task.IsCompleted)
        {
            turns.Leave();
            try
            {
                Task.WhenAny(task).Wait(cancellationToken);
            }
            finally
            {
                turns.Resume();
            }
        }

        cancellationToken.ThrowIfCancellationRequested();
        return ValueTask.CompletedTask;
    }

    /// <inheritdoc/>
    public void Dispose()
    {
        while (idleHandles.TryPop(out var handle))
        {
            _ = Libc.close(handle);
        }

        GuestWait?.Dispose();
    }

    // Sound: descriptors points at count elements that the callers own or have pinned.
    private int Poll(PollDescriptor* descriptors, int count, long timeoutNanoseconds, CancellationToken cancellationToken)
    {
        cancellationToken.ThrowIfCancellationRequested();
        var wake = TakeHandle();
        turns.Leave();
        try
        {
            return Poll(descriptors, count, timeoutNanoseconds, wake, cancellationToken);
        }
        finally
        {
            turns.Resume();
            idleHandles.Push(wake);
        }
    }

    private static int Poll(PollDescriptor* descriptors, int count, long timeoutNanoseconds, int wake, CancellationToken cancellationToken)
    {
        descriptors[0] = new PollDescriptor { Handle = wake, Events = Libc.POLLIN };
        var deadline = timeoutNanoseconds < 0 ? 0 : SaturatingAdd(Libc.MonotonicNanoseconds(), timeoutNanoseconds);

        // Disposing the registration waits for a callback in progress, so the eventfd outlives every write to it.
        using var registration = cancellationToken.UnsafeRegister(static state => Signal((int)state!), wake);
        while (true)
        {
            Timespec remaining = default;
            if (timeoutNanoseconds >= 0)
            {
                var nanoseconds = Math.Max(0, deadline - Libc.MonotonicNanoseconds());
                remaining = new Timespec { Seconds = nanoseconds / 1_000_000_000, Nanoseconds = nanoseconds % 1_000_000_000 };
            }

            var ready = Libc.ppoll(descriptors, (nuint)count, timeoutNanoseconds < 0 ? null : &remaining, null);
            if (ready < 0)
            {
                var error = Marshal.GetLastSystemError();
                if (error == Libc.EINTR)
                {
                    cancellationToken.ThrowIfCancellationRequested();
                    continue;
                }

                throw new IOException($"poll of {count} descriptors failed with error {error}.");
            }

            if (descriptors[0].ReturnedEvents != 0)
            {
                Drain(wake);
                cancellationToken.ThrowIfCancellationRequested();
                ready--;
                if (ready == 0)
                {
                    // A signal left over from a wait that ended while it was being cancelled.
                    continue;
                }
            }

            return ready;
        }
    }

    private static long SaturatingAdd(long a, long b) => a > long.MaxValue - b ? long.MaxValue : a + b;

    /// <summary>Makes an eventfd readable.</summary>
    internal static void Signal(int handle)
    {
        ulong one = 1;

        // Sound: eight bytes of a local, as an eventfd wants them.
        _ = Libc.write(handle, (byte*)&one, 8);
    }

    /// <summary>Makes an eventfd not readable.</summary>
    internal static void Drain(int handle)
    {
        ulong value;

        // Sound: eight bytes of a local; the handle doesn't block.
        _ = Libc.read(handle, (byte*)&value, 8);
    }

    /// <summary>An eventfd that nothing else waits for. One may be readable already, from a wait that has ended.</summary>
    internal int TakeHandle()
    {
        if (idleHandles.TryPop(out var handle))
        {
            return handle;
        }

        handle = Libc.eventfd(0, Libc.EFD_CLOEXEC | Libc.EFD_NONBLOCK);
        return handle >= 0 ? handle : throw new IOException($"No eventfd for waiting: error {Marshal.GetLastSystemError()}.");
    }

    /// <summary>It is not used any more.</summary>
    internal void GiveBack(int handle) => idleHandles.Push(handle);
}
