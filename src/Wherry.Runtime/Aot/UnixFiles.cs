using System.Runtime.InteropServices;

namespace Wherry.Aot;

/// <summary>What .NET does not tell of files: whose they are. And files that have no name.</summary>
internal static unsafe partial class UnixFiles
{
    private const int CloseOnExec = 1;
    private const int StatxType = 0x1;
    private const int StatxUid = 0x8;
    private const int NoFollow = 0x100;
    private const int CurrentFolder = -100;

    /// <summary>Whether a file or folder (not what a link points to) is this user's and nobody else may change it; and, if so asked, read it.</summary>
    public static bool IsOwn(string path, bool isPrivate)
    {
        if (OperatingSystem.IsWindows())
        {
            return true;
        }

        const UnixFileMode Others = UnixFileMode.GroupRead | UnixFileMode.GroupWrite | UnixFileMode.GroupExecute | UnixFileMode.OtherRead | UnixFileMode.OtherWrite | UnixFileMode.OtherExecute;
        const UnixFileMode OthersWrite = UnixFileMode.GroupWrite | UnixFileMode.OtherWrite;
        try
        {
            if (new FileInfo(path).LinkTarget is not null || (File.GetUnixFileMode(path) & (isPrivate ? Others : OthersWrite)) != 0)
            {
                return false;
            }
        }
        catch (Exception exception) when (exception is IOException or UnauthorizedAccessException)
        {
            return false;
        }

        return GetOwner(path) == geteuid();
    }

    /// <summary>A file in memory with these bytes: a path by which this process can open it. It stays as long as the process runs.</summary>
    public static string? TryCreateInMemory(string name, ReadOnlySpan<byte> bytes)
    {
        if (!OperatingSystem.IsLinux())
        {
            return null;
        }

        int handle = memfd_create(name, CloseOnExec);
        if (handle < 0)
        {
            return null;
        }

        using var file = new FileStream(new Microsoft.Win32.SafeHandles.SafeFileHandle(handle, ownsHandle: false), FileAccess.Write, bufferSize: 0);
        file.Write(bytes);
        return $"/proc/self/fd/{handle}";
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

        const int KindMask = 0xF000;
        const int Regular = 0x8000;
        const int Folder = 0x4000;

        // Sound: the kernel writes 256 bytes, which this is.
        byte* status = stackalloc byte[256];
        return statx(CurrentFolder, path, 0, StatxType, status) == 0 && (*(ushort*)(status + 28) & KindMask) is not (Regular or Folder);
    }

    private static uint? GetOwner(string path)
    {
        if (!OperatingSystem.IsLinux())
        {
            return geteuid();
        }

        // Sound: the kernel writes 256 bytes, which this is.
        byte* status = stackalloc byte[256];
        return statx(CurrentFolder, path, NoFollow, StatxUid, status) == 0 ? *(uint*)(status + 20) : null;
    }

    [LibraryImport("libc")]
    private static partial uint geteuid();

    [LibraryImport("libc")]
    private static partial int setpriority(int which, int who, int priority);

    [LibraryImport("libc", StringMarshalling = StringMarshalling.Utf8)]
    private static partial int memfd_create(string name, uint flags);

    [LibraryImport("libc", StringMarshalling = StringMarshalling.Utf8)]
    private static partial int statx(int folder, string path, int flags, uint mask, byte* status);
}
