using System.Runtime.CompilerServices;
using Wherry.Wasi.Abi;
using Wherry.Wasi.Native;

namespace Wherry.Wasi.Paths;

/// <summary>A directory handle, and the name in it that a path's last component is. Dispose it to close the handle.</summary>
internal unsafe ref struct ParentDirectory : IDisposable
{
    private readonly bool isOwned;
    private NameBuffer name;

    /// <summary>Copies the name, which holds no slash.</summary>
    public ParentDirectory(int handle, bool isOwned, ReadOnlySpan<byte> name)
    {
        Handle = handle;
        this.isOwned = isOwned;
        if (name.Length >= NameBuffer.Length)
        {
            // Longer than any file system takes; cut so that it stays too long.
            name = name[..(NameBuffer.Length - 1)];
        }

        name.CopyTo(this.name);
        this.name[name.Length] = 0;
    }

    /// <summary>The directory.</summary>
    public int Handle { get; }

    /// <summary>Whether the path ended with a slash: then it must name a directory.</summary>
    public bool HasTrailingSlash { get; set; }

    /// <summary>Whether the last component is <c>.</c> or <c>..</c>; then <see cref="Handle"/> is that directory itself.</summary>
    public bool IsDots { get; init; }

    /// <summary>Whether the last component is <c>..</c>.</summary>
    public readonly bool IsDotDot => IsDots && name[1] == '.';

    /// <summary>The name, ending with a zero.</summary>
    [System.Diagnostics.CodeAnalysis.UnscopedRef]
    public readonly ref readonly byte Name => ref Unsafe.AsRef(in name[0]);

    /// <summary>The kind of file that the name is, without following a link.</summary>
    public readonly Errno GetKind(out int kind)
    {
        HostStatus status;
        kind = 0;
        fixed (byte* pointer = &Name)
        {
            // Sound: the name ends with a zero; the status is a local.
            if (Libc.statx(Handle, pointer, Libc.AT_SYMLINK_NOFOLLOW, Libc.STATX_BASIC_STATS, &status) < 0)
            {
                return SystemErrors.Last();
            }
        }

        kind = status.Kind;
        return Errno.Success;
    }

    /// <inheritdoc/>
    public readonly void Dispose()
    {
        if (isOwned)
        {
            _ = Libc.close(Handle);
        }
    }

    [InlineArray(Length)]
    private struct NameBuffer
    {
        // NAME_MAX is 255; one more makes a name too long, and one is for the zero.
        public const int Length = 257;
        private byte element;
    }
}
