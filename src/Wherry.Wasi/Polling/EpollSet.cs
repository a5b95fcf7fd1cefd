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
internal sealed unsafe class EpollSet : SocketSet
{
    private const ulong WakeData = ulong.MaxValue;

    private readonly int handle;
    private readonly int wakeHandle;
    private readonly byte* events;
    private CancellationToken registeredToken;
    private CancellationTokenRegistration registration;
    private readonly Lock wakeGate = new();
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
    public override int Handle => handle;

    public override int Wait(long timeoutNanoseconds, CancellationToken cancellationToken)
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
            int ready = NoteStreams(0);
            int count = WaitOnce(ready > 0 ? 0 : timeoutNanoseconds);
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

            ready = Note(count, ready, ref woken);
            if (woken)
            {
                ready = NoteStreams(ready);
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

    public override void Dispose()
    {
        registration.Dispose();
        Close();
        GC.SuppressFinalize(this);
    }

    protected override bool Control(int operation, SocketDescriptor socket, ulong data) => Control(operation, socket.HostHandle, SocketEvents, data);

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
        return NativeEpoll.WaitFor(handle, events, EventCapacity, timeoutNanoseconds);
    }

    /// <summary>Notes the events on the sockets.</summary>
    private int Note(int count, int ready, ref bool woken)
    {
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

            ready += Note((int)(uint)data, (uint)(data >> 32), happened, ready) ? 1 : 0;
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

    protected override void Wake()
    {
        ulong one = 1;

        // Another guest's thread may come late.
        lock (wakeGate)
        {
            if (!disposed)
            {
                // Sound: eight bytes of a local, as an eventfd wants them.
                _ = Libc.write(wakeHandle, (byte*)&one, 8);
            }
        }
    }

    private void Close()
    {
        lock (wakeGate)
        {
            if (disposed)
            {
                return;
            }

            disposed = true;
        }

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
