using Wherry.Wasi.Abi;
using Wherry.Wasi.Descriptors;
using Wherry.Wasi.Native;
using Wherry.Wasi.Network;
using Wherry.Wasi.Network.InProcess;
using Wherry.Wasi.Network.InProcess.Datagrams;
using Wherry.Wasi.Network.InProcess.Streams;

namespace Wherry.Wasi.Sockets;

/// <content>Binding, listening, accepting and connecting, and ending a direction.</content>
internal sealed unsafe partial class SocketDescriptor
{
    private const int ShutdownReceive = 0;
    private const int ShutdownSend = 1;
    private const int ShutdownBoth = 2;

    /// <summary>struct linger: it lingers, for no second.</summary>
    private const long LingersForNoTime = 1;

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
}
