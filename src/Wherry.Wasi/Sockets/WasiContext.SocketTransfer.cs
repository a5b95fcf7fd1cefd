using System.Runtime.CompilerServices;
using Wherry.Wasi.Abi;
using Wherry.Wasi.Native;
using Wherry.Wasi.Network;
using Wherry.Wasi.Sockets;

namespace Wherry.Wasi;

// The socket extension: receiving and sending. Each call first tries once, without waiting and without allocating; only a
// blocking socket that isn't ready goes on in the slow, asynchronous variant.
public sealed unsafe partial class WasiContext
{
    private const uint ReceivePeek = 1;
    private const uint ReceiveWaitAll = 2;
    private const ushort ReceivedTruncated = 1;

    /// <summary>Up to so many buffers are translated on the stack.</summary>
    private const int FewBuffers = 16;

    /// <summary>The socket whose last send was the head of a response; there is at most one.</summary>
    private SocketDescriptor? heldBack;

    internal ValueTask<int> SockRecvAsync(GuestCall call, int descriptor, uint buffers, uint count, uint flags, uint receivedAddress, uint flagsAddress)
    {
        Errno errno = GetSocket(descriptor, Rights.FdRead, out SocketDescriptor socket);
        if (errno != Errno.Success)
        {
            return new ValueTask<int>((int)errno);
        }

        if ((flags & ~(ReceivePeek | ReceiveWaitAll)) != 0)
        {
            return new ValueTask<int>((int)Errno.Inval);
        }

        if (!call.Contains(receivedAddress, sizeof(uint)) || !call.Contains(flagsAddress, sizeof(ushort)))
        {
            return new ValueTask<int>((int)Errno.Fault);
        }

        errno = TryReceive(call, socket, buffers, count, flags, 0, null, out uint received, out uint wanted, out bool truncated);
        if (errno == Errno.Success && (received == 0 || received == wanted || !WaitsForAll(socket, flags)))
        {
            call.Write(receivedAddress, received);
            return new ValueTask<int>((int)call.Write(flagsAddress, truncated ? ReceivedTruncated : (ushort)0));
        }

        return errno is Errno.Success or Errno.Again && !socket.IsNonBlocking
            ? ReceiveSlowlyAsync(call, socket, buffers, count, flags, received, receivedAddress, flagsAddress)
            : new ValueTask<int>((int)errno);
    }

    /// <summary>The port's address is null in the older form of the call.</summary>
    internal ValueTask<int> SockRecvFromAsync(
        GuestCall call, int descriptor, uint buffers, uint count, uint addressAddress, uint flags, uint? portAddress, uint receivedAddress, uint flagsAddress)
    {
        Errno errno = GetSocket(descriptor, Rights.FdRead, out SocketDescriptor socket);
        if (errno != Errno.Success)
        {
            return new ValueTask<int>((int)errno);
        }

        if ((flags & ~(ReceivePeek | ReceiveWaitAll)) != 0)
        {
            return new ValueTask<int>((int)Errno.Inval);
        }

        if (!call.Contains(receivedAddress, sizeof(uint)) || !call.Contains(flagsAddress, sizeof(ushort))
            || (portAddress is { } port && !call.Contains(port, sizeof(uint)))
            || !call.TryRead(addressAddress, out GuestBuffer address) || !call.Contains(address.Address, address.Length))
        {
            return new ValueTask<int>((int)Errno.Fault);
        }

        errno = TryReceiveFrom(call, socket, buffers, count, addressAddress, flags, portAddress, receivedAddress, flagsAddress);
        return errno == Errno.Again && !socket.IsNonBlocking
            ? ReceiveFromSlowlyAsync(call, socket, buffers, count, addressAddress, flags, portAddress, receivedAddress, flagsAddress)
            : new ValueTask<int>((int)errno);
    }

    internal ValueTask<int> SockSendAsync(GuestCall call, int descriptor, uint buffers, uint count, uint flags, uint sentAddress)
    {
        Errno errno = GetSocket(descriptor, Rights.FdWrite, out SocketDescriptor socket);
        if (errno != Errno.Success)
        {
            return new ValueTask<int>((int)errno);
        }

        if (flags != 0)
        {
            return new ValueTask<int>((int)Errno.Inval);
        }

        if (!call.Contains(sentAddress, sizeof(uint)))
        {
            return new ValueTask<int>((int)Errno.Fault);
        }

        errno = TrySend(call, socket, buffers, count, 0, null, out uint sent, out uint total);
        if (errno == Errno.Success && (socket.IsNonBlocking || sent >= total))
        {
            return new ValueTask<int>((int)call.Write(sentAddress, sent));
        }

        return errno is Errno.Success or Errno.Again && !socket.IsNonBlocking
            ? SendSlowlyAsync(call, socket, buffers, count, sent, null, sentAddress)
            : new ValueTask<int>((int)errno);
    }

    internal ValueTask<int> SockSendToAsync(
        GuestCall call, int descriptor, uint buffers, uint count, uint addressAddress, uint port, uint flags, uint sentAddress)
    {
        Errno errno = GetSocket(descriptor, Rights.FdWrite, out SocketDescriptor socket);
        if (errno != Errno.Success)
        {
            return new ValueTask<int>((int)errno);
        }

        if (flags != 0)
        {
            return new ValueTask<int>((int)Errno.Inval);
        }

        if (!call.Contains(sentAddress, sizeof(uint)))
        {
            return new ValueTask<int>((int)Errno.Fault);
        }

        errno = ReadAddress(call, addressAddress, port, out SocketAddress address);
        if (errno != Errno.Success)
        {
            return new ValueTask<int>((int)errno);
        }

        if (socket.IsStream)
        {
            // As the system has it: a stream goes to its peer.
            return SockSendAsync(call, descriptor, buffers, count, flags, sentAddress);
        }

        if (!address.TryConvert(socket.IsNativeIpv6, out SocketAddress target))
        {
            return new ValueTask<int>((int)Errno.Afnosupport);
        }

        if (Options.NetworkMember is { } member && TryPrepareDatagrams(member, socket, target.Normalize(), out errno))
        {
            uint passed = 0;
            errno = errno == Errno.Success ? TrySend(call, socket, buffers, count, 0, &target, out passed, out _) : errno;
            return new ValueTask<int>((int)(errno == Errno.Success ? call.Write(sentAddress, passed) : errno));
        }

        ValueTask<Errno> check = CheckSendAsync(socket, target, call.CancellationToken);
        if (!check.IsCompletedSuccessfully)
        {
            return SendToSlowlyAsync(check, call, socket, buffers, count, target, sentAddress);
        }

        errno = check.Result;
        uint sent = 0;
        if (errno == Errno.Success)
        {
            errno = TrySend(call, socket, buffers, count, 0, &target, out sent, out _);
        }

        return errno == Errno.Again && !socket.IsNonBlocking
            ? SendSlowlyAsync(call, socket, buffers, count, 0, target, sentAddress)
            : new ValueTask<int>((int)(errno == Errno.Success ? call.Write(sentAddress, sent) : errno));
    }

    private ValueTask<Errno> CheckSendAsync(SocketDescriptor socket, in SocketAddress target, CancellationToken cancellationToken)
    {
        if (Options.NetworkPolicy.AllowsEverything)
        {
            return new ValueTask<Errno>(Errno.Success);
        }

        // A published socket answers whoever has sent to it.
        SocketAddress normalized = target.Normalize();
        if (socket.AnswersAnyone && socket.HasPeer(normalized))
        {
            return new ValueTask<Errno>(Errno.Success);
        }

        ValueTask<Errno> check = Network.ConnectAsync(NetworkProtocol.Udp, target, cancellationToken);
        if (!check.IsCompletedSuccessfully)
        {
            return check;
        }

        Errno errno = check.Result;
        if (errno == Errno.Success && socket.SourceFilter is not null && socket.RememberPeer(normalized.WithPort(0)))
        {
            RecordOutside(NetworkProtocol.Udp, normalized);
        }

        return new ValueTask<Errno>(errno);
    }

    // Sound here and below: GetBuffers checks each of the guest's ranges, and the vectors are used only while the guest is in this call.
    [SkipLocalsInit]
    private static Errno TryReceive(
        in GuestCall call, SocketDescriptor socket, uint buffers, uint count, uint flags, uint skip, SocketAddress* sender, out uint received, out uint wanted, out bool truncated)
    {
        received = 0;
        wanted = 0;
        truncated = false;
        if (count > GuestCall.MaximumBuffers)
        {
            return Errno.Inval;
        }

        Span<NativeBuffer> vectors = count <= FewBuffers ? stackalloc NativeBuffer[FewBuffers] : new NativeBuffer[count];
        Errno errno = call.GetBuffers(buffers, count, vectors);
        if (errno != Errno.Success)
        {
            return errno;
        }

        vectors = Skip(vectors[..(int)count], skip);
        foreach (ref readonly NativeBuffer vector in vectors)
        {
            wanted += (uint)vector.Length;
        }

        int nativeFlags = (flags & ReceivePeek) != 0 ? NativeSocket.MessagePeek : 0;
        return socket.Receive(vectors, nativeFlags, sender, out received, out truncated);
    }

    private static Errno TryReceiveFrom(
        in GuestCall call, SocketDescriptor socket, uint buffers, uint count, uint addressAddress, uint flags, uint? portAddress, uint receivedAddress, uint flagsAddress)
    {
        SocketAddress sender = default;
        Errno errno = TryReceive(call, socket, buffers, count, flags, 0, &sender, out uint received, out _, out bool truncated);
        if (errno != Errno.Success)
        {
            return errno;
        }

        if (socket.IsStream)
        {
            // The system names no sender on a stream.
            socket.GetNativePeerAddress(out sender);
        }

        sender.TryConvert(socket.IsIpv6, out sender);

        // Read again: the data may have been received over it.
        if (!call.TryRead(addressAddress, out GuestBuffer address) || !call.TryGetSpan(address.Address, address.Length, out Span<byte> destination))
        {
            return Errno.Fault;
        }

        WriteSender(sender, destination);
        if (portAddress is { } port)
        {
            call.Write(port, (uint)sender.Port);
        }

        call.Write(receivedAddress, received);
        return call.Write(flagsAddress, truncated ? ReceivedTruncated : (ushort)0);
    }

    [SkipLocalsInit]
    private Errno TrySend(
        in GuestCall call, SocketDescriptor socket, uint buffers, uint count, uint skip, SocketAddress* receiver, out uint sent, out uint total)
    {
        sent = 0;
        total = 0;
        if (count > GuestCall.MaximumBuffers)
        {
            return Errno.Inval;
        }

        Span<NativeBuffer> vectors = count <= FewBuffers ? stackalloc NativeBuffer[FewBuffers] : new NativeBuffer[count];
        Errno errno = call.GetBuffers(buffers, count, vectors);
        if (errno != Errno.Success)
        {
            return errno;
        }

        vectors = Skip(vectors[..(int)count], skip);
        foreach (ref readonly NativeBuffer vector in vectors)
        {
            total += (uint)vector.Length;
        }

        bool more = receiver == null && socket.IsStream && vectors.Length == 1 && IsResponseHead(vectors[0].Span);
        errno = socket.Send(vectors, receiver, out sent, more);
        if (more)
        {
            HoldBack(socket);
        }

        return errno;
    }

    /// <summary>
    /// Whether this is the head of an HTTP response and nothing more. Some servers write head and body apart; sent apart, each costs a packet, which
    /// is most of the work of a small request. So the head waits for the body, but never longer than until the guest waits for anything.
    /// </summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static bool IsResponseHead(ReadOnlySpan<byte> bytes) =>
        bytes.Length is >= 16 and <= 4096 && bytes.StartsWith("HTTP/1."u8) && bytes.EndsWith("\r\n\r\n"u8);

    private void HoldBack(SocketDescriptor socket)
    {
        if (heldBack != socket)
        {
            heldBack?.Push();
            heldBack = socket;
        }
    }

    /// <summary>Called before the guest waits: what it has sent must be on its way.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    internal void PushHeldBack()
    {
        if (heldBack is not null)
        {
            heldBack.Push();
            heldBack = null;
        }
    }

    /// <summary>Leaves out the first bytes, which an earlier attempt has done.</summary>
    private static Span<NativeBuffer> Skip(Span<NativeBuffer> vectors, uint skip)
    {
        while (skip > 0 && !vectors.IsEmpty)
        {
            ref NativeBuffer first = ref vectors[0];
            if (first.Length > skip)
            {
                first = first.Skip(skip);
                break;
            }

            skip -= (uint)first.Length;
            vectors = vectors[1..];
        }

        return vectors;
    }

    // The asynchronous variants can't hold pointers or spans over a wait, so each attempt goes through a method that takes none.
    private static Errno TryReceiveAgain(
        in GuestCall call, SocketDescriptor socket, uint buffers, uint count, uint flags, uint skip, out uint received, out uint wanted, out bool truncated) =>
        TryReceive(call, socket, buffers, count, flags, skip, null, out received, out wanted, out truncated);

    private Errno TrySendAgain(
        in GuestCall call, SocketDescriptor socket, uint buffers, uint count, uint skip, SocketAddress? receiver, out uint sent, out uint total)
    {
        if (receiver is not { } target)
        {
            return TrySend(call, socket, buffers, count, skip, null, out sent, out total);
        }

        return TrySend(call, socket, buffers, count, skip, &target, out sent, out total);
    }
}
