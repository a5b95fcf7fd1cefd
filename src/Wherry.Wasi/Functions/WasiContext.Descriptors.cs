using Wherry.Wasi.Abi;
using Wherry.Wasi.Descriptors;

namespace Wherry.Wasi;

// The functions on an open descriptor that neither read nor write its contents.
public sealed partial class WasiContext
{
    private const byte LastAdvice = 5;

    internal Errno FdAdvise(int fd, ulong offset, ulong length, uint advice)
    {
        var errno = Descriptors.Get(fd, Rights.FdAdvise, out var descriptor);
        return errno != Errno.Success ? errno : advice > LastAdvice ? Errno.Inval : descriptor.Advise(offset, length, (byte)advice);
    }

    internal Errno FdAllocate(int fd, ulong offset, ulong length)
    {
        var errno = GetForChange(fd, Rights.FdAllocate, out var descriptor);
        return errno == Errno.Success ? descriptor.Allocate(offset, length) : errno;
    }

    internal Errno FdClose(int fd) => Descriptors.Remove(fd, out var descriptor) ? descriptor.Close() : Errno.Badf;

    internal Errno FdDatasync(int fd)
    {
        var errno = Descriptors.Get(fd, Rights.FdDatasync, out var descriptor);
        return errno == Errno.Success ? descriptor.Synchronize(dataOnly: true) : errno;
    }

    internal Errno FdSync(int fd)
    {
        var errno = Descriptors.Get(fd, Rights.FdSync, out var descriptor);
        return errno == Errno.Success ? descriptor.Synchronize(dataOnly: false) : errno;
    }

    internal Errno FdFdstatGet(GuestCall call, int fd, uint status) => !Descriptors.TryGet(fd, out var descriptor)
        ? Errno.Badf
        : call.Write(status, new FileDescriptorStatus
        {
            FileType = descriptor.FileType,
            Flags = descriptor.Flags,
            Rights = descriptor.Rights,
            InheritingRights = descriptor.InheritingRights,
        });

    internal Errno FdFdstatSetFlags(int fd, uint flags)
    {
        var errno = Descriptors.Get(fd, Rights.FdFdstatSetFlags, out var descriptor);
        return errno != Errno.Success ? errno
            : (flags & ~(uint)FileDescriptorFlags.All) != 0 ? Errno.Inval
            : descriptor.SetFlags((FileDescriptorFlags)flags);
    }

    internal Errno FdFdstatSetRights(int fd, ulong rights, ulong inheritingRights)
    {
        if (!Descriptors.TryGet(fd, out var descriptor))
        {
            return Errno.Badf;
        }

        // Rights can be given up, never gained.
        if (((Rights)rights & ~descriptor.Rights) != 0 || ((Rights)inheritingRights & ~descriptor.InheritingRights) != 0)
        {
            return Errno.Notcapable;
        }

        descriptor.Rights = (Rights)rights;
        descriptor.InheritingRights = (Rights)inheritingRights;
        Descriptors.Invalidate();
        return Errno.Success;
    }

    internal Errno FdFilestatGet(GuestCall call, int fd, uint result)
    {
        var errno = GetFileStatus(fd, out var status);
        return errno == Errno.Success ? call.Write(result, status) : errno;
    }

    internal Errno FdFilestatSetSize(int fd, ulong size)
    {
        var errno = GetForChange(fd, Rights.FdFilestatSetSize, out var descriptor);
        return errno == Errno.Success ? descriptor.SetSize(size) : errno;
    }

    internal Errno FdFilestatSetTimes(int fd, ulong access, ulong modification, uint flags)
    {
        var errno = GetForChange(fd, Rights.FdFilestatSetTimes, out var descriptor);
        if (errno == Errno.Success)
        {
            errno = FileTimes.Create(access, modification, (TimestampFlags)flags, out var times);
            return errno == Errno.Success ? descriptor.SetTimes(times) : errno;
        }

        return errno;
    }

    internal Errno FdPrestatGet(GuestCall call, int fd, uint result) =>
        Descriptors.TryGet(fd, out var descriptor) && descriptor is DirectoryDescriptor { PreopenName: { } name }
            ? call.Write(result, new PreopenStatus { NameLength = (uint)name.Length })
            : Errno.Badf;

    internal Errno FdPrestatDirName(GuestCall call, int fd, uint buffer, uint length)
    {
        if (!Descriptors.TryGet(fd, out var descriptor) || descriptor is not DirectoryDescriptor { PreopenName: { } name })
        {
            return Errno.Badf;
        }

        if (length < name.Length)
        {
            return Errno.Nametoolong;
        }

        if (!call.TryGetSpan(buffer, (uint)name.Length, out var span))
        {
            return Errno.Fault;
        }

        name.CopyTo(span);
        return Errno.Success;
    }

    internal Errno FdReaddir(GuestCall call, int fd, uint buffer, uint length, ulong cookie, uint usedSize)
    {
        var errno = Descriptors.Get(fd, Rights.FdReaddir, out var descriptor);
        if (errno != Errno.Success)
        {
            return errno;
        }

        if (descriptor is not DirectoryDescriptor directory)
        {
            return Errno.Notdir;
        }

        if (!call.Contains(buffer, length) || !call.Contains(usedSize, 4))
        {
            return Errno.Fault;
        }

        // A span holds 2 GiB; no folder's listing comes near. Shorter is allowed only at the end, so this counts as an error.
        if (!call.TryGetSpan(buffer, length, out var span))
        {
            return Errno.Inval;
        }

        errno = FileNumbers is { } numbers
            ? directory.ReadSortedEntries(span, cookie, numbers, call.CancellationToken, out var used)
            : directory.ReadEntries(span, cookie, call.CancellationToken, out used);
        return errno == Errno.Success ? call.Write(usedSize, used) : errno;
    }

    internal Errno FdRenumber(int from, int to) => Descriptors.Renumber(from, to);

    internal Errno FdSeek(GuestCall call, int fd, long offset, uint whence, uint result)
    {
        if (whence > (uint)Whence.End)
        {
            return Errno.Inval;
        }

        // To ask where one is takes the lesser right.
        var isQuestion = offset == 0 && whence == (uint)Whence.Current;
        if (!Descriptors.TryGet(fd, out var descriptor))
        {
            return Errno.Badf;
        }

        if (!descriptor.Has(Rights.FdSeek) && !(isQuestion && descriptor.Has(Rights.FdTell)))
        {
            return RefusedSeek(descriptor);
        }

        if (!call.Contains(result, 8))
        {
            return Errno.Fault;
        }

        var errno = descriptor.Seek(offset, (Whence)whence, out var position);
        return errno == Errno.Success ? call.Write(result, position) : errno;
    }

    internal Errno FdTell(GuestCall call, int fd, uint result)
    {
        if (!Descriptors.TryGet(fd, out var descriptor))
        {
            return Errno.Badf;
        }

        if ((descriptor.Rights & (Rights.FdTell | Rights.FdSeek)) == 0)
        {
            return RefusedSeek(descriptor);
        }

        var errno = descriptor.Seek(0, Whence.Current, out var position);
        return errno == Errno.Success ? call.Write(result, position) : errno;
    }

    internal Errno GetFileStatus(int fd, out FileStatus status)
    {
        status = default;
        var errno = Descriptors.Get(fd, Rights.FdFilestatGet, out var descriptor);
        errno = errno == Errno.Success ? descriptor.GetStatus(out status) : errno;
        status = errno == Errno.Success ? Shown(status) : status;
        return errno;
    }

    /// <summary>What the guest sees of a file's attributes.</summary>
    private FileStatus Shown(in FileStatus status) => FileNumbers is { } numbers ? numbers.Normalize(status) : status;

    // A terminal or a socket never has the right (that is how wasi-libc tells terminals), and C programs expect to hear that it can't seek.
    private static Errno RefusedSeek(Descriptor descriptor) =>
        descriptor.FileType is FileType.CharacterDevice or FileType.SocketStream or FileType.SocketDatagram or FileType.Unknown ? Errno.Spipe : Errno.Notcapable;

    private Errno GetForChange(int fd, Rights rights, out Descriptor descriptor)
    {
        var errno = Descriptors.Get(fd, rights, out descriptor);
        return errno == Errno.Success && descriptor.IsReadOnly ? Errno.Rofs : errno;
    }
}
