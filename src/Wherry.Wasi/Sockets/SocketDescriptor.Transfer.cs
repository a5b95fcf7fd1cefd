using Wherry.Wasi.Abi;
using Wherry.Wasi.Descriptors;
using Wherry.Wasi.Native;
using Wherry.Wasi.Network;
using Wherry.Wasi.Network.InProcess;
using Wherry.Wasi.Network.InProcess.Datagrams;
using Wherry.Wasi.Network.InProcess.Streams;

namespace Wherry.Wasi.Sockets;

/// <content>Receiving and sending.</content>
internal sealed unsafe partial class SocketDescriptor
{
    /// <summary>Up to so many buffers are put together on the stack.</summary>
    private const int FewBuffers = 16;

    /// <summary>Who reads in smaller pieces gets them as they come.</summary>
    private const int LeastAmended = 1024;

    /// <summary>How many unwelcome datagrams one receive throws away before it looks after the guest again.</summary>
    private const int MaximumDropped = 64;

    /// <summary>The last send told the system that more comes at once.</summary>
    public bool IsHeldBack { get; private set; }

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
