using System.Runtime.CompilerServices;
using Wherry.Wasi.Abi;
using Wherry.Wasi.Descriptors;

namespace Wherry.Wasi;

// fd_read, fd_write, fd_pread and fd_pwrite. What can be done at once is done without allocating; otherwise the call waits and tries again.
public sealed partial class WasiContext
{
    private const ulong NoOffset = ulong.MaxValue;

    internal ValueTask<Errno> FdRead(GuestCall call, int fd, uint buffers, uint bufferCount, uint readCount)
    {
        var errno = GetForData(fd, Rights.FdRead, out var descriptor);
        if (errno == Errno.Success)
        {
            errno = ReadOnce(call, descriptor, buffers, bufferCount, NoOffset, readCount);
            if (errno == Errno.Again && !descriptor.IsNonBlocking)
            {
                return ReadWhenReadyAsync(call, descriptor, buffers, bufferCount, readCount);
            }
        }

        return ValueTask.FromResult(errno);
    }

    internal Errno FdPread(GuestCall call, int fd, uint buffers, uint bufferCount, ulong offset, uint readCount)
    {
        var errno = GetForData(fd, Rights.FdRead | Rights.FdSeek, out var descriptor);
        return errno != Errno.Success ? errno
            : offset > long.MaxValue ? Errno.Inval
            : ReadOnce(call, descriptor, buffers, bufferCount, offset, readCount);
    }

    internal ValueTask<Errno> FdWrite(GuestCall call, int fd, uint buffers, uint bufferCount, uint writtenCount)
    {
        var errno = GetForData(fd, Rights.FdWrite, out var descriptor);
        if (errno == Errno.Success)
        {
            // Asked first: what was written could not be taken back.
            errno = call.Contains(writtenCount, 4) ? Errno.Success : Errno.Fault;
        }

        if (errno == Errno.Success)
        {
            errno = WriteOnce(call, descriptor, buffers, bufferCount, NoOffset, 0, out var written, out var total);
            if ((errno == Errno.Again || (errno == Errno.Success && written < total)) && !descriptor.IsNonBlocking)
            {
                return WriteAllAsync(call, descriptor, buffers, bufferCount, NoOffset, written, writtenCount);
            }

            errno = errno == Errno.Success ? call.Write(writtenCount, written) : errno;
        }

        return ValueTask.FromResult(errno);
    }

    internal ValueTask<Errno> FdPwrite(GuestCall call, int fd, uint buffers, uint bufferCount, ulong offset, uint writtenCount)
    {
        var errno = GetForData(fd, Rights.FdWrite | Rights.FdSeek, out var descriptor);
        if (errno == Errno.Success)
        {
            errno = offset > long.MaxValue ? Errno.Inval : call.Contains(writtenCount, 4) ? Errno.Success : Errno.Fault;
        }

        if (errno == Errno.Success)
        {
            errno = WriteOnce(call, descriptor, buffers, bufferCount, offset, 0, out var written, out var total);
            if (errno == Errno.Success && written < total && written > 0)
            {
                return WriteAllAsync(call, descriptor, buffers, bufferCount, offset, written, writtenCount);
            }

            errno = errno == Errno.Success ? call.Write(writtenCount, written) : errno;
        }

        return ValueTask.FromResult(errno);
    }

    private Errno GetForData(int fd, Rights rights, out Descriptor descriptor)
    {
        var errno = Descriptors.Get(fd, rights, out descriptor);

        // To say that it is a directory helps more than to say that the right to read is missing, which directories never have.
        return errno == Errno.Notcapable && descriptor.FileType == FileType.Directory ? Errno.Isdir : errno;
    }

    [SkipLocalsInit]
    private static Errno ReadOnce(GuestCall call, Descriptor descriptor, uint buffers, uint bufferCount, ulong offset, uint readCount)
    {
        // Asked first: what was read could not be given back.
        if (!call.Contains(readCount, 4))
        {
            return Errno.Fault;
        }

        Span<NativeBuffer> vectors = stackalloc NativeBuffer[(int)Math.Min(bufferCount, GuestCall.MaximumBuffers)];
        var errno = call.GetBuffers(buffers, bufferCount, vectors);
        if (errno != Errno.Success)
        {
            return errno;
        }

        errno = offset == NoOffset ? descriptor.TryRead(vectors, out var count) : descriptor.TryReadAt(vectors, offset, out count);
        return errno == Errno.Success ? call.Write(readCount, count) : errno;
    }

    private async ValueTask<Errno> ReadWhenReadyAsync(GuestCall call, Descriptor descriptor, uint buffers, uint bufferCount, uint readCount)
    {
        while (true)
        {
            await descriptor.WaitUntilReadableAsync(Waiter, call.CancellationToken).ConfigureAwait(false);
            var errno = ReadOnce(call, descriptor, buffers, bufferCount, NoOffset, readCount);
            if (errno != Errno.Again)
            {
                return errno;
            }
        }
    }

    /// <summary>Writes what is left after the first <paramref name="skipped"/> bytes.</summary>
    private static Errno WriteOnce(
        GuestCall call, Descriptor descriptor, uint buffers, uint bufferCount, ulong offset, uint skipped, out uint written, out uint total)
    {
        if (bufferCount != 1)
        {
            return WriteMany(call, descriptor, buffers, bufferCount, offset, skipped, out written, out total);
        }

        // A frame without a list of buffers costs less, and most writes have one.
        NativeBuffer single = default;
        return Write(call, descriptor, buffers, new Span<NativeBuffer>(ref single), 1, offset, skipped, out written, out total);
    }

    [SkipLocalsInit]
    private static Errno WriteMany(
        GuestCall call, Descriptor descriptor, uint buffers, uint bufferCount, ulong offset, uint skipped, out uint written, out uint total)
    {
        Span<NativeBuffer> vectors = stackalloc NativeBuffer[(int)Math.Min(bufferCount, GuestCall.MaximumBuffers)];
        return Write(call, descriptor, buffers, vectors, bufferCount, offset, skipped, out written, out total);
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static Errno Write(
        GuestCall call, Descriptor descriptor, uint buffers, Span<NativeBuffer> vectors, uint bufferCount, ulong offset, uint skipped, out uint written, out uint total)
    {
        written = 0;
        total = 0;
        var errno = call.GetBuffers(buffers, bufferCount, vectors);
        if (errno != Errno.Success)
        {
            return errno;
        }

        // The guest's list is read anew at each try, so another of its threads can change what is written but not where we read.
        var first = 0;
        for (var i = 0; i < vectors.Length; i++)
        {
            total += (uint)vectors[i].Length;
        }

        if (skipped > 0)
        {
            for (; first < vectors.Length && skipped >= vectors[first].Length; first++)
            {
                skipped -= (uint)vectors[first].Length;
            }

            if (first < vectors.Length)
            {
                vectors[first] = vectors[first].Skip(skipped);
            }
        }

        return offset == NoOffset
            ? descriptor.TryWrite(vectors[first..], out written)
            : descriptor.TryWriteAt(vectors[first..], offset, out written);
    }

    /// <summary>A blocking write goes on until all is written, as POSIX has it; after an error, what was written before counts.</summary>
    private async ValueTask<Errno> WriteAllAsync(
        GuestCall call, Descriptor descriptor, uint buffers, uint bufferCount, ulong offset, uint written, uint writtenCount)
    {
        while (true)
        {
            call.CancellationToken.ThrowIfCancellationRequested();
            var errno = WriteOnce(call, descriptor, buffers, bufferCount, offset == NoOffset ? NoOffset : offset + written, written, out var now, out var total);
            written += now;
            if (errno == Errno.Again)
            {
                await descriptor.WaitUntilWritableAsync(Waiter, call.CancellationToken).ConfigureAwait(false);
            }
            else if (errno != Errno.Success && written == 0)
            {
                return errno;
            }
            else if (errno != Errno.Success || written >= total || now == 0)
            {
                return call.Write(writtenCount, written);
            }
        }
    }
}
