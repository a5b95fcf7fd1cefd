using System.Net;
using SocketAddress = Wherry.Wasi.Sockets.SocketAddress;

namespace Wherry.Wasi.Network.InProcess;

/// <summary>
/// A network inside the process: services with names and addresses, which guests reach without the system's network. Its addresses are of 198.18.0.0/15, which is
/// set aside for tests of network devices and used by nobody's network.
/// </summary>
/// <remarks>
/// A service has one address, whatever the number of guests behind it: a connection goes to one of those that listen on its port, each in turn. A guest has an address of its own, by which
/// those who accept its connections see it.
/// </remarks>
internal sealed class InProcessNetwork
{
    /// <summary>By which guests see this process itself.</summary>
    public const uint HostAddress = 0xC612_0001;

    private const uint FirstAddress = HostAddress + 1;
    private const uint LastAddress = 0xC613_FFFE;

    private const int FirstHostPort = 49152;
    private static int lastHostPort;

    private readonly Lock gate = new();
    private readonly Dictionary<uint, NetworkService> byAddress = [];
    private readonly Dictionary<string, List<NetworkService>> byName = new(StringComparer.OrdinalIgnoreCase);
    private readonly Dictionary<uint, NetworkMember> membersByAddress = [];
    private readonly Queue<uint> freeAddresses = new();
    private uint nextAddress = FirstAddress;

    /// <summary>Told of the connections to services.</summary>
    public NetworkObserver? Observer { get; set; }

    /// <summary>Adds a service.</summary>
    /// <param name="name">Its name.</param>
    /// <param name="networks">The networks that it is on, each with further names that it has there.</param>
    public NetworkService AddService(string name, IReadOnlyDictionary<string, IReadOnlyList<string>> networks)
    {
        lock (gate)
        {
            var service = new NetworkService(this, name, TakeAddress(), networks);
            byAddress[service.AddressNumber] = service;
            foreach (string each in networks.Values.SelectMany(aliases => aliases).Prepend(name).Distinct(StringComparer.OrdinalIgnoreCase))
            {
                if (!byName.TryGetValue(each, out List<NetworkService>? services))
                {
                    byName[each] = services = [];
                }

                services.Add(service);
            }

            return service;
        }
    }

    /// <summary>A new address for a guest.</summary>
    public uint NewAddress()
    {
        lock (gate)
        {
            return TakeAddress();
        }
    }

    /// <summary>Datagrams to the address go to the guest, until it is given back.</summary>
    public void Add(uint address, NetworkMember member)
    {
        lock (gate)
        {
            membersByAddress[address] = member;
        }
    }

    /// <summary>An address that a guest no longer has.</summary>
    public void GiveBack(uint address)
    {
        lock (gate)
        {
            membersByAddress.Remove(address);
            freeAddresses.Enqueue(address);
        }
    }

    /// <summary>The service that has the name on a network that the asking one is on too.</summary>
    public NetworkService? FindByName(string name, NetworkService asking)
    {
        lock (gate)
        {
            return byName.TryGetValue(name, out List<NetworkService>? services) ? services.Find(service => service.IsCalled(name, asking)) : null;
        }
    }

    /// <summary>The service with the address.</summary>
    public NetworkService? FindByAddress(in SocketAddress address)
    {
        lock (gate)
        {
            return IsInside(address) ? byAddress.GetValueOrDefault(NumberOf(address)) : null;
        }
    }

    /// <summary>The guest with the address, if it has ever had a UDP port.</summary>
    public NetworkMember? FindMember(in SocketAddress address)
    {
        lock (gate)
        {
            return IsInside(address) ? membersByAddress.GetValueOrDefault(NumberOf(address)) : null;
        }
    }

    /// <summary>Whether an address is of such a network, be it somebody's or not.</summary>
    public static bool IsInside(in SocketAddress address) => !address.IsIpv6 && NumberOf(address) is >= HostAddress - 1 and <= LastAddress + 1;

    public static SocketAddress ToAddress(uint number, ushort port)
    {
        Span<byte> bytes = [(byte)(number >> 24), (byte)(number >> 16), (byte)(number >> 8), (byte)number];
        return SocketAddress.FromIpv4(bytes, port);
    }

    /// <summary>A port for this process's side of a connection: a name for it, which nothing is bound to.</summary>
    public static ushort NewHostPort() => (ushort)(FirstHostPort + ((uint)Interlocked.Increment(ref lastHostPort) % (ushort.MaxValue - FirstHostPort + 1)));

    public static IPAddress ToIPAddress(uint number) => ToAddress(number, 0).ToIPAddress();

    private static uint NumberOf(in SocketAddress address)
    {
        Span<byte> bytes = stackalloc byte[16];
        address.WriteAddress(bytes);
        return ((uint)bytes[0] << 24) | ((uint)bytes[1] << 16) | ((uint)bytes[2] << 8) | bytes[3];
    }

    private uint TakeAddress() => nextAddress < LastAddress ? nextAddress++
        : freeAddresses.TryDequeue(out uint free) ? free
        : throw new IOException("The project's network has no free addresses.");
}
