using System.Diagnostics;
using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;
using Wherry.Wasi.Native;
using Wherry.Wasi.Sockets;

namespace Wherry.Wasi.Polling;

/// <summary>
/// The sockets of one guest as the system watches them: each is registered once, edge-triggered, when it is first polled. The system then
/// tells of changes only, which are kept on the sockets; so a socket on which nothing happens costs no system call.
/// </summary>
internal sealed unsafe class EpollSet : IDisposable
{
    /// <summary>How many events are fetched at once; what does not fit is fetched with the next call.</summary>
    public const int EventCapacity = 512;
    private const ulong WakeData = ulong.MaxValue;
    private const int SystemHasNoSuchCall = 38;

    private static volatile bool imprecise;

    private readonly int handle;
    private readonly int wakeHandle;
    private readonly byte* events;
    private SocketDescriptor?[] slots = new SocketDescriptor?[16];
    private uint[] generations = new uint[16];
    private int[] freeSlots = new int[16];
    private int freeCount;
    private int usedSlots;
    private CancellationToken registeredToken;
    private CancellationTokenRegistration registration;
    private bool disposed;

    public EpollSet()
    {
        handle = NativeEpoll.Create(NativeEpoll.CloseOnExec);
        wakeHandle = handle < 0 ? -1 : Libc.eventfd(0, Libc.EFD_CLOEXEC | Libc.EFD_NONBLOCK);
        if (wakeHandle < 0 || !Control(NativeEpoll.Add, wakeHandle, NativeEpoll.In, WakeData))
        {
            int error = Marshal.GetLastPInvokeError();
            Close();
            throw new IOException($"The system gives no epoll set to wait for sockets with: error {error}.");
        }

        events = (byte*)NativeMemory.Alloc((nuint)(EventCapacity * NativeEpoll.EventSize));
    }

    ~EpollSet() => Close();

    /// <summary>For poll(2): readable when an event waits.</summary>
    public int Handle => handle;

    /// <summary>How many system calls were made; tests count them.</summary>
    public long SystemCalls { get; private set; }

    /// <summary>Lets the system watch the socket from now on. Its present state arrives with the next <see cref="Wait"/>.</summary>
    /// <returns>False if the system refuses.</returns>
    public bool Register(SocketDescriptor socket)
    {
        int slot;
        if (freeCount > 0)
        {
            slot = freeSlots[--freeCount];
        }
        else
        {
            slot = usedSlots++;
            if (slot == slots.Length)
            {
                Array.Resize(ref slots, slot * 2);
                Array.Resize(ref generations, slot * 2);
                Array.Resize(ref freeSlots, slot * 2);
            }
        }

        slots[slot] = socket;
        socket.Slot = slot;
        socket.Set = this;
        if (Control(NativeEpoll.Add, socket.HostHandle, SocketEvents, DataOf(slot)))
        {
            return true;
        }

        Forget(socket);
        return false;
    }

    /// <summary>Makes the system tell the socket's state again, whatever it told before.</summary>
    public void Rearm(SocketDescriptor socket)
    {
        if (socket.Slot >= 0)
        {
            Control(NativeEpoll.Modify, socket.HostHandle, SocketEvents, DataOf(socket.Slot));
        }
    }

    /// <summary>The socket's handle is about to be closed, which takes it out of the system's set.</summary>
    public void Forget(SocketDescriptor socket)
    {
        int slot = socket.Slot;
        if (slot >= 0)
        {
            socket.Slot = -1;
            slots[slot] = null;

            // An event may still be on its way, if another process holds the handle for a moment between fork and exec.
            generations[slot]++;
            freeSlots[freeCount++] = slot;
        }
    }

    /// <summary>
    /// Fetches what has happened and notes it on the sockets, waiting if nothing has. Returns the number of events, which
    /// <see cref="Ready"/> gives; zero when the time is over.
    /// </summary>
    /// <exception cref="OperationCanceledException">The guest was interrupted.</exception>
    public int Wait(long timeoutNanoseconds, CancellationToken cancellationToken)
    {
        long deadline = 0;
        if (timeoutNanoseconds != 0)
        {
            WakeOn(cancellationToken);
            cancellationToken.ThrowIfCancellationRequested();
            if (timeoutNanoseconds > 0)
            {
                long now = Libc.MonotonicNanoseconds();
                deadline = timeoutNanoseconds > long.MaxValue - now ? long.MaxValue : now + timeoutNanoseconds;
            }
        }

        while (true)
        {
            int count = WaitOnce(timeoutNanoseconds);
            bool woken = false;
            if (count < 0)
            {
                int error = Marshal.GetLastPInvokeError();
                if (error != Libc.EINTR)
                {
                    throw new IOException($"The system refuses to wait for sockets: error {error}.");
                }

                count = 0;
                woken = true;
            }

            int ready = Note(count, ref woken);
            if (woken)
            {
                cancellationToken.ThrowIfCancellationRequested();
            }

            if (ready > 0 || !woken || timeoutNanoseconds == 0)
            {
                return ready;
            }

            // A signal, or a wake-up left over from a wait that had ended: the rest of the time is to be waited.
            if (timeoutNanoseconds > 0)
            {
                timeoutNanoseconds = Math.Max(0, deadline - Libc.MonotonicNanoseconds());
            }
        }
    }

    /// <summary>A socket of which the last <see cref="Wait"/> told.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public SocketDescriptor? Ready(int index)
    {
        // Sound: the buffer holds EventCapacity events, and Note has moved the slot numbers of the first ones to its start.
        Debug.Assert((uint)index < EventCapacity);
        return slots[((int*)events)[index]];
    }

    public void Dispose()
    {
        registration.Dispose();
        Close();
        GC.SuppressFinalize(this);
    }

    private const uint SocketEvents = NativeEpoll.In | NativeEpoll.Out | NativeEpoll.Priority | NativeEpoll.ReadHangUp | NativeEpoll.EdgeTriggered;

    private ulong DataOf(int slot) => ((ulong)generations[slot] << 32) | (uint)slot;

    private bool Control(int operation, int target, uint wanted, ulong data)
    {
        SystemCalls++;
        byte* description = stackalloc byte[16];
        Unsafe.WriteUnaligned(description, wanted);
        Unsafe.WriteUnaligned(description + NativeEpoll.DataOffset, data);
        return NativeEpoll.Control(handle, operation, target, description) == 0;
    }

    private int WaitOnce(long timeoutNanoseconds)
    {
        SystemCalls++;
        if (timeoutNanoseconds is 0 or < 0)
        {
            return NativeEpoll.Wait(handle, events, EventCapacity, timeoutNanoseconds == 0 ? 0 : -1);
        }

        if (!imprecise)
        {
            Timespec timeout = new() { Seconds = timeoutNanoseconds / 1_000_000_000, Nanoseconds = timeoutNanoseconds % 1_000_000_000 };
            try
            {
                int count = NativeEpoll.WaitPrecisely(handle, events, EventCapacity, &timeout, null);
                if (count >= 0 || Marshal.GetLastPInvokeError() != SystemHasNoSuchCall)
                {
                    return count;
                }
            }
            catch (EntryPointNotFoundException)
            {
            }

            imprecise = true;
        }

        long milliseconds = (timeoutNanoseconds / 1_000_000) + (timeoutNanoseconds % 1_000_000 == 0 ? 0 : 1);
        return NativeEpoll.Wait(handle, events, EventCapacity, (int)Math.Min(milliseconds, int.MaxValue));
    }

    /// <summary>Notes the events on the sockets, and leaves the sockets' slots, as ints, at the start of the buffer.</summary>
    private int Note(int count, ref bool woken)
    {
        int ready = 0;
        for (int i = 0; i < count; i++)
        {
            byte* description = events + (i * NativeEpoll.EventSize);
            uint happened = Unsafe.ReadUnaligned<uint>(description);
            ulong data = Unsafe.ReadUnaligned<ulong>(description + NativeEpoll.DataOffset);
            if (data == WakeData)
            {
                ulong value;
                SystemCalls++;
                _ = Libc.read(wakeHandle, (byte*)&value, 8);
                woken = true;
                continue;
            }

            int slot = (int)(uint)data;
            SocketDescriptor? socket = slots[slot];
            if (socket is null || generations[slot] != (uint)(data >> 32))
            {
                continue;
            }

            Readiness readiness = socket.Readiness;
            if ((happened & NativeEpoll.In) != 0)
            {
                readiness = (readiness | Readiness.Readable) & ~Readiness.Unsure;
                socket.Reported &= ~Readiness.Readable;
            }

            if ((happened & NativeEpoll.Out) != 0)
            {
                readiness |= Readiness.Writable;
                socket.Reported &= ~Readiness.Writable;
            }

            if ((happened & (NativeEpoll.ReadHangUp | NativeEpoll.HangUp | NativeEpoll.Error | NativeEpoll.Priority)) != 0)
            {
                readiness |= (happened & NativeEpoll.ReadHangUp) != 0 ? Readiness.PeerClosed : Readiness.None;
                readiness |= (happened & NativeEpoll.HangUp) != 0 ? Readiness.HungUp : Readiness.None;
                readiness |= (happened & NativeEpoll.Error) != 0 ? Readiness.Failed : Readiness.None;
                readiness |= (happened & NativeEpoll.Priority) != 0 ? Readiness.Urgent : Readiness.None;
                socket.Reported = Readiness.None;
            }

            socket.Readiness = readiness;

            // Sound: an int for each event takes less room than the event, so nothing unread is overwritten.
            ((int*)events)[ready++] = slot;
        }

        return ready;
    }

    /// <summary>The registration is kept while the token stays the same, which it does as long as the same store calls.</summary>
    private void WakeOn(CancellationToken cancellationToken)
    {
        if (registeredToken == cancellationToken)
        {
            return;
        }

        registration.Dispose();
        registeredToken = cancellationToken;
        registration = cancellationToken.UnsafeRegister(static state => ((EpollSet)state!).Wake(), this);
    }

    private void Wake()
    {
        ulong one = 1;
        _ = Libc.write(wakeHandle, (byte*)&one, 8);
    }

    private void Close()
    {
        if (disposed)
        {
            return;
        }

        disposed = true;
        if (wakeHandle >= 0)
        {
            _ = Libc.close(wakeHandle);
        }

        if (handle >= 0)
        {
            _ = Libc.close(handle);
        }

        NativeMemory.Free(events);
    }
}
