using System.Runtime.InteropServices;

namespace Wherry.Wasi.Native;

/// <summary>
/// The process's handles (open files), of which the system gives so many. The last ones are kept from guests: a runtime that can't have one any more ends the process. The system gives the lowest
/// number that is free, so that a high one tells how many are in use, without anybody's counting.
/// </summary>
internal static partial class HostHandles
{
    private const int LimitOfOpenFiles = 7;

    /// <summary>Stands for no limit: where there is none, or where we do not know how to ask.</summary>
    private const int Most = 1 << 30;
    private const int LargestReserve = 512;
    private const int SmallestReserve = 48;

    /// <summary>How many handles the process may have. .NET raises the limit as far as this user may, before any of our code runs.</summary>
    public static int Limit { get; } = ReadLimit();

    /// <summary>Numbers from here on are the host's own.</summary>
    private static int Reserved { get; } = Limit - Math.Clamp(Limit / 16, SmallestReserve, LargestReserve);

    /// <summary>Numbers from here on are for guests that have few: who takes all that can be had leaves these to the others, and to those that are started meanwhile.</summary>
    private static int ForFew { get; } = Reserved / 4 * 3;

    /// <summary>Numbers from here on are for guests that run: nothing more is started, so that those can still take connections.</summary>
    private static int ForRunning { get; } = Reserved / 8 * 7;

    /// <summary>How many handles a guest has that has few.</summary>
    private static int Few { get; } = Math.Max(16, Limit / 32);

    /// <summary>Whether a guest may not keep a handle that was just made.</summary>
    /// <param name="handle">Its number.</param>
    /// <param name="own">How many the guest has; 0 where it need not leave any to others.</param>
    public static bool IsBeyond(int handle, int own) => handle >= Reserved || (handle >= ForFew && own > Few);

    /// <summary>Whether a guest that has none may not even have its first one: what is left is for those that run.</summary>
    public static bool IsBeyondFirst(int handle) => handle >= ForRunning;

    /// <summary>Whether there are enough for another guest.</summary>
    public static bool SufficeForAnother()
    {
        if (!OperatingSystem.IsLinux())
        {
            return true;
        }

        int probe = Libc.eventfd(0, Libc.EFD_CLOEXEC);
        if (probe < 0)
        {
            return false;
        }

        _ = Libc.close(probe);
        return probe < ForRunning;
    }

    private static unsafe int ReadLimit()
    {
        if (!OperatingSystem.IsLinux())
        {
            return Most;
        }

        ulong* limits = stackalloc ulong[2];

        // Sound: struct rlimit is two 64-bit numbers.
        return getrlimit(LimitOfOpenFiles, limits) == 0 ? (int)Math.Min((ulong)Most, limits[0]) : Most;
    }

#pragma warning disable CA5392, IDE1006, SA1300 // As in Libc.
    [LibraryImport("libc")]
    private static unsafe partial int getrlimit(int resource, ulong* limits);
#pragma warning restore CA5392, IDE1006, SA1300
}
