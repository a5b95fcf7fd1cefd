using System.Runtime.InteropServices;
using System.Security.Cryptography;
using Wherry.Wasi.Abi;
using Wherry.Wasi.Native;

namespace Wherry.Wasi;

// proc_exit, proc_raise, random_get and sched_yield.
public sealed partial class WasiContext
{
    private const uint RandomPiece = 1 << 20;

    internal static Errno ProcRaise(uint signal) => signal switch
    {
        0 => Errno.Success,

        // What a process ignores unless it asks otherwise, and a preview 1 guest can't: child, continue, urgent data, window size.
        16 or 17 or 22 or 27 => Errno.Success,

        // Nobody could let it go on.
        18 or 19 or 20 or 21 => Errno.Notsup,
        > 30 => Errno.Inval,

        // As a shell reports a program that a signal ended.
        _ => throw new GuestExitException(128 + (int)signal),
    };

    internal static Errno SchedYield()
    {
        Thread.Yield();
        return Errno.Success;
    }

    internal Errno RandomGet(GuestCall call, uint buffer, uint length)
    {
        if (!call.Contains(buffer, length))
        {
            return Errno.Fault;
        }

        // In pieces, so that gigabytes can be interrupted.
        while (length > 0)
        {
            var piece = Math.Min(length, RandomPiece);
            _ = call.TryGetSpan(buffer, piece, out var span);
            if (randomSource is { } source)
            {
                source(span);
            }
            else
            {
                FillRandom(span);
            }

            buffer += piece;
            length -= piece;
            if (length > 0)
            {
                call.CancellationToken.ThrowIfCancellationRequested();
            }
        }

        return Errno.Success;
    }

    /// <summary>The kernel's generator, which .NET's own also draws from; to ask it directly costs a fraction for the few bytes that guests ask for.</summary>
    private static unsafe void FillRandom(Span<byte> buffer)
    {
        while (OperatingSystem.IsLinux() && buffer.Length > 0)
        {
            nint done;
            fixed (byte* pointer = buffer)
            {
                // Sound: the length is the buffer's.
                done = Libc.getrandom(pointer, (nuint)buffer.Length, 0);
            }

            if (done >= 0)
            {
                buffer = buffer[(int)done..];
            }
            else if (Marshal.GetLastSystemError() != Libc.EINTR)
            {
                break;
            }
        }

        RandomNumberGenerator.Fill(buffer);
    }
}
