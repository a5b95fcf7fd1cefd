using System.Runtime.InteropServices;
using Wherry.Wasi.Abi;
using Wherry.Wasi.Descriptors;
using Wherry.Wasi.Native;
using Wherry.Wasi.Network;
using Wherry.Wasi.Network.InProcess;
using Wherry.Wasi.Network.InProcess.Datagrams;
using Wherry.Wasi.Network.InProcess.Streams;
using Wherry.Wasi.Polling;

namespace Wherry.Wasi.Sockets;

/// <summary>How a socket came by its local port.</summary>
internal enum SocketBinding : byte
{
    /// <summary>It has none, or the system picked one when it connected.</summary>
    None,

    /// <summary>The guest asked for any port: good for a client, not to listen on.</summary>
    Ephemeral,

    /// <summary>The policy gave it a port to be reached at.</summary>
    Granted,
}

/// <summary>
/// A TCP or UDP socket. The host's handle never blocks; whether the guest's does is a flag here, and waits go through the
/// context's waiter. What the system has told of its readiness is kept, so that a poll asks nothing twice.
/// </summary>
/// <remarks>One thread at a time uses it: the guest's, or whichever of them has the turn.</remarks>
internal sealed unsafe partial class SocketDescriptor : Descriptor
{
    public const Rights SocketRights = Rights.FdRead | Rights.FdWrite | Rights.FdFdstatSetFlags | Rights.FdFilestatGet | Rights.PollFdReadwrite
        | Rights.SockShutdown | Rights.SockOpen | Rights.SockClose | Rights.SockBind | Rights.SockRecv | Rights.SockRecvFrom | Rights.SockSend | Rights.SockSendTo;

    private const int RememberedPeers = 4096;

    private int handle;
    private bool isConnected;
    private ListeningQueue? queue;
    private ConnectionObserver? observer;
    private bool isObservedAsClient;
    private NetworkMember? acceptedBy;
    private bool isReadShut;
    private HashSet<SocketAddress>? peers;
    private Queue<SocketAddress>? peersByAge;

    /// <summary>Takes over an open, non-blocking handle.</summary>
    public SocketDescriptor(int handle, bool isStream, bool isIpv6, bool isNativeIpv6, Rights rights = SocketRights)
        : base(isStream ? FileType.SocketStream : FileType.SocketDatagram, rights, rights)
    {
        this.handle = handle;
        IsStream = isStream;
        IsIpv6 = isIpv6;
        IsNativeIpv6 = isNativeIpv6;
    }

    /// <summary>TCP; else UDP.</summary>
    public bool IsStream { get; }

    /// <summary>The family that the guest opened.</summary>
    public bool IsIpv6 { get; }

    /// <summary>The family of the host's handle: a published port's, when the socket is bound to one.</summary>
    public bool IsNativeIpv6 { get; private set; }

    /// <summary>Whether the host's handle takes nothing of IPv4.</summary>
    public bool IsNativeIpv6Only => IsNativeIpv6 && NativeSocket.GetOption(handle, NativeSocket.LevelIpv6, NativeSocket.OptionIpv6Only) != 0;

    public override int HostHandle => handle;

    /// <inheritdoc/>
    public override int OpenedHandle => handle;

    public override ulong ReadableByteCount => 1;

    /// <summary>What is known of its readiness.</summary>
    public Readiness Readiness { get; set; }

    /// <summary>Its place in the <see cref="SocketSet"/>; -1 until it is first polled.</summary>
    public int Slot { get; set; } = -1;

    /// <summary>The set that it is in.</summary>
    public SocketSet? Set { get; set; }

    /// <summary>epoll_oneoff: the directions whose present readiness was reported already.</summary>
    public Readiness Reported { get; set; }

    public SocketBinding Binding { get; set; }

    public bool IsListening { get; set; }

    /// <summary>A connection is being made.</summary>
    public bool IsConnecting { get; set; }

    /// <summary>Where the guest thinks that it is bound, if the host is bound elsewhere.</summary>
    public SocketAddress? GuestLocalAddress { get; set; }

    /// <summary>Whether it is bound, listens or is connected inside the process: its handle is none of the internet's.</summary>
    public bool IsInProcess { get; set; }

    /// <summary>The port that the guest knows its side by, on accepted sockets of a published port.</summary>
    public ushort GuestLocalPort { get; set; }

    /// <summary>The other side, where it is known without asking the system.</summary>
    public SocketAddress? PeerAddress { get; set; }

    /// <summary>How long a blocking receive waits, in nanoseconds; 0 is for ever, as SO_RCVTIMEO has it.</summary>
    public long ReceiveTimeout { get; set; }

    /// <summary>How long a blocking send waits, in nanoseconds; 0 is for ever.</summary>
    public long SendTimeout { get; set; }

    /// <summary>If set, datagrams are taken only from addresses that the policy allows, or that this socket has sent to.</summary>
    public NetworkGuard? SourceFilter { get; set; }

    /// <summary>The socket is published: it may answer whoever sends to it.</summary>
    public bool AnswersAnyone { get; set; }

    /// <summary>Who is told what passes over the connection that this socket makes.</summary>
    public void BeObserved(ConnectionObserver? by)
    {
        observer?.Closed();
        observer = by;
        isObservedAsClient = true;
    }

    /// <summary>Remembers the other side of a datagram; the oldest is forgotten when there are many.</summary>
    /// <returns>Whether it was not known.</returns>
    public bool RememberPeer(in SocketAddress peer)
    {
        peers ??= [];
        bool isNew = peers.Add(peer);
        if (isNew)
        {
            peersByAge ??= new Queue<SocketAddress>();
            peersByAge.Enqueue(peer);
            if (peersByAge.Count > RememberedPeers)
            {
                peers.Remove(peersByAge.Dequeue());
            }
        }

        return isNew;
    }

    public bool HasPeer(in SocketAddress peer) => peers is not null && peers.Contains(peer);

    public override Errno Close()
    {
        int closed = Interlocked.Exchange(ref handle, -1);
        StreamEnd? ended = Interlocked.Exchange(ref stream, null);
        if (closed >= 0 || ended is not null)
        {
            Set?.Forget(this);
            queue?.Close();
            datagrams?.Close();
            acceptedBy?.RemoveOpen();
            ended?.Close(asReset: EndsByReset);
            _ = closed >= 0 ? NativeSocket.Close(closed) : 0;
            observer?.Closed();
            observer = null;
        }

        return Errno.Success;
    }

    /// <summary>The socket changed its state altogether, as by listen and connect: what was known of it is void.</summary>
    private void ForgetReadiness()
    {
        Readiness = Readiness.None;
        Reported = Readiness.None;
        Set?.Rearm(this);
    }

    /// <summary>Shows the observer the first bytes of buffers.</summary>
    private void Show(ReadOnlySpan<NativeBuffer> buffers, uint count, bool isFromClient)
    {
        foreach (ref readonly NativeBuffer buffer in buffers)
        {
            ReadOnlySpan<byte> bytes = buffer.Span[..(int)Math.Min(count, (uint)buffer.Span.Length)];
            count -= (uint)bytes.Length;
            if (isFromClient)
            {
                observer!.FromClient(bytes);
            }
            else
            {
                observer!.FromService(bytes);
            }

            if (count == 0)
            {
                return;
            }
        }
    }
}
