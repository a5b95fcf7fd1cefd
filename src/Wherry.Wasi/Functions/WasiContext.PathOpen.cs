using System.Runtime.CompilerServices;
using Wherry.Wasi.Abi;
using Wherry.Wasi.Descriptors;
using Wherry.Wasi.Native;
using Wherry.Wasi.Paths;

namespace Wherry.Wasi;

// path_open: the one way to new files and folders.
public sealed partial class WasiContext
{
    private const uint NewFileMode = 0x1B6; // rw for all; the process's umask takes from it.

    [SkipLocalsInit]
    internal Errno PathOpen(
        GuestCall call, int fd, uint lookup, uint pathAddress, uint pathLength, uint openFlags, ulong rights, ulong inheritingRights, uint descriptorFlags, uint result)
    {
        Span<byte> buffer = stackalloc byte[GuestPath.Capacity];
        var errno = GetDirectory(fd, Rights.PathOpen, out var directory);
        if (errno == Errno.Success)
        {
            errno = GuestPath.Copy(call, pathAddress, pathLength, buffer, out var path);
            if (errno == Errno.Success && !call.Contains(result, 4))
            {
                errno = Errno.Fault;
            }

            if (errno == Errno.Success)
            {
                errno = Open(directory, lookup, path, openFlags, (Rights)rights & RightsSets.All, (Rights)inheritingRights & RightsSets.All, descriptorFlags, out var opened);
                if (errno == Errno.Success)
                {
                    errno = Descriptors.Add(opened!, out var number);
                    return errno == Errno.Success ? call.Write(result, number) : errno;
                }
            }
        }

        return errno;
    }

    private Errno Open(
        DirectoryDescriptor directory,
        uint lookup,
        ReadOnlySpan<byte> path,
        uint openFlags,
        Rights rights,
        Rights inheritingRights,
        uint descriptorFlags,
        out Descriptor? opened)
    {
        opened = null;
        var open = (OpenFlags)openFlags;
        var flags = (FileDescriptorFlags)descriptorFlags;
        const OpenFlags CreateDirectory = OpenFlags.Create | OpenFlags.Directory;
        if (openFlags > (uint)OpenFlags.All || descriptorFlags > (uint)FileDescriptorFlags.All || lookup > (uint)LookupFlags.SymbolicLinkFollow
            || (open & CreateDirectory) == CreateDirectory)
        {
            return Errno.Inval;
        }

        if (((rights | inheritingRights) & ~directory.InheritingRights) != 0 || !directory.Has(RightsFor(open))
            || ((flags & (FileDescriptorFlags.DataSync | FileDescriptorFlags.Sync | FileDescriptorFlags.ReadSync)) != 0
                && (directory.Rights & (Rights.FdDatasync | Rights.FdSync)) == 0))
        {
            return Errno.Notcapable;
        }

        var isDirectory = (open & OpenFlags.Directory) != 0;
        var isWriting = !isDirectory && (rights & RightsSets.NeedWriting) != 0;
        var isReading = (rights & (Rights.FdRead | Rights.FdReaddir)) != 0;
        if (directory.IsReadOnly && (isWriting || (open & OpenFlags.Truncate) != 0))
        {
            return Errno.Rofs;
        }

        var host = Libc.O_NONBLOCK | Libc.O_NOCTTY
            | (isDirectory ? Libc.O_DIRECTORY : 0)
            | (isWriting ? isReading ? Libc.O_RDWR : Libc.O_WRONLY : Libc.O_RDONLY)
            | ((open & OpenFlags.Create) != 0 ? Libc.O_CREAT : 0)
            | ((open & OpenFlags.Exclusive) != 0 ? Libc.O_EXCL : 0)
            | ((open & OpenFlags.Truncate) != 0 ? Libc.O_TRUNC : 0)
            | ((flags & FileDescriptorFlags.Append) != 0 ? Libc.O_APPEND : 0)
            | ((flags & FileDescriptorFlags.DataSync) != 0 ? Libc.O_DSYNC : 0)
            | ((flags & (FileDescriptorFlags.Sync | FileDescriptorFlags.ReadSync)) != 0 ? Libc.O_SYNC : 0);
        var follow = (lookup & (uint)LookupFlags.SymbolicLinkFollow) != 0;
        var isExclusive = (open & (OpenFlags.Create | OpenFlags.Exclusive)) == (OpenFlags.Create | OpenFlags.Exclusive);
        var createsInReadOnly = directory.IsReadOnly && (open & OpenFlags.Create) != 0;
        if (createsInReadOnly)
        {
            // As on a disk that is mounted read-only: what exists can be opened.
            host &= ~(Libc.O_CREAT | Libc.O_EXCL);
            follow &= !isExclusive;
        }

        var errno = resolver.Open(directory.Handle, path, host, NewFileMode, follow, out var handle);
        if (createsInReadOnly)
        {
            if (errno == Errno.Noent)
            {
                return Errno.Rofs;
            }

            if (isExclusive && errno is Errno.Success or Errno.Loop)
            {
                if (errno == Errno.Success)
                {
                    _ = Libc.close(handle);
                }

                return Errno.Exist;
            }
        }

        return errno == Errno.Success ? Wrap(handle, directory, rights, inheritingRights, flags, isReading && !isWriting, out opened) : errno;
    }

    /// <summary>Makes a descriptor of an opened handle, with the rights that apply to what it turned out to be.</summary>
    private static Errno Wrap(
        int handle, DirectoryDescriptor directory, Rights rights, Rights inheritingRights, FileDescriptorFlags flags, bool onlyReads, out Descriptor? opened)
    {
        opened = null;
        var errno = HostFiles.GetStatus(handle, out HostStatus status);
        if (errno != Errno.Success)
        {
            _ = Libc.close(handle);
            return errno;
        }

        var type = HostFiles.TypeOf(status);
        if (type == FileType.Directory)
        {
            opened = new DirectoryDescriptor(handle, rights & RightsSets.Directory, inheritingRights, flags) { IsReadOnly = directory.IsReadOnly };
            return Errno.Success;
        }

        rights &= RightsSets.File;
        if (type == FileType.CharacterDevice && Libc.isatty(handle) == 1)
        {
            // By the lack of these wasi-libc knows a terminal.
            rights &= ~(Rights.FdSeek | Rights.FdTell);
        }

        opened = new FileDescriptor(
            handle, isOwned: true, type, type == FileType.RegularFile ? Blocking.Never : Blocking.HandleIsNonBlocking, flags, rights, inheritingRights)
        {
            IsReadOnly = directory.IsReadOnly,
            AwaitsWriter = status.Kind == Libc.S_IFIFO && onlyReads,
        };
        return Errno.Success;
    }

    /// <summary>What the folder must allow for these flags.</summary>
    private static Rights RightsFor(OpenFlags flags) =>
        ((flags & OpenFlags.Create) != 0 ? Rights.PathCreateFile : 0) | ((flags & OpenFlags.Truncate) != 0 ? Rights.PathFilestatSetSize : 0);

    private Errno GetDirectory(int fd, Rights rights, out DirectoryDescriptor directory)
    {
        directory = null!;
        if (!Descriptors.TryGet(fd, out var descriptor))
        {
            return Errno.Badf;
        }

        if (descriptor is not DirectoryDescriptor found)
        {
            return Errno.Notdir;
        }

        directory = found;
        return found.Has(rights) ? Errno.Success : Errno.Notcapable;
    }
}
