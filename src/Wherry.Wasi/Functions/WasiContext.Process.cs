using System.Security.Cryptography;
using Wherry.Wasi.Abi;

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
            if (Options.RandomSource is { } source)
            {
                source(span);
            }
            else
            {
                RandomNumberGenerator.Fill(span);
            }

            buffer += piece;
            length -= piece;
            call.CancellationToken.ThrowIfCancellationRequested();
        }

        return Errno.Success;
    }
}
