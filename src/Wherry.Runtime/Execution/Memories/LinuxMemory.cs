using System.Runtime.InteropServices;
using Microsoft.Win32.SafeHandles;

namespace Wherry.Execution.Memories;

/// <summary>What only Linux has: files in memory mapped privately, and which pages of a mapping were written. Addresses and sizes are multiples of the page size.</summary>
internal static unsafe partial class LinuxMemory
{
    private const int CloseOnExec = 1;
    private const int ReadWrite = 1 | 2;
    private const int PrivateFixed = 0x2 | 0x10 | 0x4000;
    private const int DontNeed = 4;

    // linux/fs.h: PAGEMAP_SCAN and its categories of pages.
    private const nuint ScanRequest = 0xC060_6610;
    private const ulong IsFile = 1 << 2;
    private const ulong IsPresent = 1 << 3;
    private const ulong IsSwapped = 1 << 4;
    private const ulong IsZero = 1 << 5;

    // Opened once: it tells of this process, whichever thread asks.
    private static readonly Lazy<SafeFileHandle?> s_pageMap = new(OpenPageMap);

    /// <summary>Makes a file that has no name and lives as long as it is open or mapped.</summary>
    /// <returns>Null if the system has no such files.</returns>
    public static SafeFileHandle? TryCreateFile(ReadOnlySpan<byte> contents)
    {
        if (!OperatingSystem.IsLinux())
        {
            return null;
        }

        int handle = memfd_create("wherry-memory", CloseOnExec);
        if (handle < 0)
        {
            return null;
        }

        var file = new SafeFileHandle(handle, ownsHandle: true);
        try
        {
            RandomAccess.Write(file, contents, 0);
            return file;
        }
        catch (IOException)
        {
            file.Dispose();
            return null;
        }
    }

    /// <summary>Maps a file over a range: its bytes are read from it, pages that are written become copies.</summary>
    /// <returns>False if the system refused.</returns>
    public static bool TryMap(SafeFileHandle file, byte* address, ulong size)
    {
        bool isHeld = false;
        try
        {
            file.DangerousAddRef(ref isHeld);
            return mmap(address, (nuint)size, ReadWrite, PrivateFixed, (int)file.DangerousGetHandle(), 0) == address;
        }
        finally
        {
            if (isHeld)
            {
                file.DangerousRelease();
            }
        }
    }

    /// <summary>Drops what was written in a range: it reads as its file, or as zero, again.</summary>
    /// <returns>False if the system refused.</returns>
    public static bool Discard(byte* address, ulong size) => size == 0 || madvise(address, (nuint)size, DontNeed) == 0;

    /// <summary>
    /// Finds the pages of a range that were written since they were mapped or discarded: those that the process has for itself, in memory or swapped out. Pages that
    /// are a file's, or the system's page of zeros, were only read.
    /// </summary>
    /// <param name="start">The start of the range.</param>
    /// <param name="end">Its end.</param>
    /// <param name="maximumPages">How many pages to find.</param>
    /// <param name="found">Where they are.</param>
    /// <param name="next">Where the search ended: the end of the range, unless more pages were found than asked for, or than there is room for.</param>
    /// <returns>How many ranges were found, or -1 if the system can't tell.</returns>
    public static int FindWrittenPages(byte* start, byte* end, int maximumPages, Span<PageRange> found, out byte* next)
    {
        next = start;
        if (s_pageMap.Value is not { } pageMap)
        {
            return -1;
        }

        fixed (PageRange* vector = found)
        {
            var request = new ScanArguments
            {
                Size = (ulong)sizeof(ScanArguments),
                Start = (ulong)start,
                End = (ulong)end,
                Vector = (ulong)vector,
                VectorLength = (ulong)found.Length,
                MaximumPages = (ulong)maximumPages,
                Inverted = IsFile | IsZero,
                Required = IsFile | IsZero,
                AnyOf = IsPresent | IsSwapped,
                Returned = IsPresent,
            };

            // Sound: the structure is as the kernel declares it, and the handle is never closed. A kernel that does not know the request refuses it.
            int count = ioctl((int)pageMap.DangerousGetHandle(), ScanRequest, &request);
            next = (byte*)request.WalkEnd;
            return count >= 0 && next >= start && next <= end ? count : -1;
        }
    }

    private static SafeFileHandle? OpenPageMap()
    {
        if (!OperatingSystem.IsLinux())
        {
            return null;
        }

        try
        {
            return File.OpenHandle("/proc/self/pagemap");
        }
        catch (Exception exception) when (exception is IOException or UnauthorizedAccessException)
        {
            return null;
        }
    }

    [LibraryImport("libc", StringMarshalling = StringMarshalling.Utf8)]
    private static partial int memfd_create(string name, uint flags);

    [LibraryImport("libc")]
    private static partial void* mmap(void* address, nuint length, int protection, int flags, int descriptor, nint offset);

    [LibraryImport("libc")]
    private static partial int madvise(void* address, nuint length, int advice);

    [LibraryImport("libc")]
    private static partial int ioctl(int descriptor, nuint request, void* argument);

    /// <summary>Pages from one address to another: struct page_region.</summary>
    internal struct PageRange
    {
        public ulong Start;
        public ulong End;
        public ulong Categories;
    }

    // struct pm_scan_arg.
    private struct ScanArguments
    {
        public ulong Size;
        public ulong Flags;
        public ulong Start;
        public ulong End;
        public ulong WalkEnd;
        public ulong Vector;
        public ulong VectorLength;
        public ulong MaximumPages;
        public ulong Inverted;
        public ulong Required;
        public ulong AnyOf;
        public ulong Returned;
    }
}
