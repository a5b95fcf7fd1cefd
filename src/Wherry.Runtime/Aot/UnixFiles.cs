using System.Runtime.InteropServices;
using System.Runtime.Versioning;
using System.Text;

namespace Wherry.Aot;

/// <summary>What .NET does not tell of files: whose they are. And files that have no name.</summary>
internal static unsafe partial class UnixFiles
{
    private const int CloseOnExec = 1;
    private const int StatxType = 0x1;
    private const int StatxMode = 0x2;
    private const int StatxUid = 0x8;
    private const int StatxSize = 0x200;
    private const int EmptyPath = 0x1000;
    private const int CloseFileOnExec = 0x80000;
    private const int NonBlocking = 0x800;
    private const int NoControllingTerminal = 0x100;
    private const int KindMask = 0xF000;
    private const int Regular = 0x8000;
    private const int Link = 0xA000;
    private const int NoFollow = 0x100;
    private const int CurrentFolder = -100;

    private const int Others = (int)(UnixFileMode.GroupRead | UnixFileMode.GroupWrite | UnixFileMode.GroupExecute | UnixFileMode.OtherRead | UnixFileMode.OtherWrite | UnixFileMode.OtherExecute);
    private const int OthersWrite = (int)(UnixFileMode.GroupWrite | UnixFileMode.OtherWrite);

    /// <summary>Whether a file or folder (not what a link points to) is this user's and nobody else may change it; and, if so asked, read it.</summary>
    public static bool IsOwn(string path, bool isPrivate)
    {
        if (OperatingSystem.IsWindows())
        {
            return true;
        }

        if (OperatingSystem.IsLinux())
        {
            // Sound: the kernel writes 256 bytes, which this is.
            byte* status = stackalloc byte[256];
            if (GetStatus(CurrentFolder, path, NoFollow, StatxType | StatxMode | StatxUid, status) != 0)
            {
                return false;
            }

            int mode = *(ushort*)(status + 28);
            return (mode & KindMask) != Link && (mode & (isPrivate ? Others : OthersWrite)) == 0 && *(uint*)(status + 20) == geteuid();
        }

        return IsOwnByFramework(path, isPrivate);
    }

    [UnsupportedOSPlatform("windows")]
    private static bool IsOwnByFramework(string path, bool isPrivate)
    {
        try
        {
            if (new FileInfo(path).LinkTarget is not null || ((int)File.GetUnixFileMode(path) & (isPrivate ? Others : OthersWrite)) != 0)
            {
                return false;
            }
        }
        catch (Exception exception) when (exception is IOException or UnauthorizedAccessException)
        {
            return false;
        }

        return true;
    }

    /// <summary>
    /// The bytes of a regular file; null if it is none, can't be read, or the system is not Linux: then <see cref="File"/> reads it, or tells why not. Reading by the system's calls alone takes a fifth of what
    /// the framework's classes take when they are first used.
    /// </summary>
    public static byte[]? TryRead(string path)
    {
        if (!OperatingSystem.IsLinux() || AsciiText.TryEncodeTerminated(path) is not { } name)
        {
            return null;
        }

        // What is none is not even opened: who writes into a pipe would take it for a reader, and a device may act on it. Should the path lead elsewhere by then, opening still waits for nobody.
        // Sound: the kernel writes 256 bytes, which this is; the name ends with a zero.
        byte* status = stackalloc byte[256];
        int handle;
        fixed (byte* pointer = name)
        {
            if (statx(CurrentFolder, pointer, 0, StatxType, status) != 0 || !IsRegular(status))
            {
                return null;
            }

            handle = open(pointer, CloseFileOnExec | NonBlocking | NoControllingTerminal, 0);
        }

        if (handle < 0)
        {
            return null;
        }

        byte[]? bytes = ReadAll(handle);
        _ = close(handle);
        return bytes;
    }

    /// <summary>How many bytes a file has; 0 if that can't be told.</summary>
    public static long GetSize(string path)
    {
        // Sound: the kernel writes 256 bytes, which this is.
        byte* status = stackalloc byte[256];
        return OperatingSystem.IsLinux() && GetStatus(CurrentFolder, path, 0, StatxSize, status) == 0 ? *(long*)(status + 40) : 0;
    }

    /// <summary>An environment variable that the process was started with; null if there is none.</summary>
    public static string? TryGetVariable(string name)
    {
        // Sound: what getenv returns ends with a zero, and stays as long as nobody changes the process's environment, which .NET never does.
        fixed (byte* pointer = AsciiText.TryEncodeTerminated(name))
        {
            byte* value = getenv(pointer);
            int length = 0;
            while (value != null && value[length] != 0)
            {
                length++;
            }

            if (value == null)
            {
                return null;
            }

            var bytes = new ReadOnlySpan<byte>(value, length);
            return AsciiText.TryDecode(bytes) ?? Encoding.UTF8.GetString(bytes);
        }
    }

    /// <summary>A file in memory with these bytes: a path by which this process can open it. It stays as long as the process runs.</summary>
    public static string? TryCreateInMemory(string name, ReadOnlySpan<byte> bytes)
    {
        if (!OperatingSystem.IsLinux())
        {
            return null;
        }

        int handle;
        fixed (byte* pointer = AsciiText.TryEncodeTerminated(name))
        {
            handle = memfd_create(pointer, CloseOnExec);
        }

        if (handle < 0)
        {
            return null;
        }

        while (!bytes.IsEmpty)
        {
            // Sound: the span is as long as what is written.
            nint written;
            fixed (byte* pointer = bytes)
            {
                written = write(handle, pointer, bytes.Length);
            }

            if (written <= 0)
            {
                // Not the system's way of saying that a signal came: a file in memory takes all, unless there is none left.
                _ = close(handle);
                return null;
            }

            bytes = bytes[(int)written..];
        }

        return string.Concat("/proc/self/fd/", AsciiText.OfNumber(handle));
    }

    /// <summary>Gives way to all others from now on: the calling thread on Linux, the process elsewhere.</summary>
    public static void LowerPriority()
    {
        if (!OperatingSystem.IsWindows())
        {
            const int Lowest = 19;
            _ = setpriority(0, 0, Lowest);
        }
    }

    /// <summary>Whether a path leads to something that is written to where it is and can't be exchanged: a device, a pipe, a socket.</summary>
    public static bool IsSpecial(string path)
    {
        if (!OperatingSystem.IsLinux())
        {
            return false;
        }

        const int Folder = 0x4000;

        // Sound: the kernel writes 256 bytes, which this is.
        byte* status = stackalloc byte[256];
        return GetStatus(CurrentFolder, path, 0, StatxType, status) == 0 && (*(ushort*)(status + 28) & KindMask) is not (Regular or Folder);
    }

    private static bool IsRegular(byte* status) => (*(ushort*)(status + 28) & KindMask) == Regular;

    private static byte[]? ReadAll(int handle)
    {
        // Sound: the kernel writes 256 bytes, which this is.
        byte* status = stackalloc byte[256];
        if (GetStatus(handle, "", EmptyPath, StatxType | StatxSize, status) != 0 || !IsRegular(status))
        {
            return null;
        }

        // Files of the system's own have no size.
        ulong size = *(ulong*)(status + 40);
        if (size == 0 || size > (ulong)Array.MaxLength)
        {
            return null;
        }

        var bytes = new byte[size];
        for (int read = 0; read < bytes.Length;)
        {
            nint count;
            fixed (byte* pointer = &bytes[read])
            {
                count = UnixFiles.read(handle, pointer, bytes.Length - read);
            }

            if (count <= 0)
            {
                return null;
            }

            read += (int)count;
        }

        return bytes;
    }

    private static int GetStatus(int folder, string path, int flags, uint mask, byte* status)
    {
        byte[]? name = AsciiText.TryEncodeTerminated(path);
        if (name is null)
        {
            // The kernel would take what is before a zero for the path.
            if (path.Contains('\0', StringComparison.Ordinal))
            {
                return -1;
            }

            name = Encoding.UTF8.GetBytes(path + '\0');
        }

        fixed (byte* pointer = name)
        {
            return statx(folder, pointer, flags, mask, status);
        }
    }

    [LibraryImport("libc")]
    private static partial uint geteuid();

    [LibraryImport("libc")]
    private static partial int setpriority(int which, int who, int priority);

    [LibraryImport("libc")]
    private static partial int memfd_create(byte* name, uint flags);

    [LibraryImport("libc")]
    private static partial int statx(int folder, byte* path, int flags, uint mask, byte* status);

    [LibraryImport("libc")]
    private static partial int open(byte* path, int flags, int mode);

    [LibraryImport("libc")]
    private static partial nint read(int handle, byte* bytes, nint count);

    [LibraryImport("libc")]
    private static partial nint write(int handle, byte* bytes, nint count);

    [LibraryImport("libc")]
    private static partial int close(int handle);

    [LibraryImport("libc")]
    private static partial byte* getenv(byte* name);
}
