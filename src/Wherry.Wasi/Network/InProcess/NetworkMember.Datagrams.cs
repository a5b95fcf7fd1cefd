using Wherry.Wasi.Abi;
using Wherry.Wasi.Native;
using Wherry.Wasi.Network.InProcess.Datagrams;
using Wherry.Wasi.Sockets;

namespace Wherry.Wasi.Network.InProcess;

/// <content>The guest's UDP ports, and where its datagrams go.</content>
internal sealed partial class NetworkMember
{
    /// <summary>How many senders to the service's address it remembers, for all its ports together.</summary>
    internal const int RememberedServicePeers = 4096;

    private readonly Dictionary<ushort, DatagramPort> ownDatagrams = [];
    private uint lastDatagramPort;
    private readonly Lock servicePeersGate = new();
    private readonly HashSet<(ushort Port, SocketAddress Peer)> servicePeers = [];
    private readonly Queue<(ushort Port, SocketAddress Peer)> servicePeersByAge = new();

    /// <summary>Whether a socket of the guest has the UDP port.</summary>
    public bool HasDatagramPort(ushort port)
    {
        lock (gate)
        {
            return ownDatagrams.ContainsKey(port);
        }
    }

    /// <summary>A UDP port for a socket that is bound to none in particular; 0 if all are taken.</summary>
    public ushort NewDatagramPort()
    {
        lock (gate)
        {
            return FindFree(61_000, ushort.MaxValue) ?? FindFree(16_384, 32_767) ?? 0;
        }

        // None of those that Linux gives to its own sockets (32768 to 60999): what comes from one of those at the loopback address is the host's, not the guest's.
        ushort? FindFree(int first, int last)
        {
            int count = last - first + 1;
            for (int i = 0; i < count; i++)
            {
                ushort port = (ushort)(first + (lastDatagramPort++ % (uint)count));
                if (!ownDatagrams.ContainsKey(port))
                {
                    return port;
                }
            }

            return null;
        }
    }

    /// <summary>From now on datagrams come to the port.</summary>
    public Errno Add(DatagramPort port)
    {
        bool isOffered;
        lock (gate)
        {
            if (isClosed)
            {
                return Errno.Netdown;
            }

            if (!ownDatagrams.TryAdd(port.Port, port))
            {
                return Errno.Addrinuse;
            }

            Service.Network.Add(address, this);
            isOffered = !isHeld;
        }

        if (isOffered)
        {
            Service.Add(port);
            lock (gate)
            {
                isOffered = !isHeld && !isClosed;
            }

            if (!isOffered)
            {
                // It was told to stop meanwhile.
                Service.Remove(port);
            }
        }

        return Errno.Success;
    }

    /// <summary>Whether a datagram to a (normalized) address stays in the process: whoever it then reaches, or nobody.</summary>
    public bool IsDatagramRoute(in SocketAddress target) =>
        InProcessNetwork.IsInside(target) || IsNameServer(target) || (target.IsLoopback && HasDatagramPort(target.Port));

    /// <summary>Sends a datagram inside the process. As over any network, it is lost if nobody has the port.</summary>
    /// <param name="from">The sending socket's port.</param>
    /// <param name="target">The normalized address, of which <see cref="IsDatagramRoute"/> holds.</param>
    /// <param name="data">The bytes.</param>
    /// <param name="tellsRefusal">Whether the sender is told if nobody has the port: its socket is connected.</param>
    public Errno SendDatagram(DatagramPort from, in SocketAddress target, ReadOnlySpan<NativeBuffer> data, bool tellsRefusal)
    {
        if (IsNameServer(target))
        {
            from.NameServer?.Ask(from, target, data);
            return Errno.Success;
        }

        if (from.IsLoopbackOnly && !target.IsLoopback)
        {
            // As the system has it: from that address nothing leaves.
            return Errno.Inval;
        }

        SocketAddress own = InProcessNetwork.ToAddress(address, from.Port);
        DatagramPort? to = FindDatagramPort(target, own, out bool isService);
        if (to is null)
        {
            return tellsRefusal ? from.Deliver(target, [], DatagramKind.Refused) : Errno.Success;
        }

        if (isService)
        {
            to.Member.NoteServicePeer(to.Port, own);
        }

        SocketAddress source = target.IsLoopback ? target.WithPort(from.Port)
            : IsServicePeer(from.Port, target) ? InProcessNetwork.ToAddress(Service.AddressNumber, from.Port)
            : own;
        return to.Deliver(source, data);
    }

    /// <summary>Remembers one that has sent to the service's address rather than to the guest's own: it gets answers from there. The oldest are forgotten when there are many.</summary>
    /// <param name="port">The guest's port.</param>
    /// <param name="peer">The sender.</param>
    internal void NoteServicePeer(ushort port, in SocketAddress peer)
    {
        lock (servicePeersGate)
        {
            if (servicePeers.Add((port, peer)))
            {
                servicePeersByAge.Enqueue((port, peer));
                if (servicePeersByAge.Count > RememberedServicePeers)
                {
                    servicePeers.Remove(servicePeersByAge.Dequeue());
                }
            }
        }
    }

    /// <summary>Whether one has sent to the service's address.</summary>
    internal bool IsServicePeer(ushort port, in SocketAddress peer)
    {
        lock (servicePeersGate)
        {
            return servicePeers.Contains((port, peer));
        }
    }

    internal void Remove(DatagramPort port)
    {
        lock (gate)
        {
            if (ownDatagrams.TryGetValue(port.Port, out DatagramPort? other) && other == port)
            {
                ownDatagrams.Remove(port.Port);
            }
        }

        Service.Remove(port);
    }

    private bool IsNameServer(in SocketAddress target) => NameServer is { } server && server.Equals(target);

    private DatagramPort? FindDatagramPort(in SocketAddress target, in SocketAddress own, out bool isService)
    {
        isService = false;
        if (target.IsLoopback)
        {
            return FindOwnDatagramPort(target.Port);
        }

        if (Service.Network.FindByAddress(target) is { } service)
        {
            isService = true;
            return service.IsReachedBy(Service) ? service.FindDatagramPort(target.Port, own) : null;
        }

        return Service.Network.FindMember(target) is { } member && member.Service.IsReachedBy(Service) && member.FindOwnDatagramPort(target.Port) is { IsLoopbackOnly: false } found ? found : null;
    }

    private DatagramPort? FindOwnDatagramPort(ushort port)
    {
        lock (gate)
        {
            return ownDatagrams.GetValueOrDefault(port);
        }
    }
}
