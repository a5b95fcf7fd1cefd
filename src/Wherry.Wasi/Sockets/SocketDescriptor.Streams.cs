using Wherry.Wasi.Abi;
using Wherry.Wasi.Native;
using Wherry.Wasi.Network.InProcess.Streams;
using Wherry.Wasi.Waiting;

namespace Wherry.Wasi.Sockets;

/// <content>Connections to other guests: they have no handle.</content>
internal sealed partial class SocketDescriptor
{
    private StreamEnd? stream;

    /// <summary>The end of the connection, if it is one to another guest.</summary>
    public StreamEnd? Stream => stream;

    /// <summary>SO_LINGER as it was last set, as struct linger has it. Of a connection to another guest, what it says of time does not matter, unless that is none.</summary>
    public long StreamLinger { get; set; }

    /// <summary>Other options as they were last set, which a connection to another guest only keeps, as a bit for each.</summary>
    public uint StreamOptions { get; set; }

    /// <summary>Whether it is connected.</summary>
    public bool IsConnected => isConnected;

    /// <summary>Whether it is not closed.</summary>
    public bool IsOpen => handle >= 0 || stream is not null;

    // The guest asks for a reset in place of an orderly end: struct linger says that it lingers, for no second.
    private bool EndsByReset => (int)StreamLinger != 0 && StreamLinger >> 32 == 0;

    /// <summary>Takes over one end of a connection to another guest, in place of the socket's own handle.</summary>
    public void UseStream(StreamEnd near, in SocketAddress local, in SocketAddress peer)
    {
        int old = Interlocked.Exchange(ref handle, -1);

        // Its queue would go on using the handle's number, which is another's then. Nobody connects a socket that listens; this is in case that somebody does.
        queue?.Close();
        queue = null;
        Readiness = Readiness.None;
        Reported = Readiness.None;
        Set?.Forget(this);
        _ = NativeSocket.Close(old);
        stream = near;
        isConnected = true;
        IsInProcess = true;
        PeerAddress = peer;
        GuestLocalAddress = local;
    }

    public override ValueTask WaitUntilReadableAsync(Waiter waiter, CancellationToken cancellationToken) => WaitForEverAsync(waiter, Libc.POLLIN, cancellationToken);

    public override ValueTask WaitUntilWritableAsync(Waiter waiter, CancellationToken cancellationToken) => WaitForEverAsync(waiter, Libc.POLLOUT, cancellationToken);

    /// <summary>Waits as poll(2) would; 0 if the time was over.</summary>
    public ValueTask<short> WaitAsync(Waiter waiter, short events, long timeoutNanoseconds, CancellationToken cancellationToken) => stream is { } end
        ? waiter.WaitAsync(end, events, timeoutNanoseconds, cancellationToken)
        : waiter.WaitAsync(HostHandle, events, timeoutNanoseconds, cancellationToken);

    private async ValueTask WaitForEverAsync(Waiter waiter, short events, CancellationToken cancellationToken) =>
        await WaitAsync(waiter, events, Waiter.Forever, cancellationToken).ConfigureAwait(false);

    private Errno ReceiveStream(ReadOnlySpan<NativeBuffer> buffers, int nativeFlags, out uint count)
    {
        bool isPeek = (nativeFlags & NativeSocket.MessagePeek) != 0;
        Errno errno = stream!.Receive(buffers, isPeek, out count, out bool isDrained);
        if (errno == Errno.Again)
        {
            Readiness &= ~Readiness.Readable;
            Reported &= ~Readiness.Readable;
            return Errno.Again;
        }

        if (errno != Errno.Success)
        {
            Readiness &= ~Readiness.Failed;
            return errno;
        }

        if (!isPeek)
        {
            // More is told of, as is the end: that stays.
            Readiness &= isDrained ? ~Readiness.Readable : (Readiness)byte.MaxValue;
            if (observer is not null)
            {
                Show(buffers, count, isFromClient: !isObservedAsClient);
            }
        }

        return Errno.Success;
    }

    private Errno SendStream(ReadOnlySpan<NativeBuffer> buffers, out uint count)
    {
        Errno errno = stream!.Send(buffers, out count, out bool isFull);
        if (errno != Errno.Success)
        {
            Readiness &= errno == Errno.Again ? ~Readiness.Writable : ~Readiness.Failed;
            Reported &= errno == Errno.Again ? ~Readiness.Writable : (Readiness)byte.MaxValue;
            return errno;
        }

        if (observer is not null)
        {
            Show(buffers, count, isFromClient: isObservedAsClient);
        }

        if (isFull)
        {
            // There was room for a part only; more is told of.
            Readiness &= ~Readiness.Writable;
        }

        return Errno.Success;
    }

    private Errno ShutdownStream(int how)
    {
        if (how != ShutdownReceive)
        {
            stream!.EndSending();
        }

        if (how != ShutdownSend)
        {
            // As Linux has it: where both directions are shut, what the other side sends is answered by a reset.
            stream!.EndReceiving(isRefused: how == ShutdownBoth);
        }

        return Errno.Success;
    }
}
