using System.ComponentModel;
using System.Runtime.InteropServices;

namespace Wherry.Execution.Memories;

/// <summary>Address space of the system: reserve, make accessible, take away, give back. Sizes and addresses are multiples of the page size.</summary>
internal static unsafe partial class SystemMemory
{
    private static readonly bool s_isWindows = OperatingSystem.IsWindows();

    // The values differ on macOS and the BSDs.
    private static int MapFlags => OperatingSystem.IsLinux() ? 0x2 | 0x20 | 0x4000 : 0x2 | 0x1000;

    /// <summary>Reserves inaccessible address space that costs no memory.</summary>
    /// <returns>Null if there is not that much.</returns>
    public static byte* Reserve(ulong size)
    {
        if (s_isWindows)
        {
            return (byte*)Windows.VirtualAlloc(null, (nuint)size, Windows.Reserve, Windows.NoAccess);
        }

        void* address = Unix.mmap(null, (nuint)size, Unix.ProtectNone, MapFlags, -1, 0);
        return address == Unix.MapFailed ? null : (byte*)address;
    }

    /// <summary>Makes reserved or protected pages readable, and writable if asked. New pages are zero.</summary>
    /// <returns>False if the system has no memory left.</returns>
    public static bool Commit(byte* address, ulong size, bool isWritable = true)
    {
        if (size == 0)
        {
            return true;
        }

        return s_isWindows
            ? Windows.VirtualAlloc(address, (nuint)size, Windows.Commit, isWritable ? Windows.ReadWrite : Windows.ReadOnly) != null
            : Unix.mprotect(address, (nuint)size, isWritable ? Unix.ProtectRead | Unix.ProtectWrite : Unix.ProtectRead) == 0;
    }

    /// <summary>Asks for pages of 2 MiB where the system has them for the asking.</summary>
    public static void UseLargePages(byte* address, ulong size)
    {
        if (OperatingSystem.IsLinux())
        {
            // Sound: advice changes no contents, and none is taken where the kernel has no such pages.
            _ = Unix.madvise(address, (nuint)size, Unix.AdviceHugePage);
        }
    }

    /// <summary>Makes pages inaccessible; their contents stay.</summary>
    public static bool Protect(byte* address, ulong size) =>
        s_isWindows ? Windows.VirtualProtect(address, (nuint)size, Windows.NoAccess) : Unix.mprotect(address, (nuint)size, Unix.ProtectNone) == 0;

    /// <summary>Throws the contents away and makes the range inaccessible, still reserved.</summary>
    /// <returns>False if the system refused: the range must not be used again.</returns>
    public static bool Reset(byte* address, ulong size)
    {
        if (s_isWindows)
        {
            return Windows.VirtualFree(address, (nuint)size, Windows.Decommit) != 0;
        }

        // A new mapping over the old ones drops their pages and joins them with their inaccessible neighbours, so that no mapping is left behind.
        return Unix.mmap(address, (nuint)size, Unix.ProtectNone, MapFlags | Unix.MapFixed, -1, 0) == address;
    }

    /// <summary>Gives address space back.</summary>
    public static void Free(byte* address, ulong size)
    {
        bool isFreed = s_isWindows ? Windows.VirtualFree(address, 0, Windows.Release) != 0 : Unix.munmap(address, (nuint)size) == 0;
        if (!isFreed)
        {
            throw new Win32Exception(Marshal.GetLastPInvokeError(), $"Could not give back {size} bytes of address space.");
        }
    }

    /// <summary>Makes pages executable and no longer writable.</summary>
    public static bool MakeExecutable(byte* address, ulong size) => !s_isWindows && Unix.mprotect(address, (nuint)size, Unix.ProtectRead | Unix.ProtectExecute) == 0;

    private static partial class Unix
    {
        public const int ProtectNone = 0;
        public const int ProtectRead = 1;
        public const int ProtectWrite = 2;
        public const int ProtectExecute = 4;
        public const int MapFixed = 0x10;
        public const int AdviceHugePage = 14;

        public static void* MapFailed => (void*)-1;

        [LibraryImport("libc")]
        public static partial void* mmap(void* address, nuint length, int protection, int flags, int descriptor, nint offset);

        [LibraryImport("libc")]
        public static partial int mprotect(void* address, nuint length, int protection);

        [LibraryImport("libc")]
        public static partial int madvise(void* address, nuint length, int advice);

        [LibraryImport("libc", SetLastError = true)]
        public static partial int munmap(void* address, nuint length);
    }

    private static partial class Windows
    {
        public const uint Commit = 0x1000;
        public const uint Reserve = 0x2000;
        public const uint Decommit = 0x4000;
        public const uint Release = 0x8000;
        public const uint NoAccess = 1;
        public const uint ReadOnly = 2;
        public const uint ReadWrite = 4;

        [LibraryImport("kernel32", SetLastError = true)]
        public static partial void* VirtualAlloc(void* address, nuint size, uint type, uint protection);

        public static bool VirtualProtect(void* address, nuint size, uint protection)
        {
            uint former;
            return VirtualProtect(address, size, protection, &former) != 0;
        }

        [LibraryImport("kernel32", SetLastError = true)]
        private static partial int VirtualProtect(void* address, nuint size, uint protection, uint* former);

        [LibraryImport("kernel32", SetLastError = true)]
        public static partial int VirtualFree(void* address, nuint size, uint type);
    }
}
