using Wherry.Wasi.Abi;
using Wherry.Wasi.Network;
using Wherry.Wasi.Network.InProcess;
using Wherry.Wasi.Network.InProcess.Datagrams;
using Wherry.Wasi.Network.InProcess.Names;
using Wherry.Wasi.Sockets;

namespace Wherry.Wasi;

// The socket extension: UDP of guests that are on a network inside the process.
public sealed partial class WasiContext
{
    private NameServer OwnNameServer(NetworkMember member) => nameServer ??= new NameServer(member, Network, NameResolver);

    /// <summary>
    /// Binds a UDP socket to a port of the guest's own. The host's network reaches it only if the port is published, or if the guest may send to other hosts, which may then answer.
    /// </summary>
    private Errno BindDatagrams(NetworkMember member, SocketDescriptor socket, SocketAddress address)
    {
        if (address.Port == 0)
        {
            address = address.WithPort(member.NewDatagramPort());
            if (address.Port == 0)
            {
                return Errno.Addrinuse;
            }
        }
        else if (member.HasDatagramPort(address.Port))
        {
            return Errno.Addrinuse;
        }

        bool isLoopbackOnly = !address.IsAny && address.Normalize().IsLoopback;
        NameServer? names = member.NameServer is null ? null : OwnNameServer(member);
        bool isPublished = Network.IsPublished(NetworkProtocol.Udp, address.Port);
        Errno errno = isPublished || Network.MayReachOthers
            ? BindOnHostToo(member, socket, address, isLoopbackOnly, isPublished, names)
            : BindInside(member, socket, address.Port, isLoopbackOnly, names);
        if (errno == Errno.Success)
        {
            socket.GuestLocalAddress = address;
            socket.Binding = SocketBinding.Granted;
        }

        return errno;
    }

    private Errno BindInside(NetworkMember member, SocketDescriptor socket, ushort portNumber, bool isLoopbackOnly, NameServer? names)
    {
        Span<int> pair = stackalloc int[2];
        if (!NativeSocket.TryOpenPair(pair, isStream: false))
        {
            return NativeSocket.LastError();
        }

        // The other end is none of the guest's descriptors, but it is a handle of the process as they are.
        if (!Descriptors.TryAddHidden(Math.Max(pair[0], pair[1])))
        {
            _ = NativeSocket.Close(pair[0]);
            _ = NativeSocket.Close(pair[1]);
            return Errno.Mfile;
        }

        var port = new DatagramPort(member, portNumber, isLoopbackOnly, pair[1]) { NameServer = names, Closed = Descriptors.RemoveHidden };
        Errno errno = socket.UseDatagrams(port, pair[0]);
        Descriptors.Invalidate();
        errno = errno == Errno.Success ? member.Add(port) : errno;
        if (errno != Errno.Success)
        {
            port.Close();
        }

        return errno;
    }

    private Errno BindOnHostToo(NetworkMember member, SocketDescriptor socket, in SocketAddress address, bool isLoopbackOnly, bool isPublished, NameServer? names)
    {
        Errno errno = Errno.Success;
        if (isPublished)
        {
            errno = BindOnHost(socket, address);
        }
        else if (socket.GetNativeLocalAddress(out SocketAddress before) == Errno.Success && before.Port == 0)
        {
            // Not yet, by a connect before.
            errno = socket.Bind(SocketAddress.Any(socket.IsNativeIpv6, 0));
        }

        SocketAddress host = default;
        HostSender? sender = null;
        errno = errno == Errno.Success ? socket.GetNativeLocalAddress(out host) : errno;
        errno = errno == Errno.Success ? HostSender.TryGet(host, socket.IsNativeIpv6Only, out sender) : errno;
        if (errno == Errno.Success)
        {
            var port = new DatagramPort(member, address.Port, isLoopbackOnly, host, sender!) { NameServer = names };
            errno = member.Add(port);
            if (errno == Errno.Success)
            {
                socket.UseDatagrams(port);
                return Errno.Success;
            }
        }

        if (socket.Binding != SocketBinding.None)
        {
            // The host has given it a port, which it can't use: it is as before.
            _ = socket.ChangeNativeFamily(socket.IsNativeIpv6);
            Descriptors.Invalidate();
            socket.Binding = SocketBinding.None;
            socket.GuestLocalAddress = null;
            socket.AnswersAnyone = false;
            socket.SourceFilter = Options.NetworkPolicy.AllowsEverything ? null : Network;
        }

        return errno;
    }

    /// <summary>Fixes the peer of a UDP socket, if it is inside the process.</summary>
    /// <returns>False if it is not.</returns>
    private bool TryConnectDatagrams(NetworkMember member, SocketDescriptor socket, in SocketAddress target, out Errno errno)
    {
        errno = Errno.Success;
        if (!member.IsDatagramRoute(target))
        {
            return false;
        }

        errno = EnsureDatagrams(member, socket);
        if (errno == Errno.Success)
        {
            errno = socket.ConnectDatagrams(target);
            RecordDatagrams(member, socket, target);
        }

        return true;
    }

    /// <summary>Prepares a UDP socket to send to an address, if that is inside the process.</summary>
    /// <returns>False if it is not.</returns>
    private bool TryPrepareDatagrams(NetworkMember member, SocketDescriptor socket, in SocketAddress target, out Errno errno)
    {
        errno = EnsureDatagrams(member, socket);
        if (errno != Errno.Success)
        {
            return true;
        }

        if (!member.IsDatagramRoute(target))
        {
            return false;
        }

        RecordDatagrams(member, socket, target);
        return true;
    }

    private Errno EnsureDatagrams(NetworkMember member, SocketDescriptor socket) =>
        socket.Datagrams is null ? BindDatagrams(member, socket, SocketAddress.Any(socket.IsIpv6, 0)) : Errno.Success;

    private void RecordDatagrams(NetworkMember member, SocketDescriptor socket, in SocketAddress target)
    {
        if (Options.Egress is { } egress && !target.IsLoopback && member.Service.Network.FindByAddress(target) is { } service && socket.NoteTarget(target))
        {
            egress.Add(service.Name, target.Port, NetworkProtocol.Udp, isInside: true);
        }
    }
}
