using System.Buffers;
using Wherry.Wasi.Abi;
using Wherry.Wasi.Native;

namespace Wherry.Wasi.Paths;

/// <summary>
/// Walks a path component by component, for kernels without openat2. Each step opens one name in a directory that is already open, never
/// following a link; links are read and their text is walked in the same way. <c>..</c> goes back to the handle that the walk came
/// from and is never asked of the system, so moving directories about changes nothing.
/// </summary>
internal sealed unsafe class ComponentPathResolver : PathResolver
{
    private const int MaximumLinks = 40;
    private const int MaximumDepth = 512;
    private const int Attempts = 64;

    /// <inheritdoc/>
    public override Errno Open(int root, ReadOnlySpan<byte> path, int flags, uint mode, bool follow, out int handle)
    {
        handle = -1;
        for (var attempt = 0; attempt < Attempts; attempt++)
        {
            var walk = new Walk(root, path);
            try
            {
                var errno = walk.Open(flags | Libc.O_CLOEXEC, mode, follow, out handle);
                if (errno != Errno.Again)
                {
                    return errno;
                }
            }
            finally
            {
                walk.Dispose();
            }
        }

        return Errno.Loop;
    }

    /// <summary>One walk: the directories on the way, and the text that is still to be walked.</summary>
    private ref struct Walk
    {
        private readonly int root;
        private readonly byte[] text = ArrayPool<byte>.Shared.Rent(GuestPath.Capacity + 1);
        private readonly byte[] scratch = ArrayPool<byte>.Shared.Rent(GuestPath.Capacity + 1);
        private readonly List<int> way = [];
        private int position;
        private int length;
        private int links;

        public Walk(int root, ReadOnlySpan<byte> path)
        {
            this.root = root;
            path.CopyTo(text);
            length = path.Length;
        }

        private readonly int Current => way.Count == 0 ? root : way[^1];

        public readonly void Dispose()
        {
            foreach (var directory in way)
            {
                _ = Libc.close(directory);
            }

            ArrayPool<byte>.Shared.Return(text);
            ArrayPool<byte>.Shared.Return(scratch);
        }

        /// <summary>Again means: start over, something was swapped between two looks at it.</summary>
        public Errno Open(int flags, uint mode, bool follow, out int handle)
        {
            handle = -1;
            if (length == 0)
            {
                return Errno.Noent;
            }

            if (text[0] == '/')
            {
                return Errno.Notcapable;
            }

            Span<byte> name = stackalloc byte[257];
            while (true)
            {
                if (!NextName(name, out var nameLength, out var isLast, out var trailingSlash))
                {
                    return Errno.Nametoolong;
                }

                if (nameLength == 0)
                {
                    // The path ended at a directory that is open already.
                    ".\0"u8.CopyTo(name);
                    return OpenLast(name, flags, mode, mayBeLink: true, out handle);
                }

                if (nameLength == 1 && name[0] == '.')
                {
                    continue;
                }

                if (nameLength == 2 && name[0] == '.' && name[1] == '.')
                {
                    if (way.Count == 0)
                    {
                        return Errno.Notcapable;
                    }

                    _ = Libc.close(way[^1]);
                    way.RemoveAt(way.Count - 1);
                    continue;
                }

                Errno errno;
                if (isLast && !trailingSlash && (!follow || (flags & (Libc.O_CREAT | Libc.O_EXCL)) == (Libc.O_CREAT | Libc.O_EXCL)))
                {
                    return OpenLast(name, flags, mode, mayBeLink: true, out handle);
                }

                if (isLast && trailingSlash && (flags & Libc.O_CREAT) != 0)
                {
                    return Errno.Isdir;
                }

                errno = OpenComponent(name, out var component, out var kind);
                if (errno == Errno.Noent && isLast && !trailingSlash && (flags & Libc.O_CREAT) != 0)
                {
                    return OpenFollowed(name, flags, mode, out handle);
                }

                if (errno != Errno.Success)
                {
                    return errno;
                }

                if (kind == Libc.S_IFLNK)
                {
                    errno = Expand(component);
                    _ = Libc.close(component);
                    if (errno != Errno.Success)
                    {
                        return errno;
                    }
                }
                else if (isLast && !trailingSlash)
                {
                    _ = Libc.close(component);
                    return OpenFollowed(name, flags, mode, out handle);
                }
                else if (kind != Libc.S_IFDIR)
                {
                    _ = Libc.close(component);
                    return Errno.Notdir;
                }
                else if (way.Count == MaximumDepth)
                {
                    _ = Libc.close(component);
                    return Errno.Nametoolong;
                }
                else
                {
                    way.Add(component);
                }
            }
        }

        /// <summary>Opens what was no link a moment ago; Again if it is one now.</summary>
        private readonly Errno OpenFollowed(ReadOnlySpan<byte> name, int flags, uint mode, out int handle)
        {
            var errno = OpenLast(name, flags, mode, mayBeLink: false, out handle);
            return errno == Errno.Loop ? Errno.Again : errno;
        }

        private readonly Errno OpenLast(ReadOnlySpan<byte> name, int flags, uint mode, bool mayBeLink, out int handle)
        {
            fixed (byte* pointer = name)
            {
                // Sound: the name ends with a zero. It is one component, and O_NOFOLLOW keeps it from being walked through.
                handle = Libc.openat(Current, pointer, flags | Libc.O_NOFOLLOW, mode);
                if (handle < 0)
                {
                    return SystemErrors.Last();
                }
            }

            if (!mayBeLink && (flags & Libc.O_PATH) != 0)
            {
                // With O_PATH the system opens a link itself instead of refusing it; whoever follows links must not get one.
                var errno = HostFiles.GetStatus(handle, out HostStatus status);
                if (errno == Errno.Success && status.Kind == Libc.S_IFLNK)
                {
                    errno = Errno.Loop;
                }

                if (errno != Errno.Success)
                {
                    _ = Libc.close(handle);
                    handle = -1;
                    return errno;
                }
            }

            return Errno.Success;
        }

        private readonly Errno OpenComponent(ReadOnlySpan<byte> name, out int handle, out int kind)
        {
            kind = 0;
            fixed (byte* pointer = name)
            {
                // Sound: as in OpenLast. O_PATH opens without reading or running anything, be it a device or a FIFO.
                handle = Libc.openat(Current, pointer, Libc.O_PATH | Libc.O_NOFOLLOW | Libc.O_CLOEXEC, 0);
            }

            if (handle < 0)
            {
                return SystemErrors.Last();
            }

            var errno = HostFiles.GetStatus(handle, out HostStatus status);
            if (errno != Errno.Success)
            {
                _ = Libc.close(handle);
            }

            kind = status.Kind;
            return errno;
        }

        /// <summary>Puts a link's text in front of what is still to be walked.</summary>
        private Errno Expand(int link)
        {
            if (++links > MaximumLinks)
            {
                return Errno.Loop;
            }

            nint size;
            fixed (byte* pointer = scratch)
            {
                byte empty = 0;
                // Sound: the capacity is the buffer's.
                size = Libc.readlinkat(link, &empty, pointer, GuestPath.Capacity);
            }

            if (size < 0)
            {
                return SystemErrors.Last();
            }

            if (size == 0)
            {
                return Errno.Noent;
            }

            if (scratch[0] == '/')
            {
                return Errno.Notcapable;
            }

            var rest = length - position;
            if (size + rest > GuestPath.Capacity)
            {
                return Errno.Nametoolong;
            }

            // What is left starts with the slash after the link's name, or is empty.
            Array.Copy(text, position, scratch, (int)size, rest);
            scratch.AsSpan(0, (int)size + rest).CopyTo(text);
            position = 0;
            length = (int)size + rest;
            return Errno.Success;
        }

        /// <summary>Takes the next component; its length is 0 at the end. False if it is too long for any file system.</summary>
        private bool NextName(scoped Span<byte> name, out int nameLength, out bool isLast, out bool trailingSlash)
        {
            while (position < length && text[position] == '/')
            {
                position++;
            }

            var start = position;
            while (position < length && text[position] != '/')
            {
                position++;
            }

            nameLength = position - start;
            var next = position;
            while (next < length && text[next] == '/')
            {
                next++;
            }

            isLast = next == length;
            trailingSlash = next > position;
            if (nameLength >= name.Length)
            {
                return false;
            }

            text.AsSpan(start, nameLength).CopyTo(name);
            name[nameLength] = 0;
            return true;
        }
    }
}
