using Wherry.Wasi.Abi;

namespace Wherry.Wasi.Native;

/// <summary>What several kinds of descriptors ask about host files.</summary>
internal static unsafe class HostFiles
{
    /// <summary>Attributes of an open handle.</summary>
    public static Errno GetStatus(int handle, out HostStatus status)
    {
        byte empty = 0;
        // Sound: statx writes one structure; the path is an empty string.
        fixed (HostStatus* pointer = &status)
        {
            return Libc.statx(handle, &empty, Libc.AT_EMPTY_PATH, Libc.STATX_BASIC_STATS, pointer) < 0 ? SystemErrors.Last() : Errno.Success;
        }
    }

    /// <summary>Attributes of an open handle, as guests see them.</summary>
    public static Errno GetStatus(int handle, out FileStatus status)
    {
        var errno = GetStatus(handle, out HostStatus host);
        status = errno == Errno.Success ? Translate(host) : default;
        return errno;
    }

    /// <summary>The kind of an open file.</summary>
    public static FileType TypeOf(in HostStatus status) => status.Kind switch
    {
        Libc.S_IFREG => FileType.RegularFile,
        Libc.S_IFDIR => FileType.Directory,
        Libc.S_IFLNK => FileType.SymbolicLink,
        Libc.S_IFCHR => FileType.CharacterDevice,
        Libc.S_IFBLK => FileType.BlockDevice,
        Libc.S_IFSOCK => FileType.SocketStream,
        _ => FileType.Unknown,
    };

    /// <summary>Attributes as guests see them.</summary>
    public static FileStatus Translate(in HostStatus status) => new()
    {
        Device = ((ulong)status.DeviceMajor << 32) | status.DeviceMinor,
        Inode = status.Inode,
        FileType = TypeOf(status),
        LinkCount = status.LinkCount,
        Size = status.Size,
        AccessTime = Nanoseconds(status.AccessSeconds, status.AccessNanoseconds),
        ModificationTime = Nanoseconds(status.ModificationSeconds, status.ModificationNanoseconds),
        ChangeTime = Nanoseconds(status.ChangeSeconds, status.ChangeNanoseconds),
    };

    // WASI's timestamps have no sign: what is older than 1970 is 1970.
    private static ulong Nanoseconds(long seconds, uint nanoseconds) => seconds < 0 ? 0 : ((ulong)seconds * 1_000_000_000) + nanoseconds;
}
