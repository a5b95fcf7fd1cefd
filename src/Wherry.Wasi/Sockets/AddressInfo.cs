using System.Buffers.Binary;
using System.Runtime.InteropServices;

namespace Wherry.Wasi.Sockets;

/// <summary>sock_getaddrinfo's addrinfo.</summary>
[StructLayout(LayoutKind.Explicit, Size = 28)]
internal struct AddressInfo
{
    public const uint Size = 28;
    public const ushort Passive = 1;
    public const ushort CanonicalName = 2;
    public const ushort NumericHost = 4;
    public const ushort NumericService = 8;
    public const ushort V4Mapped = 16;
    public const ushort All = 32;

    [FieldOffset(0)] public ushort Flags;
    [FieldOffset(2)] public byte Family;
    [FieldOffset(3)] public byte Type;
    [FieldOffset(4)] public byte Protocol;
    [FieldOffset(8)] public uint AddressLength;
    [FieldOffset(12)] public uint Address;
    [FieldOffset(16)] public uint Name;
    [FieldOffset(20)] public uint NameLength;
    [FieldOffset(24)] public uint Next;
}

/// <summary>sock_getaddrinfo's sockaddr.</summary>
[StructLayout(LayoutKind.Explicit, Size = 12)]
internal struct GuestSocketAddress
{
    public const uint Inet4DataLength = 14;
    public const uint Inet6DataLength = 26;

    [FieldOffset(0)] public byte Family;
    [FieldOffset(4)] public uint DataLength;
    [FieldOffset(8)] public uint Data;

    /// <summary>Writes port and address as the guest's sa_data has them.</summary>
    public static void WriteData(in SocketAddress address, Span<byte> data)
    {
        data.Clear();
        BinaryPrimitives.WriteUInt16BigEndian(data, address.Port);
        address.WriteAddress(data[(address.IsIpv6 ? 6 : 2)..]);
    }
}
