using System.Runtime.CompilerServices;
using Wherry.Wasi.Abi;
using Wherry.Wasi.Descriptors;
using Wherry.Wasi.Native;
using Wherry.Wasi.Paths;

namespace Wherry.Wasi;

// The functions on paths but path_open. Each opens the parent folder beneath the descriptor and then acts on one name in it.
public sealed unsafe partial class WasiContext
{
    private const uint NewDirectoryMode = 0x1FF; // rwx for all; the process's umask takes from it.

    [SkipLocalsInit]
    internal Errno PathCreateDirectory(GuestCall call, int fd, uint pathAddress, uint pathLength)
    {
        Span<byte> buffer = stackalloc byte[GuestPath.Capacity];
        var errno = OpenParentForChange(call, fd, Rights.PathCreateDirectory, pathAddress, pathLength, buffer, out var parent);
        if (errno != Errno.Success)
        {
            return errno;
        }

        using (parent)
        {
            // Sound, here and below: the name ends with a zero, and is one component that the call doesn't follow.
            fixed (byte* name = &parent.Name)
            {
                return parent.IsDots ? Errno.Exist : Result(Libc.mkdirat(parent.Handle, name, NewDirectoryMode));
            }
        }
    }

    [SkipLocalsInit]
    internal Errno PathFilestatGet(GuestCall call, int fd, uint lookup, uint pathAddress, uint pathLength, uint result)
    {
        var errno = GetPathStatus(call, fd, lookup, pathAddress, pathLength, out var status);
        return errno == Errno.Success ? call.Write(result, status) : errno;
    }

    [SkipLocalsInit]
    internal Errno GetPathStatus(GuestCall call, int fd, uint lookup, uint pathAddress, uint pathLength, out FileStatus status)
    {
        status = default;
        Span<byte> buffer = stackalloc byte[GuestPath.Capacity];
        var errno = OpenForQuestion(call, fd, Rights.PathFilestatGet, lookup, pathAddress, pathLength, buffer, out var handle);
        if (errno == Errno.Success)
        {
            errno = HostFiles.GetStatus(handle, out status);
            status = errno == Errno.Success ? Shown(status) : status;
            _ = Libc.close(handle);
        }

        return errno;
    }

    [SkipLocalsInit]
    internal Errno PathFilestatSetTimes(
        GuestCall call, int fd, uint lookup, uint pathAddress, uint pathLength, ulong access, ulong modification, uint flags)
    {
        var errno = FileTimes.Create(access, modification, (TimestampFlags)flags, out var times);
        if (errno != Errno.Success)
        {
            return errno;
        }

        errno = GetDirectory(fd, Rights.PathFilestatSetTimes, out var directory);
        if (errno == Errno.Success && directory.IsReadOnly)
        {
            errno = Errno.Rofs;
        }

        if (errno != Errno.Success)
        {
            return errno;
        }

        Span<byte> buffer = stackalloc byte[GuestPath.Capacity];
        errno = OpenForQuestion(call, fd, Rights.PathFilestatSetTimes, lookup, pathAddress, pathLength, buffer, out var handle);
        if (errno == Errno.Success)
        {
            errno = SetTimes(handle, &times.Access);
            _ = Libc.close(handle);
        }

        return errno;
    }

    [SkipLocalsInit]
    internal Errno PathLink(
        GuestCall call, int oldFd, uint lookup, uint oldAddress, uint oldLength, int newFd, uint newAddress, uint newLength)
    {
        if (lookup > (uint)LookupFlags.SymbolicLinkFollow)
        {
            return Errno.Inval;
        }

        Span<byte> newBuffer = stackalloc byte[GuestPath.Capacity];
        Span<byte> oldBuffer = stackalloc byte[GuestPath.Capacity];

        // A link out of a read-only folder would be a second name under which the file could be changed.
        var errno = OpenParentForChange(call, oldFd, Rights.PathLinkSource, oldAddress, oldLength, oldBuffer, out var source);
        if (errno != Errno.Success)
        {
            return errno;
        }

        using (source)
        {
            errno = OpenParentForChange(call, newFd, Rights.PathLinkTarget, newAddress, newLength, newBuffer, out var target);
            if (errno != Errno.Success)
            {
                return errno;
            }

            using (target)
            {
                if (source.IsDots)
                {
                    return Errno.Perm;
                }

                if (target.IsDots)
                {
                    return Errno.Exist;
                }

                if (source.HasTrailingSlash)
                {
                    errno = source.GetKind(out var kind);
                    return errno != Errno.Success ? errno : kind == Libc.S_IFDIR ? Errno.Perm : Errno.Notdir;
                }

                if (target.HasTrailingSlash)
                {
                    return target.GetKind(out _) == Errno.Success ? Errno.Exist : Errno.Noent;
                }

                if (lookup == 0)
                {
                    fixed (byte* oldName = &source.Name, newName = &target.Name)
                    {
                        return Result(Libc.linkat(source.Handle, oldName, target.Handle, newName, 0));
                    }
                }

                errno = OpenForQuestion(call, oldFd, Rights.PathLinkSource, lookup, oldAddress, oldLength, oldBuffer, out var handle);
                if (errno == Errno.Success)
                {
                    // The only way to link an open file that needs no privilege; the name is ours, not the guest's.
                    Span<byte> self = stackalloc byte[32];
                    WriteSelfPath(handle, self);
                    fixed (byte* oldName = self, newName = &target.Name)
                    {
                        errno = Result(Libc.linkat(Libc.AT_FDCWD, oldName, target.Handle, newName, Libc.AT_SYMLINK_FOLLOW));
                    }

                    _ = Libc.close(handle);
                }

                return errno;
            }
        }
    }

    [SkipLocalsInit]
    internal Errno PathReadlink(GuestCall call, int fd, uint pathAddress, uint pathLength, uint resultAddress, uint resultLength, uint usedSize)
    {
        Span<byte> buffer = stackalloc byte[GuestPath.Capacity];
        var errno = OpenParent(call, fd, Rights.PathReadlink, pathAddress, pathLength, buffer, out var parent);
        if (errno != Errno.Success)
        {
            return errno;
        }

        using (parent)
        {
            if (!call.Contains(resultAddress, resultLength) || !call.Contains(usedSize, 4))
            {
                return Errno.Fault;
            }

            if (parent.IsDots)
            {
                return Errno.Inval;
            }

            if (parent.HasTrailingSlash)
            {
                // It would name what the link leads to, and that must be a folder.
                errno = parent.GetKind(out var kind);
                return errno != Errno.Success ? errno : kind is Libc.S_IFDIR or Libc.S_IFLNK ? Errno.Inval : Errno.Notdir;
            }

            nint length;
            fixed (byte* name = &parent.Name, scratch = buffer)
            {
                length = Libc.readlinkat(parent.Handle, name, scratch, GuestPath.Capacity);
            }

            if (length < 0)
            {
                return SystemErrors.Last();
            }

            // What doesn't fit is cut, as readlink does.
            length = (nint)Math.Min((uint)length, resultLength);
            _ = call.TryGetSpan(resultAddress, (uint)length, out var result);
            buffer[..(int)length].CopyTo(result);
            return call.Write(usedSize, (uint)length);
        }
    }

    [SkipLocalsInit]
    internal Errno PathRemoveDirectory(GuestCall call, int fd, uint pathAddress, uint pathLength)
    {
        Span<byte> buffer = stackalloc byte[GuestPath.Capacity];
        var errno = OpenParentForChange(call, fd, Rights.PathRemoveDirectory, pathAddress, pathLength, buffer, out var parent);
        if (errno != Errno.Success)
        {
            return errno;
        }

        using (parent)
        {
            if (parent.IsDots)
            {
                return parent.IsDotDot ? Errno.Notempty : Errno.Inval;
            }

            fixed (byte* name = &parent.Name)
            {
                return Remove(parent.Handle, name, Libc.AT_REMOVEDIR);
            }
        }
    }

    [SkipLocalsInit]
    internal Errno PathRename(GuestCall call, int oldFd, uint oldAddress, uint oldLength, int newFd, uint newAddress, uint newLength)
    {
        Span<byte> oldBuffer = stackalloc byte[GuestPath.Capacity];
        Span<byte> newBuffer = stackalloc byte[GuestPath.Capacity];
        var errno = OpenParentForChange(call, oldFd, Rights.PathRenameSource, oldAddress, oldLength, oldBuffer, out var source);
        if (errno != Errno.Success)
        {
            return errno;
        }

        using (source)
        {
            errno = OpenParentForChange(call, newFd, Rights.PathRenameTarget, newAddress, newLength, newBuffer, out var target);
            if (errno != Errno.Success)
            {
                return errno;
            }

            using (target)
            {
                if (source.IsDots || target.IsDots)
                {
                    return Errno.Busy;
                }

                if (source.HasTrailingSlash || target.HasTrailingSlash)
                {
                    errno = source.GetKind(out var kind);
                    if (errno != Errno.Success || kind != Libc.S_IFDIR)
                    {
                        return errno != Errno.Success ? errno : Errno.Notdir;
                    }
                }

                fixed (byte* oldName = &source.Name, newName = &target.Name)
                {
                    var replaced = FindForNumbers(target.Handle, newName);
                    errno = Result(Libc.renameat(source.Handle, oldName, target.Handle, newName));
                    if (errno == Errno.Success)
                    {
                        // A rename to another name of the same file does nothing.
                        ForgetUnless(replaced, FindForNumbers(target.Handle, newName));
                    }

                    return errno;
                }
            }
        }
    }

    [SkipLocalsInit]
    internal Errno PathSymlink(GuestCall call, uint targetAddress, uint targetLength, int fd, uint pathAddress, uint pathLength)
    {
        Span<byte> buffer = stackalloc byte[GuestPath.Capacity];
        Span<byte> targetBuffer = stackalloc byte[GuestPath.Capacity];
        var errno = GuestPath.Copy(call, targetAddress, targetLength, targetBuffer, out var target);
        if (errno != Errno.Success)
        {
            return errno;
        }

        errno = OpenParentForChange(call, fd, Rights.PathSymlink, pathAddress, pathLength, buffer, out var parent);
        if (errno != Errno.Success)
        {
            return errno;
        }

        using (parent)
        {
            if (parent.IsDots)
            {
                return Errno.Exist;
            }

            if (target[0] == '/')
            {
                // No guest could follow it, but a program of the host that trusts the folder might.
                return Errno.Notcapable;
            }

            if (parent.HasTrailingSlash)
            {
                return parent.GetKind(out _) == Errno.Success ? Errno.Exist : Errno.Noent;
            }

            fixed (byte* text = target, name = &parent.Name)
            {
                return Result(Libc.symlinkat(text, parent.Handle, name));
            }
        }
    }

    [SkipLocalsInit]
    internal Errno PathUnlinkFile(GuestCall call, int fd, uint pathAddress, uint pathLength)
    {
        Span<byte> buffer = stackalloc byte[GuestPath.Capacity];
        var errno = OpenParentForChange(call, fd, Rights.PathUnlinkFile, pathAddress, pathLength, buffer, out var parent);
        if (errno != Errno.Success)
        {
            return errno;
        }

        using (parent)
        {
            if (parent.IsDots)
            {
                return Errno.Isdir;
            }

            if (parent.HasTrailingSlash)
            {
                errno = parent.GetKind(out var kind);
                return errno != Errno.Success ? errno : kind == Libc.S_IFDIR ? Errno.Isdir : Errno.Notdir;
            }

            fixed (byte* name = &parent.Name)
            {
                return Remove(parent.Handle, name, 0);
            }
        }
    }

    private Errno Remove(int parent, byte* name, int flags)
    {
        var removed = FindForNumbers(parent, name);
        var errno = Result(Libc.unlinkat(parent, name, flags));
        if (errno == Errno.Success)
        {
            ForgetUnless(removed, default);
        }

        return errno;
    }

    /// <summary>The attributes of what will be removed, if its number may have to be forgotten; no inode if not.</summary>
    private FileStatus FindForNumbers(int parent, byte* name)
    {
        HostStatus status;

        // Sound: the name ends with a zero, and statx writes one structure.
        return FileNumbers is not null && Libc.statx(parent, name, Libc.AT_SYMLINK_NOFOLLOW, Libc.STATX_BASIC_STATS, &status) == 0 ? HostFiles.Translate(status) : default;
    }

    private void ForgetUnless(in FileStatus removed, in FileStatus kept)
    {
        if (removed.Inode != 0 && (removed.LinkCount <= 1 || removed.FileType == FileType.Directory) && removed.Inode != kept.Inode)
        {
            FileNumbers?.Forget(removed.Device, removed.Inode);
        }
    }

    private static Errno Result(int result) => result < 0 ? SystemErrors.Last() : Errno.Success;

    /// <summary>Sets the times of what an O_PATH handle stands for, be it a link.</summary>
    private static Errno SetTimes(int handle, Timespec* times)
    {
        byte empty = 0;

        // Sound: the path is an empty string; the times are two in a row.
        var errno = Result(Libc.utimensat(handle, &empty, times, Libc.AT_EMPTY_PATH));
        if (errno is not (Errno.Inval or Errno.Noent))
        {
            return errno;
        }

        // Before Linux 5.8. The name is ours, not the guest's, and leads to the very file.
        Span<byte> self = stackalloc byte[32];
        WriteSelfPath(handle, self);
        fixed (byte* name = self)
        {
            return Result(Libc.utimensat(Libc.AT_FDCWD, name, times, 0));
        }
    }

    private static void WriteSelfPath(int handle, Span<byte> buffer)
    {
        _ = System.Text.Unicode.Utf8.TryWrite(buffer, $"/proc/self/fd/{handle}", out var length);
        buffer[length] = 0;
    }

    private Errno OpenForQuestion(
        GuestCall call, int fd, Rights rights, uint lookup, uint pathAddress, uint pathLength, Span<byte> buffer, out int handle)
    {
        handle = -1;
        var errno = GetDirectory(fd, rights, out var directory);
        if (errno == Errno.Success)
        {
            errno = lookup > (uint)LookupFlags.SymbolicLinkFollow ? Errno.Inval : GuestPath.Copy(call, pathAddress, pathLength, buffer, out _);
        }

        return errno == Errno.Success
            ? resolver.Open(directory.Handle, buffer[..(int)pathLength], Libc.O_PATH, 0, (lookup & (uint)LookupFlags.SymbolicLinkFollow) != 0, out handle)
            : errno;
    }

    private Errno OpenParent(GuestCall call, int fd, Rights rights, uint pathAddress, uint pathLength, Span<byte> buffer, out ParentDirectory parent)
    {
        parent = default;
        var errno = GetDirectory(fd, rights, out var directory);
        if (errno == Errno.Success)
        {
            errno = GuestPath.Copy(call, pathAddress, pathLength, buffer, out _);
        }

        return errno == Errno.Success ? resolver.OpenParent(directory.Handle, buffer[..(int)pathLength], out parent) : errno;
    }

    private Errno OpenParentForChange(
        GuestCall call, int fd, Rights rights, uint pathAddress, uint pathLength, Span<byte> buffer, out ParentDirectory parent)
    {
        var errno = GetDirectory(fd, rights, out var directory);
        if (errno == Errno.Success && directory.IsReadOnly)
        {
            errno = Errno.Rofs;
        }

        if (errno == Errno.Success)
        {
            return OpenParent(call, fd, rights, pathAddress, pathLength, buffer, out parent);
        }

        parent = default;
        return errno;
    }
}
