using System.Runtime.InteropServices;
using Wherry.Wasi.Native;
using Wherry.Wasi.Network.InProcess.Streams;

namespace Wherry.Wasi.Waiting;

/// <content>Waits for connections to other guests, which have no handle.</content>
internal sealed unsafe partial class Waiter
{
    /// <summary>Waits until an end of a stream is ready. <paramref name="events"/> are poll(2)'s; the result is what it is ready for, 0 if the time was over.</summary>
    public ValueTask<short> WaitAsync(StreamEnd end, short events, long timeoutNanoseconds, CancellationToken cancellationToken)
    {
        cancellationToken.ThrowIfCancellationRequested();
        return GuestWait is { } wait
            ? WaitWithoutThreadAsync(wait, end, events, timeoutNanoseconds, cancellationToken)
            : ValueTask.FromResult(Wait(end, events, timeoutNanoseconds, cancellationToken));
    }

    // As for a handle, with the waiter's own eventfd alone.
    private short Wait(StreamEnd end, short events, long timeout, CancellationToken cancellationToken)
    {
        var signal = new StreamSignal(this, end);
        turns.Leave();
        try
        {
            long start = Libc.MonotonicNanoseconds();
            PollDescriptor own = new() { Handle = signal.Handle, Events = Libc.POLLIN };

            // Disposing the registration waits for a callback in progress, so the eventfd outlives every write to it.
            using var registration = cancellationToken.UnsafeRegister(static state => Signal((int)state!), signal.Handle);
            while (true)
            {
                long remaining = timeout < 0 ? Forever : Math.Max(0, timeout - (Libc.MonotonicNanoseconds() - start));
                short happened = Look(end, events);
                if (happened != 0 || remaining == 0)
                {
                    return happened;
                }

                Timespec limit = new() { Seconds = remaining / 1_000_000_000, Nanoseconds = remaining % 1_000_000_000 };

                // Sound: one descriptor, a local.
                int ready = Libc.ppoll(&own, 1, remaining < 0 ? null : &limit, null);
                if (ready < 0 && Marshal.GetLastSystemError() is var error and not Libc.EINTR)
                {
                    throw new IOException($"poll of a descriptor failed with error {error}.");
                }

                if (ready > 0)
                {
                    signal.Clear();
                }

                cancellationToken.ThrowIfCancellationRequested();
            }
        }
        finally
        {
            turns.Resume();
            signal.Dispose();
        }
    }

    /// <summary>The flags of poll and epoll are the same numbers. As poll does, it tells of errors and hang-ups unasked.</summary>
    private static short Look(StreamEnd end, short events) => (short)(end.Events & ((ushort)events | Libc.POLLERR | Libc.POLLHUP));
}
