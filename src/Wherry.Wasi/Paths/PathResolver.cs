using Wherry.Wasi.Abi;
using Wherry.Wasi.Native;

namespace Wherry.Wasi.Paths;

/// <summary>How paths are kept beneath the folder that they start from.</summary>
internal enum PathResolution
{
    /// <summary>The kernel's way where it has it.</summary>
    Automatic,

    /// <summary>openat2 with RESOLVE_BENEATH.</summary>
    Kernel,

    /// <summary>Component by component.</summary>
    Components,
}

/// <summary>
/// Opens paths beneath a directory handle. Nothing that it opens lies outside, whatever the path or links say and whoever renames or swaps
/// links meanwhile. Absolute paths, absolute links and <c>..</c> past the start are Notcapable.
/// </summary>
/// <remarks>
/// Everything else is done relative to a parent directory opened here, with a last component that holds no slash, is not <c>..</c>, and that no call
/// follows: so the host never walks a guest's path by itself.
/// </remarks>
internal abstract unsafe class PathResolver
{
    /// <summary>The resolver for this system, or the one asked for.</summary>
    public static PathResolver Create(PathResolution resolution) => resolution switch
    {
        PathResolution.Kernel => new KernelPathResolver(),
        PathResolution.Components => new ComponentPathResolver(),
        _ => KernelPathResolver.IsSupported ? new KernelPathResolver() : new ComponentPathResolver(),
    };

    /// <summary>
    /// Opens a path beneath <paramref name="root"/>. If the last component is a link, it is followed only if <paramref name="follow"/>, or if a slash
    /// comes after it. <paramref name="path"/> must be followed by a zero byte.
    /// </summary>
    public abstract Errno Open(int root, ReadOnlySpan<byte> path, int flags, uint mode, bool follow, out int handle);

    /// <summary>Opens the directory that holds the path's last component, without following that.</summary>
    public Errno OpenParent(int root, ReadOnlySpan<byte> path, out ParentDirectory parent)
    {
        parent = default;
        if (path[0] == '/')
        {
            return Errno.Notcapable;
        }

        var end = path.TrimEnd((byte)'/').Length;
        var start = path[..end].LastIndexOf((byte)'/') + 1;
        var last = path[start..end];
        parent.HasTrailingSlash = end < path.Length;
        if (last.SequenceEqual("."u8) || last.SequenceEqual(".."u8))
        {
            // There is no name in a parent to act on. What matters is whether the path leads out.
            var errno = Open(root, path, Libc.O_PATH | Libc.O_DIRECTORY, 0, follow: true, out var handle);
            if (errno == Errno.Success)
            {
                parent = new ParentDirectory(handle, isOwned: true, last) { IsDots = true };
            }

            return errno;
        }

        if (start == 0)
        {
            parent = new ParentDirectory(root, isOwned: false, last) { HasTrailingSlash = parent.HasTrailingSlash };
            return Errno.Success;
        }

        Span<byte> prefix = stackalloc byte[start + 1];
        path[..start].CopyTo(prefix);
        prefix[start] = 0;
        var result = Open(root, prefix[..start], Libc.O_PATH | Libc.O_DIRECTORY, 0, follow: true, out var directory);
        if (result == Errno.Success)
        {
            parent = new ParentDirectory(directory, isOwned: true, last) { HasTrailingSlash = parent.HasTrailingSlash };
        }

        return result;
    }
}
