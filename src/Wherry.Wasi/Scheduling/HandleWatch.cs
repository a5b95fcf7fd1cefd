using System.Runtime.InteropServices;
using Wherry.Wasi.Native;
using Wherry.Wasi.Polling;
using Wherry.Wasi.Sockets;

namespace Wherry.Wasi.Scheduling;

/// <summary>Handles that end a guest's wait when they are ready. They are watched until this is disposed.</summary>
internal sealed class HandleWatch(GuestWait wait) : IDisposable
{
    private const int AlreadyWatched = 17;

    private readonly List<(int Handle, bool IsOwn)> watched = new(1);

    /// <summary>What poll(2) says of a handle now.</summary>
    public static unsafe short Look(int handle, short events)
    {
        var descriptor = new PollDescriptor { Handle = handle, Events = events };

        // Sound: one element, a local.
        return NativeSocket.Poll(&descriptor, 1, 0) > 0 ? descriptor.ReturnedEvents : (short)0;
    }

    /// <summary>Watches a handle. Its present state counts.</summary>
    /// <exception cref="IOException">The system refuses.</exception>
    public void Add(int handle, short events)
    {
        // The flags of poll and epoll are the same numbers.
        EventSet set = wait.Scheduler.Events;
        ulong data = EventSet.DataOf(wait.Id, 0);
        if (set.AddHandle(handle, (ushort)events, data))
        {
            watched.Add((handle, false));
            return;
        }

        int error = Marshal.GetLastPInvokeError();
        int own = error == AlreadyWatched ? Libc.fcntl(handle, Libc.F_DUPFD_CLOEXEC, 0) : -1;
        if (own < 0 || !set.AddHandle(own, (ushort)events, data))
        {
            _ = own >= 0 ? Libc.close(own) : 0;
            throw new IOException($"The system refuses to wait for a handle: error {error}.");
        }

        watched.Add((own, true));
    }

    public void Dispose()
    {
        foreach ((int handle, bool isOwn) in watched)
        {
            wait.Scheduler.Events.RemoveHandle(handle);
            if (isOwn)
            {
                _ = Libc.close(handle);
            }
        }
    }
}
