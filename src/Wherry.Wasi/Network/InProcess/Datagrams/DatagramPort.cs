using Wherry.Wasi.Abi;
using Wherry.Wasi.Native;
using Wherry.Wasi.Network.InProcess.Names;
using Wherry.Wasi.Sockets;

namespace Wherry.Wasi.Network.InProcess.Datagrams;

/// <summary>
/// A UDP port of a guest. What others send arrives at the socket's own handle, behind a <see cref="DatagramHeader"/>: through the other half of a pair of datagram sockets, or, if the host's network reaches the
/// socket too, from the process's <see cref="HostSender"/>. As over any network, what there is no room for is lost.
/// </summary>
internal sealed unsafe class DatagramPort
{
    /// <summary>As much as a UDP datagram over IPv4 holds.</summary>
    public const int LongestDatagram = 65_507;

    private const int FewBuffers = 16;

    private readonly Lock gate = new();
    private readonly int pairHandle;
    private readonly HostSender? hostSender;
    private SocketAddress hostAddress;
    private volatile bool isClosed;
    private bool isAway;
    private SocketAddress? refused;

    /// <summary>A port that only guests of the project reach.</summary>
    /// <param name="pairHandle">The half of the pair that is not the socket's, which this closes.</param>
    public DatagramPort(NetworkMember member, ushort port, bool isLoopbackOnly, int pairHandle)
    {
        Member = member;
        Port = port;
        IsLoopbackOnly = isLoopbackOnly;
        this.pairHandle = pairHandle;
    }

    /// <summary>A port whose socket the host's network reaches too.</summary>
    /// <param name="hostAddress">Where the host has bound it.</param>
    /// <param name="hostSender">Who reaches that.</param>
    public DatagramPort(NetworkMember member, ushort port, bool isLoopbackOnly, in SocketAddress hostAddress, HostSender hostSender)
    {
        Member = member;
        Port = port;
        IsLoopbackOnly = isLoopbackOnly;
        pairHandle = -1;
        this.hostSender = hostSender;
        this.hostAddress = hostSender.Reach(hostAddress);
    }

    /// <summary>The guest's place on the network.</summary>
    public NetworkMember Member { get; }

    public ushort Port { get; }

    /// <summary>Whether other guests can't reach it.</summary>
    public bool IsLoopbackOnly { get; }

    /// <summary>Whether the host's network reaches its socket too.</summary>
    public bool IsOutsideToo => hostSender is not null;

    /// <summary>Whether nobody reaches it any more.</summary>
    public bool IsClosed => isClosed;

    /// <summary>Who answers what is sent to the guest's DNS server.</summary>
    public NameServer? NameServer { get; init; }

    /// <summary>Called once, when the port has closed the handle that it was given.</summary>
    public Action? Closed { get; init; }

    /// <summary>The host's socket gets a peer outside or loses it: its address there is not its own while this is so, another process might take it, and what comes for it is lost.</summary>
    public void Leave()
    {
        lock (gate)
        {
            isAway = true;
        }
    }

    /// <summary>The host has bound the socket elsewhere, or there again.</summary>
    public void MoveTo(in SocketAddress host)
    {
        lock (gate)
        {
            hostAddress = hostSender!.Reach(host);
            isAway = false;
        }
    }

    /// <summary>The socket has been told that nobody has the port that it has sent to.</summary>
    public void TakeRefusal(in SocketAddress peer)
    {
        lock (gate)
        {
            if (refused is { } pending && pending.Equals(peer))
            {
                refused = null;
            }
        }
    }

    /// <summary>Puts a datagram into the socket's queue. What there is no room for is lost, as is what comes to a closed one.</summary>
    /// <param name="source">By which the receiver sees the sender.</param>
    /// <param name="data">The bytes; checked ranges of a guest's memory, or buffers of the process.</param>
    /// <returns>Success also for what is lost; Msgsize for what is too long.</returns>
    public Errno Deliver(in SocketAddress source, ReadOnlySpan<NativeBuffer> data, DatagramKind kind = DatagramKind.Data)
    {
        ulong length = 0;
        foreach (ref readonly NativeBuffer buffer in data)
        {
            length += buffer.Length;
        }

        if (length > LongestDatagram)
        {
            return Errno.Msgsize;
        }

        if (data.Length >= GuestCall.MaximumBuffers)
        {
            return DeliverJoined(source, data, (int)length, kind);
        }

        byte* header = stackalloc byte[DatagramHeader.Size];
        DatagramHeader.Write(new Span<byte>(header, DatagramHeader.Size), source, kind);
        Span<NativeBuffer> all = data.Length < FewBuffers ? stackalloc NativeBuffer[FewBuffers] : new NativeBuffer[data.Length + 1];
        all[0] = new NativeBuffer(header, DatagramHeader.Size);
        data.CopyTo(all[1..]);
        byte* name = stackalloc byte[SocketAddress.MaximumNativeSize];
        // Sound: the vectors are those that the caller has checked, and the header, a local.
        fixed (NativeBuffer* vectors = all)
        {
            NativeSocket.MessageHeader message = new() { Vectors = vectors, VectorCount = (nuint)data.Length + 1 };

            // Under the gate, so that the handle is not another's meanwhile. It does not block.
            lock (gate)
            {
                if (isClosed || isAway || (kind == DatagramKind.Refused && refused is { } pending && pending.Equals(source)))
                {
                    return Errno.Success;
                }

                if (hostSender is not null)
                {
                    message.Name = name;
                    message.NameLength = (uint)hostAddress.WriteNative(new Span<byte>(name, SocketAddress.MaximumNativeSize));
                }

                bool isSent = NativeSocket.SendMessage(hostSender?.Handle ?? pairHandle, &message, NativeSocket.MessageNoSignal | NativeSocket.MessageDontWait) >= 0;
                if (isSent && kind == DatagramKind.Refused)
                {
                    // As with the system, of which a socket has one error that waits to be fetched.
                    refused = source;
                }

                return isSent || NativeSocket.LastError() != Errno.Msgsize ? Errno.Success : Errno.Msgsize;
            }
        }
    }

    /// <summary>The system takes so many buffers and no more, and the header is another.</summary>
    private Errno DeliverJoined(in SocketAddress source, ReadOnlySpan<NativeBuffer> data, int length, DatagramKind kind)
    {
        byte[] joined = new byte[length];
        Span<byte> rest = joined;
        foreach (ref readonly NativeBuffer buffer in data)
        {
            buffer.Span.CopyTo(rest);
            rest = rest[buffer.Span.Length..];
        }

        // Sound: the array's own length is passed.
        fixed (byte* first = joined)
        {
            return Deliver(source, [new NativeBuffer(first, (nuint)length)], kind);
        }
    }

    /// <summary>Nobody reaches it any more.</summary>
    public void Close()
    {
        lock (gate)
        {
            if (isClosed)
            {
                return;
            }

            isClosed = true;
            _ = pairHandle >= 0 ? NativeSocket.Close(pairHandle) : 0;
        }

        // After it is marked: who adds it meanwhile, sees the mark or is undone here.
        Member.Remove(this);
        Closed?.Invoke();
    }
}
