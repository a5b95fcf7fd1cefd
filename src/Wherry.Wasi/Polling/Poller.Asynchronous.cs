using Wherry.Wasi.Native;
using Wherry.Wasi.Scheduling;
using Wherry.Wasi.Waiting;

namespace Wherry.Wasi.Polling;

/// <content>Waits of guests that give their thread back meanwhile.</content>
internal sealed partial class Poller
{
    private ValueTask<int> WaitAsync(GuestCall call, uint eventCountAddress, GuestWait wait)
    {
        long timeout = NearestDeadline();
        Look(call.CancellationToken);
        if (eventCount > 0)
        {
            return Answer(call.Write(eventCountAddress, eventCount));
        }

        if (timeout == 0)
        {
            call.CancellationToken.ThrowIfCancellationRequested();
            if (set is SharedSocketSet shared)
            {
                ReportNoted(shared.Refresh());
            }

            if (eventCount == 0)
            {
                ReportClocks(0);
            }

            return Answer(call.Write(eventCountAddress, eventCount));
        }

        return WaitSlowlyAsync(call, eventCountAddress, wait, timeout);
    }

    private async ValueTask<int> WaitSlowlyAsync(GuestCall call, uint eventCountAddress, GuestWait wait, long timeout)
    {
        long start = Libc.MonotonicNanoseconds();
        using HandleWatch? watch = generics.Count > 0 ? WatchGenerics(wait) : null;
        while (true)
        {
            long remaining = timeout < 0 ? Waiter.Forever : Math.Max(0, timeout - (Libc.MonotonicNanoseconds() - start));
            if (remaining == 0)
            {
                ReportClocks(timeout);
                break;
            }

            await wait.WaitAsync(remaining, call.CancellationToken).ConfigureAwait(false);
            Look(call.CancellationToken);
            if (eventCount > 0)
            {
                break;
            }
        }

        return (int)call.Write(eventCountAddress, eventCount);
    }

    /// <summary>Reports what is ready.</summary>
    private void Look(CancellationToken cancellationToken)
    {
        if (set is not null)
        {
            ReportNoted(set.Wait(0, cancellationToken));
        }

        if (generics.Count > 0)
        {
            LookAtGenerics();
        }
    }

    private void LookAtGenerics()
    {
        for (int i = 0; i < generics.Count; i++)
        {
            OtherSystemCalls++;
            short happened = HandleWatch.Look(generics[i].Descriptor.HostHandle, generics[i].Events);
            if (happened != 0)
            {
                ReportGeneric(generics[i], happened);
            }
        }
    }

    private HandleWatch WatchGenerics(GuestWait wait)
    {
        var watch = new HandleWatch(wait);
        foreach (Generic generic in generics)
        {
            watch.Add(generic.Descriptor.HostHandle, generic.Events);
        }

        return watch;
    }
}
