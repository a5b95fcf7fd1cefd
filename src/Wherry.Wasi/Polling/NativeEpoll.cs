using System.Runtime.InteropServices;
using Wherry.Wasi.Native;

namespace Wherry.Wasi.Polling;

/// <summary>Linux's epoll.</summary>
/// <remarks>Sound if the callers pass buffers of the size that they say; <see cref="EpollSet"/> owns all of them.</remarks>
#pragma warning disable CA5392 // libc is found by the system's own search only: it is loaded already.
internal static unsafe partial class NativeEpoll
{
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

    /// <summary>With a timeout in nanoseconds: Linux 5.11, glibc 2.35.</summary>
    [LibraryImport("libc", EntryPoint = "epoll_pwait2", SetLastError = true)]
    public static partial int WaitPrecisely(int set, byte* events, int count, Timespec* timeout, void* signalMask);
}
