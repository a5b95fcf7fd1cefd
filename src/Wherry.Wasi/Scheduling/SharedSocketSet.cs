using System.Runtime.InteropServices;
using Wherry.Wasi.Native;
using Wherry.Wasi.Polling;
using Wherry.Wasi.Sockets;

namespace Wherry.Wasi.Scheduling;

/// <summary>
/// A guest's sockets in the set of a scheduler: what happens to them is noted down by the thread that the system tells it, and ends the guest's wait. It takes no handle, and looking at it no system call.
/// </summary>
internal sealed class SharedSocketSet : SocketSet, IEventTarget
{
    // A tag has the slot below its generation.
    private const int SlotBits = 20;
    private const uint SlotMask = (1u << SlotBits) - 1;

    private readonly Lock gate = new();
    private readonly GuestWait wait;
    private readonly int id;
    private const short PolledEvents = Libc.POLLIN | Libc.POLLOUT | Libc.POLLPRI | Libc.POLLRDHUP;

    private const int MostArrived = 1024;
    private bool hasOverflown;

    private readonly List<PollDescriptor> polled = [];
    private List<(ulong Tag, uint Events)> arrived = new(1);
    private List<(ulong Tag, uint Events)> taken = new(1);

    public SharedSocketSet(GuestWait wait)
    {
        this.wait = wait;
        id = wait.Scheduler.AddTarget(this);
    }

    public override int Handle => -1;

    void IEventTarget.OnEvent(ulong tag, uint events)
    {
        lock (gate)
        {
            // A guest that never looks gets as many as it likes: beyond this it is asked for all when it does.
            hasOverflown |= arrived.Count >= MostArrived;
            if (!hasOverflown)
            {
                arrived.Add((tag, events));
            }
        }

        wait.Signal();
    }

    /// <summary>Never waits: the guest does, with its <see cref="GuestWait"/>.</summary>
    public override int Wait(long timeoutNanoseconds, CancellationToken cancellationToken)
    {
        bool isAllNew = false;
        int count = NoteStreams(0);
        lock (gate)
        {
            if (arrived.Count == 0)
            {
                return count;
            }

            if (hasOverflown)
            {
                arrived = new(1);
                hasOverflown = false;
                isAllNew = true;
            }
            else
            {
                (arrived, taken) = (taken, arrived);
            }
        }

        if (isAllNew)
        {
            return Refresh();
        }

        foreach ((ulong tag, uint events) in taken)
        {
            count += Note((int)(tag & SlotMask), (uint)(tag >> SlotBits), events, count) ? 1 : 0;
        }

        taken.Clear();
        return count;
    }

    /// <summary>Asks the system about all sockets: what has happened a moment ago may not have been told yet.</summary>
    /// <returns>The number of events, as of <see cref="Wait"/>.</returns>
    public int Refresh()
    {
        polled.Clear();
        foreach (SocketDescriptor socket in Sockets)
        {
            polled.Add(new PollDescriptor { Handle = socket.HostHandle, Events = PolledEvents });
        }

        if (polled.Count == 0)
        {
            return 0;
        }

        SystemCalls++;
        Poll(CollectionsMarshal.AsSpan(polled));
        int count = 0;
        int index = 0;
        foreach (SocketDescriptor socket in Sockets)
        {
            // One to another guest has no handle, of which the system says nothing.
            uint happened = (ushort)polled[index++].ReturnedEvents | (socket.Stream?.Events ?? 0);
            count += happened != 0 && Note(socket, happened, count) ? 1 : 0;
        }

        return count;
    }

    // Sound: the span is as long as it says.
    private static unsafe void Poll(Span<PollDescriptor> descriptors)
    {
        fixed (PollDescriptor* first = descriptors)
        {
            _ = NativeSocket.Poll(first, (nuint)descriptors.Length, 0);
        }
    }

    protected override void Wake() => wait.Signal();

    public override void Dispose() => wait.Scheduler.RemoveTarget(id);

    protected override bool Control(int operation, SocketDescriptor socket, ulong data)
    {
        SystemCalls++;
        ulong tag = (uint)data | (data >> 32 << SlotBits);
        EventSet events = wait.Scheduler.Events;
        ulong full = EventSet.DataOf(id, tag);
        return operation == NativeEpoll.Add ? events.Add(socket.HostHandle, SocketEvents, full) : events.Modify(socket.HostHandle, SocketEvents, full);
    }
}
