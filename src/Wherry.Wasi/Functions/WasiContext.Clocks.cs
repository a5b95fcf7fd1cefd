using Wherry.Wasi.Abi;
using Wherry.Wasi.Determinism;
using Wherry.Wasi.Native;

namespace Wherry.Wasi;

// clock_res_get and clock_time_get.
public sealed partial class WasiContext
{
    private const long NanosecondsPerSecond = 1_000_000_000;
    private const long NanosecondsPerTick = 100;

    /// <summary>The wall clock in nanoseconds since 1970.</summary>
    internal ulong RealTime => VirtualClock is { } clock ? VirtualClock.Start + clock.Read()
        : UsesSystemClocks ? ReadSystemClock(Libc.CLOCK_REALTIME)
        : (ulong)Math.Max(0, (Options.TimeProvider.GetUtcNow() - DateTimeOffset.UnixEpoch).Ticks) * NanosecondsPerTick;

    /// <summary>The monotonic clock in nanoseconds.</summary>
    internal ulong MonotonicTime => VirtualClock is { } clock ? clock.Read()
        : UsesSystemClocks ? ReadSystemClock(Libc.CLOCK_MONOTONIC)
        : (ulong)((Int128)Options.TimeProvider.GetTimestamp() * NanosecondsPerSecond / Options.TimeProvider.TimestampFrequency);

    private bool UsesSystemClocks { get; }

    internal Errno ClockTimeGet(GuestCall call, uint clock, ulong precision, uint time)
    {
        // The precision is how much the answer may be off; ours is always the best there is.
        _ = precision;
        switch ((ClockId)clock)
        {
            case ClockId.RealTime:
                return call.Write(time, RealTime);
            case ClockId.Monotonic:
                return call.Write(time, MonotonicTime);
            case ClockId.ProcessCpuTime or ClockId.ThreadCpuTime when VirtualClock is not null:
                return call.Write(time, MonotonicTime);
            case ClockId.ProcessCpuTime:
                return call.Write(time, OperatingSystem.IsLinux()
                    ? ReadSystemClock(Libc.CLOCK_PROCESS_CPUTIME_ID)
                    : (ulong)Environment.CpuUsage.TotalTime.Ticks * NanosecondsPerTick);
            case ClockId.ThreadCpuTime when OperatingSystem.IsLinux():
                return call.Write(time, ReadSystemClock(Libc.CLOCK_THREAD_CPUTIME_ID));
            case ClockId.ThreadCpuTime:
                return Errno.Notsup;
            default:
                return Errno.Inval;
        }
    }

    internal unsafe Errno ClockResGet(GuestCall call, uint clock, uint resolution)
    {
        if (clock > (uint)ClockId.ThreadCpuTime)
        {
            return Errno.Inval;
        }

        if (VirtualClock is not null)
        {
            return call.Write(resolution, VirtualClock.Step);
        }

        var isTime = clock <= (uint)ClockId.Monotonic;
        if (OperatingSystem.IsLinux() && (UsesSystemClocks || !isTime))
        {
            Timespec value;
            // Sound: the pointer is to a local. WASI's clock numbers are Linux's.
            return Libc.clock_getres((int)clock, &value) < 0
                ? SystemErrors.Last()
                : call.Write(resolution, ((ulong)value.Seconds * NanosecondsPerSecond) + (ulong)value.Nanoseconds);
        }

        return call.Write(resolution, clock == (uint)ClockId.Monotonic
            ? (ulong)Math.Max(1, NanosecondsPerSecond / Options.TimeProvider.TimestampFrequency)
            : NanosecondsPerTick);
    }

    private static unsafe ulong ReadSystemClock(int clock)
    {
        Timespec time;
        // Sound: the pointer is to a local. It can't fail for the clocks that we pass.
        _ = Libc.clock_gettime(clock, &time);
        return ((ulong)time.Seconds * NanosecondsPerSecond) + (ulong)time.Nanoseconds;
    }
}
