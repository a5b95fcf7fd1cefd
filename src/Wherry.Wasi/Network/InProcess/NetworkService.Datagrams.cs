using Wherry.Wasi.Network.InProcess.Datagrams;
using Wherry.Wasi.Sockets;

namespace Wherry.Wasi.Network.InProcess;

/// <content>The UDP ports of the service's guests.</content>
internal sealed partial class NetworkService
{
    private readonly Dictionary<int, List<DatagramPort>> datagramPorts = [];

    /// <summary>The guest that gets what one sends to a port of the service: always the same as long as there are as many, since datagrams may belong together.</summary>
    /// <param name="from">The sender's own address.</param>
    public DatagramPort? FindDatagramPort(int port, in SocketAddress from)
    {
        Span<byte> address = stackalloc byte[16];
        from.WriteAddress(address);

        // Guests' addresses and a guest's ports are given out one after the other, so their sum spreads senders evenly.
        uint sum = (uint)from.Port + address[3];
        lock (gate)
        {
            return datagramPorts.TryGetValue(port, out List<DatagramPort>? ports) ? ports[(int)(sum % (uint)ports.Count)] : null;
        }
    }

    internal void Add(DatagramPort port)
    {
        if (port.IsLoopbackOnly)
        {
            return;
        }

        lock (gate)
        {
            if (port.IsClosed)
            {
                // It was closed after it was to be added; nobody would take it out again.
                return;
            }

            if (!datagramPorts.TryGetValue(port.Port, out List<DatagramPort>? ports))
            {
                datagramPorts[port.Port] = ports = [];
            }

            if (!ports.Contains(port))
            {
                ports.Add(port);
            }
        }
    }

    internal void Remove(DatagramPort port)
    {
        lock (gate)
        {
            if (datagramPorts.TryGetValue(port.Port, out List<DatagramPort>? ports) && ports.Remove(port) && ports.Count == 0)
            {
                datagramPorts.Remove(port.Port);
            }
        }
    }
}
