using System.Globalization;

namespace Wherry.Compose.Running.Bounds;

/// <summary>
/// The process's memory mappings, of which Linux gives so many (vm.max_map_count). Each guest takes a few. The last ones are left to the host: a runtime that can't map memory any more ends the process.
/// Counting them takes long where there are many, so they are counted again only when guests may have used up what was left.
/// </summary>
/// <param name="limit">How many there may be.</param>
/// <param name="count">Counts them.</param>
internal sealed class MappingBudget(int limit, Func<int> count)
{
    /// <summary>More than a guest takes: its memory's parts, and a thread's stack.</summary>
    private const int ForGuest = 10;
    private const int UsualLimit = 65_530;
    private const string LimitFile = "/proc/sys/vm/max_map_count";

    private static readonly long RecountMilliseconds = 250;

    private readonly Lock gate = new();
    private int left;
    private long nextCount;

    /// <summary>The process's.</summary>
    public static MappingBudget Shared { get; } = new(ReadLimit(), CountOwn);

    /// <summary>How many there may be.</summary>
    public int Limit => limit;

    private int Reserve => limit / 16;

    /// <summary>Takes what a guest needs.</summary>
    /// <returns>False if too few are left.</returns>
    public bool TryTake()
    {
        lock (gate)
        {
            if (left < ForGuest && Environment.TickCount64 >= nextCount)
            {
                left = limit - Reserve - count();

                // Those that were just started have not taken theirs yet, so that half must do until then.
                left = left >= 2 * ForGuest ? left / 2 : 0;
                nextCount = left >= ForGuest ? 0 : Environment.TickCount64 + RecountMilliseconds;
            }

            if (left < ForGuest)
            {
                return false;
            }

            left -= ForGuest;
            return true;
        }
    }

    private static int ReadLimit() =>
        File.Exists(LimitFile) && int.TryParse(File.ReadAllText(LimitFile), CultureInfo.InvariantCulture, out int number) ? number : UsualLimit;

    private static int CountOwn() => OperatingSystem.IsLinux() ? File.ReadLines("/proc/self/maps").Count() : 0;
}
