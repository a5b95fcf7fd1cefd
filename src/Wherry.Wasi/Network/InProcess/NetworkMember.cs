using System.Diagnostics.CodeAnalysis;
using System.Net;
using System.Runtime.InteropServices;
using Wherry.Wasi.Abi;
using Wherry.Wasi.Network.InProcess.Datagrams;
using Wherry.Wasi.Network.InProcess.Streams;
using Wherry.Wasi.Sockets;
using SocketAddress = Wherry.Wasi.Sockets.SocketAddress;

namespace Wherry.Wasi.Network.InProcess;

/// <summary>Where a connection inside the network leads.</summary>
internal enum RouteKind
{
    /// <summary>The address is not of this network.</summary>
    Outside,

    /// <summary>Nobody is there who listens.</summary>
    Refused,

    /// <summary>A port of the host, where something native listens.</summary>
    Host,

    /// <summary>A guest of this process.</summary>
    Guest,

    /// <summary>The guest's own DNS server.</summary>
    NameServer,
}

/// <summary>A guest's place on an <see cref="InProcessNetwork"/>: its address, its ports, and what it reaches.</summary>
internal sealed partial class NetworkMember : IDisposable
{
    private const ushort FirstEphemeralPort = 32768;
    private const ushort LastEphemeralPort = 60999;

    /// <summary>How many connections may wait at all its ports together: those from outside have a handle of the process each, which is not among the guest's own.</summary>
    internal const int MostWaiting = 4096;

    private readonly Lock gate = new();
    private readonly Dictionary<ushort, ListeningQueue> own = [];
    private int waiting;
    private readonly uint address;
    private int lastEphemeral;
    private bool isClosed;

    internal NetworkMember(NetworkService service, uint address, bool isHeld)
    {
        Service = service;
        this.address = address;
        this.isHeld = isHeld;
        Streams = service.TakeStreamBudget();
    }

    /// <summary>The service that it is one of.</summary>
    public NetworkService Service { get; }

    /// <summary>What its connections to other guests may hold of the host's memory.</summary>
    public StreamBudget Streams { get; }

    /// <summary>Where the guest finds its DNS server, normalized; null if it has none.</summary>
    public SocketAddress? NameServer { get; set; }

    /// <summary>Called when the guest begins to listen on a port.</summary>
    public Action<int>? Listening { get; init; }

    /// <summary>The address of a name on the network.</summary>
    public bool TryResolve(string name, [NotNullWhen(true)] out IPAddress? found)
    {
        found = Service.Network.FindByName(ConnectRule.NormalizeName(name), Service) is { } service ? InProcessNetwork.ToIPAddress(service.AddressNumber) : null;
        return found is not null;
    }

    /// <summary>A port for a socket that is bound to none in particular, or that connects.</summary>
    public ushort NewPort()
    {
        lock (gate)
        {
            ushort port;
            do
            {
                port = NextEphemeralPort();
            }
            while (own.ContainsKey(port));
            return port;
        }
    }

    /// <summary>Whether a socket of the guest listens on the port.</summary>
    public bool IsTaken(ushort port)
    {
        lock (gate)
        {
            return own.ContainsKey(port);
        }
    }

    /// <summary>Begins to listen: connections arrive in the queue.</summary>
    public Errno Listen(ushort port, bool isLoopbackOnly, out ListeningQueue? queue)
    {
        queue = null;
        bool isOffered;
        lock (gate)
        {
            if (isClosed)
            {
                return Errno.Netdown;
            }

            if (own.ContainsKey(port))
            {
                return Errno.Addrinuse;
            }

            Errno errno = ListeningQueue.TryCreate(this, port, isLoopbackOnly, out queue);
            if (errno != Errno.Success)
            {
                return errno;
            }

            own[port] = queue!;
            isOffered = !isHeld;
            Interlocked.Exchange(ref lastUse, Environment.TickCount64);
        }

        if (isOffered)
        {
            Service.Add(queue!);
            lock (gate)
            {
                isOffered = !isHeld;
            }

            if (!isOffered)
            {
                // It was told to stop meanwhile.
                Service.Remove(queue!);
            }
        }

        Listening?.Invoke(port);
        return Errno.Success;
    }

    /// <summary>Where a connection to a (normalized) address leads.</summary>
    public RouteKind Find(in SocketAddress target, out SocketAddress host)
    {
        host = default;
        if (NameServer is { } server && target.Port == server.Port && target.HasAddressOf(server))
        {
            return RouteKind.NameServer;
        }

        if (target.IsLoopback)
        {
            lock (gate)
            {
                return own.ContainsKey(target.Port) ? RouteKind.Guest : RouteKind.Outside;
            }
        }

        if (!InProcessNetwork.IsInside(target))
        {
            return RouteKind.Outside;
        }

        return Service.Network.FindByAddress(target) is not { } service || !service.IsReachedBy(Service) ? RouteKind.Refused
            : service.TryGetHostPort(target.Port, out host) ? RouteKind.Host
            : service.IsReachable(target.Port) ? RouteKind.Guest
            : RouteKind.Refused;
    }

    /// <summary>Makes a connection to a guest that <see cref="Find"/> found.</summary>
    /// <param name="target">The normalized address.</param>
    /// <param name="localPort">The connecting side's port.</param>
    /// <param name="stream">This side's end.</param>
    /// <param name="local">This side's address.</param>
    /// <returns>Again if the other guest has not accepted what waits for it, and there is no room for more; Nobufs if this one has too many connections.</returns>
    public Errno Connect(in SocketAddress target, ushort localPort, out StreamEnd? stream, out SocketAddress local)
    {
        stream = null;
        local = target.IsLoopback ? target.WithPort(localPort) : InProcessNetwork.ToAddress(address, localPort);
        if (!Streams.TryAddPipe())
        {
            return Errno.Nobufs;
        }

        (StreamEnd near, StreamEnd far) = StreamEnd.CreatePair(Streams);
        var pending = new PendingConnection(-1, local, target, far);
        Delivery delivery;
        if (target.IsLoopback)
        {
            lock (gate)
            {
                delivery = !own.TryGetValue(target.Port, out ListeningQueue? queue) ? Delivery.Refused : queue.TryAdd(pending) ? Delivery.Taken : Delivery.Full;
            }
        }
        else
        {
            delivery = Service.Network.FindByAddress(target)?.Deliver(target.Port, pending, Service) ?? Delivery.Refused;
        }

        if (delivery != Delivery.Taken)
        {
            far.Close(asReset: true);
            return delivery == Delivery.Full ? Errno.Again : Errno.Connrefused;
        }

        stream = near;
        return Errno.Success;
    }

    /// <summary>Who is told what passes over a connection to a port of the host that is a service's.</summary>
    public ConnectionObserver? Observe(in SocketAddress target) =>
        Service.Network is { Observer: { } observer } network && network.FindByAddress(target) is { } service ? observer.Connecting(Service, service) : null;

    /// <summary>A connection from this process itself to one of the guest's ports: a health check's.</summary>
    /// <param name="handle">Non-blocking; the caller's to close.</param>
    public bool TryConnectFromHost(ushort port, out int handle)
    {
        handle = -1;
        Span<int> pair = stackalloc int[2];
        if (!NativeSocket.TryOpenPair(pair))
        {
            return false;
        }

        var pending = new PendingConnection(pair[1], InProcessNetwork.ToAddress(InProcessNetwork.HostAddress, NewPort()), InProcessNetwork.ToAddress(address, port), null) { IsProbe = true };
        lock (gate)
        {
            if (own.TryGetValue(port, out ListeningQueue? queue) && queue.TryAdd(pending))
            {
                handle = pair[0];
                return true;
            }
        }

        _ = NativeSocket.Close(pair[0]);
        _ = NativeSocket.Close(pair[1]);
        return false;
    }

    /// <summary>Ends all listening, and gives the address back.</summary>
    public void Dispose()
    {
        ListeningQueue[] queues;
        DatagramPort[] ports;
        lock (gate)
        {
            if (isClosed)
            {
                return;
            }

            isClosed = true;
            queues = [.. own.Values];
            ports = [.. ownDatagrams.Values];
        }

        foreach (ListeningQueue queue in queues)
        {
            queue.Close();
        }

        foreach (DatagramPort port in ports)
        {
            port.Close();
        }

        Service.Network.GiveBack(address);
        Service.Leave(Streams);
    }

    /// <summary>Counts a connection that is to wait.</summary>
    /// <returns>False if there is no room for it.</returns>
    internal bool TryAddWaiting()
    {
        if (Interlocked.Increment(ref waiting) <= MostWaiting)
        {
            return true;
        }

        Interlocked.Decrement(ref waiting);
        return false;
    }

    /// <summary>A connection waits no more.</summary>
    internal void RemoveWaiting() => Interlocked.Decrement(ref waiting);

    // Under the gate.
    private ushort NextEphemeralPort() => (ushort)(FirstEphemeralPort + (lastEphemeral++ % (LastEphemeralPort - FirstEphemeralPort + 1)));

    internal void Remove(ListeningQueue queue)
    {
        lock (gate)
        {
            if (own.TryGetValue(queue.Port, out ListeningQueue? other) && other == queue)
            {
                own.Remove(queue.Port);
            }
        }

        Service.Remove(queue);
    }
}
