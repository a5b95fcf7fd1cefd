using System.Runtime.InteropServices;
using Wherry.Wasi.Abi;
using Wherry.Wasi.Native;

namespace Wherry.Wasi.Paths;

/// <summary>Lets the kernel keep a path beneath its start: openat2, since Linux 5.6.</summary>
internal sealed unsafe class KernelPathResolver : PathResolver
{
    // The kernel answers EAGAIN when something was renamed while it checked a "..".
    private const int Attempts = 64;

    private readonly ComponentPathResolver fallback = new();

    /// <summary>Whether the kernel has it, and nothing such as a container's filter forbids it.</summary>
    public static bool IsSupported { get; } = Probe();

    /// <inheritdoc/>
    public override Errno Open(int root, ReadOnlySpan<byte> path, int flags, uint mode, bool follow, out int handle)
    {
        handle = -1;
        for (var attempt = 0; attempt < Attempts; attempt++)
        {
            var error = Call(root, path, flags | (follow ? 0 : Libc.O_NOFOLLOW), mode, Libc.RESOLVE_BENEATH | Libc.RESOLVE_NO_MAGICLINKS, out handle);
            switch (error)
            {
                case 0:
                    return Errno.Success;
                case Libc.EXDEV:
                    return Errno.Notcapable;
                case Libc.EAGAIN:
                case Libc.EINTR:
                    continue;
                default:
                    return SystemErrors.Translate(error);
            }
        }

        // Someone renames all the time. The other way can't be disturbed by that.
        return fallback.Open(root, path, flags, mode, follow, out handle);
    }

    private static int Call(int root, ReadOnlySpan<byte> path, int flags, uint mode, ulong resolve, out int handle)
    {
        var how = new OpenHow
        {
            Flags = (uint)(flags | Libc.O_CLOEXEC),
            Mode = (flags & Libc.O_CREAT) != 0 ? mode : 0,
            Resolve = resolve,
        };
        fixed (byte* pointer = path)
        {
            // Sound: the path ends with a zero, as Open demands; the size is the structure's.
            handle = (int)Libc.syscall(Libc.SYS_openat2, root, (nint)pointer, (nint)(&how), sizeof(OpenHow), 0, 0);
        }

        return handle < 0 ? Marshal.GetLastSystemError() : 0;
    }

    private static bool Probe()
    {
        if (!OperatingSystem.IsLinux() || Call(Libc.AT_FDCWD, ".\0"u8, Libc.O_PATH, 0, Libc.RESOLVE_BENEATH | Libc.RESOLVE_NO_MAGICLINKS, out var handle) != 0)
        {
            return false;
        }

        _ = Libc.close(handle);
        return true;
    }
}
