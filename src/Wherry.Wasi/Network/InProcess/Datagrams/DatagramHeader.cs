using System.Buffers.Binary;
using Wherry.Wasi.Sockets;

namespace Wherry.Wasi.Network.InProcess.Datagrams;

/// <summary>What a datagram inside the process is.</summary>
internal enum DatagramKind : byte
{
    /// <summary>The bytes that a guest, or its DNS server, has sent.</summary>
    Data,

    /// <summary>No bytes: nobody has the port that a connected socket has sent to. Over the system's network this would be an ICMP message.</summary>
    Refused,
}

/// <summary>
/// Stands before the bytes of each datagram that is sent inside the process, since the handle that it passes through does not know the sender: sixteen bytes of address, two of port, one of family, one of kind.
/// </summary>
internal static class DatagramHeader
{
    public const int Size = 20;

    private const int PortPlace = 16;
    private const int FamilyPlace = 18;
    private const int KindPlace = 19;

    public static void Write(Span<byte> header, in SocketAddress source, DatagramKind kind)
    {
        header.Clear();
        source.WriteAddress(header);
        BinaryPrimitives.WriteUInt16BigEndian(header[PortPlace..], source.Port);
        header[FamilyPlace] = (byte)(source.IsIpv6 ? 1 : 0);
        header[KindPlace] = (byte)kind;
    }

    public static DatagramKind Read(ReadOnlySpan<byte> header, out SocketAddress source)
    {
        ushort port = BinaryPrimitives.ReadUInt16BigEndian(header[PortPlace..]);
        source = header[FamilyPlace] != 0 ? SocketAddress.FromIpv6(header, port) : SocketAddress.FromIpv4(header, port);
        return (DatagramKind)header[KindPlace];
    }
}
