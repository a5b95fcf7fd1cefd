using Wherry.Wasi.Abi;
using Wherry.Wasi.Sockets;

namespace Wherry.Wasi;

// The socket extension: how addresses pass between guest and host.
public sealed partial class WasiContext
{
    /// <summary>The length of the form that says its family: u16 family, then 126 bytes of address.</summary>
    private const uint AddressStorageSize = 128;

    /// <summary>sock_getlocaladdr and sock_getpeeraddr with four parameters: the type is 4 or 6.</summary>
    internal Errno SockGetAddressV1(in GuestCall call, int descriptor, bool peer, uint addressAddress, uint typeAddress, uint portAddress)
    {
        Errno errno = GetSocketAddress(descriptor, peer, out SocketAddress address);
        if (errno != Errno.Success)
        {
            return errno;
        }

        if (!call.TryRead(addressAddress, out GuestBuffer buffer) || !call.TryGetSpan(buffer.Address, buffer.Length, out Span<byte> destination)
            || !call.Contains(typeAddress, sizeof(uint)) || !call.Contains(portAddress, sizeof(uint)))
        {
            return Errno.Fault;
        }

        if (destination.Length < address.AddressLength)
        {
            return Errno.Nomem;
        }

        address.WriteAddress(destination);
        call.Write(typeAddress, address.IsIpv6 ? 6u : 4u);
        return call.Write(portAddress, (uint)address.Port);
    }

    /// <summary>The same with three parameters: the family is written with the address.</summary>
    internal Errno SockGetAddressV2(in GuestCall call, int descriptor, bool peer, uint addressAddress, uint portAddress)
    {
        Errno errno = GetSocketAddress(descriptor, peer, out SocketAddress address);
        if (errno != Errno.Success)
        {
            return errno;
        }

        if (!call.TryRead(addressAddress, out GuestBuffer buffer) || !call.TryGetSpan(buffer.Address, buffer.Length, out Span<byte> destination)
            || !call.Contains(portAddress, sizeof(uint)))
        {
            return Errno.Fault;
        }

        if (buffer.Length != AddressStorageSize)
        {
            return Errno.Inval;
        }

        WriteAddressStorage(address, destination);
        return call.Write(portAddress, (uint)address.Port);
    }

    private static void WriteAddressStorage(in SocketAddress address, Span<byte> destination)
    {
        destination[0] = (byte)(address.IsIpv6 ? FamilyInet6 : FamilyInet4);
        destination[1] = 0;
        address.WriteAddress(destination[2..]);
    }

    /// <summary>Writes a datagram's sender into whatever room the guest gave: with the family if there are 128 bytes, else bare.</summary>
    private static void WriteSender(in SocketAddress address, Span<byte> destination)
    {
        if (destination.Length >= AddressStorageSize)
        {
            WriteAddressStorage(address, destination);
            return;
        }

        Span<byte> bytes = stackalloc byte[16];
        address.WriteAddress(bytes);
        bytes = bytes[..address.AddressLength];
        bytes[..Math.Min(bytes.Length, destination.Length)].CopyTo(destination);
    }

    /// <summary>Reads an address that the guest passes: 4 bytes, 16 bytes, or 128 with the family in front.</summary>
    private static Errno ReadAddress(in GuestCall call, uint addressAddress, uint port, out SocketAddress address)
    {
        address = default;
        if (!call.TryRead(addressAddress, out GuestBuffer buffer) || !call.TryGetSpan(buffer.Address, buffer.Length, out Span<byte> source))
        {
            return Errno.Fault;
        }

        if (port > ushort.MaxValue)
        {
            return Errno.Inval;
        }

        switch (buffer.Length)
        {
            case 4:
                address = SocketAddress.FromIpv4(source, (ushort)port);
                return Errno.Success;
            case 16:
                address = SocketAddress.FromIpv6(source, (ushort)port);
                return Errno.Success;
            case AddressStorageSize:
                uint family = source[0] | ((uint)source[1] << 8);
                if (family == FamilyInet4)
                {
                    address = SocketAddress.FromIpv4(source.Slice(2, 4), (ushort)port);
                    return Errno.Success;
                }

                if (family == FamilyInet6)
                {
                    address = SocketAddress.FromIpv6(source.Slice(2, 16), (ushort)port);
                    return Errno.Success;
                }

                return family == FamilyUnix ? Errno.Nosys : Errno.Inval;
            default:
                return Errno.Inval;
        }
    }

    /// <summary>The address of one side as the guest knows it: of the family that it opened, with the port that it bound.</summary>
    private Errno GetSocketAddress(int descriptor, bool peer, out SocketAddress address)
    {
        address = default;
        Errno errno = GetSocket(descriptor, Rights.None, out SocketDescriptor socket);
        if (errno != Errno.Success)
        {
            return errno;
        }

        if (!peer && socket.GuestLocalAddress is { } bound)
        {
            address = bound;
            return Errno.Success;
        }

        errno = peer ? socket.GetNativePeerAddress(out address) : socket.GetNativeLocalAddress(out address);
        if (errno == Errno.Success)
        {
            // What has no IPv4 form becomes 0.0.0.0: the guest opened an IPv4 socket and would not understand more.
            address.TryConvert(socket.IsIpv6, out address);
            if (!peer && socket.GuestLocalPort != 0)
            {
                address = address.WithPort(socket.GuestLocalPort);
            }
        }

        return errno;
    }
}
