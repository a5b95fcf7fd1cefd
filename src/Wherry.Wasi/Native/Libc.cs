using System.Runtime.InteropServices;

namespace Wherry.Wasi.Native;

/// <summary>struct pollfd.</summary>
[StructLayout(LayoutKind.Sequential)]
internal struct PollDescriptor
{
    public int Handle;
    public short Events;
    public short ReturnedEvents;
}

/// <summary>struct timespec on 64-bit systems.</summary>
[StructLayout(LayoutKind.Sequential)]
internal struct Timespec
{
    public long Seconds;
    public long Nanoseconds;
}

/// <summary>
/// The C library of Linux. Signatures are blittable; the error is read with <see cref="Marshal.GetLastSystemError"/> right after the call, before
/// anything else can change it.
/// </summary>
/// <remarks>Sound if the callers pass pointers to as many bytes as the lengths say; each call site does so with checked guest ranges or its own buffers.</remarks>
#pragma warning disable CA5392 // libc is found by the system's own search only: it is loaded already.
#pragma warning disable IDE1006, SA1300 // C names.
internal static unsafe partial class Libc
{
    public const int EINTR = 4;
    public const short POLLIN = 1;
    public const short POLLPRI = 2;
    public const short POLLOUT = 4;
    public const short POLLERR = 8;
    public const short POLLHUP = 16;
    public const short POLLNVAL = 32;
    public const short POLLRDHUP = 0x2000;
    public const int EFD_CLOEXEC = 0x80000;
    public const int EFD_NONBLOCK = 0x800;
    public const int CLOCK_MONOTONIC = 1;

    private const string Library = "libc";

    [DllImport(Library)]
    public static extern int close(int handle);

    [DllImport(Library)]
    public static extern nint read(int handle, byte* buffer, nuint count);

    [DllImport(Library)]
    public static extern nint write(int handle, byte* buffer, nuint count);

    [DllImport(Library)]
    public static extern int ppoll(PollDescriptor* descriptors, nuint count, Timespec* timeout, void* signalMask);

    [DllImport(Library)]
    public static extern int eventfd(uint initial, int flags);

    [DllImport(Library)]
    public static extern int clock_gettime(int clock, Timespec* time);

    /// <summary>The monotonic clock.</summary>
    public static long MonotonicNanoseconds()
    {
        Timespec time;
        _ = clock_gettime(CLOCK_MONOTONIC, &time);
        return (time.Seconds * 1_000_000_000) + time.Nanoseconds;
    }
}
