using Wherry.Wasi.Native;
using Wherry.Wasi.Network.InProcess.Streams;
using Wherry.Wasi.Scheduling;

namespace Wherry.Wasi.Waiting;

/// <content>Waits of guests that give their thread back meanwhile.</content>
internal sealed partial class Waiter
{
    private static async ValueTask<short> WaitWithoutThreadAsync(GuestWait wait, int handle, short events, long timeout, CancellationToken cancellationToken)
    {
        short happened = HandleWatch.Look(handle, events);
        if (happened != 0 || timeout == 0)
        {
            cancellationToken.ThrowIfCancellationRequested();
            return happened;
        }

        long start = Libc.MonotonicNanoseconds();
        using var watch = new HandleWatch(wait);
        watch.Add(handle, events);
        while (true)
        {
            long remaining = timeout < 0 ? Forever : Math.Max(0, timeout - (Libc.MonotonicNanoseconds() - start));
            if (remaining != 0)
            {
                await wait.WaitAsync(remaining, cancellationToken).ConfigureAwait(false);
            }

            happened = HandleWatch.Look(handle, events);
            if (happened != 0 || remaining == 0)
            {
                return happened;
            }
        }
    }

    private static async ValueTask<int> WaitWithoutThreadAsync(GuestWait wait, Memory<PollDescriptor> descriptors, long timeout, CancellationToken cancellationToken)
    {
        int ready = Look(descriptors.Span);
        if (ready != 0 || timeout == 0)
        {
            cancellationToken.ThrowIfCancellationRequested();
            return ready;
        }

        long start = Libc.MonotonicNanoseconds();
        using var watch = new HandleWatch(wait);
        for (int i = 1; i < descriptors.Length; i++)
        {
            watch.Add(descriptors.Span[i].Handle, descriptors.Span[i].Events);
        }

        while (true)
        {
            long remaining = timeout < 0 ? Forever : Math.Max(0, timeout - (Libc.MonotonicNanoseconds() - start));
            if (remaining != 0)
            {
                await wait.WaitAsync(remaining, cancellationToken).ConfigureAwait(false);
            }

            ready = Look(descriptors.Span);
            if (ready != 0 || remaining == 0)
            {
                return ready;
            }
        }
    }

    private static async ValueTask<short> WaitWithoutThreadAsync(GuestWait wait, StreamEnd end, short events, long timeout, CancellationToken cancellationToken)
    {
        long start = timeout < 0 ? 0 : Libc.MonotonicNanoseconds();
        end.Watch(wait);
        try
        {
            while (true)
            {
                long remaining = timeout < 0 ? Forever : Math.Max(0, timeout - (Libc.MonotonicNanoseconds() - start));
                short happened = Look(end, events);
                if (happened != 0 || remaining == 0)
                {
                    return happened;
                }

                await wait.WaitAsync(remaining, cancellationToken).ConfigureAwait(false);
            }
        }
        finally
        {
            end.Unwatch(wait);
        }
    }

    private static async ValueTask SleepWithoutThreadAsync(GuestWait wait, long nanoseconds, CancellationToken cancellationToken)
    {
        long start = Libc.MonotonicNanoseconds();
        long remaining = nanoseconds;
        while (nanoseconds < 0 || remaining > 0)
        {
            await wait.WaitAsync(nanoseconds < 0 ? Forever : remaining, cancellationToken).ConfigureAwait(false);
            remaining = nanoseconds - (Libc.MonotonicNanoseconds() - start);
        }
    }

    private static async ValueTask WaitWithoutThreadAsync(Task task, CancellationToken cancellationToken) =>
        await Task.WhenAny(task).WaitAsync(cancellationToken).ConfigureAwait(false);

    private static int Look(Span<PollDescriptor> descriptors)
    {
        int ready = 0;
        for (int i = 1; i < descriptors.Length; i++)
        {
            descriptors[i].ReturnedEvents = HandleWatch.Look(descriptors[i].Handle, descriptors[i].Events);
            ready += descriptors[i].ReturnedEvents != 0 ? 1 : 0;
        }

        return ready;
    }
}
