using Wherry.Wasi.Sockets;

namespace Wherry.Wasi.Network.InProcess;

/// <summary>What became of a connection that was to be delivered.</summary>
internal enum Delivery
{
    /// <summary>A guest will accept it.</summary>
    Taken,

    /// <summary>As many wait already as there is room for.</summary>
    Full,

    /// <summary>Nobody listens.</summary>
    Refused,
}

/// <summary>A service on an <see cref="InProcessNetwork"/>: guests that listen, or ports of the host where something native does.</summary>
internal sealed partial class NetworkService
{
    private readonly Lock gate = new();
    private readonly IReadOnlyDictionary<string, IReadOnlyList<string>> networks;
    private readonly Dictionary<int, List<ListeningQueue>> listeners = [];
    private readonly Dictionary<int, SocketAddress> hostPorts = [];
    private int turn;

    internal NetworkService(InProcessNetwork network, string name, uint address, IReadOnlyDictionary<string, IReadOnlyList<string>> networks)
    {
        Network = network;
        Name = name;
        AddressNumber = address;
        this.networks = networks;
    }

    public InProcessNetwork Network { get; }

    public string Name { get; }

    /// <summary>The address that its name stands for.</summary>
    public uint AddressNumber { get; }

    /// <summary>Told when the first guest begins to listen on a port (true), and when the last one has ceased to (false).</summary>
    public event Action<int, bool>? ListeningChanged;

    /// <summary>A guest's place behind this service.</summary>
    /// <param name="listening">Told the ports that the guest begins to listen on.</param>
    /// <param name="isHeld">Whether it gets no connections until <see cref="NetworkMember.Open"/>.</param>
    public NetworkMember AddMember(Action<int>? listening = null, bool isHeld = false) => new(this, Network.NewAddress(), isHeld) { Listening = listening };

    /// <summary>Connections to a port go to the host's, where a native process or a server of this process listens.</summary>
    public void SetHostPort(int port, in SocketAddress host)
    {
        lock (gate)
        {
            hostPorts[port] = host;
        }
    }

    /// <summary>The host's ports are others' from now on.</summary>
    public void ClearHostPorts()
    {
        lock (gate)
        {
            hostPorts.Clear();
        }
    }

    /// <summary>Whether a service that asks may reach this one: they are on a common network.</summary>
    public bool IsReachedBy(NetworkService asking) => asking == this || networks.Keys.Any(asking.networks.ContainsKey);

    /// <summary>Whether it has the name for a service that asks.</summary>
    public bool IsCalled(string name, NetworkService asking) => string.Equals(name, Name, StringComparison.OrdinalIgnoreCase)
        ? IsReachedBy(asking)
        : networks.Any(network => asking.networks.ContainsKey(network.Key) && network.Value.Contains(name, StringComparer.OrdinalIgnoreCase));

    /// <summary>The host's port behind one of its own.</summary>
    public bool TryGetHostPort(int port, out SocketAddress host)
    {
        lock (gate)
        {
            return hostPorts.TryGetValue(port, out host);
        }
    }

    /// <summary>Whether a guest listens on the port.</summary>
    public bool IsListening(int port)
    {
        lock (gate)
        {
            return listeners.ContainsKey(port);
        }
    }

    /// <summary>Gives a connection to one of the guests that listen on a port, each in turn.</summary>
    /// <param name="from">Who connects; null if it comes in by a published port, which reaches guests that listen on their own loopback address too.</param>
    /// <returns>What became of it. If it was not taken, the handle is still the caller's.</returns>
    public Delivery Deliver(int port, PendingConnection connection, NetworkService? from)
    {
        if (Network.Observer is { } observer)
        {
            connection = connection with { Observer = observer.Connecting(from, this) };
        }

        Delivery delivery = DeliverToOne(port, connection, fromOutside: from is null);
        if (delivery != Delivery.Taken)
        {
            connection.Observer?.Refused();
        }

        return delivery;
    }

    private Delivery DeliverToOne(int port, in PendingConnection connection, bool fromOutside)
    {
        Action? wake = null;
        Delivery delivery;
        lock (gate)
        {
            delivery = listeners.TryGetValue(port, out List<ListeningQueue>? queues) ? Deliver(queues, connection, fromOutside) : Park(port, connection, fromOutside, out wake);
        }

        wake?.Invoke();
        return delivery;
    }

    /// <summary>A connection from this process itself to one of the guests that listen on a port, each in turn.</summary>
    /// <param name="handle">Non-blocking; the caller's to close.</param>
    /// <exception cref="IOException">The system has no handle left.</exception>
    public Delivery ConnectFromHost(ushort port, out int handle)
    {
        handle = -1;
        Span<int> pair = stackalloc int[2];
        if (!NativeSocket.TryOpenPair(pair))
        {
            throw new IOException($"the system gives no connection: {NativeSocket.LastError()}.");
        }

        SocketAddress peer = InProcessNetwork.ToAddress(InProcessNetwork.HostAddress, InProcessNetwork.NewHostPort());
        Delivery delivery = Deliver(port, new PendingConnection(pair[1], peer, InProcessNetwork.ToAddress(AddressNumber, port), null), from: null);
        if (delivery == Delivery.Taken)
        {
            handle = pair[0];
            return delivery;
        }

        _ = NativeSocket.Close(pair[0]);
        _ = NativeSocket.Close(pair[1]);
        return delivery;
    }

    internal void Add(ListeningQueue queue)
    {
        bool isFirst;
        lock (gate)
        {
            if (queue.IsClosed)
            {
                return;
            }

            isFirst = !listeners.TryGetValue(queue.Port, out List<ListeningQueue>? queues);
            if (isFirst)
            {
                listeners[queue.Port] = queues = [];
            }

            if (queues!.Contains(queue))
            {
                return;
            }

            queues.Add(queue);
            GiveParked(queue);
        }

        if (isFirst)
        {
            ListeningChanged?.Invoke(queue.Port, true);
        }
    }

    internal void Remove(ListeningQueue queue)
    {
        bool wasLast = false;
        lock (gate)
        {
            if (listeners.TryGetValue(queue.Port, out List<ListeningQueue>? queues) && queues.Remove(queue) && queues.Count == 0)
            {
                listeners.Remove(queue.Port);
                wasLast = !IsStartedOnDemand(queue.Port);
            }
        }

        if (wasLast)
        {
            ListeningChanged?.Invoke(queue.Port, false);
        }
    }

    private Delivery Deliver(List<ListeningQueue> queues, in PendingConnection connection, bool fromOutside)
    {
        Delivery result = Delivery.Refused;
        for (int i = 0; i < queues.Count; i++)
        {
            ListeningQueue queue = queues[(int)((uint)turn++ % (uint)queues.Count)];
            if (!fromOutside && queue.IsLoopbackOnly)
            {
                continue;
            }

            if (queue.TryAdd(connection))
            {
                return Delivery.Taken;
            }

            result = Delivery.Full;
        }

        return result;
    }
}
