using System.Text.Unicode;
using Wherry.Wasi.Abi;

namespace Wherry.Wasi.Paths;

/// <summary>Takes a path out of a guest's memory.</summary>
internal static class GuestPath
{
    /// <summary>The longest path, Linux's own limit with the terminating zero.</summary>
    public const int Capacity = 4096;

    /// <summary>
    /// Copies the path to <paramref name="buffer"/>, which holds <see cref="Capacity"/> bytes, and ends it with a zero. It is copied since another
    /// thread of the guest might change it after it was checked.
    /// </summary>
    public static Errno Copy(GuestCall call, uint address, uint length, Span<byte> buffer, out ReadOnlySpan<byte> path)
    {
        path = default;
        if (!call.TryGetSpan(address, length, out var source))
        {
            return Errno.Fault;
        }

        if (length >= Capacity)
        {
            return Errno.Nametoolong;
        }

        source.CopyTo(buffer);
        buffer[(int)length] = 0;
        path = buffer[..(int)length];
        if (path.IsEmpty)
        {
            return Errno.Noent;
        }

        return path.Contains((byte)0) ? Errno.Inval : Utf8.IsValid(path) ? Errno.Success : Errno.Ilseq;
    }
}
