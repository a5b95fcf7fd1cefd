using System.Buffers.Binary;
using System.Net;
using System.Net.Sockets;
using System.Runtime.CompilerServices;

namespace Wherry.Wasi.Sockets;

/// <summary>An IPv4 or IPv6 address with its port: a value that is compared and passed to the system without allocation.</summary>
/// <remarks>The sixteen address bytes are held in network order; an IPv4 address takes the first four, the rest is zero.</remarks>
internal readonly struct SocketAddress : IEquatable<SocketAddress>
{
    /// <summary>The size of the largest system structure that this type reads or writes (sockaddr_in6).</summary>
    public const int MaximumNativeSize = 28;

    private readonly ulong high;
    private readonly ulong low;

    private SocketAddress(bool isIpv6, ulong high, ulong low, ushort port, uint scope)
    {
        IsIpv6 = isIpv6;
        this.high = high;
        this.low = low;
        Port = port;
        Scope = scope;
    }

    public bool IsIpv6 { get; }

    public ushort Port { get; }

    /// <summary>The interface that a link-local IPv6 address belongs to.</summary>
    public uint Scope { get; }

    public static SocketAddress FromIpv4(ReadOnlySpan<byte> address, ushort port) =>
        new(false, (ulong)BinaryPrimitives.ReadUInt32BigEndian(address) << 32, 0, port, 0);

    public static SocketAddress FromIpv6(ReadOnlySpan<byte> address, ushort port, uint scope = 0) =>
        new(true, BinaryPrimitives.ReadUInt64BigEndian(address), BinaryPrimitives.ReadUInt64BigEndian(address[8..]), port, scope);

    public static SocketAddress FromEndPoint(IPEndPoint endPoint) => From(endPoint.Address, (ushort)endPoint.Port);

    [SkipLocalsInit]
    public static SocketAddress From(IPAddress address, ushort port)
    {
        Span<byte> bytes = stackalloc byte[16];
        address.TryWriteBytes(bytes, out int written);
        return written == 4
            ? FromIpv4(bytes, port)
            : FromIpv6(bytes, port, (uint)address.ScopeId);
    }

    public static SocketAddress Any(bool ipv6, ushort port) => new(ipv6, 0, 0, port, 0);

    public bool IsAny => high == 0 && low == 0;

    public bool IsIpv4Mapped => IsIpv6 && high == 0 && low >> 32 == 0xFFFF;

    public SocketAddress WithPort(ushort port) => new(IsIpv6, high, low, port, Scope);

    /// <summary>
    /// The address that a packet really goes to: an IPv4-mapped one becomes IPv4, and the unspecified address, to which
    /// Linux connects as to the machine itself, becomes loopback.
    /// </summary>
    public SocketAddress Normalize()
    {
        if (IsIpv4Mapped)
        {
            return new SocketAddress(false, low << 32, 0, Port, 0).Normalize();
        }

        if (!IsAny)
        {
            return this;
        }

        return IsIpv6 ? new SocketAddress(true, 0, 1, Port, 0) : new SocketAddress(false, 0x7F00_0001UL << 32, 0, Port, 0);
    }

    /// <summary>The same address for a socket of the other family, where there is one: mapped for IPv6, unmapped for IPv4.</summary>
    public bool TryConvert(bool toIpv6, out SocketAddress converted)
    {
        converted = this;
        if (IsIpv6 == toIpv6)
        {
            return true;
        }

        if (toIpv6)
        {
            converted = IsAny ? Any(true, Port) : new SocketAddress(true, 0, 0xFFFF_0000_0000 | (high >> 32), Port, 0);
            return true;
        }

        if (IsIpv4Mapped)
        {
            converted = new SocketAddress(false, low << 32, 0, Port, 0);
            return true;
        }

        converted = high == 0 && low == 1 ? new SocketAddress(false, 0x7F00_0001UL << 32, 0, Port, 0) : Any(false, Port);
        return high == 0 && low <= 1;
    }

    public void WriteAddress(Span<byte> destination)
    {
        if (IsIpv6)
        {
            BinaryPrimitives.WriteUInt64BigEndian(destination, high);
            BinaryPrimitives.WriteUInt64BigEndian(destination[8..], low);
        }
        else
        {
            BinaryPrimitives.WriteUInt32BigEndian(destination, (uint)(high >> 32));
        }
    }

    public int AddressLength => IsIpv6 ? 16 : 4;

    /// <summary>Writes the system's sockaddr_in or sockaddr_in6 and returns its length.</summary>
    public int WriteNative(Span<byte> destination)
    {
        destination = destination[..(IsIpv6 ? 28 : 16)];
        destination.Clear();
        BinaryPrimitives.WriteUInt16LittleEndian(destination, IsIpv6 ? (ushort)NativeSocket.AddressFamilyInet6 : (ushort)NativeSocket.AddressFamilyInet);
        BinaryPrimitives.WriteUInt16BigEndian(destination[2..], Port);
        if (IsIpv6)
        {
            WriteAddress(destination[8..]);
            BinaryPrimitives.WriteUInt32LittleEndian(destination[24..], Scope);
        }
        else
        {
            WriteAddress(destination[4..]);
        }

        return destination.Length;
    }

    /// <summary>Reads the system's sockaddr_in or sockaddr_in6; anything else gives the unspecified IPv4 address.</summary>
    public static SocketAddress ReadNative(ReadOnlySpan<byte> source)
    {
        ushort family = source.Length >= 2 ? BinaryPrimitives.ReadUInt16LittleEndian(source) : (ushort)0;
        if (family == NativeSocket.AddressFamilyInet && source.Length >= 8)
        {
            return FromIpv4(source.Slice(4, 4), BinaryPrimitives.ReadUInt16BigEndian(source[2..]));
        }

        if (family == NativeSocket.AddressFamilyInet6 && source.Length >= MaximumNativeSize)
        {
            return FromIpv6(source.Slice(8, 16), BinaryPrimitives.ReadUInt16BigEndian(source[2..]), BinaryPrimitives.ReadUInt32LittleEndian(source[24..]));
        }

        return default;
    }

    public IPAddress ToIPAddress()
    {
        Span<byte> bytes = stackalloc byte[16];
        WriteAddress(bytes);
        return IsIpv6 ? new IPAddress(bytes, Scope) : new IPAddress(bytes[..4]);
    }

    public IPEndPoint ToEndPoint() => new(ToIPAddress(), Port);

    /// <summary>Whether both have the same address, whatever their ports.</summary>
    public bool HasAddressOf(in SocketAddress other) => IsIpv6 == other.IsIpv6 && high == other.high && low == other.low;

    /// <summary>Whether the (normalized) address stays on this machine.</summary>
    public bool IsLoopback => IsIpv6
        ? (high == 0 && low <= 1) || high >> 48 == 0xFF01
        : high >> 56 == 127;

    /// <summary>Whether the (normalized) address stays on this link, as broadcasts do: where clouds keep their metadata services.</summary>
    public bool IsLinkLocal => IsIpv6
        ? (high >> 54 == 0xFE80 >> 6) || high >> 48 == 0xFF02
            || (high == 0x0064_FF9B_0000_0000 && low >> 16 == 0xA9FE)
        : high >> 48 == 0xA9FE || high >> 40 == 0xE0_0000 || high >> 32 == uint.MaxValue;

    public bool Equals(SocketAddress other) => HasAddressOf(other) && Port == other.Port && Scope == other.Scope;

    public override bool Equals(object? obj) => obj is SocketAddress other && Equals(other);

    public override int GetHashCode() => HashCode.Combine(high, low, Port, IsIpv6);

    public override string ToString() => ToEndPoint().ToString();

    public AddressFamily Family => IsIpv6 ? AddressFamily.InterNetworkV6 : AddressFamily.InterNetwork;
}
