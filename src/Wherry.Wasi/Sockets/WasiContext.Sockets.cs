using System.Net;
using System.Runtime.CompilerServices;
using Wherry.Wasi.Abi;
using Wherry.Wasi.Descriptors;
using Wherry.Wasi.Native;
using Wherry.Wasi.Network;
using Wherry.Wasi.Network.InProcess;
using Wherry.Wasi.Network.InProcess.Names;
using Wherry.Wasi.Network.InProcess.Streams;
using Wherry.Wasi.Sockets;
using Wherry.Wasi.Waiting;
using SocketAddress = Wherry.Wasi.Sockets.SocketAddress;

namespace Wherry.Wasi;

// The socket extension: opening, binding, listening, accepting, connecting.
public sealed partial class WasiContext
{
    private const uint FamilyInet4 = 1;
    private const uint FamilyInet6 = 2;
    private const uint FamilyUnix = 3;
    private const uint TypeAny = 0;
    private const uint TypeDatagram = 1;
    private const uint TypeStream = 2;

    /// <summary>
    /// The shortest queue of connections that wait to be accepted. Guests ask for 128 by habit, which a thousand clients at once overflow; each of
    /// those left out would try again a second later.
    /// </summary>
    private const int MinimumBacklog = 1024;

    private const long NanosecondsBetweenAttempts = 2_000_000;
    private const long LongestConnect = 120_000_000_000;

    private NetworkGuard? network;
    private NameServer? nameServer;

    internal NetworkGuard Network => network ??= new NetworkGuard(Options.NetworkPolicy, new TurnGivingResolver(NameResolver, Turns), TimeProvider.System);

    /// <summary>Where names are looked up; tests put another in its place before the first use.</summary>
    internal NameResolver NameResolver { get; set; } = NameResolver.System;

    internal Errno SockOpen(in GuestCall call, uint family, uint type, uint descriptorAddress)
    {
        if (family is 0)
        {
            return Errno.Inval;
        }

        if (family is not (FamilyInet4 or FamilyInet6) || type > TypeStream)
        {
            // FamilyUnix too: a path is not a network address, and no option gives any.
            return Errno.Nosys;
        }

        if (type == TypeAny)
        {
            return Errno.Inval;
        }

        if (!call.Contains(descriptorAddress, sizeof(int)))
        {
            return Errno.Fault;
        }

        bool isStream = type == TypeStream;
        bool isIpv6 = family == FamilyInet6;
        int handle = SocketDescriptor.Open(isStream, isIpv6);
        if (handle < 0)
        {
            return NativeSocket.LastError();
        }

        SocketDescriptor socket = new(handle, isStream, isIpv6, isIpv6)
        {
            SourceFilter = isStream || Options.NetworkPolicy.AllowsEverything ? null : Network,
        };
        Errno errno = Descriptors.Add(socket, out int number);
        return errno == Errno.Success ? call.Write(descriptorAddress, number) : errno;
    }

    internal Errno SockBind(in GuestCall call, int descriptor, uint addressAddress, uint port)
    {
        Errno errno = GetSocket(descriptor, Rights.SockBind, out SocketDescriptor socket);
        if (errno != Errno.Success)
        {
            return errno;
        }

        errno = ReadAddress(call, addressAddress, port, out SocketAddress address);
        if (errno != Errno.Success)
        {
            return errno;
        }

        if (socket.Binding != SocketBinding.None || socket.IsConnected || address.IsIpv6 != socket.IsIpv6)
        {
            return Errno.Inval;
        }

        if (Options.NetworkMember is { } member)
        {
            return socket.IsStream ? BindInProcess(member, socket, address)
                : socket.Datagrams is null ? BindDatagrams(member, socket, address)
                : Errno.Inval;
        }

        return BindOnHost(socket, address);
    }

    private Errno BindOnHost(SocketDescriptor socket, in SocketAddress address)
    {
        NetworkProtocol protocol = socket.IsStream ? NetworkProtocol.Tcp : NetworkProtocol.Udp;
        Errno errno = Network.Bind(protocol, address, out BindGrant grant);
        if (errno == Errno.Success && grant.Host.IsIpv6 != socket.IsNativeIpv6)
        {
            errno = socket.ChangeNativeFamily(grant.Host.IsIpv6);
            Descriptors.Invalidate();
        }

        if (errno != Errno.Success)
        {
            return errno;
        }

        if (grant.Published is not null && socket.IsStream)
        {
            // A server that starts again must get its port back while old connections linger.
            NativeSocket.TrySetOption(socket.HostHandle, NativeSocket.LevelSocket, NativeSocket.OptionReuseAddress, 1);
        }

        errno = socket.Bind(grant.Host);
        if (errno != Errno.Success)
        {
            if (grant.Published is not null)
            {
                Network.TellBindFailed(grant.Published, errno);
            }

            return errno;
        }

        socket.Binding = grant.Binding;
        if (grant.Published is not null)
        {
            socket.GuestLocalAddress = address;
        }

        if (!socket.IsStream && grant.Binding == SocketBinding.Granted)
        {
            socket.SourceFilter = null;
            socket.AnswersAnyone = !Options.NetworkPolicy.AllowsEverything;
            TellListening(socket, address.Port);
        }

        return Errno.Success;
    }

    internal Errno SockListen(int descriptor, int backlog)
    {
        Errno errno = GetSocket(descriptor, Rights.SockBind, out SocketDescriptor socket);
        if (errno != Errno.Success)
        {
            return errno;
        }

        if (!socket.IsStream)
        {
            return Errno.Notsup;
        }

        if (Options.NetworkMember is { } member)
        {
            return ListenInProcess(member, socket);
        }

        if (socket.Binding != SocketBinding.Granted && !Options.NetworkPolicy.AllowsEverything)
        {
            Network.DenyBind(NetworkProtocol.Tcp, 0);
            return Errno.Notcapable;
        }

        bool wasListening = socket.IsListening;
        errno = socket.Listen(Math.Max(backlog, MinimumBacklog));
        if (errno == Errno.Addrinuse && socket.GuestLocalAddress is { } guest && Network.Bind(NetworkProtocol.Tcp, guest, out BindGrant grant) == Errno.Success && grant.Published is not null)
        {
            // With SO_REUSEADDR two sockets may be bound to one port, but only one of them may listen.
            Network.TellBindFailed(grant.Published, errno);
        }

        if (errno == Errno.Success && !wasListening)
        {
            TellListening(socket, socket.GuestLocalAddress?.Port ?? 0);
        }

        return errno;
    }

    internal ValueTask<int> SockAcceptAsync(GuestCall call, int descriptor, uint flags, uint descriptorAddress)
    {
        Errno errno = GetSocket(descriptor, Rights.None, out SocketDescriptor socket);
        if (errno == Errno.Success && (flags & ~(uint)FileDescriptorFlags.All) != 0)
        {
            errno = Errno.Inval;
        }

        if (errno == Errno.Success)
        {
            errno = TryAccept(call, socket, (FileDescriptorFlags)flags, descriptorAddress);
        }

        return errno != Errno.Again || socket.IsNonBlocking
            ? new ValueTask<int>((int)errno)
            : AcceptSlowlyAsync(call, socket, (FileDescriptorFlags)flags, descriptorAddress);
    }

    internal async ValueTask<int> SockConnectAsync(GuestCall call, int descriptor, uint addressAddress, uint port)
    {
        Errno errno = GetSocket(descriptor, Rights.None, out SocketDescriptor socket);
        if (errno != Errno.Success)
        {
            return (int)errno;
        }

        errno = ReadAddress(call, addressAddress, port, out SocketAddress address);
        if (errno != Errno.Success)
        {
            return (int)errno;
        }

        if (!address.TryConvert(socket.IsNativeIpv6, out SocketAddress target))
        {
            return (int)Errno.Afnosupport;
        }

        SocketAddress? shown = null;
        if (!socket.IsStream && Options.NetworkMember is { } place && TryConnectDatagrams(place, socket, target.Normalize(), out errno))
        {
            return (int)errno;
        }

        if (socket.IsStream && Options.NetworkMember is { } member)
        {
            if (socket.IsConnected || socket.IsListening)
            {
                return (int)Errno.Isconn;
            }

            SocketAddress inside = target.Normalize();
            switch (member.Find(inside, out SocketAddress hostPort))
            {
                case RouteKind.Refused:
                    return (int)Errno.Connrefused;
                case RouteKind.Guest:
                    errno = await ConnectInProcessAsync(member, socket, inside, call.CancellationToken).ConfigureAwait(false);
                    RecordInside(member, inside, errno);
                    return (int)errno;
                case RouteKind.NameServer:
                    return (int)ConnectToNameServer(member, socket, inside);
                case RouteKind.Host:
                    shown = inside;
                    RecordInside(member, inside, Errno.Success);
                    if (!hostPort.TryConvert(socket.IsNativeIpv6, out target))
                    {
                        // It is at an IPv6 address, and the socket is IPv4's.
                        return (int)Errno.Connrefused;
                    }

                    break;
            }

            // It may have been bound before its way was known.
            socket.IsInProcess = false;
            socket.GuestLocalAddress = null;
        }

        NetworkProtocol protocol = socket.IsStream ? NetworkProtocol.Tcp : NetworkProtocol.Udp;
        errno = shown is not null ? Errno.Success : await Network.ConnectAsync(protocol, target, call.CancellationToken).ConfigureAwait(false);
        if (errno != Errno.Success)
        {
            return (int)errno;
        }

        if (socket.SourceFilter is not null)
        {
            socket.RememberPeer(target.Normalize().WithPort(0));
        }

        errno = socket.Connect(target);
        if (shown is null && errno is Errno.Success or Errno.Inprogress)
        {
            RecordOutside(protocol, target);
        }

        if (shown is not null && errno is Errno.Success or Errno.Inprogress)
        {
            socket.PeerAddress = shown;
            socket.BeObserved(Options.NetworkMember!.Observe(shown.Value));
        }

        if (errno is not (Errno.Inprogress or Errno.Already) || socket.IsNonBlocking)
        {
            return (int)errno;
        }

        if (!await WaitAsync(socket, Libc.POLLOUT, socket.SendTimeout, call.CancellationToken).ConfigureAwait(false))
        {
            return (int)Errno.Inprogress;
        }

        return (int)socket.FinishConnect();
    }

    internal Errno SockShutdown(int descriptor, uint how)
    {
        Errno errno = GetSocket(descriptor, Rights.SockShutdown, out SocketDescriptor socket);
        return errno != Errno.Success ? errno
            : how is < 1 or > 3 ? Errno.Inval
            : socket.Shutdown((int)how - 1);
    }

    private Errno ConnectToNameServer(NetworkMember member, SocketDescriptor socket, in SocketAddress target)
    {
        Errno errno = member.ConnectTo(socket.GuestLocalAddress?.Port ?? member.NewPort(), OwnNameServer(member).TryServe, out int handle, out SocketAddress local);
        if (errno == Errno.Success)
        {
            local.TryConvert(socket.IsIpv6, out local);
            errno = socket.UseConnection(handle, local, target);
            Descriptors.Invalidate();
        }

        return errno;
    }

    private void RecordInside(NetworkMember member, in SocketAddress target, Errno errno)
    {
        if (errno == Errno.Success && Options.Egress is { } egress && !target.IsLoopback)
        {
            egress.Add(member.Service.Network.FindByAddress(target)?.Name ?? target.ToString(), target.Port, NetworkProtocol.Tcp, isInside: true);
        }
    }

    private void RecordOutside(NetworkProtocol protocol, in SocketAddress target)
    {
        if (Options.Egress is { } egress)
        {
            egress.Add(Network.Describe(target), target.Port, protocol, isInside: false);
        }
    }

    /// <summary>Any port may be bound that no other socket of the guest listens on: they are the guest's own.</summary>
    private static Errno BindInProcess(NetworkMember member, SocketDescriptor socket, in SocketAddress address)
    {
        if (address.Port != 0 && member.IsTaken(address.Port))
        {
            return Errno.Addrinuse;
        }

        socket.GuestLocalAddress = address.Port == 0 ? address.WithPort(member.NewPort()) : address;
        socket.Binding = SocketBinding.Granted;
        socket.IsInProcess = true;
        return Errno.Success;
    }

    private Errno ListenInProcess(NetworkMember member, SocketDescriptor socket)
    {
        if (socket.IsListening)
        {
            return Errno.Success;
        }

        if (socket.IsConnected)
        {
            return Errno.Inval;
        }

        SocketAddress local = socket.GuestLocalAddress ?? SocketAddress.Any(socket.IsIpv6, member.NewPort());
        bool isLoopbackOnly = !local.IsAny && local.Normalize().IsLoopback;
        Errno errno = member.Listen(local.Port, isLoopbackOnly, out ListeningQueue? queue);
        if (errno == Errno.Success)
        {
            socket.GuestLocalAddress = local;
            errno = socket.Listen(queue!);
            Descriptors.Invalidate();
        }

        return errno;
    }

    /// <summary>Where too many wait to be accepted, a blocking socket waits as it would for a lost packet to be sent again.</summary>
    private async ValueTask<Errno> ConnectInProcessAsync(NetworkMember member, SocketDescriptor socket, SocketAddress target, CancellationToken cancellationToken)
    {
        for (long waited = 0; ; waited += NanosecondsBetweenAttempts)
        {
            Errno errno = ConnectInProcess(member, socket, target);
            if (errno != Errno.Again)
            {
                return errno;
            }

            if (socket.IsNonBlocking || waited > LongestConnect)
            {
                return Errno.Connrefused;
            }

            PushHeldBack();
            await Waiter.SleepAsync(NanosecondsBetweenAttempts, cancellationToken).ConfigureAwait(false);
        }
    }

    private Errno ConnectInProcess(NetworkMember member, SocketDescriptor socket, in SocketAddress target)
    {
        // While it waited, another thread may have closed it, connected it or begun to listen on it.
        if (!socket.IsOpen)
        {
            return Errno.Badf;
        }

        if (socket.IsConnected || socket.IsListening)
        {
            return Errno.Isconn;
        }

        ushort port = socket.GuestLocalAddress?.Port ?? member.NewPort();
        Errno errno = member.Connect(target, port, out StreamEnd? stream, out SocketAddress local);
        if (errno == Errno.Success)
        {
            local.TryConvert(socket.IsIpv6, out local);
            socket.UseStream(stream!, local, target);
            Descriptors.Invalidate();
        }

        return errno;
    }

    /// <summary>The socket behind a descriptor, if it is one and has the rights.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private Errno GetSocket(int number, Rights rights, out SocketDescriptor socket)
    {
        Descriptors.TryGet(number, out Descriptor? descriptor);
        socket = (descriptor as SocketDescriptor)!;
        return socket is null
            ? (descriptor is null ? Errno.Badf : Errno.Notsock)
            : socket.Has(rights) ? Errno.Success : Errno.Notcapable;
    }

    /// <summary>Waits until the socket is ready, or for the time that the guest has set (0: for ever); false when that is over.</summary>
    private async ValueTask<bool> WaitAsync(SocketDescriptor socket, short events, long timeout, CancellationToken cancellationToken)
    {
        PushHeldBack();
        return await socket.WaitAsync(Waiter, events, timeout == 0 ? Waiter.Forever : timeout, cancellationToken).ConfigureAwait(false) != 0;
    }

    private Errno TryAccept(in GuestCall call, SocketDescriptor socket, FileDescriptorFlags flags, uint descriptorAddress)
    {
        if (!call.Contains(descriptorAddress, sizeof(int)))
        {
            return Errno.Fault;
        }

        Errno errno = socket.Accept(flags, out SocketDescriptor? accepted);
        if (errno == Errno.Success)
        {
            errno = Descriptors.Add(accepted!, out int number);
            return errno == Errno.Success ? call.Write(descriptorAddress, number) : errno;
        }

        return errno;
    }

    private async ValueTask<int> AcceptSlowlyAsync(GuestCall call, SocketDescriptor socket, FileDescriptorFlags flags, uint descriptorAddress)
    {
        while (true)
        {
            if (!await WaitAsync(socket, Libc.POLLIN, socket.ReceiveTimeout, call.CancellationToken).ConfigureAwait(false))
            {
                return (int)Errno.Again;
            }

            Errno errno = TryAccept(call, socket, flags, descriptorAddress);
            if (errno != Errno.Again)
            {
                return (int)errno;
            }
        }
    }

    private void TellListening(SocketDescriptor socket, int guestPort)
    {
        if (socket.GetNativeLocalAddress(out SocketAddress host) == Errno.Success)
        {
            NetworkProtocol protocol = socket.IsStream ? NetworkProtocol.Tcp : NetworkProtocol.Udp;
            Network.TellListening(host, guestPort == 0 && socket.GuestLocalAddress is null ? host.Port : guestPort, protocol);
        }
    }

    partial void OpenTcpListeners()
    {
        foreach (IPEndPoint endPoint in Options.TcpListeners)
        {
            SocketAddress address = SocketAddress.FromEndPoint(endPoint);
            int handle = SocketDescriptor.Open(isStream: true, address.IsIpv6);
            Errno errno = handle < 0 ? NativeSocket.LastError() : Errno.Success;
            if (errno == Errno.Success)
            {
                SocketDescriptor socket = new(handle, isStream: true, address.IsIpv6, address.IsIpv6) { Binding = SocketBinding.Granted };
                NativeSocket.TrySetOption(handle, NativeSocket.LevelSocket, NativeSocket.OptionReuseAddress, 1);
                errno = socket.Bind(address);
                errno = errno == Errno.Success ? socket.Listen(MinimumBacklog) : errno;
                if (errno == Errno.Success)
                {
                    errno = Descriptors.Add(socket, out _);
                    TellListening(socket, 0);
                }
                else
                {
                    socket.Close();
                }
            }

            if (errno != Errno.Success)
            {
                throw new IOException($"Can't listen on {endPoint}: {(errno == Errno.Addrinuse ? "another program has the port" : errno)}.");
            }
        }
    }
}
