using Wherry.Wasi.Abi;
using Wherry.Wasi.Descriptors;
using Wherry.Wasi.Polling;

namespace Wherry.Wasi.Determinism;

/// <summary>
/// poll_oneoff for a deterministic guest. Descriptors are always ready: a read waits where it must. If nothing but clocks is asked for, the time until the first of them passes at once.
/// </summary>
internal static class VirtualPoll
{
    // A guest can't make the host take much for one call.
    private const uint MaximumSubscriptions = 1 << 16;

    public static Errno Poll(WasiContext context, VirtualClock clock, GuestCall call, uint subscriptions, uint events, uint count, uint eventCountAddress)
    {
        if (count is 0 or > MaximumSubscriptions)
        {
            return Errno.Inval;
        }

        if (!call.Contains(subscriptions, (ulong)count * Subscription.Size) || !call.Contains(events, (ulong)count * Event.Size) || !call.Contains(eventCountAddress, sizeof(uint)))
        {
            return Errno.Fault;
        }

        var told = new List<Event>();
        var clocks = new List<(Subscription Subscription, long Remaining)>();
        for (uint i = 0; i < count; i++)
        {
            _ = call.TryRead(subscriptions + (i * Subscription.Size), out Subscription subscription);
            switch (subscription.Type)
            {
                case EventType.Clock:
                    Errno errno = context.GetRemaining(subscription, out long remaining);
                    if (errno == Errno.Success)
                    {
                        clocks.Add((subscription, remaining));
                    }
                    else
                    {
                        told.Add(Tell(subscription, errno));
                    }

                    break;
                case EventType.FdRead or EventType.FdWrite:
                    told.Add(Tell(subscription, context.Descriptors.Get(subscription.Descriptor, Rights.PollFdReadwrite, out Descriptor _)));
                    break;
                default:
                    return Errno.Inval;
            }
        }

        if (told.Count == 0)
        {
            long first = clocks.Min(waiting => waiting.Remaining);
            clock.Wait((ulong)first);
            told.AddRange(clocks.Where(waiting => waiting.Remaining <= first).Select(waiting => Tell(waiting.Subscription, Errno.Success)));
        }

        for (int i = 0; i < told.Count; i++)
        {
            _ = call.Write(events + ((uint)i * Event.Size), told[i]);
        }

        return call.Write(eventCountAddress, (uint)told.Count);
    }

    private static Event Tell(in Subscription subscription, Errno errno) => new() { UserData = subscription.UserData, Error = (ushort)errno, Type = subscription.Type };
}
