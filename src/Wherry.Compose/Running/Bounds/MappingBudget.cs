using System.Globalization;

namespace Wherry.Compose.Running.Bounds;

/// <summary>
/// The process's memory mappings, of which Linux gives so many (vm.max_map_count). Each guest takes a few. The last ones are left to the host: a runtime that can't map memory any more ends the process.
/// Counting them takes long where there are many, so they are counted again only when guests may have used up what was left.
/// </summary>
/// <param name="limit">How many there may be.</param>
/// <param name="count">Counts them.</param>
/// <param name="clock">Tells when they may be counted again; null for the system's.</param>
internal sealed class MappingBudget(int limit, Func<int> count, TimeProvider? clock = null)
{
    /// <summary>More than a guest takes: its memory's parts, and a thread's stack.</summary>
    private const int ForGuest = 10;
    private const int UsualLimit = 65_530;
    private const string OwnFile = "/proc/self/maps";
    private const string LimitFile = "/proc/sys/vm/max_map_count";

    private static readonly TimeSpan RecountInterval = TimeSpan.FromMilliseconds(250);

    private readonly Lock gate = new();
    private readonly TimeProvider clock = clock ?? TimeProvider.System;
    private int left;

    /// <summary>When they were counted last, if that is to do for a while.</summary>
    private long? counted;

    /// <summary>The process's.</summary>
    public static MappingBudget Shared { get; } = new(ReadLimit(), CountOwn);

    /// <summary>How many there may be.</summary>
    public int Limit => limit;

    private int Reserve => limit / 16;

    /// <summary>Where no more than this is left, a count does for a while: nearly each guest would need one of its own, all of them wait for it, and there is nearly no room anyway.</summary>
    private int Scant => Math.Max(limit / 64, 2 * ForGuest);

    /// <summary>Takes what a guest needs.</summary>
    /// <returns>False if too few are left.</returns>
    public bool TryTake()
    {
        lock (gate)
        {
            if (left < ForGuest && (counted is not { } last || clock.GetElapsedTime(last) >= RecountInterval))
            {
                int all = limit - Reserve - count();

                // Those that were just started have not taken theirs yet, so that half must do until then.
                left = all >= 2 * ForGuest ? all / 2 : 0;
                counted = all < Scant ? clock.GetTimestamp() : null;
            }

            if (left < ForGuest)
            {
                return false;
            }

            left -= ForGuest;
            return true;
        }
    }

    private static int ReadLimit()
    {
        try
        {
            return File.Exists(LimitFile) && int.TryParse(File.ReadAllText(LimitFile), CultureInfo.InvariantCulture, out int number) ? number : UsualLimit;
        }
        catch (Exception exception) when (exception is IOException or UnauthorizedAccessException)
        {
            return UsualLimit;
        }
    }

    private static int CountOwn()
    {
        if (!OperatingSystem.IsLinux())
        {
            return 0;
        }

        try
        {
            using var maps = new FileStream(OwnFile, FileMode.Open, FileAccess.Read, FileShare.ReadWrite, bufferSize: 0);
            Span<byte> buffer = new byte[16 << 10];
            int lines = 0;
            for (int read; (read = maps.Read(buffer)) > 0;)
            {
                lines += buffer[..read].Count((byte)'\n');
            }

            return lines;
        }
        catch (Exception exception) when (exception is IOException or UnauthorizedAccessException)
        {
            // Where they can't be counted, as where /proc is not mounted, guests are not refused for them.
            return 0;
        }
    }
}
