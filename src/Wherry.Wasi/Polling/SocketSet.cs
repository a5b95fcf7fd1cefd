using System.Runtime.CompilerServices;
using Wherry.Wasi.Network.InProcess.Streams;
using Wherry.Wasi.Sockets;

namespace Wherry.Wasi.Polling;

/// <summary>The sockets of one guest that the system watches: each is registered once, edge-triggered, and what the system tells is kept on it.</summary>
internal abstract class SocketSet : IDisposable
{
    /// <summary>How many events are fetched at once; what does not fit is fetched with the next call.</summary>
    public const int EventCapacity = 512;

    protected const uint SocketEvents = NativeEpoll.In | NativeEpoll.Out | NativeEpoll.Priority | NativeEpoll.ReadHangUp | NativeEpoll.EdgeTriggered;

    // As much as every kind of set has room for.
    private const uint MaximumGeneration = (1u << 20) - 1;

    private SocketDescriptor?[] slots = new SocketDescriptor?[4];
    private uint[] generations = new uint[4];
    private int[] freeSlots = new int[4];
    private int[] ready = new int[4];
    private int freeCount;
    private int usedSlots;

    // Connections to other guests, of which something has changed since they were last looked at.
    private readonly Lock changedGate = new();
    private List<(StreamEnd End, int Slot, uint Generation)> changed = [];
    private List<(StreamEnd End, int Slot, uint Generation)> looked = [];
    private volatile bool hasChanged;
    private volatile bool usesEdges;

    /// <summary>For poll(2): readable when an event waits; -1 if there is none.</summary>
    public abstract int Handle { get; }

    /// <summary>Whether the guest polls for edges: then each arrival is told, also where something is there to be read already.</summary>
    public bool UsesEdges
    {
        get => usesEdges;
        set => usesEdges = value;
    }

    /// <summary>How many system calls were made; tests count them.</summary>
    public long SystemCalls { get; protected set; }

    /// <summary>Lets the system watch the socket from now on. Its present state arrives with the next <see cref="Wait"/>.</summary>
    /// <returns>False if the system refuses.</returns>
    public bool Register(SocketDescriptor socket)
    {
        int slot;
        if (freeCount > 0)
        {
            slot = freeSlots[--freeCount];
        }
        else
        {
            slot = usedSlots++;
            if (slot == slots.Length)
            {
                Array.Resize(ref slots, slot * 2);
                Array.Resize(ref generations, slot * 2);
                Array.Resize(ref freeSlots, slot * 2);
            }
        }

        slots[slot] = socket;
        socket.Slot = slot;
        socket.Set = this;
        if (socket.Stream is { } stream)
        {
            stream.WatchBy(this, slot, generations[slot]);
            return true;
        }

        if (Control(NativeEpoll.Add, socket, DataOf(slot)))
        {
            return true;
        }

        Forget(socket);
        return false;
    }

    /// <summary>Makes the system tell the socket's state again, whatever it told before.</summary>
    public void Rearm(SocketDescriptor socket)
    {
        if (socket.Slot >= 0 && socket.Stream is null)
        {
            _ = Control(NativeEpoll.Modify, socket, DataOf(socket.Slot));
        }
    }

    /// <summary>The socket's handle is about to be closed, which takes it out of the system's set.</summary>
    public void Forget(SocketDescriptor socket)
    {
        int slot = socket.Slot;
        if (slot >= 0)
        {
            socket.Slot = -1;
            slots[slot] = null;

            // An event may still be on its way.
            generations[slot] = (generations[slot] + 1) & MaximumGeneration;
            freeSlots[freeCount++] = slot;
        }
    }

    /// <summary>Notes that a connection to another guest may be ready for more, and ends the wait. Any thread may call it.</summary>
    public void OnStreamChanged(StreamEnd end, int slot, uint generation)
    {
        lock (changedGate)
        {
            if (end.IsNoted)
            {
                return;
            }

            end.IsNoted = true;
            changed.Add((end, slot, generation));
            if (hasChanged)
            {
                return;
            }

            hasChanged = true;
        }

        Wake();
    }

    /// <summary>
    /// Fetches what has happened and notes it on the sockets, waiting if nothing has. Returns the number of events, which
    /// <see cref="Ready"/> gives; zero when the time is over.
    /// </summary>
    /// <exception cref="OperationCanceledException">The guest was interrupted.</exception>
    public abstract int Wait(long timeoutNanoseconds, CancellationToken cancellationToken);

    /// <summary>A socket of which the last <see cref="Wait"/> told.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public SocketDescriptor? Ready(int index) => slots[ready[index]];

    /// <summary>All that are in it.</summary>
    protected IEnumerable<SocketDescriptor> Sockets => slots.Take(usedSlots).OfType<SocketDescriptor>();

    /// <inheritdoc/>
    public abstract void Dispose();

    /// <summary>Ends the wait, or the next one.</summary>
    protected abstract void Wake();

    /// <summary>Looks at the connections to other guests that have changed.</summary>
    /// <param name="index">How many events there are already.</param>
    /// <returns>How many there are now.</returns>
    protected int NoteStreams(int index)
    {
        if (!hasChanged)
        {
            return index;
        }

        lock (changedGate)
        {
            (changed, looked) = (looked, changed);
            hasChanged = false;
            foreach ((StreamEnd end, _, _) in looked)
            {
                end.IsNoted = false;
            }
        }

        foreach ((StreamEnd end, int slot, uint generation) in looked)
        {
            // What it is ready for is what it is ready for now: a note may be older.
            uint events = end.Events;
            index += events != 0 && Note(slot, generation, events, index) ? 1 : 0;
        }

        looked.Clear();
        return index;
    }

    /// <summary>Registers a socket, or changes that.</summary>
    protected abstract bool Control(int operation, SocketDescriptor socket, ulong data);

    /// <summary>Notes an event on its socket, as the one of a number.</summary>
    /// <returns>Whether the socket is still there.</returns>
    protected bool Note(int slot, uint generation, uint happened, int index)
    {
        SocketDescriptor? socket = slot < usedSlots ? slots[slot] : null;
        return socket is not null && generations[slot] == generation && Note(socket, happened, index);
    }

    /// <summary>The same for a socket that is there.</summary>
    protected bool Note(SocketDescriptor socket, uint happened, int index)
    {
        Readiness readiness = socket.Readiness;
        if ((happened & NativeEpoll.In) != 0)
        {
            readiness = (readiness | Readiness.Readable) & ~Readiness.Unsure;
            socket.Reported &= ~Readiness.Readable;
        }

        if ((happened & NativeEpoll.Out) != 0)
        {
            readiness |= Readiness.Writable;
            socket.Reported &= ~Readiness.Writable;
        }

        if ((happened & (NativeEpoll.ReadHangUp | NativeEpoll.HangUp | NativeEpoll.Error | NativeEpoll.Priority)) != 0)
        {
            readiness |= (happened & NativeEpoll.ReadHangUp) != 0 ? Readiness.PeerClosed : Readiness.None;
            readiness |= (happened & NativeEpoll.HangUp) != 0 ? Readiness.HungUp : Readiness.None;
            readiness |= (happened & NativeEpoll.Error) != 0 ? Readiness.Failed : Readiness.None;
            readiness |= (happened & NativeEpoll.Priority) != 0 ? Readiness.Urgent : Readiness.None;
            socket.Reported = Readiness.None;
        }

        socket.Readiness = readiness;
        if (index == ready.Length)
        {
            Array.Resize(ref ready, index * 2);
        }

        ready[index] = socket.Slot;
        return true;
    }

    private ulong DataOf(int slot) => ((ulong)generations[slot] << 32) | (uint)slot;
}
