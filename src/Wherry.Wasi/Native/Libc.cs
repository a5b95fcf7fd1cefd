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
    public const int AT_FDCWD = -100;
    public const int AT_SYMLINK_NOFOLLOW = 0x100;
    public const int AT_REMOVEDIR = 0x200;
    public const int AT_SYMLINK_FOLLOW = 0x400;
    public const int AT_EMPTY_PATH = 0x1000;

    public const int CLOCK_REALTIME = 0;
    public const int CLOCK_MONOTONIC = 1;
    public const int CLOCK_PROCESS_CPUTIME_ID = 2;
    public const int CLOCK_THREAD_CPUTIME_ID = 3;

    public const int EINTR = 4;
    public const int ENOENT = 2;
    public const int EAGAIN = 11;
    public const int EXDEV = 18;
    public const int ENOTDIR = 20;
    public const int EINVAL = 22;
    public const int ENOSYS = 38;
    public const int ELOOP = 40;
    public const int EOPNOTSUPP = 95;

    public const int EFD_CLOEXEC = 0x80000;
    public const int EFD_NONBLOCK = 0x800;

    public const int FD_CLOEXEC = 1;
    public const int F_GETFD = 1;
    public const int F_GETFL = 3;
    public const int F_SETFL = 4;
    public const int F_DUPFD_CLOEXEC = 1030;

    public const nuint FIONREAD = 0x541B;

    public const int O_RDONLY = 0;
    public const int O_WRONLY = 1;
    public const int O_RDWR = 2;
    public const int O_CREAT = 0x40;
    public const int O_EXCL = 0x80;
    public const int O_NOCTTY = 0x100;
    public const int O_TRUNC = 0x200;
    public const int O_APPEND = 0x400;
    public const int O_NONBLOCK = 0x800;
    public const int O_DSYNC = 0x1000;
    public const int O_SYNC = 0x101000;
    public const int O_CLOEXEC = 0x80000;
    public const int O_PATH = 0x200000;

    public const short POLLIN = 1;
    public const short POLLPRI = 2;
    public const short POLLOUT = 4;
    public const short POLLERR = 8;
    public const short POLLHUP = 16;
    public const short POLLNVAL = 32;
    public const short POLLRDHUP = 0x2000;

    public const ulong RESOLVE_NO_MAGICLINKS = 2;
    public const ulong RESOLVE_BENEATH = 8;

    public const int RWF_NOWAIT = 8;

    public const uint STATX_BASIC_STATS = 0x7ff;

    public const int S_IFMT = 0xF000;
    public const int S_IFSOCK = 0xC000;
    public const int S_IFLNK = 0xA000;
    public const int S_IFREG = 0x8000;
    public const int S_IFBLK = 0x6000;
    public const int S_IFDIR = 0x4000;
    public const int S_IFCHR = 0x2000;
    public const int S_IFIFO = 0x1000;

    public const long UTIME_NOW = (1L << 30) - 1;
    public const long UTIME_OMIT = (1L << 30) - 2;

    // System calls that C libraries don't all wrap.
    public const nint SYS_openat2 = 437;
    public static readonly nint SYS_getdents64 = IsX64 ? 217 : 61;
    public static readonly nint SYS_preadv2 = IsX64 ? 327 : 286;
    public static readonly nint SYS_pwritev2 = IsX64 ? 328 : 287;
    public static readonly nint SYS_sched_getattr = IsX64 ? 315 : 275;
    public static readonly nint SYS_sched_setattr = IsX64 ? 314 : 274;

    private const string Library = "libc";

    // These differ between processors.
    public static readonly int O_DIRECTORY = IsX64 ? 0x10000 : 0x4000;
    public static readonly int O_NOFOLLOW = IsX64 ? 0x20000 : 0x8000;

    private static bool IsX64 => RuntimeInformation.ProcessArchitecture == Architecture.X64;

    [DllImport(Library)]
    public static extern int gettid();

    [DllImport(Library)]
    public static extern int clock_getres(int clock, Timespec* resolution);

    // Never blocks and takes well under a microsecond, so the transition that lets a collection run meanwhile would cost more than the call.
    [DllImport(Library)]
    [SuppressGCTransition]
    public static extern int clock_gettime(int clock, Timespec* time);

    [DllImport(Library)]
    public static extern int close(int handle);

    [DllImport(Library)]
    public static extern int eventfd(uint initial, int flags);

    [DllImport(Library)]
    public static extern int fallocate(int handle, int mode, long offset, long length);

    [DllImport(Library)]
    public static extern int fcntl(int handle, int command, nint argument);

    [DllImport(Library)]
    public static extern int fdatasync(int handle);

    [DllImport(Library)]
    public static extern int fsync(int handle);

    [DllImport(Library)]
    public static extern int ftruncate(int handle, long size);

    [DllImport(Library)]
    public static extern int futimens(int handle, Timespec* times);

    [DllImport(Library)]
    public static extern nint getrandom(byte* buffer, nuint size, uint flags);

    [DllImport(Library)]
    public static extern int ioctl(int handle, nuint request, void* argument);

    [DllImport(Library)]
    public static extern int isatty(int handle);

    [DllImport(Library)]
    public static extern int linkat(int oldDirectory, byte* oldPath, int newDirectory, byte* newPath, int flags);

    [DllImport(Library)]
    public static extern long lseek(int handle, long offset, int whence);

    [DllImport(Library)]
    public static extern int mkdirat(int directory, byte* path, uint mode);

    [DllImport(Library)]
    public static extern int openat(int directory, byte* path, int flags, uint mode);

    [DllImport(Library)]
    public static extern int posix_fadvise(int handle, long offset, long length, int advice);

    [DllImport(Library)]
    public static extern int ppoll(PollDescriptor* descriptors, nuint count, Timespec* timeout, void* signalMask);

    [DllImport(Library)]
    public static extern nint preadv(int handle, NativeBuffer* buffers, int count, long offset);

    [DllImport(Library)]
    public static extern nint pwritev(int handle, NativeBuffer* buffers, int count, long offset);

    [DllImport(Library)]
    public static extern nint read(int handle, byte* buffer, nuint count);

    [DllImport(Library)]
    public static extern nint readlinkat(int directory, byte* path, byte* buffer, nuint size);

    [DllImport(Library)]
    public static extern nint readv(int handle, NativeBuffer* buffers, int count);

    [DllImport(Library)]
    public static extern int renameat(int oldDirectory, byte* oldPath, int newDirectory, byte* newPath);

    [DllImport(Library)]
    public static extern int statx(int directory, byte* path, int flags, uint mask, HostStatus* status);

    [DllImport(Library)]
    public static extern int symlinkat(byte* target, int directory, byte* path);

    [DllImport(Library)]
    public static extern nint syscall(nint number, nint a, nint b, nint c, nint d, nint e, nint f);

    [DllImport(Library)]
    public static extern int unlinkat(int directory, byte* path, int flags);

    [DllImport(Library)]
    public static extern int utimensat(int directory, byte* path, Timespec* times, int flags);

    [DllImport(Library)]
    public static extern nint write(int handle, byte* buffer, nuint count);

    [DllImport(Library)]
    public static extern nint writev(int handle, NativeBuffer* buffers, int count);

    /// <summary>The monotonic clock.</summary>
    public static long MonotonicNanoseconds()
    {
        Timespec time;
        _ = clock_gettime(CLOCK_MONOTONIC, &time);
        return (time.Seconds * 1_000_000_000) + time.Nanoseconds;
    }
}

/// <summary>struct statx, the same on all processors.</summary>
[StructLayout(LayoutKind.Explicit, Size = 256)]
internal struct HostStatus
{
    [FieldOffset(16)] public uint LinkCount;
    [FieldOffset(28)] public ushort Mode;
    [FieldOffset(32)] public ulong Inode;
    [FieldOffset(40)] public ulong Size;
    [FieldOffset(64)] public long AccessSeconds;
    [FieldOffset(72)] public uint AccessNanoseconds;
    [FieldOffset(96)] public long ChangeSeconds;
    [FieldOffset(104)] public uint ChangeNanoseconds;
    [FieldOffset(112)] public long ModificationSeconds;
    [FieldOffset(120)] public uint ModificationNanoseconds;
    [FieldOffset(128)] public uint RawDeviceMajor;
    [FieldOffset(132)] public uint RawDeviceMinor;
    [FieldOffset(136)] public uint DeviceMajor;
    [FieldOffset(140)] public uint DeviceMinor;

    /// <summary>The kind of file, S_IFREG and so on.</summary>
    public readonly int Kind => Mode & Libc.S_IFMT;
}

/// <summary>struct open_how.</summary>
[StructLayout(LayoutKind.Sequential)]
internal struct OpenHow
{
    public ulong Flags;
    public ulong Mode;
    public ulong Resolve;
}
