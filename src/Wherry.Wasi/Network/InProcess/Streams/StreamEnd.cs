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
            uint events = hasData || isEnded || isReset ? NativeEpoll.In : 0;
            events |= isEnded ? NativeEpoll.ReadHangUp : 0;
            events |= isReset ? NativeEpoll.Error : 0;
            events |= outgoing.HasRoom ? NativeEpoll.Out : 0;
            events |= isEnded && outgoing.IsBroken ? NativeEpoll.HangUp : 0;
            return Volatile.Read(ref isClosed) ? events | NativeEpoll.In | NativeEpoll.Out | NativeEpoll.HangUp : events;
        }
    }

    public static (StreamEnd Near, StreamEnd Far) CreatePair()
    {
        var there = new StreamPipe();
        var back = new StreamPipe();
        var near = new StreamEnd(back, there);
        var far = new StreamEnd(there, back) { peer = near };
        near.peer = far;
        return (near, far);
    }

    /// <summary>Sends what there is room for.</summary>
    /// <returns>Again if there is no room; Connreset once after a reset; Pipe if the other side reads no more, or this one has said that it sends no more.</returns>
    public Errno Send(ReadOnlySpan<NativeBuffer> data, out uint sent)
    {
        Errno errno = outgoing.Write(data, out sent, out bool hasFilled);
        if (hasFilled)
        {
            peer.Tell();
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

        return errno;
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
        outgoing.End(asReset || wasLeft);
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

    private void Tell()
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
}
