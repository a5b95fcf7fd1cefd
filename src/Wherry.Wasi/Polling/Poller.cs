using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;
using Wherry.Wasi.Abi;
using Wherry.Wasi.Descriptors;
using Wherry.Wasi.Native;
using Wherry.Wasi.Scheduling;
using Wherry.Wasi.Sockets;
using Wherry.Wasi.Waiting;

namespace Wherry.Wasi.Polling;

/// <summary>
/// poll_oneoff and epoll_oneoff. The subscriptions are read once, straight from guest memory, or if they are those of the last call not at
/// all: each finds its socket by its number and looks at what is known of it. Only if nothing is ready does the call wait, and what the system
/// then tells leads back to the subscriptions through notes on the sockets, not through a second pass.
/// </summary>
internal sealed unsafe partial class Poller(WasiContext context) : IDisposable
{
    /// <summary>With fewer subscriptions, looking at them is as fast as comparing them.</summary>
    private const int FewestToRemember = 16;

    /// <summary>A guest can't make the host keep more than this of its memory.</summary>
    private const int MostToRemember = 1 << 16;

    private readonly DescriptorTable descriptors = context.Descriptors;
    private readonly List<Deadline> deadlines = [];
    private readonly List<Generic> generics = [];
    private readonly List<SocketDescriptor> unsure = [];

    // The subscriptions of the last call, and the indices of those that the next call must look at again.
    private byte[] remembered = [];
    private int rememberedCount;
    private int rememberedVersion;
    private bool hasDoubles;
    private int[] revisits = new int[16];
    private int[] previousRevisits = new int[16];
    private int revisitCount;
    private PollDescriptor[] pollDescriptors = new PollDescriptor[8];
    private SocketSet? set;
    private uint generation;
    private bool edgeTriggered;

    // Of the call in progress: the guest's arrays, checked, and the number of events written.
    private byte* subscriptions;
    private byte* events;
    private uint subscriptionCount;
    private uint eventCount;

    private struct Deadline
    {
        public int Index;
        public long Remaining;
    }

    /// <summary>A descriptor other than a socket for which the system must be asked.</summary>
    private struct Generic
    {
        public Descriptor Descriptor;
        public short Events;
    }

    /// <summary>The sockets that were polled so far; tests look at its counter.</summary>
    internal SocketSet Set => set ??= context.Waiter.GuestWait is { } wait ? new SharedSocketSet(wait) : new EpollSet();

    /// <summary>System calls made outside of <see cref="Set"/>; tests count them.</summary>
    internal long OtherSystemCalls { get; private set; }

    public ValueTask<int> PollAsync(GuestCall call, uint subscriptionsAddress, uint eventsAddress, uint count, uint eventCountAddress, bool edge)
    {
        if (count == 0)
        {
            return Answer(Errno.Inval);
        }

        subscriptions = call.GetPointer(subscriptionsAddress, (ulong)count * Subscription.Size);
        events = call.GetPointer(eventsAddress, (ulong)count * Event.Size);
        if (subscriptions == null || events == null || !call.Contains(eventCountAddress, sizeof(uint)))
        {
            return Answer(Errno.Fault);
        }

        context.PushHeldBack();
        subscriptionCount = count;
        edgeTriggered = edge;
        if (edge)
        {
            Set.UsesEdges = true;
        }

        if (count > int.MaxValue / Subscription.Size || !Scan((int)count))
        {
            return Answer(Errno.Inval);
        }

        if (unsure.Count > 0)
        {
            AskForUnsure();
        }

        if (context.Waiter.GuestWait is { } wait)
        {
            return WaitAsync(call, eventCountAddress, wait);
        }

        WaitForEvents(call.CancellationToken);
        return Answer(call.Write(eventCountAddress, eventCount));
    }

    public void Dispose() => set?.Dispose();

    private static ValueTask<int> Answer(Errno errno) => new((int)errno);

    /// <summary>
    /// Looks at the subscriptions and writes the events of those that are known to be ready. As many of the first ones as are the same as in the last
    /// call are not read again: what happened to their sockets since will be told by the system, and the few that need a look all the same
    /// were noted.
    /// </summary>
    private bool Scan(int count)
    {
        eventCount = 0;
        deadlines.Clear();
        generics.Clear();
        unsure.Clear();
        int same = CountSame(count);
        (revisits, previousRevisits) = (previousRevisits, revisits);
        int previousCount = revisitCount;
        revisitCount = 0;
        hasDoubles = false;
        rememberedCount = 0;
        if (same == 0)
        {
            // Zero is what new descriptors have.
            generation = generation == uint.MaxValue ? 1 : generation + 1;
        }
        else
        {
            for (int i = 0; i < previousCount; i++)
            {
                if (previousRevisits[i] < same)
                {
                    ScanOne(previousRevisits[i], isRevisit: true);
                }
            }
        }

        for (int i = same; i < count; i++)
        {
            if (!ScanOne(i, isRevisit: false))
            {
                return false;
            }
        }

        Remember(same, count);
        return true;
    }

    /// <summary>How many of the first subscriptions are those of the last call, and mean the same. The notes of the others are taken back.</summary>
    private int CountSame(int count)
    {
        if (edgeTriggered || rememberedVersion != descriptors.Version)
        {
            return 0;
        }

        // Sound: the guest's array was checked for its whole length.
        int known = Math.Min(count, rememberedCount);
        ReadOnlySpan<byte> now = new(subscriptions, known * Subscription.Size);
        int same = now.CommonPrefixLength(remembered.AsSpan(0, now.Length)) / Subscription.Size;
        if (same < FewestToRemember)
        {
            return 0;
        }

        ReadOnlySpan<Subscription> old = MemoryMarshal.Cast<byte, Subscription>(remembered);
        for (int i = same; i < rememberedCount; i++)
        {
            ref readonly Subscription subscription = ref old[i];
            if (subscription.Type != EventType.Clock && descriptors.TryGet(subscription.Descriptor, out Descriptor? descriptor) && descriptor.PollState.Generation == generation)
            {
                NoteOf(descriptor, subscription.Type) = PollState.None;
            }
        }

        return same;
    }

    private void Remember(int same, int count)
    {
        int size = count * Subscription.Size;
        bool isOverwritten = events < subscriptions + size && subscriptions < events + ((long)eventCount * Event.Size);
        if (edgeTriggered || hasDoubles || isOverwritten || count < FewestToRemember || count > MostToRemember)
        {
            return;
        }

        if (remembered.Length < size)
        {
            Array.Resize(ref remembered, size * 2);
        }

        // Sound: the guest's array was checked for its whole length.
        int unchanged = same * Subscription.Size;
        new ReadOnlySpan<byte>(subscriptions + unchanged, size - unchanged).CopyTo(remembered.AsSpan(unchanged));
        rememberedCount = count;
        rememberedVersion = descriptors.Version;
    }

    /// <summary>The next call must look at this subscription even if nothing changes.</summary>
    private void Revisit(int index)
    {
        if (revisitCount == revisits.Length)
        {
            Array.Resize(ref revisits, revisitCount * 2);
        }

        revisits[revisitCount++] = index;
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static ref int NoteOf(Descriptor descriptor, EventType type) =>
        ref type == EventType.FdRead ? ref descriptor.PollState.Read : ref descriptor.PollState.Write;

    private bool ScanOne(int index, bool isRevisit)
    {
        // Sound: the array was checked for its whole length, and the memory can't shrink while the guest is in the call.
        byte* subscription = subscriptions + ((long)index * Subscription.Size);
        EventType type = ((Subscription*)subscription)->Type;
        if (type is not (EventType.FdRead or EventType.FdWrite))
        {
            if (type != EventType.Clock)
            {
                return false;
            }

            Revisit(index);
            AddClock(index, Unsafe.ReadUnaligned<Subscription>(subscription));
            return true;
        }

        if (!descriptors.TryGet(Unsafe.ReadUnaligned<int>(subscription + 16), out Descriptor? descriptor))
        {
            Revisit(index);
            Add(index, type, Errno.Badf);
            return true;
        }

        ref PollState state = ref descriptor.PollState;
        if (state.Generation != generation)
        {
            if (edgeTriggered && descriptor is SocketDescriptor other)
            {
                ForgetReported(other, generation - 1);
            }

            state.Generation = generation;
            state.Read = PollState.None;
            state.Write = PollState.None;
        }

        ref int note = ref NoteOf(descriptor, type);
        if (!isRevisit && note != PollState.None)
        {
            hasDoubles = true;
            Add(index, type, Errno.Exist);
            return true;
        }

        note = index;
        SocketDescriptor? socket = descriptor as SocketDescriptor;
        if (socket is null)
        {
            Revisit(index);
        }

        if (!descriptor.Has(Rights.PollFdReadwrite))
        {
            Report(descriptor, type, Errno.Notcapable);
        }
        else if (socket is not null)
        {
            ScanSocket(socket, type);
        }
        else
        {
            ScanOther(descriptor, type);
        }

        return true;
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private void ScanSocket(SocketDescriptor socket, EventType type)
    {
        if (socket.Slot < 0 && !Set.Register(socket))
        {
            Report(socket, type, NativeSocket.LastError());
            return;
        }

        if (!IsReady(socket, type))
        {
            return;
        }

        if (type == EventType.FdRead && (socket.Readiness & (Readiness.Unsure | Readiness.PeerClosed | Readiness.HungUp | Readiness.Failed)) == Readiness.Unsure)
        {
            unsure.Add(socket);
            return;
        }

        Report(socket, type);
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private bool IsReady(SocketDescriptor socket, EventType type)
    {
        Readiness wanted = type == EventType.FdRead
            ? Readiness.Readable | Readiness.PeerClosed | Readiness.HungUp | Readiness.Failed
            : Readiness.Writable | Readiness.HungUp | Readiness.Failed;
        if ((socket.Readiness & wanted) == 0)
        {
            return false;
        }

        // epoll_oneoff tells of a change once. What is reported is forgotten when the system tells of it anew, or when an operation had to wait.
        return !edgeTriggered || (socket.Reported & (type == EventType.FdRead ? Readiness.Readable : Readiness.Writable)) == 0;
    }

    /// <summary>A direction that the previous call did not wait for starts anew: it is told if it is ready.</summary>
    private static void ForgetReported(SocketDescriptor socket, uint previous)
    {
        ref PollState state = ref socket.PollState;
        bool present = state.Generation == previous;
        if (!present || state.Read == PollState.None)
        {
            socket.Reported &= ~Readiness.Readable;
        }

        if (!present || state.Write == PollState.None)
        {
            socket.Reported &= ~Readiness.Writable;
        }
    }

    private void ScanOther(Descriptor descriptor, EventType type)
    {
        if (descriptor.HostHandle < 0 || descriptor.FileType is FileType.RegularFile or FileType.Directory)
        {
            Report(descriptor, type);
            return;
        }

        generics.Add(new Generic { Descriptor = descriptor, Events = type == EventType.FdRead ? Libc.POLLIN : Libc.POLLOUT });
    }

    private void AddClock(int index, in Subscription subscription)
    {
        Errno errno = context.GetRemaining(subscription, out long remaining);
        if (errno == Errno.Success)
        {
            deadlines.Add(new Deadline { Index = index, Remaining = remaining });
        }
        else
        {
            Add(index, EventType.Clock, errno);
        }
    }

    /// <summary>Finds out whether sockets whose last receive took exactly what it asked for have more.</summary>
    private void AskForUnsure()
    {
        if (pollDescriptors.Length < unsure.Count)
        {
            pollDescriptors = new PollDescriptor[unsure.Count * 2];
        }

        for (int i = 0; i < unsure.Count; i++)
        {
            pollDescriptors[i] = new PollDescriptor { Handle = unsure[i].HostHandle, Events = Libc.POLLIN };
        }

        OtherSystemCalls++;
        int ready;
        fixed (PollDescriptor* all = pollDescriptors)
        {
            ready = NativeSocket.Poll(all, (nuint)unsure.Count, 0);
        }

        for (int i = 0; i < unsure.Count; i++)
        {
            SocketDescriptor socket = unsure[i];
            socket.Readiness &= ~Readiness.Unsure;
            if (ready < 0 || pollDescriptors[i].ReturnedEvents != 0)
            {
                Report(socket, EventType.FdRead);
            }
            else
            {
                socket.Readiness &= ~Readiness.Readable;
                socket.Reported &= ~Readiness.Readable;
            }
        }
    }

    private void WaitForEvents(CancellationToken cancellationToken)
    {
        long nearest = NearestDeadline();
        long timeout = nearest;
        if (generics.Count > 0)
        {
            WaitForGenerics(timeout, cancellationToken);
            return;
        }

        if (eventCount > 0)
        {
            // The system is asked all the same, or sockets that are always ready would starve the others.
            timeout = 0;
        }

        long start = timeout > 0 ? Libc.MonotonicNanoseconds() : 0;
        while (true)
        {
            int ready = Set.Wait(timeout, cancellationToken);
            ReportNoted(ready);
            if (eventCount > 0)
            {
                return;
            }

            if ((ready == 0 && timeout > 0) || (timeout == 0 && ready < SocketSet.EventCapacity))
            {
                ReportClocks(nearest);
                return;
            }

            // Something happened that nobody subscribed to: the rest of the time is to be waited. (Without time, only events that did not fit are fetched.)
            if (timeout > 0)
            {
                long now = Libc.MonotonicNanoseconds();
                timeout = Math.Max(0, nearest - (now - start));
                if (timeout == 0)
                {
                    ReportClocks(nearest);
                    return;
                }
            }
        }
    }

    /// <summary>
    /// With streams, pipes or terminals among the subscriptions: they are waited for together with the set of sockets, which is itself a
    /// descriptor that can be waited for.
    /// </summary>
    private void WaitForGenerics(long timeout, CancellationToken cancellationToken)
    {
        int count = generics.Count + 2;
        if (pollDescriptors.Length < count)
        {
            pollDescriptors = new PollDescriptor[count * 2];
        }

        long start = Libc.MonotonicNanoseconds();
        while (true)
        {
            pollDescriptors[1] = new PollDescriptor { Handle = Set.Handle, Events = Libc.POLLIN };
            for (int i = 0; i < generics.Count; i++)
            {
                pollDescriptors[i + 2] = new PollDescriptor { Handle = generics[i].Descriptor.HostHandle, Events = generics[i].Events };
            }

            long remaining = eventCount > 0 ? 0 : timeout < 0 ? Waiter.Forever : Math.Max(0, timeout - (Libc.MonotonicNanoseconds() - start));
            OtherSystemCalls++;
            int ready = context.Waiter.WaitAsync(pollDescriptors.AsMemory(0, count), remaining, cancellationToken).AsTask().GetAwaiter().GetResult();
            if (ready > 0)
            {
                if (pollDescriptors[1].ReturnedEvents != 0)
                {
                    ReportNoted(Set.Wait(0, cancellationToken));
                }

                for (int i = 0; i < generics.Count; i++)
                {
                    short happened = pollDescriptors[i + 2].ReturnedEvents;
                    if (happened != 0)
                    {
                        ReportGeneric(generics[i], happened);
                    }
                }
            }

            if (eventCount > 0)
            {
                return;
            }

            if (ready == 0 && timeout >= 0)
            {
                ReportClocks(timeout);
                return;
            }
        }
    }

    private void ReportGeneric(in Generic generic, short happened)
    {
        EventType type = generic.Events == Libc.POLLIN ? EventType.FdRead : EventType.FdWrite;
        Errno errno = (happened & Libc.POLLNVAL) != 0 ? Errno.Badf
            : type == EventType.FdWrite && (happened & Libc.POLLERR) != 0 ? Errno.Pipe
            : Errno.Success;
        Report(generic.Descriptor, type, errno, (happened & Libc.POLLHUP) != 0 ? Event.HangUp : (ushort)0);
    }

    private void ReportNoted(int ready)
    {
        for (int i = 0; i < ready; i++)
        {
            SocketDescriptor? socket = set!.Ready(i);
            if (socket is null || socket.PollState.Generation != generation)
            {
                continue;
            }

            if (socket.PollState.Read >= 0 && IsReady(socket, EventType.FdRead))
            {
                Report(socket, EventType.FdRead);
            }

            if (socket.PollState.Write >= 0 && IsReady(socket, EventType.FdWrite))
            {
                Report(socket, EventType.FdWrite);
            }
        }
    }

    private long NearestDeadline()
    {
        long nearest = Waiter.Forever;
        foreach (Deadline deadline in deadlines)
        {
            if (nearest < 0 || deadline.Remaining < nearest)
            {
                nearest = deadline.Remaining;
            }
        }

        return nearest;
    }

    private void ReportClocks(long elapsed)
    {
        foreach (Deadline deadline in deadlines)
        {
            if (deadline.Remaining <= elapsed)
            {
                Add(deadline.Index, EventType.Clock, Errno.Success);
            }
        }
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private void Report(SocketDescriptor socket, EventType type)
    {
        if (edgeTriggered)
        {
            socket.Reported |= type == EventType.FdRead ? Readiness.Readable : Readiness.Writable;
        }

        // A connection that failed is told as writable and no more: guests then fetch the error, and some take a hang-up for
        // "not writable".
        bool hungUp = (socket.Readiness & Readiness.HungUp) != 0 && !socket.IsConnecting;
        Report(socket, type, Errno.Success, hungUp ? Event.HangUp : (ushort)0);
    }

    private void Report(Descriptor descriptor, EventType type, Errno errno = Errno.Success, ushort flags = 0)
    {
        ref int note = ref NoteOf(descriptor, type);
        int index = note;
        note = PollState.Reported;
        if (descriptor is SocketDescriptor)
        {
            // It stays ready until the guest does something about it, of which the system tells nothing.
            Revisit(index);
        }

        Add(index, type, errno, type == EventType.FdRead && errno == Errno.Success ? descriptor.ReadableByteCount : 0, flags);
    }

    private void Add(int index, EventType type, Errno errno, ulong byteCount = 0, ushort flags = 0)
    {
        // A guest that changes its subscriptions while they are read can make notes that don't fit them.
        if ((uint)index >= subscriptionCount || eventCount >= subscriptionCount)
        {
            return;
        }

        // Sound: both arrays were checked for as many elements.
        Event happened = new()
        {
            UserData = Unsafe.ReadUnaligned<ulong>(subscriptions + ((long)index * Subscription.Size)),
            Error = (ushort)errno,
            Type = type,
            ByteCount = byteCount,
            Flags = flags,
        };
        Unsafe.WriteUnaligned(events + ((long)eventCount * Event.Size), happened);
        eventCount++;
    }
}
