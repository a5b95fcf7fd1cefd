using Wherry.Wasi.Abi;
using Wherry.Wasi.Native;
using Wherry.Wasi.Network.InProcess;
using Wherry.Wasi.Network.InProcess.Datagrams;

namespace Wherry.Wasi.Sockets;

/// <content>UDP inside the process.</content>
internal sealed unsafe partial class SocketDescriptor
{
    /// <summary>Few, since a guest may have many sockets, and sends to nobody cost it nothing.</summary>
    private const int RememberedTargets = 16;

    private SocketAddress[]? targets;
    private int targetCount;
    private DatagramPort? datagrams;
    private SocketAddress? insidePeer;
    private bool isWriteShut;

    /// <summary>The socket's port inside the process; null if it has none.</summary>
    public DatagramPort? Datagrams => datagrams;

    /// <summary>Takes over one end of a pair, in place of the socket's own handle: only guests of the project reach it from now on.</summary>
    /// <param name="port">The port, which has the other end.</param>
    /// <param name="pairHandle">This end.</param>
    public Errno UseDatagrams(DatagramPort port, int pairHandle)
    {
        // Another thread of the guest may wait for the handle that goes: this wakes it.
        _ = NativeSocket.Shutdown(handle, ShutdownBoth);
        Errno errno = ReplaceHandle(pairHandle);
        _ = NativeSocket.Close(pairHandle);
        if (errno == Errno.Success)
        {
            datagrams = port;
            IsInProcess = true;
        }

        return errno;
    }

    /// <summary>Guests of the project reach it too from now on, beside those that the host's network has.</summary>
    public void UseDatagrams(DatagramPort port) => datagrams = port;

    /// <summary>Notes where a datagram inside the process goes.</summary>
    /// <returns>Whether it is none of the last few places.</returns>
    public bool NoteTarget(in SocketAddress target)
    {
        targets ??= new SocketAddress[RememberedTargets];
        if (targets.AsSpan(0, Math.Min(targetCount, RememberedTargets)).Contains(target))
        {
            return false;
        }

        targets[targetCount % RememberedTargets] = target;
        targetCount = targetCount == (2 * RememberedTargets) - 1 ? RememberedTargets : targetCount + 1;
        return true;
    }

    /// <summary>Fixes the peer, another guest's port: what others send is thrown away.</summary>
    public Errno ConnectDatagrams(in SocketAddress peer)
    {
        Errno errno = datagrams!.IsOutsideToo ? DisconnectFromHost() : Errno.Success;
        if (errno == Errno.Success)
        {
            insidePeer = peer;
            PeerAddress = peer;
        }

        return errno;
    }

    /// <summary>Whom the system was told to receive from before, it must not keep to any longer.</summary>
    private Errno DisconnectFromHost()
    {
        if (!HasNativePeer())
        {
            return Errno.Success;
        }

        // Sound: an address of no family has 16 bytes.
        byte* name = stackalloc byte[SocketAddress.MaximumNativeSize];
        new Span<byte>(name, SocketAddress.MaximumNativeSize).Clear();
        datagrams!.Leave();
        _ = NativeSocket.Connect(handle, name, 16);
        Errno errno = GetNativeLocalAddress(out SocketAddress host);
        if (errno == Errno.Success && host.Port == 0)
        {
            // The system had picked the port, and has taken it back.
            errno = Bind(SocketAddress.Any(IsNativeIpv6, 0));
            errno = errno == Errno.Success ? GetNativeLocalAddress(out host) : errno;
        }

        if (errno == Errno.Success)
        {
            datagrams!.MoveTo(host);
        }

        return errno;
    }

    /// <summary>Whether the system was told to receive from one only.</summary>
    private bool HasNativePeer()
    {
        byte* name = stackalloc byte[SocketAddress.MaximumNativeSize];
        uint length = SocketAddress.MaximumNativeSize;

        // Sound: the buffer is as long as the length says.
        return NativeSocket.GetPeerName(handle, name, &length) == 0;
    }

    /// <summary>Ends one direction or both of a socket that has a peer. What has come already can still be received.</summary>
    private Errno ShutdownDatagrams(int how)
    {
        if (insidePeer is null && (IsInProcess || !HasNativePeer()))
        {
            return Errno.Notconn;
        }

        isReadShut |= how != ShutdownSend;
        isWriteShut |= how != ShutdownReceive;
        if (!IsInProcess || how != ShutdownSend)
        {
            // Waiting receivers are woken. To have no peer is no error here: the system does not know the one inside.
            _ = NativeSocket.Shutdown(handle, IsInProcess ? ShutdownReceive : how);
        }

        return Errno.Success;
    }

    private Errno SendDatagram(ReadOnlySpan<NativeBuffer> buffers, SocketAddress* receiver, out uint count)
    {
        count = 0;
        SocketAddress target;
        if (receiver != null)
        {
            target = receiver->Normalize();
        }
        else if (insidePeer is { } peer)
        {
            target = peer;
        }
        else
        {
            return Errno.Destaddrreq;
        }

        if (!datagrams!.Member.IsDatagramRoute(target))
        {
            // The socket is of the project's network alone.
            return Errno.Netunreach;
        }

        Errno errno = datagrams.Member.SendDatagram(datagrams, target, buffers, tellsRefusal: receiver == null);
        count = errno == Errno.Success ? (uint)TotalLength(buffers) : 0;
        return errno;
    }

    /// <summary>Whether what is sent stays in the process.</summary>
    private bool SendsInside(SocketAddress* receiver) =>
        IsInProcess || (receiver == null ? insidePeer is not null : datagrams!.Member.IsDatagramRoute(receiver->Normalize()));

    private Errno ReceiveDatagram(ReadOnlySpan<NativeBuffer> buffers, int nativeFlags, SocketAddress* sender, out uint count, out bool truncated)
    {
        for (int dropped = 0; dropped < MaximumDropped; dropped++)
        {
            Errno errno = ReceiveOne(buffers, nativeFlags, out SocketAddress from, out DatagramKind? kind, out count, out truncated);
            if (errno != Errno.Success)
            {
                return errno == Errno.Again && isReadShut ? Errno.Success : errno;
            }

            if (kind == DatagramKind.Refused)
            {
                datagrams!.TakeRefusal(from);
            }

            if (IsTaken(from, kind))
            {
                if (kind == DatagramKind.Refused && (nativeFlags & NativeSocket.MessagePeek) != 0)
                {
                    // An error is told once, also to one that only looks.
                    _ = ReceiveOne([], 0, out _, out _, out _, out _);
                }

                if (sender != null)
                {
                    *sender = from;
                }

                return kind == DatagramKind.Refused ? Errno.Connrefused : Errno.Success;
            }

            if ((nativeFlags & NativeSocket.MessagePeek) != 0)
            {
                _ = ReceiveOne([], 0, out _, out _, out _, out _);
            }
        }

        count = 0;
        truncated = false;
        return isReadShut ? Errno.Success : Errno.Again;
    }

    /// <summary>Whether the guest gets a datagram.</summary>
    /// <param name="from">Who has sent it.</param>
    /// <param name="kind">Null if it came from the host's network.</param>
    private bool IsTaken(in SocketAddress from, DatagramKind? kind)
    {
        if (kind is not null)
        {
            return insidePeer is { } peer ? peer.Equals(from) : kind == DatagramKind.Data;
        }

        // From outside nobody is one of the project's guests, the guest itself or its DNS server, whatever address is given: an answer would go to those.
        return insidePeer is null && !datagrams!.Member.IsDatagramRoute(from.Normalize()) && ((SourceFilter is null && !AnswersAnyone) || IsWelcome(from));
    }

    private Errno ReceiveOne(ReadOnlySpan<NativeBuffer> buffers, int nativeFlags, out SocketAddress from, out DatagramKind? kind, out uint count, out bool truncated)
    {
        kind = null;
        count = 0;
        truncated = false;
        from = default;
        nint received;
        if (datagrams!.IsOutsideToo)
        {
            received = ReceiveMessage([], nativeFlags | NativeSocket.MessagePeek, out from, out _);
            if (received < 0)
            {
                return NoteFailure(Readiness.Readable | Readiness.Unsure);
            }

            if (!HostSender.IsSource(from.Normalize()))
            {
                received = ReceiveMessage(buffers, nativeFlags, out from, out truncated);
                return NoteDatagram(buffers, nativeFlags, received, out count);
            }
        }

        if (buffers.Length >= GuestCall.MaximumBuffers)
        {
            return ReceiveJoined(buffers, nativeFlags, out from, out kind, out count, out truncated);
        }

        byte* header = stackalloc byte[DatagramHeader.Size];
        Span<NativeBuffer> all = buffers.Length < FewBuffers ? stackalloc NativeBuffer[FewBuffers] : new NativeBuffer[buffers.Length + 1];
        all[0] = new NativeBuffer(header, DatagramHeader.Size);
        buffers.CopyTo(all[1..]);
        received = ReceiveMessage(all[..(buffers.Length + 1)], nativeFlags, out _, out truncated);
        if (received >= DatagramHeader.Size)
        {
            kind = DatagramHeader.Read(new ReadOnlySpan<byte>(header, DatagramHeader.Size), out from);
            received -= DatagramHeader.Size;
        }

        return NoteDatagram(buffers, nativeFlags, received, out count);
    }

    /// <summary>The system takes so many buffers and no more, and the header is another.</summary>
    private Errno ReceiveJoined(ReadOnlySpan<NativeBuffer> buffers, int nativeFlags, out SocketAddress from, out DatagramKind? kind, out uint count, out bool truncated)
    {
        byte[] joined = new byte[Math.Min(TotalLength(buffers), DatagramPort.LongestDatagram)];

        // Sound: the array's own length is passed.
        fixed (byte* first = joined)
        {
            Errno errno = ReceiveOne([new NativeBuffer(first, (nuint)joined.Length)], nativeFlags, out from, out kind, out count, out truncated);
            ReadOnlySpan<byte> rest = joined.AsSpan(0, (int)count);
            for (int i = 0; rest.Length > 0; i++)
            {
                int length = Math.Min(rest.Length, buffers[i].Span.Length);
                rest[..length].CopyTo(buffers[i].Span);
                rest = rest[length..];
            }

            return errno;
        }
    }

    private Errno NoteDatagram(ReadOnlySpan<NativeBuffer> buffers, int nativeFlags, nint received, out uint count)
    {
        count = 0;
        if (received < 0)
        {
            return NoteFailure(Readiness.Readable | Readiness.Unsure);
        }

        count = (uint)received;
        if ((nativeFlags & NativeSocket.MessagePeek) == 0)
        {
            NoteReceived(buffers, count);
        }

        return Errno.Success;
    }

    private nint ReceiveMessage(ReadOnlySpan<NativeBuffer> buffers, int nativeFlags, out SocketAddress from, out bool truncated)
    {
        byte* name = stackalloc byte[SocketAddress.MaximumNativeSize];

        // Sound: buffers are checked ranges of guest memory and a local, and the name is as long as its length says.
        fixed (NativeBuffer* vectors = buffers)
        {
            NativeSocket.MessageHeader message = new()
            {
                Name = name,
                NameLength = SocketAddress.MaximumNativeSize,
                Vectors = vectors,
                VectorCount = (nuint)buffers.Length,
            };
            nint received = NativeSocket.ReceiveMessage(handle, &message, nativeFlags | NativeSocket.MessageDontWait);
            from = received >= 0 ? SocketAddress.ReadNative(new ReadOnlySpan<byte>(name, (int)Math.Min(message.NameLength, SocketAddress.MaximumNativeSize))) : default;
            truncated = received >= 0 && (message.Flags & NativeSocket.MessageTruncated) != 0;
            return received;
        }
    }
}
