using Wherry.Wasi.Native;

namespace Wherry.Wasi.Network.InProcess;

/// <content>
/// Starting on demand: while no guest listens on a port that was named for it, connections are parked, and whoever can start a guest is told. They are given to the first
/// guest that listens.
/// </content>
internal sealed partial class NetworkService
{
    private readonly Dictionary<int, Queue<(PendingConnection Connection, bool FromOutside)>> parked = [];
    private HashSet<int> demandPorts = [];
    private Action? wanted;
    private int parkedCount;

    /// <summary>From now on connections to these ports are parked while no guest listens on them.</summary>
    /// <param name="ports">The service's own ports.</param>
    /// <param name="wake">Told of each connection that is parked. Must not wait.</param>
    public void StartOnDemand(IEnumerable<int> ports, Action wake)
    {
        int[] added = [.. ports];
        lock (gate)
        {
            demandPorts = [.. added];
            wanted = wake;
        }

        foreach (int port in added)
        {
            ListeningChanged?.Invoke(port, true);
        }
    }

    /// <summary>Parks no more, and refuses what is parked.</summary>
    public void EndDemand()
    {
        HashSet<int> ended;
        lock (gate)
        {
            ended = demandPorts;
            demandPorts = [];
            wanted = null;
        }

        RefuseParked();
        foreach (int port in ended.Where(port => !IsListening(port)))
        {
            ListeningChanged?.Invoke(port, false);
        }
    }

    /// <summary>Whether connections to a port have somewhere to go: to a guest that listens, or to one that they start.</summary>
    public bool IsReachable(int port)
    {
        lock (gate)
        {
            return listeners.ContainsKey(port) || IsStartedOnDemand(port);
        }
    }

    /// <summary>Whether any connection waits for a guest to be started.</summary>
    public bool HasParked
    {
        get
        {
            lock (gate)
            {
                return parkedCount > 0;
            }
        }
    }

    /// <summary>No guest will come for what is parked now: the other sides see a reset.</summary>
    public void RefuseParked()
    {
        List<PendingConnection> refused = [];
        lock (gate)
        {
            foreach (Queue<(PendingConnection Connection, bool FromOutside)> queue in parked.Values)
            {
                refused.AddRange(queue.Select(each => each.Connection));
            }

            parked.Clear();
            parkedCount = 0;
        }

        foreach (PendingConnection connection in refused)
        {
            connection.Refuse();
        }
    }

    // Under the gate, as what follows.
    private bool IsStartedOnDemand(int port) => wanted is not null && demandPorts.Contains(port);

    private Delivery Park(int port, in PendingConnection connection, bool fromOutside, out Action? wake)
    {
        wake = null;
        if (!IsStartedOnDemand(port))
        {
            return Delivery.Refused;
        }

        if (parkedCount >= NetworkMember.MostWaiting || HostHandles.IsBeyond(connection.Handle, parkedCount))
        {
            return Delivery.Full;
        }

        if (!parked.TryGetValue(port, out Queue<(PendingConnection Connection, bool FromOutside)>? queue))
        {
            parked[port] = queue = new Queue<(PendingConnection Connection, bool FromOutside)>();
        }

        queue.Enqueue((connection, fromOutside));
        parkedCount++;
        wake = wanted;
        return Delivery.Taken;
    }

    /// <summary>What was parked for the port goes to the guest that listens on it now.</summary>
    private void GiveParked(ListeningQueue listener)
    {
        if (!parked.Remove(listener.Port, out Queue<(PendingConnection Connection, bool FromOutside)>? queue))
        {
            return;
        }

        parkedCount -= queue.Count;
        foreach ((PendingConnection connection, bool fromOutside) in queue)
        {
            if ((!fromOutside && listener.IsLoopbackOnly) || !listener.TryAdd(connection))
            {
                connection.Refuse();
            }
        }
    }
}
