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

    /// <summary>Up to so many buffers are put together on the stack.</summary>
    private const int FewBuffers = 16;

    /// <summary>Who reads in smaller pieces gets them as they come.</summary>
    private const int LeastAmended = 1024;
    private const int ShutdownReceive = 0;
    private const int ShutdownSend = 1;
    private const int ShutdownBoth = 2;

    /// <summary>How many unwelcome datagrams one receive throws away before it looks after the guest again.</summary>
    private const int MaximumDropped = 64;

    /// <summary>struct linger: it lingers, for no second.</summary>
    private const long LingersForNoTime = 1;

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

    /// <summary>The last send told the system that more comes at once.</summary>
    public bool IsHeldBack { get; private set; }

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

    public override Errno TryRead(ReadOnlySpan<NativeBuffer> buffers, out uint count) => Receive(buffers, 0, null, out count, out _);

    public override Errno TryWrite(ReadOnlySpan<NativeBuffer> buffers, out uint count) => Send(buffers, null, out count);

    /// <summary>Receives what is there, or answers Again. A sender is filled in if asked for.</summary>
    public Errno Receive(ReadOnlySpan<NativeBuffer> buffers, int nativeFlags, SocketAddress* sender, out uint count, out bool truncated)
    {
        if (datagrams is not null)
        {
            return ReceiveDatagram(buffers, nativeFlags, sender, out count, out truncated);
        }

        if (IsStream || (SourceFilter is null && !AnswersAnyone))
        {
            return ReceiveAny(buffers, nativeFlags, sender, out count, out truncated);
        }

        for (int dropped = 0; dropped < MaximumDropped; dropped++)
        {
            SocketAddress from = default;
            Errno errno = ReceiveAny(buffers, nativeFlags, &from, out count, out truncated);
            if (errno != Errno.Success || IsWelcome(from))
            {
                if (sender != null)
                {
                    *sender = from;
                }

                return errno;
            }

            if ((nativeFlags & NativeSocket.MessagePeek) != 0)
            {
                ReceiveAny([], 0, null, out _, out _);
            }
        }

        count = 0;
        truncated = false;
        return Errno.Again;
    }

    private bool IsWelcome(in SocketAddress from)
    {
        SocketAddress source = from.Normalize();
        if (AnswersAnyone)
        {
            RememberPeer(source);
            return true;
        }

        return HasPeer(source.WithPort(0)) || SourceFilter!.IsAllowedSource(source);
    }

    private Errno ReceiveAny(ReadOnlySpan<NativeBuffer> buffers, int nativeFlags, SocketAddress* sender, out uint count, out bool truncated)
    {
        nint received;
        truncated = false;
        if (observer is { Room: > 0 and var room } && !isObservedAsClient && nativeFlags == 0 && buffers.Length == 1 && sender == null && buffers[0].Length >= LeastAmended)
        {
            return ReceiveAmended(buffers[0], room, out count);
        }

        if (stream is not null)
        {
            return ReceiveStream(buffers, nativeFlags, out count);
        }

        if (IsStream && buffers.Length == 1 && sender == null)
        {
            // Sound: buffers were made from checked ranges of guest memory.
            received = NativeSocket.Receive(handle, buffers[0].Address, buffers[0].Length, nativeFlags | NativeSocket.MessageDontWait);
        }
        else
        {
            byte* name = stackalloc byte[SocketAddress.MaximumNativeSize];
            fixed (NativeBuffer* vectors = buffers)
            {
                NativeSocket.MessageHeader message = new()
                {
                    Name = sender == null ? null : name,
                    NameLength = sender == null ? 0 : (uint)SocketAddress.MaximumNativeSize,
                    Vectors = vectors,
                    VectorCount = (nuint)buffers.Length,
                };
                received = NativeSocket.ReceiveMessage(handle, &message, nativeFlags | NativeSocket.MessageDontWait);
                if (received >= 0)
                {
                    truncated = (message.Flags & NativeSocket.MessageTruncated) != 0;
                    if (sender != null && message.NameLength > 0)
                    {
                        *sender = SocketAddress.ReadNative(new ReadOnlySpan<byte>(name, (int)message.NameLength));
                    }
                }
            }
        }

        if (received < 0)
        {
            count = 0;
            Errno errno = NoteFailure(Readiness.Readable | Readiness.Unsure);
            return errno == Errno.Again && isReadShut ? Errno.Success : errno;
        }

        count = (uint)received;
        if ((nativeFlags & NativeSocket.MessagePeek) == 0)
        {
            NoteReceived(buffers, count);
            if (observer is not null)
            {
                Show(buffers, count, isFromClient: !isObservedAsClient);
            }
        }

        return Errno.Success;
    }

    /// <summary>Receives a little less than there is room for, so that the observer can add to it.</summary>
    private Errno ReceiveAmended(NativeBuffer buffer, int room, out uint count)
    {
        ConnectionObserver by = observer!;
        observer = null;
        NativeBuffer smaller = new(buffer.Address, Math.Min(buffer.Length, int.MaxValue) - (nuint)room);
        Errno errno = ReceiveAny([smaller], 0, null, out count, out _);
        observer = by;
        if (errno == Errno.Success)
        {
            count = (uint)by.AmendFromClient(buffer.Span, (int)count);
        }

        return errno;
    }

    /// <summary>
    /// Sends what there is room for, or answers Again. With <paramref name="more"/> the system may hold the end back until the next send or
    /// <see cref="Push"/>, for 200 ms at most.
    /// </summary>
    public Errno Send(ReadOnlySpan<NativeBuffer> buffers, SocketAddress* receiver, out uint count, bool more = false)
    {
        nint sent;
        if (datagrams is not null && SendsInside(receiver))
        {
            if (isWriteShut)
            {
                count = 0;
                return Errno.Pipe;
            }

            return SendDatagram(buffers, receiver, out count);
        }

        if (stream is not null)
        {
            return SendStream(buffers, out count);
        }

        IsHeldBack = more;
        if (buffers.Length == 1 && receiver == null)
        {
            // Sound: buffers were made from checked ranges of guest memory.
            sent = NativeSocket.Send(
                handle,
                buffers[0].Address,
                buffers[0].Length,
                NativeSocket.MessageNoSignal | NativeSocket.MessageDontWait | (more ? NativeSocket.MessageMore : 0));
        }
        else
        {
            byte* name = stackalloc byte[SocketAddress.MaximumNativeSize];
            int nameLength = receiver == null ? 0 : receiver->WriteNative(new Span<byte>(name, SocketAddress.MaximumNativeSize));
            fixed (NativeBuffer* vectors = buffers)
            {
                NativeSocket.MessageHeader message = new()
                {
                    Name = receiver == null ? null : name,
                    NameLength = (uint)nameLength,
                    Vectors = vectors,
                    VectorCount = (nuint)buffers.Length,
                };
                sent = NativeSocket.SendMessage(handle, &message, NativeSocket.MessageNoSignal | NativeSocket.MessageDontWait);
            }
        }

        if (sent < 0)
        {
            count = 0;
            return NoteFailure(Readiness.Writable);
        }

        count = (uint)sent;
        if (observer is not null)
        {
            Show(buffers, count, isFromClient: isObservedAsClient);
        }

        if (IsStream && count < TotalLength(buffers))
        {
            // There was room for a part only; the system tells when there is more.
            Readiness &= ~Readiness.Writable;
        }

        return Errno.Success;
    }

    /// <summary>Sends what the system holds back.</summary>
    public void Push()
    {
        if (IsHeldBack)
        {
            IsHeldBack = false;
            if (IsInProcess)
            {
                return;
            }

            NativeSocket.TrySetOption(handle, NativeSocket.LevelTcp, NativeSocket.OptionTcpNoDelay, 1);
        }
    }

    /// <summary>Takes a connection that waits, or answers Again.</summary>
    public Errno Accept(FileDescriptorFlags flags, out SocketDescriptor? accepted)
    {
        if (queue is not null)
        {
            return AcceptFromQueue(flags, out accepted);
        }

        byte* name = stackalloc byte[SocketAddress.MaximumNativeSize];
        uint length = SocketAddress.MaximumNativeSize;
        int connection = NativeSocket.Accept(handle, name, &length, NativeSocket.TypeNonblock | NativeSocket.TypeCloseOnExec);
        if (connection < 0)
        {
            accepted = null;
            return NoteFailure(Readiness.Readable | Readiness.Unsure);
        }

        Readiness |= Readiness.Unsure;

        // TCP_NODELAY is not set again: Linux passes it on from the listening socket.
        accepted = new SocketDescriptor(connection, isStream: true, IsIpv6, IsNativeIpv6, InheritingRights)
        {
            PeerAddress = SocketAddress.ReadNative(new ReadOnlySpan<byte>(name, (int)length)),
            GuestLocalPort = GuestLocalAddress?.Port ?? 0,
        };
        accepted.SetFlags(flags);
        return Errno.Success;
    }

    /// <summary>Begins to listen inside the process: connections come from a queue, whose handle takes the place of the socket's own.</summary>
    public Errno Listen(ListeningQueue connections)
    {
        Errno errno = ReplaceHandle(connections.Handle);
        if (errno != Errno.Success)
        {
            // Closed, it no longer knows its handle.
            int own = connections.Handle;
            connections.Close();
            _ = NativeSocket.Close(own);
            return errno;
        }

        int old = connections.Handle;
        connections.MoveTo(handle);
        _ = NativeSocket.Close(old);
        queue = connections;
        IsInProcess = true;
        IsListening = true;
        return Errno.Success;
    }

    /// <summary>Takes over one end of a connection to this process itself, in place of the socket's own handle.</summary>
    public Errno UseConnection(int connection, in SocketAddress local, in SocketAddress peer)
    {
        Errno errno = ReplaceHandle(connection);
        _ = NativeSocket.Close(connection);
        if (errno == Errno.Success)
        {
            isConnected = true;
            IsInProcess = true;
            PeerAddress = peer;
            GuestLocalAddress = local;
        }

        return errno;
    }

    /// <summary>Who is told what passes over the connection that this socket makes.</summary>
    public void BeObserved(ConnectionObserver? by)
    {
        observer?.Closed();
        observer = by;
        isObservedAsClient = true;
    }

    private Errno AcceptFromQueue(FileDescriptorFlags flags, out SocketDescriptor? accepted)
    {
        accepted = null;
        if (!queue!.TryTake(out PendingConnection pending))
        {
            Readiness &= ~(Readiness.Readable | Readiness.Unsure);
            Reported &= ~Readiness.Readable;
            return Errno.Again;
        }

        Readiness |= Readiness.Unsure;
        SocketAddress? local = null;
        if (pending.Local is { } address)
        {
            address.TryConvert(IsIpv6, out address);
            local = address;
        }

        accepted = new SocketDescriptor(pending.Handle, isStream: true, IsIpv6, isNativeIpv6: false, InheritingRights)
        {
            PeerAddress = pending.Peer,
            GuestLocalAddress = local,
            GuestLocalPort = queue.Port,
            IsInProcess = pending.IsInside,
            stream = pending.Stream,
            StreamLinger = StreamLinger,
            StreamOptions = StreamOptions,
            observer = pending.Observer,
            isConnected = true,
            acceptedBy = pending.IsProbe ? null : queue.Member,
        };
        if (!pending.IsInside)
        {
            NativeSocket.TrySetOption(pending.Handle, NativeSocket.LevelTcp, NativeSocket.OptionTcpNoDelay, 1);
        }

        if (pending.Stream?.Accept(queue.Member.Streams) == false)
        {
            accepted.StreamLinger = LingersForNoTime;
            _ = accepted.Close();
            accepted = null;
            return Errno.Mfile;
        }

        accepted.SetFlags(flags);
        return Errno.Success;
    }

    /// <summary>Begins to connect, or for UDP fixes the peer. Inprogress means that the socket will become writable.</summary>
    public Errno Connect(in SocketAddress peer)
    {
        if (isConnected || queue is not null)
        {
            return Errno.Isconn;
        }

        byte* name = stackalloc byte[SocketAddress.MaximumNativeSize];
        int length = peer.WriteNative(new Span<byte>(name, SocketAddress.MaximumNativeSize));
        DatagramPort? outsideToo = datagrams is { IsOutsideToo: true } ? datagrams : null;
        outsideToo?.Leave();
        int result = NativeSocket.Connect(handle, name, (uint)length);
        Errno errno = result == 0 ? Errno.Success : NativeSocket.LastError();
        if (outsideToo is not null && errno is not (Errno.Success or Errno.Inprogress) && !HasNativePeer() && GetNativeLocalAddress(out SocketAddress host) == Errno.Success)
        {
            outsideToo.MoveTo(host);
        }

        if (errno is Errno.Success or Errno.Inprogress)
        {
            PeerAddress = null;
            insidePeer = null;
            IsConnecting = errno == Errno.Inprogress;
            isConnected = IsStream && errno == Errno.Success;
            ForgetReadiness();
        }

        return errno;
    }

    /// <summary>The outcome of a connection that was being made, once the socket has become writable.</summary>
    public Errno FinishConnect()
    {
        Errno errno = FetchError();
        isConnected = errno == Errno.Success;
        return errno;
    }

    /// <summary>The error that waits to be fetched; it is gone afterwards.</summary>
    public Errno FetchError()
    {
        IsConnecting = false;
        Readiness &= ~Readiness.Failed;
        if (stream is not null)
        {
            return stream.TakeReset() ? Errno.Connreset : Errno.Success;
        }

        return SystemErrors.Translate(NativeSocket.GetOption(handle, NativeSocket.LevelSocket, NativeSocket.OptionError));
    }

    public Errno Bind(in SocketAddress address)
    {
        byte* name = stackalloc byte[SocketAddress.MaximumNativeSize];
        int length = address.WriteNative(new Span<byte>(name, SocketAddress.MaximumNativeSize));
        return NativeSocket.Bind(handle, name, (uint)length) == 0 ? Errno.Success : NativeSocket.LastError();
    }

    public Errno Listen(int backlog)
    {
        if (NativeSocket.Listen(handle, backlog) != 0)
        {
            return NativeSocket.LastError();
        }

        if (!IsListening)
        {
            IsListening = true;
            ForgetReadiness();
        }

        return Errno.Success;
    }

    /// <summary>
    /// Gives the socket a handle of the other family under the same number: the guest binds any address, but the host's
    /// may be of another family. What the guest has set is set again.
    /// </summary>
    public Errno ChangeNativeFamily(bool toIpv6)
    {
        int replacement = Open(IsStream, toIpv6);
        if (replacement < 0)
        {
            return NativeSocket.LastError();
        }

        ReadOnlySpan<int> options =
        [
            NativeSocket.OptionReuseAddress, NativeSocket.OptionKeepAlive, NativeSocket.OptionBroadcast, NativeSocket.OptionOutOfBandInline,
        ];
        foreach (int option in options)
        {
            int value = NativeSocket.GetOption(handle, NativeSocket.LevelSocket, option);
            if (value != 0)
            {
                NativeSocket.TrySetOption(replacement, NativeSocket.LevelSocket, option, value);
            }
        }

        Errno errno = ReplaceHandle(replacement);
        _ = NativeSocket.Close(replacement);
        if (errno == Errno.Success)
        {
            IsNativeIpv6 = toIpv6;
        }

        return errno;
    }

    /// <summary>Puts another handle under this one's number. The table of descriptors must be invalidated afterwards.</summary>
    private Errno ReplaceHandle(int replacement)
    {
        if (NativeSocket.Duplicate(replacement, handle, NativeSocket.TypeCloseOnExec) < 0)
        {
            return NativeSocket.LastError();
        }

        // The old handle left the epoll set when it was replaced.
        Readiness = Readiness.None;
        Reported = Readiness.None;
        Set?.Forget(this);
        return Errno.Success;
    }

    /// <summary>Opens a handle as all sockets of guests have it: it never blocks, and sends small writes at once.</summary>
    public static int Open(bool isStream, bool ipv6)
    {
        int family = ipv6 ? NativeSocket.AddressFamilyInet6 : NativeSocket.AddressFamilyInet;
        int type = isStream ? NativeSocket.TypeStream : NativeSocket.TypeDatagram;
        int handle = NativeSocket.Open(family, type | NativeSocket.TypeNonblock | NativeSocket.TypeCloseOnExec, 0);
        if (handle >= 0 && isStream)
        {
            NativeSocket.TrySetOption(handle, NativeSocket.LevelTcp, NativeSocket.OptionTcpNoDelay, 1);
        }

        return handle;
    }

    public Errno GetNativeLocalAddress(out SocketAddress address)
    {
        byte* name = stackalloc byte[SocketAddress.MaximumNativeSize];
        uint length = SocketAddress.MaximumNativeSize;
        int result = NativeSocket.GetLocalName(handle, name, &length);
        address = result == 0 ? SocketAddress.ReadNative(new ReadOnlySpan<byte>(name, (int)length)) : default;
        return result == 0 ? Errno.Success : NativeSocket.LastError();
    }

    public Errno GetNativePeerAddress(out SocketAddress address)
    {
        if (PeerAddress is { } known)
        {
            address = known;
            return Errno.Success;
        }

        if (IsInProcess)
        {
            // Its handle has another end, whatever it is.
            address = default;
            return Errno.Notconn;
        }

        byte* name = stackalloc byte[SocketAddress.MaximumNativeSize];
        uint length = SocketAddress.MaximumNativeSize;
        int result = NativeSocket.GetPeerName(handle, name, &length);
        address = result == 0 ? SocketAddress.ReadNative(new ReadOnlySpan<byte>(name, (int)length)) : default;
        return result == 0 ? Errno.Success : NativeSocket.LastError();
    }

    public Errno Shutdown(int how)
    {
        if (stream is not null)
        {
            return ShutdownStream(how);
        }

        if (IsInProcess && how == ShutdownReceive && isConnected)
        {
            // In the system's pair the other side could send no more; over TCP it can, to no effect.
            isReadShut = true;
            return Errno.Success;
        }

        if (datagrams is not null)
        {
            return ShutdownDatagrams(how);
        }

        return NativeSocket.Shutdown(handle, how) == 0 ? Errno.Success : NativeSocket.LastError();
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

    private void NoteReceived(ReadOnlySpan<NativeBuffer> buffers, uint count)
    {
        if (IsStream && count < TotalLength(buffers) && (Readiness & Readiness.Urgent) == 0)
        {
            // There was less than asked for: all is read. What comes later is told anew. (At the end of the stream
            // PeerClosed stands, or will be told.)
            Readiness &= ~(Readiness.Readable | Readiness.Unsure);
            if (count == 0)
            {
                Readiness |= Readiness.PeerClosed;
            }
        }
        else
        {
            Readiness |= Readiness.Unsure;
        }
    }

    private Errno NoteFailure(Readiness direction)
    {
        Errno errno = NativeSocket.LastError();
        if (errno == Errno.Again)
        {
            Readiness &= ~direction;
            Reported &= ~direction;
        }
        else
        {
            // The error that the system told of has now been fetched.
            Readiness &= ~Readiness.Failed;
        }

        return errno;
    }

    private static ulong TotalLength(ReadOnlySpan<NativeBuffer> buffers)
    {
        ulong total = 0;
        foreach (ref readonly NativeBuffer buffer in buffers)
        {
            total += buffer.Length;
        }

        return total;
    }
}
