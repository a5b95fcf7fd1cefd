using Wherry.Wasi.Abi;
using Wherry.Wasi.Native;
using Wherry.Wasi.Polling;

namespace Wherry.Wasi.Network.InProcess.Streams;

/// <summary>
/// One guest's end of a connection to another guest, with TCP's semantics and without the system: a pipe for each direction. It has no handle. Whoever waits for it watches it, and looks at <see cref="Events"/> when told.
/// </summary>
internal sealed class StreamEnd
{
    private readonly StreamPipe incoming;
    private readonly StreamPipe outgoing;
    private readonly Lock gate = new();
    private readonly List<IStreamWatcher> watchers = new(1);
    private StreamEnd peer = null!;
    private bool isClosed;
    private volatile bool isReadShut;
    private SocketSet? set;
    private int slot;
    private uint generation;

    private StreamEnd(StreamPipe incoming, StreamPipe outgoing)
    {
        this.incoming = incoming;
        this.outgoing = outgoing;
    }

    /// <summary>Whether the set has a note of a change that it has not looked at. The set's, under its lock.</summary>
    public bool IsNoted { get; set; }

    /// <summary>What it is ready for, as poll(2) and epoll would say of TCP.</summary>
    public uint Events
    {
        get
        {
            (bool hasData, bool isEnded, bool isReset) = incoming.Reading;
            isEnded |= isReadShut;
            uint events = hasData || isEnded || isReset ? NativeEpoll.In : 0;
            events |= isEnded ? NativeEpoll.ReadHangUp : 0;
            events |= isReset ? NativeEpoll.Error : 0;
            events |= outgoing.HasRoom ? NativeEpoll.Out : 0;
            events |= isEnded && outgoing.IsBroken ? NativeEpoll.HangUp : 0;
            return Volatile.Read(ref isClosed) ? events | NativeEpoll.In | NativeEpoll.Out | NativeEpoll.HangUp : events;
        }
    }

    /// <param name="budget">The connecting guest's, in which the pipe there is counted already. The other's is told by <see cref="Accept"/>.</param>
    public static (StreamEnd Near, StreamEnd Far) CreatePair(StreamBudget budget)
    {
        var there = new StreamPipe(budget, isAccepted: false);
        var back = new StreamPipe(budget: null, isAccepted: true);
        var near = new StreamEnd(back, there);
        var far = new StreamEnd(there, back) { peer = near };
        near.peer = far;
        there.Reader = far;
        back.Reader = near;
        return (near, far);
    }

    /// <summary>A guest has taken the connection, this end of which was made for it: before it sends or receives.</summary>
    /// <param name="budget">The guest's.</param>
    /// <returns>False if it has too many.</returns>
    public bool Accept(StreamBudget budget)
    {
        if (!outgoing.SetBudget(budget))
        {
            return false;
        }

        if (incoming.Accept())
        {
            peer.Tell();
        }

        return true;
    }

    /// <summary>Sends what there is room for.</summary>
    /// <param name="data">Checked ranges of the guest's memory.</param>
    /// <param name="sent">How much that was.</param>
    /// <param name="isFull">Whether this side is told when there is room again: there is too little.</param>
    /// <returns>Again if there is no room; Connreset once after a reset; Pipe if the other side reads no more, or this one has said that it sends no more.</returns>
    public Errno Send(ReadOnlySpan<NativeBuffer> data, out uint sent, out bool isFull)
    {
        Errno errno = outgoing.Write(data, out sent, out bool hasFilled, out isFull);
        if (hasFilled)
        {
            peer.Tell();
        }
        else if (sent > 0)
        {
            peer.TellMore();
        }

        return errno == Errno.Pipe && incoming.TakeReset() ? Errno.Connreset : errno;
    }

    /// <summary>Receives what is there.</summary>
    /// <param name="isDrained">Whether nothing is left.</param>
    /// <returns>Again if there is nothing yet; Connreset once after a reset, when all is received that came before it.</returns>
    public Errno Receive(ReadOnlySpan<NativeBuffer> buffers, bool isPeek, out uint received, out bool isDrained)
    {
        Errno errno = incoming.Read(buffers, isPeek, out received, out isDrained, out bool hasFreed);
        if (hasFreed)
        {
            peer.Tell();
        }

        return errno == Errno.Again && isReadShut ? Errno.Success : errno;
    }

    /// <summary>The reset that waits to be told, if any.</summary>
    public bool TakeReset() => incoming.TakeReset();

    /// <summary>This side sends no more.</summary>
    public void EndSending()
    {
        outgoing.End(asReset: false);
        peer.Tell();
        Tell();
    }

    /// <summary>This side waits for nothing more: it finds the end of the stream after what is there.</summary>
    /// <param name="isRefused">Whether the other side may send no more. Otherwise it may, and that can be received.</param>
    public void EndReceiving(bool isRefused)
    {
        isReadShut = true;
        if (isRefused)
        {
            incoming.Refuse();
            peer.Tell();
        }

        Tell();
    }

    /// <summary>Ends both directions. The other side sees the end of the stream, or a reset if that is asked for or if something was not received.</summary>
    public void Close(bool asReset)
    {
        lock (gate)
        {
            if (isClosed)
            {
                return;
            }

            isClosed = true;
            set = null;
        }

        bool wasLeft = incoming.EndReading();
        outgoing.Abandon(asReset || wasLeft);
        peer.Tell();
        Tell();
    }

    /// <summary>Adds the set that the guest polls: it is told of each change, and at once of the present state.</summary>
    public void WatchBy(SocketSet by, int atSlot, uint atGeneration)
    {
        lock (gate)
        {
            set = by;
            slot = atSlot;
            generation = atGeneration;
        }

        by.OnStreamChanged(this, atSlot, atGeneration);
    }

    /// <summary>From now on the watcher is told of changes. What has been before, it must look at itself.</summary>
    public void Watch(IStreamWatcher watcher)
    {
        lock (gate)
        {
            watchers.Add(watcher);
        }
    }

    /// <summary>The watcher is told no more, not even by a thread that is about to.</summary>
    public void Unwatch(IStreamWatcher watcher)
    {
        lock (gate)
        {
            watchers.Remove(watcher);
        }
    }

    /// <summary>What the end is ready for may have changed: whoever watches it is told.</summary>
    public void Tell()
    {
        // Under the gate, so that nobody is told who no longer watches.
        lock (gate)
        {
            set?.OnStreamChanged(this, slot, generation);
            foreach (IStreamWatcher watcher in watchers)
            {
                watcher.OnStreamChanged();
            }
        }
    }

    // There was something to read already. Who polls for edges is told all the same: with TCP, each arrival is one.
    private void TellMore()
    {
        if (Volatile.Read(ref set) is { UsesEdges: true })
        {
            Tell();
        }
    }
}
