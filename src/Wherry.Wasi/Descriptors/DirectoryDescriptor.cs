using System.Buffers.Binary;
using System.Runtime.CompilerServices;
using Wherry.Wasi.Abi;
using Wherry.Wasi.Determinism;
using Wherry.Wasi.Native;

namespace Wherry.Wasi.Descriptors;

/// <summary>An open folder. Everything that a guest reaches by path is reached from one of these.</summary>
internal sealed unsafe class DirectoryDescriptor : Descriptor
{
    // Of struct linux_dirent64.
    private const int EntryNextOffset = 8;
    private const int EntryLengthOffset = 16;
    private const int EntryKindOffset = 18;
    private const int EntryNameOffset = 19;

    private int handle;

    // A deterministic guest's listing, as it was when it was begun.
    private List<(byte[] Name, ulong Inode, FileType Type)>? listing;

    /// <summary>Takes over an open handle.</summary>
    public DirectoryDescriptor(int handle, Rights rights, Rights inheritingRights, FileDescriptorFlags flags = FileDescriptorFlags.None)
        : base(FileType.Directory, rights, inheritingRights)
    {
        this.handle = handle;
        Flags = flags;
    }

    /// <summary>The name under which it was given to the guest, in UTF-8; null if the guest opened it.</summary>
    public byte[]? PreopenName { get; init; }

    /// <summary>The host's handle. Always ready for poll.</summary>
    public int Handle => handle;

    /// <inheritdoc/>
    public override int OpenedHandle => handle;

    /// <inheritdoc/>
    public override Errno TryRead(ReadOnlySpan<NativeBuffer> buffers, out uint count)
    {
        count = 0;
        return Errno.Isdir;
    }

    /// <inheritdoc/>
    public override Errno TryWrite(ReadOnlySpan<NativeBuffer> buffers, out uint count)
    {
        count = 0;
        return Errno.Isdir;
    }

    /// <inheritdoc/>
    public override Errno TryReadAt(ReadOnlySpan<NativeBuffer> buffers, ulong offset, out uint count) => TryRead(buffers, out count);

    /// <inheritdoc/>
    public override Errno TryWriteAt(ReadOnlySpan<NativeBuffer> buffers, ulong offset, out uint count) => TryWrite(buffers, out count);

    /// <inheritdoc/>
    public override Errno Advise(ulong offset, ulong length, byte advice) => Errno.Badf;

    /// <inheritdoc/>
    public override Errno Allocate(ulong offset, ulong length) => Errno.Isdir;

    /// <inheritdoc/>
    public override Errno SetSize(ulong size) => Errno.Isdir;

    /// <inheritdoc/>
    public override Errno Synchronize(bool dataOnly) =>
        (dataOnly ? Libc.fdatasync(handle) : Libc.fsync(handle)) < 0 ? SystemErrors.Last() : Errno.Success;

    /// <inheritdoc/>
    public override Errno SetTimes(in FileTimes times)
    {
        // Sound: two timespecs in a row, as futimens wants them.
        fixed (Timespec* pointer = &times.Access)
        {
            return Libc.futimens(handle, pointer) < 0 ? SystemErrors.Last() : Errno.Success;
        }
    }

    /// <inheritdoc/>
    public override Errno GetStatus(out FileStatus status) => HostFiles.GetStatus(handle, out status);

    /// <summary>
    /// Fills the buffer with entries from the cookie on, as fd_readdir wants them: the last one is cut where the buffer ends, and a buffer that isn't
    /// full means the end. A cookie is the position that the file system itself gave for the entry, so entries that others make
    /// or remove meanwhile don't shift the rest.
    /// </summary>
    [SkipLocalsInit]
    public Errno ReadEntries(Span<byte> buffer, ulong cookie, CancellationToken cancellationToken, out uint used)
    {
        used = 0;
        if (cookie > long.MaxValue || Libc.lseek(handle, (long)cookie, 0) < 0)
        {
            return Errno.Inval;
        }

        Span<byte> entries = stackalloc byte[8192];
        while (buffer.Length > 0)
        {
            // Several calls may be needed for a big buffer and a big folder.
            cancellationToken.ThrowIfCancellationRequested();
            nint size;
            fixed (byte* pointer = entries)
            {
                // Sound: the size is the buffer's.
                size = Libc.syscall(Libc.SYS_getdents64, handle, (nint)pointer, entries.Length, 0, 0, 0);
            }

            if (size < 0)
            {
                // What was found before is good; the error comes again at the next call.
                return used > 0 ? Errno.Success : SystemErrors.Last();
            }

            if (size == 0)
            {
                break;
            }

            for (ReadOnlySpan<byte> rest = entries[..(int)size]; rest.Length > 0 && buffer.Length > 0;)
            {
                var length = BinaryPrimitives.ReadUInt16LittleEndian(rest[EntryLengthOffset..]);
                var name = rest[EntryNameOffset..length];
                name = name[..name.IndexOf((byte)0)];
                var header = new DirectoryEntryHeader
                {
                    Next = BinaryPrimitives.ReadUInt64LittleEndian(rest[EntryNextOffset..]),

                    // What is above the start is not the guest's to know.
                    Inode = name.SequenceEqual(".."u8) ? 0 : BinaryPrimitives.ReadUInt64LittleEndian(rest),
                    NameLength = (uint)name.Length,
                    FileType = TypeOf(rest[EntryKindOffset]),
                };
                Append(new ReadOnlySpan<byte>(&header, sizeof(DirectoryEntryHeader)), ref buffer, ref used);
                Append(name, ref buffer, ref used);
                rest = rest[length..];
            }
        }

        return Errno.Success;
    }

    /// <summary>The same for a deterministic guest: in the order of the names' bytes, after <c>.</c> and <c>..</c>. The folder is read at once, when its listing begins; a cookie is a place in it.</summary>
    public Errno ReadSortedEntries(Span<byte> buffer, ulong cookie, FileNumbers numbers, CancellationToken cancellationToken, out uint used)
    {
        used = 0;
        if (cookie > int.MaxValue)
        {
            return Errno.Inval;
        }

        if (cookie == 0 || listing is null)
        {
            var errno = List(numbers, cancellationToken);
            if (errno != Errno.Success)
            {
                return errno;
            }
        }

        for (var i = (int)cookie; i < listing!.Count && buffer.Length > 0; i++)
        {
            var (name, inode, type) = listing[i];
            var header = new DirectoryEntryHeader { Next = (ulong)i + 1, Inode = inode, NameLength = (uint)name.Length, FileType = type };
            Append(new ReadOnlySpan<byte>(&header, sizeof(DirectoryEntryHeader)), ref buffer, ref used);
            Append(name, ref buffer, ref used);
        }

        return Errno.Success;
    }

    private Errno List(FileNumbers numbers, CancellationToken cancellationToken)
    {
        var entries = new List<(byte[] Name, ulong Inode, FileType Type)>();
        var errno = GetStatus(out var own);
        var bytes = new byte[32 * 1024];
        for (ulong cookie = 0; errno == Errno.Success;)
        {
            errno = ReadEntries(bytes, cookie, cancellationToken, out var used);
            var rest = bytes.AsSpan(0, (int)used);
            while (rest.Length >= sizeof(DirectoryEntryHeader))
            {
                var header = System.Runtime.InteropServices.MemoryMarshal.Read<DirectoryEntryHeader>(rest);
                if (rest.Length < sizeof(DirectoryEntryHeader) + (int)header.NameLength)
                {
                    break;
                }

                entries.Add((rest.Slice(sizeof(DirectoryEntryHeader), (int)header.NameLength).ToArray(), header.Inode, header.FileType));
                cookie = header.Next;
                rest = rest[(sizeof(DirectoryEntryHeader) + (int)header.NameLength)..];
            }

            if (used < bytes.Length)
            {
                break;
            }
        }

        entries.Sort(static (left, right) => left.Name.AsSpan().SequenceCompareTo(right.Name));
        var first = entries.Where(static entry => IsDots(entry.Name)).Concat(entries.Where(static entry => !IsDots(entry.Name)));
        listing = [.. first.Select(entry => (entry.Name, entry.Inode == 0 ? 0 : numbers.Of(own.Device, entry.Inode), entry.Type))];
        return errno;
    }

    private static bool IsDots(ReadOnlySpan<byte> name) => name.SequenceEqual("."u8) || name.SequenceEqual(".."u8);

    /// <inheritdoc/>
    public override Errno Close()
    {
        var closed = Interlocked.Exchange(ref handle, -1);
        return closed >= 0 && Libc.close(closed) < 0 ? SystemErrors.Last() : Errno.Success;
    }

    private static void Append(scoped ReadOnlySpan<byte> bytes, ref Span<byte> buffer, ref uint used)
    {
        var length = Math.Min(bytes.Length, buffer.Length);
        bytes[..length].CopyTo(buffer);
        buffer = buffer[length..];
        used += (uint)length;
    }

    // The numbers are DT_FIFO 1, CHR 2, DIR 4, BLK 6, REG 8, LNK 10, SOCK 12.
    private static FileType TypeOf(byte kind) => kind switch
    {
        2 => FileType.CharacterDevice,
        4 => FileType.Directory,
        6 => FileType.BlockDevice,
        8 => FileType.RegularFile,
        10 => FileType.SymbolicLink,
        12 => FileType.SocketStream,
        _ => FileType.Unknown,
    };
}
