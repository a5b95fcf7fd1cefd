using System.Net;
using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;
using Wherry.Wasi.Abi;
using Wherry.Wasi.Native;
using Wherry.Wasi.Polling;
using Wherry.Wasi.Sockets;
using SocketAddress = Wherry.Wasi.Sockets.SocketAddress;

namespace Wherry.Wasi.Network.InProcess;

/// <summary>
/// Listens on the host for services: one thread for any number of ports. It accepts, and gives each connection's handle to a guest; it never touches what they say to each other.
/// </summary>
/// <remarks>
/// A port is taken when it is published. It listens once a guest does; while no guest does any more, as between an end and a restart, connections wait in the system's queue.
/// </remarks>
internal sealed unsafe class PortPublisher : IDisposable
{
    private const int Backlog = 4096;
    private const int EventCapacity = 64;
    private const ulong WakeData = ulong.MaxValue;
    private const long ComplaintMilliseconds = 10_000;
    private static readonly TimeSpan NoHandlesPause = TimeSpan.FromMilliseconds(50);

    private readonly Lock gate = new();
    private readonly List<Port?> ports = [];
    private readonly SignalFd wake = new();
    private readonly int epoll;
    private readonly Action<string> complain;
    private readonly Thread thread;
    private long nextComplaint;
    private bool isClosed;

    /// <param name="complain">Told what goes wrong while accepting.</param>
    public PortPublisher(Action<string> complain)
    {
        this.complain = complain;
        epoll = NativeEpoll.Create(NativeEpoll.CloseOnExec);
        if (epoll < 0 || !Control(NativeEpoll.Add, wake.Handle, WakeData))
        {
            throw new IOException($"The system gives nothing to wait for connections with: error {Marshal.GetLastPInvokeError()}.");
        }

        thread = new Thread(Run, 256 * 1024) { IsBackground = true, Name = "published ports" };
        thread.Start();
    }

    /// <summary>Takes a port of the host for a service.</summary>
    /// <param name="address">Where.</param>
    /// <param name="first">The first port that may be taken; 0 for any.</param>
    /// <param name="last">The last one.</param>
    /// <param name="service">The service.</param>
    /// <param name="servicePort">The service's own port.</param>
    /// <returns>The port, to be disposed when it is given back.</returns>
    /// <exception cref="IOException">It can't be had.</exception>
    public Port Publish(IPAddress address, int first, int last, NetworkService service, int servicePort)
    {
        SocketAddress local = SocketAddress.From(address, 0);
        byte* name = stackalloc byte[SocketAddress.MaximumNativeSize];
        Errno errno = Errno.Success;
        for (int number = first; number <= last; number++)
        {
            int handle = SocketDescriptor.Open(isStream: true, local.IsIpv6);
            if (handle < 0)
            {
                throw new IOException($"The host can't listen on {address}:{number}: {NativeSocket.LastError()}.");
            }

            NativeSocket.TrySetOption(handle, NativeSocket.LevelSocket, NativeSocket.OptionReuseAddress, 1);
            if (local.IsIpv6)
            {
                // The port of the other family may be published by itself.
                NativeSocket.TrySetOption(handle, NativeSocket.LevelIpv6, NativeSocket.OptionIpv6Only, 1);
            }

            uint length = (uint)local.WithPort((ushort)number).WriteNative(new Span<byte>(name, SocketAddress.MaximumNativeSize));

            // Sound: the buffer is as long as the length says.
            if (NativeSocket.Bind(handle, name, length) == 0 && NativeSocket.GetLocalName(handle, name, &length) == 0)
            {
                int bound = SocketAddress.ReadNative(new ReadOnlySpan<byte>(name, (int)length)).Port;
                return Add(new Port(this, handle, new IPEndPoint(address, bound), service, servicePort));
            }

            errno = NativeSocket.LastError();
            _ = NativeSocket.Close(handle);
        }

        string where = first == last ? $"{address}:{first}" : $"{address}:{first}-{last}";
        throw new IOException(errno switch
        {
            Errno.Addrinuse => $"the host can't listen on {where}: another program has the port.",
            Errno.Acces => $"the host can't listen on {where}: this user may not take that port; those above 1023 can be had.",
            Errno.Addrnotavail => $"the host can't listen on {where}: this machine has no such address.",
            _ => $"the host can't listen on {where}: {errno}.",
        });
    }

    public void Dispose()
    {
        lock (gate)
        {
            if (isClosed)
            {
                return;
            }

            isClosed = true;
        }

        wake.Set();
        thread.Join();
        foreach (Port? port in ports)
        {
            port?.Close();
        }

        _ = Libc.close(epoll);
        wake.Dispose();
    }

    // It goes on for as long as there are none: a line for each connection would tell nothing more.
    private void ComplainOfHandles(string message)
    {
        long now = Environment.TickCount64;
        if (now >= nextComplaint)
        {
            nextComplaint = now + ComplaintMilliseconds;
            complain(message);
        }
    }

    private Port Add(Port port)
    {
        lock (gate)
        {
            port.Index = ports.IndexOf(null);
            if (port.Index < 0)
            {
                port.Index = ports.Count;
                ports.Add(port);
            }
            else
            {
                ports[port.Index] = port;
            }
        }

        port.Begin();
        return port;
    }

    private void Run()
    {
        byte* events = stackalloc byte[EventCapacity * NativeEpoll.EventSize];
        while (true)
        {
            int count = NativeEpoll.Wait(epoll, events, EventCapacity, -1);
            if (Volatile.Read(ref isClosed))
            {
                return;
            }

            for (int i = 0; i < count; i++)
            {
                // Sound: the system filled in count events.
                ulong data = Unsafe.ReadUnaligned<ulong>(events + (i * NativeEpoll.EventSize) + NativeEpoll.DataOffset);
                Port? port;
                lock (gate)
                {
                    port = data < (ulong)ports.Count ? ports[(int)data] : null;
                }

                port?.Accept();
            }
        }
    }

    private bool Control(int operation, int target, ulong data)
    {
        byte* description = stackalloc byte[16];
        Unsafe.WriteUnaligned(description, NativeEpoll.In);
        Unsafe.WriteUnaligned(description + NativeEpoll.DataOffset, data);
        return NativeEpoll.Control(epoll, operation, target, description) == 0;
    }

    /// <summary>A port of the host that is a service's.</summary>
    internal sealed class Port : IDisposable
    {
        private readonly Lock gate = new();
        private readonly PortPublisher publisher;
        private readonly NetworkService service;
        private readonly int servicePort;
        private int handle;
        private bool listens;
        private bool isWatched;

        public Port(PortPublisher publisher, int handle, IPEndPoint endPoint, NetworkService service, int servicePort)
        {
            this.publisher = publisher;
            this.handle = handle;
            this.service = service;
            this.servicePort = servicePort;
            EndPoint = endPoint;
        }

        /// <summary>Where the host listens.</summary>
        public IPEndPoint EndPoint { get; }

        /// <summary>The service's own port.</summary>
        public int ServicePort => servicePort;

        public int Index { get; set; }

        public void Begin()
        {
            service.ListeningChanged += OnListeningChanged;
            if (service.IsReachable(servicePort))
            {
                Watch(true);
            }
        }

        /// <summary>Takes what connects and gives it to the service's guests.</summary>
        public void Accept()
        {
            byte* name = stackalloc byte[SocketAddress.MaximumNativeSize];
            lock (gate)
            {
                while (isWatched)
                {
                    uint length = SocketAddress.MaximumNativeSize;

                    // Sound: the buffer is as long as the length says.
                    int connection = NativeSocket.Accept(handle, name, &length, NativeSocket.TypeNonblock | NativeSocket.TypeCloseOnExec);
                    if (connection < 0)
                    {
                        Errno errno = NativeSocket.LastError();
                        if (errno is Errno.Mfile or Errno.Nfile or Errno.Nobufs or Errno.Nomem)
                        {
                            publisher.ComplainOfHandles($"connections to {EndPoint} wait: the system gives the process no more handles ({errno}).");
                            Thread.Sleep(NoHandlesPause);
                        }

                        return;
                    }

                    SocketAddress peer = SocketAddress.ReadNative(new ReadOnlySpan<byte>(name, (int)length));
                    var pending = new PendingConnection(connection, peer, null, null);
                    if (service.Deliver(servicePort, pending, from: null) != Delivery.Taken)
                    {
                        // Thousands wait that the guest did not accept, or the process has hardly a handle left.
                        pending.Refuse();
                        if (HostHandles.IsBeyond(connection, 0))
                        {
                            publisher.ComplainOfHandles($"connections to {EndPoint} are refused: of the {HostHandles.Limit} open files that the process may have (ulimit -n), too few are left.");
                        }
                    }
                }
            }
        }

        public void Dispose()
        {
            service.ListeningChanged -= OnListeningChanged;
            lock (publisher.gate)
            {
                if (Index >= 0 && publisher.ports[Index] == this)
                {
                    publisher.ports[Index] = null;
                }
            }

            Close();
        }

        public void Close()
        {
            lock (gate)
            {
                isWatched = false;
                int closed = handle;
                handle = -1;
                if (closed >= 0)
                {
                    _ = NativeSocket.Close(closed);
                }
            }
        }

        private void OnListeningChanged(int port, bool isListening)
        {
            if (port == servicePort)
            {
                Watch(isListening);
            }
        }

        private void Watch(bool isWanted)
        {
            lock (gate)
            {
                // Asked again within the lock: two changes may arrive out of order.
                isWanted = service.IsReachable(servicePort);
                if (handle < 0 || isWanted == isWatched)
                {
                    return;
                }

                if (isWanted && !listens)
                {
                    listens = NativeSocket.Listen(handle, Backlog) == 0;
                    if (!listens)
                    {
                        publisher.complain($"the host can't listen on {EndPoint}: {NativeSocket.LastError()}.");
                        return;
                    }
                }

                isWatched = isWanted;
                publisher.Control(isWanted ? NativeEpoll.Add : NativeEpoll.Remove, handle, (ulong)Index);
            }
        }
    }

    /// <summary>An eventfd to wake the thread by.</summary>
    private sealed class SignalFd : IDisposable
    {
        public int Handle { get; } = Libc.eventfd(0, Libc.EFD_CLOEXEC | Libc.EFD_NONBLOCK);

        public void Set()
        {
            ulong one = 1;

            // Sound: eight bytes of a local, as an eventfd wants them.
            _ = Libc.write(Handle, (byte*)&one, 8);
        }

        public void Dispose() => _ = Libc.close(Handle);
    }
}
