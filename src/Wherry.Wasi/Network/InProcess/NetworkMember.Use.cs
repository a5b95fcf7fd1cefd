using Wherry.Wasi.Abi;
using Wherry.Wasi.Network.InProcess.Datagrams;
using Wherry.Wasi.Sockets;

namespace Wherry.Wasi.Network.InProcess;

/// <content>Who may connect to the guest, and who has: by that it is seen when it may leave.</content>
internal sealed partial class NetworkMember
{
    // Its ports are not offered to others: not yet, or no more.
    private bool isHeld;
    private int open;
    private long accepted;
    private long lastUse = Environment.TickCount64;

    /// <summary>How many connections the guest has accepted and not closed. Health checks don't count, here and below.</summary>
    public int OpenConnections => Volatile.Read(ref open);

    /// <summary>How many connections the guest has accepted.</summary>
    public long AcceptedConnections => Interlocked.Read(ref accepted);

    /// <summary>Whether a connection is open, or waits to be accepted.</summary>
    public bool IsInUse => Volatile.Read(ref waiting) > 0 || OpenConnections > 0;

    /// <summary>How long no connection has been open; zero while one is.</summary>
    public TimeSpan Unused => IsInUse ? TimeSpan.Zero : TimeSpan.FromMilliseconds(Math.Max(0, Environment.TickCount64 - Interlocked.Read(ref lastUse)));

    /// <summary>The ports that the guest listens on.</summary>
    public IReadOnlyCollection<int> ListeningPorts
    {
        get
        {
            lock (gate)
            {
                return [.. own.Keys.Select(port => (int)port)];
            }
        }
    }

    /// <summary>The guest gets connections from now on.</summary>
    public void Open()
    {
        ListeningQueue[] queues;
        DatagramPort[] ports;
        lock (gate)
        {
            if (!isHeld || isClosed)
            {
                return;
            }

            isHeld = false;
            queues = [.. own.Values];
            ports = [.. ownDatagrams.Values];
        }

        foreach (ListeningQueue queue in queues)
        {
            Service.Add(queue);
        }

        foreach (DatagramPort port in ports)
        {
            Service.Add(port);
        }
    }

    /// <summary>New connections go to others from now on, or are refused. Those that wait can still be accepted.</summary>
    public void StopListening()
    {
        ListeningQueue[] queues;
        DatagramPort[] ports;
        lock (gate)
        {
            isHeld = true;
            queues = [.. own.Values];
            ports = [.. ownDatagrams.Values];
        }

        foreach (ListeningQueue queue in queues)
        {
            Service.Remove(queue);
        }

        foreach (DatagramPort port in ports)
        {
            Service.Remove(port);
        }
    }

    /// <summary>Connects the guest to a server of its own.</summary>
    /// <param name="localPort">The guest's port.</param>
    /// <param name="serve">Takes the other end's handle over; false if it does not.</param>
    /// <param name="handle">The guest's handle.</param>
    /// <param name="local">The guest's address.</param>
    public Errno ConnectTo(ushort localPort, Func<int, bool> serve, out int handle, out SocketAddress local)
    {
        handle = -1;
        local = InProcessNetwork.ToAddress(address, localPort);
        Span<int> pair = stackalloc int[2];
        if (!NativeSocket.TryOpenPair(pair))
        {
            return NativeSocket.LastError();
        }

        if (!serve(pair[1]))
        {
            _ = NativeSocket.Close(pair[0]);
            _ = NativeSocket.Close(pair[1]);
            return Errno.Connrefused;
        }

        handle = pair[0];
        return Errno.Success;
    }

    /// <summary>Stops to listen if no connection is open.</summary>
    /// <returns>False if one is: nothing has changed.</returns>
    public bool TryStopListening()
    {
        // First the door, then a look around: what comes meanwhile waits at the service.
        StopListening();
        if (!IsInUse)
        {
            return true;
        }

        Open();
        return false;
    }

    internal void AddOpen()
    {
        Interlocked.Increment(ref open);
        Interlocked.Increment(ref accepted);
    }

    internal void RemoveOpen()
    {
        Interlocked.Exchange(ref lastUse, Environment.TickCount64);
        Interlocked.Decrement(ref open);
    }
}
