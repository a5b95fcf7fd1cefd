using System.Net;
using System.Net.Sockets;
using System.Text;
using Wherry.Wasi.Abi;
using Wherry.Wasi.Sockets;
using SocketAddress = Wherry.Wasi.Sockets.SocketAddress;

namespace Wherry.Wasi;

// The socket extension: names.
public sealed partial class WasiContext
{
    private const uint LongestName = 1024;
    private const byte ProtocolTcp = 1;
    private const byte ProtocolUdp = 2;

    /// <summary>The guest has built a linked list of results, which is filled in place.</summary>
    internal async ValueTask<int> SockGetAddrInfoAsync(
        GuestCall call, uint node, uint nodeLength, uint service, uint serviceLength, uint hintsAddress, uint result, uint maximum, uint countAddress)
    {
        if (!TryReadName(call, node, nodeLength, out string host) || !TryReadName(call, service, serviceLength, out string serviceName)
            || !call.TryRead(hintsAddress, out AddressInfo hints) || !call.TryRead(result, out uint head) || !call.Contains(countAddress, sizeof(uint)))
        {
            return (int)Errno.Fault;
        }

        call.Write(countAddress, 0u);
        if (hintsAddress == 0)
        {
            hints = default;
        }

        if (host.Length == 0 && serviceName.Length == 0)
        {
            return (int)Errno.AiNoname;
        }

        if (maximum < 1)
        {
            return (int)Errno.AiMemory;
        }

        if (hints.Family > FamilyInet6 || hints.Type > TypeStream || hints.Protocol > ProtocolUdp)
        {
            return (int)Errno.Nosys;
        }

        if ((hints.Type == TypeStream && hints.Protocol == ProtocolUdp) || (hints.Type == TypeDatagram && hints.Protocol == ProtocolTcp))
        {
            return (int)Errno.AiSocktype;
        }

        bool datagramOnly = hints.Type == TypeDatagram || hints.Protocol == ProtocolUdp;
        Errno errno = ServiceNames.TryGetPort(serviceName, (hints.Flags & AddressInfo.NumericService) != 0, datagramOnly, out ushort port);
        if (errno != Errno.Success)
        {
            return (int)errno;
        }

        IPAddress[] addresses;
        (errno, addresses) = await FindAddressesAsync(host, hints, call.CancellationToken).ConfigureAwait(false);
        if (errno != Errno.Success)
        {
            return (int)errno;
        }

        uint filled = 0;
        uint current = head;
        foreach (IPAddress address in addresses)
        {
            foreach (byte type in (ReadOnlySpan<byte>)[(byte)TypeStream, (byte)TypeDatagram])
            {
                bool isWanted = hints.Type == TypeAny ? hints.Protocol == 0 || hints.Protocol == ProtocolOf(type) : hints.Type == type;
                if (!isWanted || filled == maximum || (filled > 0 && current == 0))
                {
                    continue;
                }

                errno = FillResult(call, ref current, SocketAddress.From(address, port), type, (hints.Flags & AddressInfo.CanonicalName) != 0 && filled == 0 ? host : "");
                if (errno != Errno.Success)
                {
                    return (int)errno;
                }

                filled++;
            }
        }

        return (int)call.Write(countAddress, filled);
    }

    private static byte ProtocolOf(uint type) => type == TypeStream ? ProtocolTcp : ProtocolUdp;

    /// <summary>The addresses of a host, or those that an absent host stands for.</summary>
    private async ValueTask<(Errno Errno, IPAddress[] Addresses)> FindAddressesAsync(string host, AddressInfo hints, CancellationToken cancellationToken)
    {
        if (host.Length == 0)
        {
            bool passive = (hints.Flags & AddressInfo.Passive) != 0;
            return Select([passive ? IPAddress.Any : IPAddress.Loopback, passive ? IPAddress.IPv6Any : IPAddress.IPv6Loopback], hints, Errno.AiNodata);
        }

        if (IPAddress.TryParse(host, out IPAddress? literal))
        {
            return Select([literal], hints, Errno.AiAddrfamily);
        }

        if ((hints.Flags & AddressInfo.NumericHost) != 0)
        {
            return (Errno.AiNoname, []);
        }

        if (Options.NetworkMember is { } member && member.TryResolve(host, out IPAddress? inside))
        {
            return Select([inside], hints, Errno.AiNodata);
        }

        if (!Network.MayResolve(host))
        {
            return (Errno.Notcapable, []);
        }

        try
        {
            return Select(await Network.ResolveAsync(host, cancellationToken).ConfigureAwait(false), hints, Errno.AiNodata);
        }
        catch (SocketException exception)
        {
            return (exception.SocketErrorCode switch
            {
                SocketError.HostNotFound => Errno.AiNoname,
                SocketError.NoData => Errno.AiNodata,
                SocketError.TryAgain => Errno.AiAgain,
                _ => Errno.AiFail,
            }, []);
        }
        catch (ArgumentException)
        {
            // Too long for a name.
            return (Errno.AiNoname, []);
        }
    }

    private static (Errno Errno, IPAddress[] Addresses) Select(IPAddress[] addresses, AddressInfo hints, Errno ifNone)
    {
        IPAddress[] selected = hints.Family switch
        {
            (byte)FamilyInet4 => [.. addresses.Where(static address => address.AddressFamily == AddressFamily.InterNetwork)],
            (byte)FamilyInet6 => [.. addresses.Where(static address => address.AddressFamily == AddressFamily.InterNetworkV6)],
            _ => addresses,
        };
        if (hints.Family == FamilyInet6 && (hints.Flags & AddressInfo.V4Mapped) != 0 && (selected.Length == 0 || (hints.Flags & AddressInfo.All) != 0))
        {
            selected = [.. selected, .. addresses.Where(static address => address.AddressFamily == AddressFamily.InterNetwork).Select(static address => address.MapToIPv6())];
        }

        return (selected.Length == 0 ? ifNone : Errno.Success, selected);
    }

    /// <summary>Fills one node of the guest's list and goes to the next. The buffers that the node points to are the guest's too.</summary>
    private static Errno FillResult(in GuestCall call, ref uint current, in SocketAddress address, byte type, string canonicalName)
    {
        uint dataLength = address.IsIpv6 ? GuestSocketAddress.Inet6DataLength : GuestSocketAddress.Inet4DataLength;
        if (!call.TryRead(current, out AddressInfo info) || !call.TryRead(info.Address, out GuestSocketAddress socketAddress)
            || !call.TryGetSpan(socketAddress.Data, dataLength, out Span<byte> data))
        {
            return Errno.Fault;
        }

        GuestSocketAddress.WriteData(address, data);
        socketAddress.Family = (byte)(address.IsIpv6 ? FamilyInet6 : FamilyInet4);
        socketAddress.DataLength = dataLength;
        call.Write(info.Address, socketAddress);

        info.Flags = 0;
        info.Family = socketAddress.Family;
        info.Type = type;
        info.Protocol = ProtocolOf(type);
        info.AddressLength = address.IsIpv6 ? 16u : 4u;

        // Guests that don't expect a name leave an address here that is none.
        if (canonicalName.Length > 0 && info.Name >= LowestAllocation)
        {
            byte[] name = Encoding.UTF8.GetBytes(canonicalName + "\0");
            int room = info.NameLength == 0 ? name.Length : (int)Math.Min(info.NameLength, (uint)name.Length);
            if (call.TryGetSpan(info.Name, (uint)room, out Span<byte> destination))
            {
                name.AsSpan(0, room).CopyTo(destination);
                destination[^1] = 0;
                info.NameLength = (uint)room;
            }
        }

        Errno errno = call.Write(current, info);
        current = info.Next;
        return errno;
    }

    /// <summary>Names come with a terminating NUL inside their length, or without.</summary>
    private static bool TryReadName(in GuestCall call, uint address, uint length, out string name)
    {
        name = "";
        if (length == 0)
        {
            return true;
        }

        if (!call.TryGetSpan(address, length, out Span<byte> bytes))
        {
            return false;
        }

        // A copy: another thread may change what the decoder goes over twice.
        ReadOnlySpan<byte> copy = bytes[..(int)Math.Min((uint)bytes.Length, LongestName)].ToArray();
        int end = copy.IndexOf((byte)0);
        name = Encoding.UTF8.GetString(end < 0 ? copy : copy[..end]);
        return true;
    }
}
