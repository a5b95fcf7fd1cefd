using System.Diagnostics.CodeAnalysis;
using System.Runtime.InteropServices;
using Wherry.Wasi.Abi;
using Wherry.Wasi.Sockets;

namespace Wherry.Wasi.Network.InProcess.Datagrams;

/// <summary>
/// A socket of this process at the loopback address, by which guests send to another guest's socket that the host's network reaches too. Whatever comes from its address was sent by this process: the address is
/// taken for as long as the process lives, and only the system's administrator can send under another's.
/// </summary>
internal sealed unsafe class HostSender
{
    private static readonly Lock Gate = new();
    private static volatile HostSender? inet4;
    private static volatile HostSender? inet6;

    private HostSender(int handle, in SocketAddress address)
    {
        Handle = handle;
        Address = address;
    }

    public int Handle { get; }

    /// <summary>By which receivers know it, normalized.</summary>
    public SocketAddress Address { get; }

    /// <summary>The one that reaches a local address; it is opened when it is first asked for.</summary>
    /// <param name="target">The address.</param>
    /// <param name="isIpv6Only">Whether its socket takes nothing of IPv4, if it is an IPv6 one.</param>
    /// <param name="sender">The sender.</param>
    public static Errno TryGet(in SocketAddress target, bool isIpv6Only, out HostSender? sender)
    {
        bool isIpv6 = target.Normalize().IsIpv6;
        Errno errno = TryGet(isIpv6, out sender);

        // Systems without IPv6 addresses let IPv6 sockets be bound to any address nevertheless.
        return errno != Errno.Success && isIpv6 && target.IsAny && !isIpv6Only ? TryGet(isIpv6: false, out sender) : errno;
    }

    /// <summary>By which address this reaches a socket.</summary>
    /// <param name="bound">Where the host has bound it.</param>
    public SocketAddress Reach(in SocketAddress bound) =>
        bound.IsAny && !Address.IsIpv6 ? SocketAddress.Any(ipv6: false, bound.Port).Normalize() : bound.Normalize();

    private static Errno TryGet(bool isIpv6, out HostSender? sender)
    {
        lock (Gate)
        {
            sender = isIpv6 ? inet6 : inet4;
            if (sender is not null)
            {
                return Errno.Success;
            }

            if (!TryOpen(isIpv6, out sender))
            {
                return NativeSocket.LastError();
            }

            if (isIpv6)
            {
                inet6 = sender;
            }
            else
            {
                inet4 = sender;
            }

            return Errno.Success;
        }
    }

    /// <summary>Whether a datagram with this (normalized) source was sent by a guest of this process to another.</summary>
    public static bool IsSource(in SocketAddress source) => (source.IsIpv6 ? inet6 : inet4) is { } sender && sender.Address.Equals(source);

    private static bool TryOpen(bool isIpv6, [NotNullWhen(true)] out HostSender? sender)
    {
        sender = null;
        int handle = SocketDescriptor.Open(isStream: false, isIpv6);
        if (handle < 0)
        {
            return false;
        }

        byte* name = stackalloc byte[SocketAddress.MaximumNativeSize];
        var room = new Span<byte>(name, SocketAddress.MaximumNativeSize);
        uint length = (uint)SocketAddress.Any(isIpv6, 0).Normalize().WriteNative(room);

        // Sound: the buffer is as long as the lengths say. Nobody is meant to send to it: it has as little room for that as the system allows.
        bool isBound = NativeSocket.Bind(handle, name, length) == 0;
        length = SocketAddress.MaximumNativeSize;
        if (isBound && NativeSocket.TrySetOption(handle, NativeSocket.LevelSocket, NativeSocket.OptionReceiveBuffer, 0) && NativeSocket.GetLocalName(handle, name, &length) == 0)
        {
            sender = new HostSender(handle, SocketAddress.ReadNative(room[..(int)length]).Normalize());
            return true;
        }

        int error = Marshal.GetLastPInvokeError();
        _ = NativeSocket.Close(handle);
        Marshal.SetLastPInvokeError(error);
        return false;
    }
}
