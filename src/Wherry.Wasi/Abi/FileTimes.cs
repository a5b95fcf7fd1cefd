using Wherry.Wasi.Native;

namespace Wherry.Wasi.Abi;

/// <summary>The timestamps of fd_filestat_set_times and path_filestat_set_times, as the host takes them.</summary>
internal struct FileTimes
{
    public Timespec Access;
    public Timespec Modification;

    /// <summary>Translates the guest's; Inval if a time is both given and "now", or if there are unknown flags.</summary>
    public static Errno Create(ulong access, ulong modification, TimestampFlags flags, out FileTimes times)
    {
        times = default;
        const TimestampFlags BothAccess = TimestampFlags.Access | TimestampFlags.AccessNow;
        const TimestampFlags BothModification = TimestampFlags.Modification | TimestampFlags.ModificationNow;
        if ((flags & ~TimestampFlags.All) != 0 || (flags & BothAccess) == BothAccess || (flags & BothModification) == BothModification)
        {
            return Errno.Inval;
        }

        times.Access = Choose(access, (flags & TimestampFlags.Access) != 0, (flags & TimestampFlags.AccessNow) != 0);
        times.Modification = Choose(modification, (flags & TimestampFlags.Modification) != 0, (flags & TimestampFlags.ModificationNow) != 0);
        return Errno.Success;
    }

    private static Timespec Choose(ulong nanoseconds, bool isGiven, bool isNow) => isGiven
        ? new Timespec { Seconds = (long)(nanoseconds / 1_000_000_000), Nanoseconds = (long)(nanoseconds % 1_000_000_000) }
        : new Timespec { Nanoseconds = isNow ? Libc.UTIME_NOW : Libc.UTIME_OMIT };
}
