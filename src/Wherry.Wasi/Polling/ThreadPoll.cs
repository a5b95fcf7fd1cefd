using Wherry.Wasi.Abi;
using Wherry.Wasi.Descriptors;
using Wherry.Wasi.Native;
using Wherry.Wasi.Network.InProcess.Streams;
using Wherry.Wasi.Sockets;
using Wherry.Wasi.Waiting;

namespace Wherry.Wasi.Polling;

/// <summary>
/// poll_oneoff for a guest with threads. Each call asks the system about all of its descriptors by poll(2) and keeps nothing: what <see cref="Poller"/> notes
/// on the sockets is one thread's, and its events would reach one of several that wait.
/// </summary>
internal static class ThreadPoll
{
    // A guest can't make the host take much for one call.
    private const uint MaximumSubscriptions = 1 << 16;

    public static async ValueTask<int> PollAsync(WasiContext context, GuestCall call, uint subscriptionsAddress, uint eventsAddress, uint count, uint eventCountAddress)
    {
        if (count is 0 or > MaximumSubscriptions)
        {
            return (int)Errno.Inval;
        }

        if (!call.Contains(subscriptionsAddress, (ulong)count * Subscription.Size) || !call.Contains(eventsAddress, (ulong)count * Event.Size)
            || !call.Contains(eventCountAddress, sizeof(uint)))
        {
            return (int)Errno.Fault;
        }

        var subscriptions = new Subscription[count];
        for (uint i = 0; i < count; i++)
        {
            // Copied once: another thread may change them meanwhile.
            _ = call.TryRead(subscriptionsAddress + (i * Subscription.Size), out subscriptions[i]);
            if (subscriptions[i].Type is not (EventType.Clock or EventType.FdRead or EventType.FdWrite))
            {
                return (int)Errno.Inval;
            }
        }

        context.PushHeldBack();
        var poll = new Call(context, subscriptions);
        List<Event> events = await poll.WaitAsync(call.CancellationToken).ConfigureAwait(false);
        for (int i = 0; i < events.Count; i++)
        {
            _ = call.Write(eventsAddress + ((uint)i * Event.Size), events[i]);
        }

        return (int)call.Write(eventCountAddress, (uint)events.Count);
    }

    private sealed class Call(WasiContext context, Subscription[] subscriptions)
    {
        private readonly List<Event> events = [];
        private readonly List<(Subscription Subscription, Descriptor Descriptor, int Place)> waiting = [];
        private readonly List<(Subscription Subscription, long Remaining)> clocks = [];

        private readonly List<(Subscription Subscription, SocketDescriptor Socket, StreamEnd Stream)> streams = [];

        // The first is the waiter's own. A descriptor that is waited for in both directions has one place: the system bounds how many there are.
        private readonly List<PollDescriptor> places = [default];

        public async ValueTask<List<Event>> WaitAsync(CancellationToken cancellationToken)
        {
            var placeOf = new Dictionary<int, int>();
            foreach (Subscription subscription in subscriptions)
            {
                Scan(subscription, placeOf);
            }

            long timeout = clocks.Count > 0 ? clocks.Min(clock => clock.Remaining) : Waiter.Forever;
            using StreamSignal? signal = streams.Count > 0 ? new StreamSignal(context.Waiter, [.. streams.Select(each => each.Stream).Distinct()]) : null;
            if (signal is not null)
            {
                // For a handle, all connections to other guests have one eventfd together.
                places.Add(new PollDescriptor { Handle = signal.Handle, Events = Libc.POLLIN });
            }

            await WaitAsync(timeout, signal, cancellationToken).ConfigureAwait(false);

            if (events.Count == 0)
            {
                foreach ((Subscription subscription, long remaining) in clocks)
                {
                    if (remaining <= timeout)
                    {
                        Add(subscription, Errno.Success);
                    }
                }
            }

            return events;
        }

        private async ValueTask WaitAsync(long timeout, StreamSignal? signal, CancellationToken cancellationToken)
        {
            long start = Libc.MonotonicNanoseconds();
            while (true)
            {
                signal?.Clear();
                foreach ((Subscription subscription, SocketDescriptor socket, StreamEnd stream) in streams)
                {
                    Report(subscription, socket, (short)stream.Events);
                }

                if (waiting.Count == 0 && events.Count > 0)
                {
                    return;
                }

                long remaining = events.Count > 0 ? 0 : timeout < 0 ? Waiter.Forever : Math.Max(0, timeout - (Libc.MonotonicNanoseconds() - start));
                PollDescriptor[] polled = [.. places];
                int ready = await context.Waiter.WaitAsync(polled, remaining, cancellationToken).ConfigureAwait(false);
                foreach ((Subscription subscription, Descriptor descriptor, int place) in waiting)
                {
                    Report(subscription, descriptor, ready > 0 ? polled[place].ReturnedEvents : (short)0);
                }

                // What has changed at a connection to another guest may not be what is waited for.
                if (events.Count > 0 || ready == 0 || signal is null)
                {
                    return;
                }
            }
        }

        private void Scan(in Subscription subscription, Dictionary<int, int> placeOf)
        {
            if (subscription.Type == EventType.Clock)
            {
                Errno clock = context.GetRemaining(subscription, out long remaining);
                if (clock == Errno.Success)
                {
                    clocks.Add((subscription, remaining));
                }
                else
                {
                    Add(subscription, clock);
                }

                return;
            }

            Errno errno = context.Descriptors.Get(subscription.Descriptor, Rights.PollFdReadwrite, out Descriptor descriptor);
            int handle = errno == Errno.Success ? descriptor.HostHandle : -1;
            if (errno != Errno.Success)
            {
                Add(subscription, errno);
            }
            else if (descriptor is SocketDescriptor { Stream: { } stream } socket)
            {
                streams.Add((subscription, socket, stream));
            }
            else if (handle < 0 || descriptor.FileType is FileType.RegularFile or FileType.Directory)
            {
                Add(subscription, Errno.Success, subscription.Type == EventType.FdRead ? descriptor.ReadableByteCount : 0);
            }
            else
            {
                if (!placeOf.TryGetValue(handle, out int place))
                {
                    place = places.Count;
                    placeOf.Add(handle, place);
                    places.Add(new PollDescriptor { Handle = handle });
                }

                PollDescriptor polled = places[place];
                polled.Events |= subscription.Type == EventType.FdRead ? Libc.POLLIN : Libc.POLLOUT;
                places[place] = polled;
                waiting.Add((subscription, descriptor, place));
            }
        }

        private void Report(in Subscription subscription, Descriptor descriptor, short happened)
        {
            short wanted = subscription.Type == EventType.FdRead ? Libc.POLLIN : Libc.POLLOUT;
            if ((happened & (wanted | Libc.POLLERR | Libc.POLLHUP | Libc.POLLNVAL)) == 0)
            {
                return;
            }

            Errno errno = (happened & Libc.POLLNVAL) != 0 ? Errno.Badf
                : descriptor is not SocketDescriptor && subscription.Type == EventType.FdWrite && (happened & Libc.POLLERR) != 0 ? Errno.Pipe
                : Errno.Success;

            // A connection that failed is told as writable and no more, as Poller has it.
            bool hungUp = (happened & Libc.POLLHUP) != 0 && descriptor is not SocketDescriptor { IsConnecting: true };
            Add(subscription, errno, subscription.Type == EventType.FdRead && errno == Errno.Success ? descriptor.ReadableByteCount : 0, hungUp ? Event.HangUp : (ushort)0);
        }

        private void Add(in Subscription subscription, Errno errno, ulong byteCount = 0, ushort flags = 0) => events.Add(new Event
        {
            UserData = subscription.UserData,
            Error = (ushort)errno,
            Type = subscription.Type,
            ByteCount = byteCount,
            Flags = flags,
        });
    }
}
