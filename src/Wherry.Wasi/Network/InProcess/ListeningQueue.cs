using Wherry.Wasi.Abi;
using Wherry.Wasi.Native;
using Wherry.Wasi.Network.InProcess.Streams;
using Wherry.Wasi.Sockets;

namespace Wherry.Wasi.Network.InProcess;

/// <summary>A connection that waits to be accepted.</summary>
/// <param name="Handle">The accepting side's handle: non-blocking, closed on exec; -1 if it has none.</param>
/// <param name="Peer">The connecting side's address.</param>
/// <param name="Local">The address that was connected to; null where the handle knows: the connection is one of the host's network.</param>
/// <param name="Stream">The accepting side's end, if the other is a guest's too.</param>
internal readonly record struct PendingConnection(int Handle, SocketAddress Peer, SocketAddress? Local, StreamEnd? Stream)
{
    /// <summary>Whether it does not come from the host's network.</summary>
    public bool IsInside => Local is not null;

    /// <summary>Told what passes over it.</summary>
    public ConnectionObserver? Observer { get; init; }

    /// <summary>Whether it is a health check's, which does not count as use of the guest.</summary>
    public bool IsProbe { get; init; }

    /// <summary>Ends it before anybody accepted it: the other side sees a reset.</summary>
    public unsafe void Refuse()
    {
        Observer?.Closed();
        if (Stream is not null)
        {
            Stream.Close(asReset: true);
            return;
        }

        if (!IsInside)
        {
            long linger = 1;

            // Sound: struct linger has eight bytes.
            _ = NativeSocket.SetOption(Handle, NativeSocket.LevelSocket, NativeSocket.OptionLinger, &linger, sizeof(long));
        }

        _ = NativeSocket.Close(Handle);
    }
}

/// <summary>The connections that wait at a listening socket of a guest. Its handle is an eventfd, which is readable while any wait.</summary>
internal sealed unsafe class ListeningQueue
{
    private readonly Lock gate = new();
    private readonly Queue<PendingConnection> waiting = new();
    private readonly NetworkMember member;
    private int handle;

    private ListeningQueue(NetworkMember member, ushort port, bool isLoopbackOnly, int handle)
    {
        this.member = member;
        this.handle = handle;
        Port = port;
        IsLoopbackOnly = isLoopbackOnly;
    }

    public ushort Port { get; }

    /// <summary>The guest's place, which counts what is accepted.</summary>
    public NetworkMember Member => member;

    /// <summary>Whether other guests can't reach it.</summary>
    public bool IsLoopbackOnly { get; }

    /// <summary>The handle that waits are made on. The socket that listens takes it over.</summary>
    public int Handle => handle;

    public static Errno TryCreate(NetworkMember member, ushort port, bool isLoopbackOnly, out ListeningQueue? queue)
    {
        int handle = Libc.eventfd(0, Libc.EFD_CLOEXEC | Libc.EFD_NONBLOCK);
        queue = handle < 0 ? null : new ListeningQueue(member, port, isLoopbackOnly, handle);
        return handle < 0 ? SystemErrors.Last() : Errno.Success;
    }

    /// <summary>The socket has the queue's handle under another number, and closes it.</summary>
    public void MoveTo(int number)
    {
        lock (gate)
        {
            handle = number;
        }
    }

    public bool TryAdd(in PendingConnection connection)
    {
        lock (gate)
        {
            if (handle < 0 || HostHandles.IsBeyond(connection.Handle, waiting.Count) || !member.TryAddWaiting())
            {
                return false;
            }

            waiting.Enqueue(connection);
            ulong one = 1;

            // Sound: eight bytes of a local, as an eventfd wants them.
            _ = Libc.write(handle, (byte*)&one, 8);
            return true;
        }
    }

    public bool TryTake(out PendingConnection connection)
    {
        lock (gate)
        {
            bool isThere = waiting.TryDequeue(out connection);
            if (isThere)
            {
                // In this order: it must never seem that there is none.
                if (!connection.IsProbe)
                {
                    member.AddOpen();
                }

                member.RemoveWaiting();
            }

            if (waiting.Count == 0 && handle >= 0)
            {
                ulong value;

                // Sound: eight bytes of a local; the handle doesn't block.
                _ = Libc.read(handle, (byte*)&value, 8);
            }

            return isThere;
        }
    }

    /// <summary>Refuses what waits and what comes. The handle is the socket's to close.</summary>
    public void Close()
    {
        member.Remove(this);
        lock (gate)
        {
            handle = -1;
            while (waiting.TryDequeue(out PendingConnection connection))
            {
                member.RemoveWaiting();
                connection.Refuse();
            }
        }

        // Whoever opened the guest's doors meanwhile may have added it again; from here on nobody does.
        member.Remove(this);
    }

    /// <summary>Whether it takes no connections any more.</summary>
    public bool IsClosed
    {
        get
        {
            lock (gate)
            {
                return handle < 0;
            }
        }
    }
}
