using Microsoft.Win32.SafeHandles;
using Wherry.Binary;
using Wherry.Execution.Memories;

namespace Wherry.Execution.Pooling;

/// <summary>
/// What a module's memory holds before its first instruction: the module's active data segments, of which the pages from the first to the last are kept. Where
/// the system has files in memory they are mapped over each instance's memory, so that instances share what none of them wrote.
/// </summary>
internal sealed unsafe class MemoryImage
{
    // Data that is spread over far more memory than this, and than it has bytes, would make the image large for a small module.
    private const ulong SpreadBytes = 1 << 20;
    private const ulong SpreadFactor = 8;

    private static readonly ulong s_pageSize = (ulong)Environment.SystemPageSize;

    // Pinned, since pages are copied from it by address.
    private readonly byte[] _contents;
    private readonly SafeFileHandle? _file;

    private MemoryImage(MemoryType type, ulong length, ulong offset, byte[] contents)
    {
        Type = type;
        Length = length;
        End = Align(length);
        Offset = offset;
        _contents = contents;
        _file = contents.Length > 0 ? LinuxMemory.TryCreateFile(contents) : null;
    }

    public MemoryType Type { get; }

    /// <summary>The memory's bytes at the start.</summary>
    public ulong Length { get; }

    /// <summary>The same, up to the end of the last page of the system.</summary>
    public ulong End { get; }

    /// <summary>Whether the module's data is in it. Otherwise it is to be copied for each instance.</summary>
    public bool HasData { get; private init; } = true;

    /// <summary>Where what is kept begins.</summary>
    public ulong Offset { get; }

    private ulong ContentsEnd => Offset + (ulong)_contents.Length;

    /// <param name="type">The memory's type.</param>
    /// <param name="segments">Where bytes of the module stand in the memory, in the order in which they are copied. They fit.</param>
    /// <param name="module">The module's bytes.</param>
    public static MemoryImage Create(MemoryType type, IReadOnlyList<(ulong Address, DataSegment Segment)> segments, ReadOnlySpan<byte> module)
    {
        ulong length = type.Minimum << type.PageSizeLog2;
        ulong first = ulong.MaxValue;
        ulong last = 0;
        ulong total = 0;
        foreach ((ulong address, DataSegment segment) in segments)
        {
            if (segment.Length > 0)
            {
                first = Math.Min(first, address);
                last = Math.Max(last, address + (ulong)segment.Length);
                total += (ulong)segment.Length;
            }
        }

        if (last == 0)
        {
            return new MemoryImage(type, length, 0, []);
        }

        first -= first % s_pageSize;
        if (last - first > SpreadBytes && (last - first) / SpreadFactor > total)
        {
            return new MemoryImage(type, length, 0, []) { HasData = false };
        }

        byte[] contents = GC.AllocateArray<byte>(checked((int)(Align(last) - first)), pinned: true);
        foreach ((ulong address, DataSegment segment) in segments)
        {
            if (segment.Length > 0)
            {
                module.Slice(segment.Offset, segment.Length).CopyTo(contents.AsSpan((int)(address - first)));
            }
        }

        return new MemoryImage(type, length, first, contents);
    }

    /// <summary>Puts the image into a memory that is all zero.</summary>
    /// <returns>False if the system refused.</returns>
    public bool TryPlace(byte* memory)
    {
        if (_contents.Length == 0)
        {
            return true;
        }

        if (_file is not null)
        {
            return LinuxMemory.TryMap(_file, memory + Offset, (ulong)_contents.Length);
        }

        _contents.CopyTo(new Span<byte>(memory + Offset, _contents.Length));
        return true;
    }

    /// <summary>Makes a memory that was used what it was when the image was put there. It has its first length again.</summary>
    /// <param name="memory">Its first byte.</param>
    /// <param name="residentPages">How many written pages to write over and keep in memory. Others are given back to the system, which costs the next one that writes them a page fault.</param>
    /// <returns>False if the system refused: the memory must not be used again.</returns>
    public bool TryRestore(byte* memory, int residentPages)
    {
        if (!OperatingSystem.IsLinux() || (_contents.Length > 0 && _file is null))
        {
            return false;
        }

        if (End == 0)
        {
            return true;
        }

        byte* rest = memory;
        if (residentPages > 0)
        {
            const int MaximumRanges = 128;
            Span<LinuxMemory.PageRange> ranges = stackalloc LinuxMemory.PageRange[MaximumRanges];
            int count = LinuxMemory.FindWrittenPages(memory, memory + End, residentPages, ranges, out byte* next);
            if (count >= 0)
            {
                foreach (LinuxMemory.PageRange range in ranges[..count])
                {
                    // Sound: the system gave whole pages of the range that it was asked for.
                    Rewrite(memory, range.Start - (ulong)memory, range.End - (ulong)memory);
                }

                rest = next;
            }
        }

        return LinuxMemory.Discard(rest, End - (ulong)(rest - memory));
    }

    // Pages lie in the image as a whole or not at all.
    private void Rewrite(byte* memory, ulong start, ulong end)
    {
        ulong from = Math.Clamp(start, Offset, ContentsEnd);
        ulong to = Math.Clamp(end, Offset, ContentsEnd);
        if (from >= to)
        {
            new Span<byte>(memory + start, (int)(end - start)).Clear();
            return;
        }

        new Span<byte>(memory + start, (int)(from - start)).Clear();
        _contents.AsSpan((int)(from - Offset), (int)(to - from)).CopyTo(new Span<byte>(memory + from, (int)(to - from)));
        new Span<byte>(memory + to, (int)(end - to)).Clear();
    }

    private static ulong Align(ulong size) => (size + s_pageSize - 1) / s_pageSize * s_pageSize;
}
