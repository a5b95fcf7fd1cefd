using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;
using Wherry.Wasi.Native;
using Wherry.Wasi.Polling;

namespace Wherry.Wasi.Scheduling;

/// <summary>The handles of all guests of a scheduler, as the system watches them. Any number of threads wait in it at once; the system gives each event to one.</summary>
/// <remarks>The data of a handle has the number of its target in the upper half of 24 bits, and what the target wants to know below.</remarks>
internal sealed unsafe class EventSet : IDisposable
{
    public const int TagBits = 40;
    private const int EventCapacity = 64;
    private const ulong WakeData = ulong.MaxValue;
    private const ulong HandlesData = ulong.MaxValue - 1;

    // Sockets that are watched for good; handles that are watched for one wait; and what wakes a thread.
    private readonly int sockets = NativeEpoll.Create(NativeEpoll.CloseOnExec);
    private readonly int handles = NativeEpoll.Create(NativeEpoll.CloseOnExec);
    private readonly int wakeHandle = Libc.eventfd(0, Libc.EFD_CLOEXEC | Libc.EFD_NONBLOCK);

    public EventSet()
    {
        if (sockets < 0 || handles < 0 || wakeHandle < 0 || !Control(sockets, NativeEpoll.Add, wakeHandle, NativeEpoll.In | NativeEpoll.EdgeTriggered, WakeData)
            || !Control(sockets, NativeEpoll.Add, handles, NativeEpoll.In, HandlesData))
        {
            int error = Marshal.GetLastPInvokeError();
            Dispose();
            throw new IOException($"The system gives nothing to wait for sockets with: error {error}.");
        }
    }

    public static ulong DataOf(int target, ulong tag) => ((ulong)(uint)target << TagBits) | tag;

    /// <summary>Watches a socket until it is closed.</summary>
    public bool Add(int handle, uint events, ulong data) => Control(sockets, NativeEpoll.Add, handle, events, data);

    public bool Modify(int handle, uint events, ulong data) => Control(sockets, NativeEpoll.Modify, handle, events, data);

    /// <summary>Watches a handle for changes, and its present state. <see cref="RemoveHandle"/> must follow before it is closed.</summary>
    public bool AddHandle(int handle, uint events, ulong data) => Control(handles, NativeEpoll.Add, handle, events | NativeEpoll.EdgeTriggered, data);

    public void RemoveHandle(int handle) => Control(handles, NativeEpoll.Remove, handle, 0, 0);

    /// <summary>Makes one thread return that waits, or the next that would.</summary>
    public void Wake()
    {
        ulong one = 1;

        // Sound: eight bytes of a local, as an eventfd wants them. It is never read, since each write is an event; 2^64 of them are out of reach.
        _ = Libc.write(wakeHandle, (byte*)&one, 8);
    }

    /// <summary>Waits for events and calls the scheduler with each.</summary>
    /// <returns>How many came; 0 when the time was over.</returns>
    public int Wait(GuestScheduler scheduler, long timeoutNanoseconds)
    {
        byte* events = stackalloc byte[EventCapacity * 16];
        int count = NativeEpoll.WaitFor(sockets, events, EventCapacity, timeoutNanoseconds);
        Dispatch(scheduler, events, count);
        return Math.Max(0, count);
    }

    public void Dispose()
    {
        foreach (int handle in new[] { sockets, handles, wakeHandle })
        {
            if (handle >= 0)
            {
                _ = Libc.close(handle);
            }
        }
    }

    private void Dispatch(GuestScheduler scheduler, byte* events, int count)
    {
        const int MoreCapacity = 16;
        byte* more = stackalloc byte[MoreCapacity * 16];
        for (int i = 0; i < count; i++)
        {
            // Sound: the system filled in count events.
            byte* description = events + (i * NativeEpoll.EventSize);
            ulong data = Unsafe.ReadUnaligned<ulong>(description + NativeEpoll.DataOffset);
            if (data == HandlesData)
            {
                Dispatch(scheduler, more, NativeEpoll.Wait(handles, more, MoreCapacity, 0));
            }
            else if (data != WakeData)
            {
                scheduler.OnEvent((int)(data >> TagBits), data & ((1UL << TagBits) - 1), Unsafe.ReadUnaligned<uint>(description));
            }
        }
    }

    private static bool Control(int set, int operation, int target, uint wanted, ulong data)
    {
        byte* description = stackalloc byte[16];
        Unsafe.WriteUnaligned(description, wanted);
        Unsafe.WriteUnaligned(description + NativeEpoll.DataOffset, data);
        return NativeEpoll.Control(set, operation, target, description) == 0;
    }
}
