using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;
using Wherry.Wasi.Abi;
using Wherry.Wasi.Native;

namespace Wherry.Wasi.Descriptors;

/// <summary>How a host handle is kept from blocking the guest's thread for good.</summary>
internal enum Blocking
{
    /// <summary>It never waits for others: a regular file.</summary>
    Never,

    /// <summary>O_NONBLOCK is set: it answers EAGAIN.</summary>
    HandleIsNonBlocking,

    /// <summary>The flag belongs to others too, who inherited the same handle, so each call asks not to wait (RWF_NOWAIT).</summary>
    AskEachCall,

    /// <summary>It can't be asked, as a terminal can't: poll comes first.</summary>
    PollFirst,
}

/// <summary>A regular file, a device, a FIFO, or an inherited standard stream.</summary>
internal sealed unsafe class FileDescriptor : Descriptor
{
    // Linux moves at most 2 GiB in a call; copying that much would keep an interruption waiting.
    private const uint MaximumTransfer = 32 << 20;

    // A pipe that poll calls writable takes this much at once (PIPE_BUF).
    private const uint PolledWrite = 4096;

    private readonly bool isOwned;
    private int handle;
    private Blocking blocking;
    private bool awaitsWriter;

    /// <summary>Takes over an open handle, or borrows one of the process's own.</summary>
    public FileDescriptor(int handle, bool isOwned, FileType fileType, Blocking blocking, FileDescriptorFlags flags, Rights rights, Rights inheritingRights)
        : base(fileType, rights, inheritingRights)
    {
        this.handle = handle;
        this.isOwned = isOwned;
        this.blocking = blocking;
        Flags = flags;
    }

    /// <summary>
    /// A FIFO opened for reading: a read that finds no writer means the end, but to a guest that waits it must not mean that before the first
    /// writer has come.
    /// </summary>
    public bool AwaitsWriter
    {
        init => awaitsWriter = value;
    }

    /// <inheritdoc/>
    public override int HostHandle => handle;

    /// <inheritdoc/>
    public override int OpenedHandle => handle;

    /// <inheritdoc/>
    public override ulong ReadableByteCount
    {
        get
        {
            if (FileType == FileType.RegularFile)
            {
                return GetStatus(out var status) == Errno.Success && Libc.lseek(handle, 0, 1) is >= 0 and var position && status.Size > (ulong)position
                    ? status.Size - (ulong)position
                    : 0;
            }

            int count;
            // Sound: FIONREAD writes one int.
            return Libc.ioctl(handle, Libc.FIONREAD, &count) == 0 && count > 0 ? (ulong)count : 0;
        }
    }

    /// <inheritdoc/>
    public override Errno TryRead(ReadOnlySpan<NativeBuffer> buffers, out uint count)
    {
        count = 0;
        if (awaitsWriter && !IsNonBlocking)
        {
            if (!IsReady(Libc.POLLIN))
            {
                return Errno.Again;
            }

            awaitsWriter = false;
        }

        if (blocking == Blocking.PollFirst && !IsReady(Libc.POLLIN))
        {
            return Errno.Again;
        }

        nint done;
        // Sound: the buffers were checked when they were made, and the guest's memory stays where it is during the call.
        fixed (NativeBuffer* pointer = buffers)
        {
            NativeBuffer single;
            var list = Bounded(pointer, buffers.Length, MaximumTransfer, &single, out var listed);
            done = blocking == Blocking.AskEachCall
                ? Libc.syscall(Libc.SYS_preadv2, handle, (nint)list, listed, -1, -1, Libc.RWF_NOWAIT)
                : listed == 1 ? Libc.read(handle, list->Address, list->Length) : Libc.readv(handle, list, listed);
        }

        return Finish(done, out count) is var errno && errno == Errno.Notsup && StopAsking() ? TryRead(buffers, out count) : errno;
    }

    /// <inheritdoc/>
    public override Errno TryWrite(ReadOnlySpan<NativeBuffer> buffers, out uint count)
    {
        count = 0;
        if (blocking is not (Blocking.PollFirst or Blocking.AskEachCall) && buffers.Length == 1 && buffers[0].Length <= MaximumTransfer)
        {
            // Sound: as in TryRead. Most writes are of this kind.
            return Finish(Libc.write(handle, buffers[0].Address, buffers[0].Length), out count);
        }

        if (blocking == Blocking.PollFirst && !IsReady(Libc.POLLOUT))
        {
            return Errno.Again;
        }

        nint done;
        // Sound: as in TryRead.
        fixed (NativeBuffer* pointer = buffers)
        {
            NativeBuffer single;
            var list = Bounded(pointer, buffers.Length, blocking == Blocking.PollFirst ? PolledWrite : MaximumTransfer, &single, out var listed);
            done = blocking == Blocking.AskEachCall
                ? Libc.syscall(Libc.SYS_pwritev2, handle, (nint)list, listed, -1, -1, Libc.RWF_NOWAIT)
                : listed == 1 ? Libc.write(handle, list->Address, list->Length) : Libc.writev(handle, list, listed);
        }

        return Finish(done, out count) is var errno && errno == Errno.Notsup && StopAsking() ? TryWrite(buffers, out count) : errno;
    }

    /// <inheritdoc/>
    public override Errno TryReadAt(ReadOnlySpan<NativeBuffer> buffers, ulong offset, out uint count)
    {
        count = 0;
        if (offset > long.MaxValue)
        {
            return Errno.Inval;
        }

        // Sound: as in TryRead.
        fixed (NativeBuffer* pointer = buffers)
        {
            NativeBuffer single;
            var list = Bounded(pointer, buffers.Length, MaximumTransfer, &single, out var listed);
            return Finish(Libc.preadv(handle, list, listed, (long)offset), out count);
        }
    }

    /// <inheritdoc/>
    public override Errno TryWriteAt(ReadOnlySpan<NativeBuffer> buffers, ulong offset, out uint count)
    {
        count = 0;
        if (offset > long.MaxValue)
        {
            return Errno.Inval;
        }

        // Sound: as in TryRead.
        fixed (NativeBuffer* pointer = buffers)
        {
            NativeBuffer single;
            var list = Bounded(pointer, buffers.Length, MaximumTransfer, &single, out var listed);
            return Finish(Libc.pwritev(handle, list, listed, (long)offset), out count);
        }
    }

    /// <inheritdoc/>
    public override Errno Seek(long offset, Whence whence, out ulong position)
    {
        // WASI's numbers are Linux's: 0 set, 1 current, 2 end.
        var result = Libc.lseek(handle, offset, (int)whence);
        position = (ulong)result;
        return result < 0 ? SystemErrors.Last() : Errno.Success;
    }

    /// <inheritdoc/>
    public override Errno Advise(ulong offset, ulong length, byte advice)
    {
        if (offset > long.MaxValue || length > long.MaxValue)
        {
            return Errno.Inval;
        }

        // WASI: normal, sequential, random; Linux: normal, random, sequential. The others agree.
        var translated = advice switch { 1 => 2, 2 => 1, _ => advice };
        return SystemErrors.Translate(Libc.posix_fadvise(handle, (long)offset, (long)length, translated));
    }

    /// <inheritdoc/>
    public override Errno Allocate(ulong offset, ulong length)
    {
        if (length == 0)
        {
            return Errno.Inval;
        }

        if (offset > long.MaxValue || length > long.MaxValue - offset)
        {
            return Errno.Fbig;
        }

        return Result(Libc.fallocate(handle, 0, (long)offset, (long)length));
    }

    /// <inheritdoc/>
    public override Errno Synchronize(bool dataOnly) => Result(dataOnly ? Libc.fdatasync(handle) : Libc.fsync(handle));

    /// <inheritdoc/>
    public override Errno SetSize(ulong size) => size > long.MaxValue ? Errno.Inval : Result(Libc.ftruncate(handle, (long)size));

    /// <inheritdoc/>
    public override Errno SetTimes(in FileTimes times)
    {
        // Sound: two timespecs in a row, as futimens wants them.
        fixed (Timespec* pointer = &times.Access)
        {
            return Result(Libc.futimens(handle, pointer));
        }
    }

    /// <inheritdoc/>
    public override Errno SetFlags(FileDescriptorFlags flags)
    {
        const FileDescriptorFlags Fixed = FileDescriptorFlags.DataSync | FileDescriptorFlags.ReadSync | FileDescriptorFlags.Sync;
        if (((flags ^ Flags) & Fixed) != 0)
        {
            // Linux can't change these on an open file.
            return Errno.Notsup;
        }

        if (isOwned && ((flags ^ Flags) & FileDescriptorFlags.Append) != 0)
        {
            var current = Libc.fcntl(handle, Libc.F_GETFL, 0);
            var wanted = (flags & FileDescriptorFlags.Append) != 0 ? current | Libc.O_APPEND : current & ~Libc.O_APPEND;
            if (current < 0 || Libc.fcntl(handle, Libc.F_SETFL, wanted) < 0)
            {
                return SystemErrors.Last();
            }
        }

        Flags = flags;
        return Errno.Success;
    }

    /// <inheritdoc/>
    public override Errno GetStatus(out FileStatus status) => HostFiles.GetStatus(handle, out status);

    /// <inheritdoc/>
    public override Errno Close()
    {
        var closed = Interlocked.Exchange(ref handle, -1);
        return closed < 0 || !isOwned ? Errno.Success : Result(Libc.close(closed));
    }

    private static Errno Result(int result) => result < 0 ? SystemErrors.Last() : Errno.Success;

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static Errno Finish(nint done, out uint count)
    {
        count = done < 0 ? 0 : (uint)done;
        return done < 0 ? SystemErrors.Last() : Errno.Success;
    }

    /// <summary>
    /// As many of the buffers as hold at most <paramref name="limit"/> bytes; if the first is longer, <paramref name="single"/> becomes its
    /// beginning. So a transfer is bounded, and the caller comes again for the rest.
    /// </summary>
    private static NativeBuffer* Bounded(NativeBuffer* list, int length, uint limit, NativeBuffer* single, out int listed)
    {
        nuint total = 0;
        for (var i = 0; i < length; i++)
        {
            total += list[i].Length;
            if (total <= limit)
            {
                continue;
            }

            if (i == 0)
            {
                *single = new NativeBuffer(list->Address, limit);
                listed = 1;
                return single;
            }

            listed = i;
            return list;
        }

        listed = length;
        if (length == 0)
        {
            // One empty buffer, so that errors show even so.
            *single = default;
            listed = 1;
            return single;
        }

        return list;
    }

    private bool StopAsking()
    {
        if (blocking != Blocking.AskEachCall)
        {
            return false;
        }

        blocking = Blocking.PollFirst;
        return true;
    }

    private bool IsReady(short events)
    {
        var descriptor = new PollDescriptor { Handle = handle, Events = events };
        Timespec zero = default;
        // Sound: the pointers are to locals. A failure counts as ready: the call that follows reports it.
        return Libc.ppoll(&descriptor, 1, &zero, null) != 0;
    }
}
