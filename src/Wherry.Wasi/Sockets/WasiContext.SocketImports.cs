using Wherry.Wasi.Waiting;

namespace Wherry.Wasi;

// What guests import of the socket extension, and polling. Where there are two forms of one name, the types differ, and the
// linker takes the one that the guest's import has; the newer forms have a name of their own besides.
public sealed partial class WasiContext
{
    [WasmFunction("poll_oneoff")]
    private ValueTask<int> PollOneoffImport(Caller caller, uint subscriptions, uint events, uint count, uint eventCount)
    {
        using Turn turn = Turns.Take();
        return Complete(PollOneoffAsync(Enter(caller), subscriptions, events, count, eventCount));
    }

    [WasmFunction("epoll_oneoff")]
    private ValueTask<int> EpollOneoffImport(Caller caller, uint subscriptions, uint events, uint count, uint eventCount)
    {
        using Turn turn = Turns.Take();
        return Complete(EpollOneoffAsync(Enter(caller), subscriptions, events, count, eventCount));
    }

    [WasmFunction("sock_open")]
    private int SockOpenImport(Caller caller, uint family, uint type, uint result)
    {
        using Turn turn = Turns.Take();
        return (int)SockOpen(Enter(caller), family, type, result);
    }

    [WasmFunction("sock_open_v2")]
    private int SockOpenV2Import(Caller caller, uint family, uint type, uint result)
    {
        using Turn turn = Turns.Take();
        return (int)SockOpen(Enter(caller), family, type, result);
    }

    [WasmFunction("sock_bind")]
    private int SockBindImport(Caller caller, int fd, uint address, uint port)
    {
        using Turn turn = Turns.Take();
        return (int)SockBind(Enter(caller), fd, address, port);
    }

    [WasmFunction("sock_bind_v2")]
    private int SockBindV2Import(Caller caller, int fd, uint address, uint port)
    {
        using Turn turn = Turns.Take();
        return (int)SockBind(Enter(caller), fd, address, port);
    }

    [WasmFunction("sock_connect")]
    private ValueTask<int> SockConnectImport(Caller caller, int fd, uint address, uint port)
    {
        using Turn turn = Turns.Take();
        return Complete(SockConnectAsync(Enter(caller), fd, address, port));
    }

    [WasmFunction("sock_connect_v2")]
    private ValueTask<int> SockConnectV2Import(Caller caller, int fd, uint address, uint port)
    {
        using Turn turn = Turns.Take();
        return Complete(SockConnectAsync(Enter(caller), fd, address, port));
    }

    [WasmFunction("sock_listen")]
    private int SockListenImport(int fd, int backlog)
    {
        using Turn turn = Turns.Take();
        return (int)SockListen(fd, backlog);
    }

    [WasmFunction("sock_listen_v2")]
    private int SockListenV2Import(int fd, int backlog)
    {
        using Turn turn = Turns.Take();
        return (int)SockListen(fd, backlog);
    }

    [WasmFunction("sock_accept")]
    private ValueTask<int> SockAcceptImport(Caller caller, int fd, uint result)
    {
        using Turn turn = Turns.Take();
        return Complete(SockAcceptAsync(Enter(caller), fd, 0, result));
    }

    /// <summary>The form of preview 1 itself.</summary>
    [WasmFunction("sock_accept")]
    private ValueTask<int> SockAcceptWithFlagsImport(Caller caller, int fd, uint flags, uint result)
    {
        using Turn turn = Turns.Take();
        return Complete(SockAcceptAsync(Enter(caller), fd, flags, result));
    }

    [WasmFunction("sock_accept_v2")]
    private ValueTask<int> SockAcceptV2Import(Caller caller, int fd, uint flags, uint result)
    {
        using Turn turn = Turns.Take();
        return Complete(SockAcceptAsync(Enter(caller), fd, flags, result));
    }

    [WasmFunction("sock_recv")]
    private ValueTask<int> SockRecvImport(Caller caller, int fd, uint buffers, uint count, uint flags, uint received, uint resultFlags)
    {
        using Turn turn = Turns.Take();
        return Complete(SockRecvAsync(Enter(caller), fd, buffers, count, flags, received, resultFlags));
    }

    [WasmFunction("sock_recv_v2")]
    private ValueTask<int> SockRecvV2Import(Caller caller, int fd, uint buffers, uint count, uint flags, uint received, uint resultFlags)
    {
        using Turn turn = Turns.Take();
        return Complete(SockRecvAsync(Enter(caller), fd, buffers, count, flags, received, resultFlags));
    }

    [WasmFunction("sock_recv_from")]
    private ValueTask<int> SockRecvFromImport(Caller caller, int fd, uint buffers, uint count, uint address, uint flags, uint received, uint resultFlags)
    {
        using Turn turn = Turns.Take();
        return Complete(SockRecvFromAsync(Enter(caller), fd, buffers, count, address, flags, null, received, resultFlags));
    }

    [WasmFunction("sock_recv_from")]
    private ValueTask<int> SockRecvFromWithPortImport(
        Caller caller, int fd, uint buffers, uint count, uint address, uint flags, uint port, uint received, uint resultFlags)
    {
        using Turn turn = Turns.Take();
        return Complete(SockRecvFromAsync(Enter(caller), fd, buffers, count, address, flags, port, received, resultFlags));
    }

    [WasmFunction("sock_recv_from_v2")]
    private ValueTask<int> SockRecvFromV2Import(
        Caller caller, int fd, uint buffers, uint count, uint address, uint flags, uint port, uint received, uint resultFlags)
    {
        using Turn turn = Turns.Take();
        return Complete(SockRecvFromAsync(Enter(caller), fd, buffers, count, address, flags, port, received, resultFlags));
    }

    [WasmFunction("sock_send")]
    private ValueTask<int> SockSendImport(Caller caller, int fd, uint buffers, uint count, uint flags, uint sent)
    {
        using Turn turn = Turns.Take();
        return Complete(SockSendAsync(Enter(caller), fd, buffers, count, flags, sent));
    }

    [WasmFunction("sock_send_v2")]
    private ValueTask<int> SockSendV2Import(Caller caller, int fd, uint buffers, uint count, uint flags, uint sent)
    {
        using Turn turn = Turns.Take();
        return Complete(SockSendAsync(Enter(caller), fd, buffers, count, flags, sent));
    }

    [WasmFunction("sock_send_to")]
    private ValueTask<int> SockSendToImport(Caller caller, int fd, uint buffers, uint count, uint address, uint port, uint flags, uint sent)
    {
        using Turn turn = Turns.Take();
        return Complete(SockSendToAsync(Enter(caller), fd, buffers, count, address, port, flags, sent));
    }

    [WasmFunction("sock_send_to_v2")]
    private ValueTask<int> SockSendToV2Import(Caller caller, int fd, uint buffers, uint count, uint address, uint port, uint flags, uint sent)
    {
        using Turn turn = Turns.Take();
        return Complete(SockSendToAsync(Enter(caller), fd, buffers, count, address, port, flags, sent));
    }

    [WasmFunction("sock_shutdown")]
    private int SockShutdownImport(int fd, uint how)
    {
        using Turn turn = Turns.Take();
        return (int)SockShutdown(fd, how);
    }

    [WasmFunction("sock_getsockopt")]
    private int SockGetSockOptImport(Caller caller, int fd, uint level, uint name, uint value, uint size)
    {
        using Turn turn = Turns.Take();
        return (int)SockGetSockOpt(Enter(caller), fd, level, name, value, size);
    }

    [WasmFunction("sock_setsockopt")]
    private int SockSetSockOptImport(Caller caller, int fd, uint level, uint name, uint value, uint size)
    {
        using Turn turn = Turns.Take();
        return (int)SockSetSockOpt(Enter(caller), fd, level, name, value, size);
    }

    [WasmFunction("sock_getlocaladdr")]
    private int SockGetLocalAddrImport(Caller caller, int fd, uint address, uint type, uint port)
    {
        using Turn turn = Turns.Take();
        return (int)SockGetAddressV1(Enter(caller), fd, peer: false, address, type, port);
    }

    [WasmFunction("sock_getlocaladdr")]
    private int SockGetLocalAddrWithFamilyImport(Caller caller, int fd, uint address, uint port)
    {
        using Turn turn = Turns.Take();
        return (int)SockGetAddressV2(Enter(caller), fd, peer: false, address, port);
    }

    [WasmFunction("sock_getlocaladdr_v2")]
    private int SockGetLocalAddrV2Import(Caller caller, int fd, uint address, uint port)
    {
        using Turn turn = Turns.Take();
        return (int)SockGetAddressV2(Enter(caller), fd, peer: false, address, port);
    }

    [WasmFunction("sock_getpeeraddr")]
    private int SockGetPeerAddrImport(Caller caller, int fd, uint address, uint type, uint port)
    {
        using Turn turn = Turns.Take();
        return (int)SockGetAddressV1(Enter(caller), fd, peer: true, address, type, port);
    }

    [WasmFunction("sock_getpeeraddr")]
    private int SockGetPeerAddrWithFamilyImport(Caller caller, int fd, uint address, uint port)
    {
        using Turn turn = Turns.Take();
        return (int)SockGetAddressV2(Enter(caller), fd, peer: true, address, port);
    }

    [WasmFunction("sock_getpeeraddr_v2")]
    private int SockGetPeerAddrV2Import(Caller caller, int fd, uint address, uint port)
    {
        using Turn turn = Turns.Take();
        return (int)SockGetAddressV2(Enter(caller), fd, peer: true, address, port);
    }

    [WasmFunction("sock_getaddrinfo")]
    private ValueTask<int> SockGetAddrInfoImport(
        Caller caller, uint node, uint nodeLength, uint service, uint serviceLength, uint hints, uint result, uint maximum, uint count)
    {
        using Turn turn = Turns.Take();
        return Complete(SockGetAddrInfoAsync(Enter(caller), node, nodeLength, service, serviceLength, hints, result, maximum, count));
    }
}
