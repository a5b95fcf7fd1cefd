using System.Runtime.InteropServices;
using Wherry.Wasi.Native;

namespace Wherry.Wasi.Polling;

/// <summary>Linux's epoll.</summary>
/// <remarks>Sound if the callers pass buffers of the size that they say; <see cref="EpollSet"/> owns all of them.</remarks>
#pragma warning disable CA5392 // libc is found by the system's own search only: it is loaded already.
internal static unsafe partial class NativeEpoll
{
    private const int SystemHasNoSuchCall = 38;
    private const int NotPermitted = 1;

    private static volatile bool imprecise;

    public const int CloseOnExec = 0x80000;
    public const int Add = 1;
    public const int Remove = 2;
    public const int Modify = 3;

    public const uint In = 0x001;
    public const uint Priority = 0x002;
    public const uint Out = 0x004;
    public const uint Error = 0x008;
    public const uint HangUp = 0x010;
    public const uint ReadHangUp = 0x2000;
    public const uint EdgeTriggered = 1u << 31;

    /// <summary>struct epoll_event is packed on x86 only.</summary>
    public static readonly int EventSize = RuntimeInformation.ProcessArchitecture is Architecture.X64 or Architecture.X86 ? 12 : 16;

    /// <summary>Where the event's data is.</summary>
    public static readonly int DataOffset = EventSize - 8;

    [LibraryImport("libc", EntryPoint = "epoll_create1", SetLastError = true)]
    public static partial int Create(int flags);

    [LibraryImport("libc", EntryPoint = "epoll_ctl", SetLastError = true)]
    public static partial int Control(int set, int operation, int handle, byte* description);

    [LibraryImport("libc", EntryPoint = "epoll_wait", SetLastError = true)]
    public static partial int Wait(int set, byte* events, int count, int timeoutMilliseconds);

    /// <summary>Waits as precisely as the system can, and never too short.</summary>
    /// <param name="timeoutNanoseconds">Negative: for ever.</param>
    public static int WaitFor(int set, byte* events, int count, long timeoutNanoseconds)
    {
        if (timeoutNanoseconds <= 0)
        {
            return Wait(set, events, count, timeoutNanoseconds == 0 ? 0 : -1);
        }

        if (!imprecise)
        {
            Timespec timeout = new() { Seconds = timeoutNanoseconds / 1_000_000_000, Nanoseconds = timeoutNanoseconds % 1_000_000_000 };
            try
            {
                int ready = WaitPrecisely(set, events, count, &timeout, null);
                if (ready >= 0 || Marshal.GetLastPInvokeError() is not (SystemHasNoSuchCall or NotPermitted))
                {
                    return ready;
                }
            }
            catch (EntryPointNotFoundException)
            {
            }

            imprecise = true;
        }

        long milliseconds = (timeoutNanoseconds / 1_000_000) + (timeoutNanoseconds % 1_000_000 == 0 ? 0 : 1);
        return Wait(set, events, count, (int)Math.Min(milliseconds, int.MaxValue));
    }

    /// <summary>With a timeout in nanoseconds: Linux 5.11, glibc 2.35.</summary>
    [LibraryImport("libc", EntryPoint = "epoll_pwait2", SetLastError = true)]
    private static partial int WaitPrecisely(int set, byte* events, int count, Timespec* timeout, void* signalMask);
}
