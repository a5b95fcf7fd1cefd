namespace Wherry.Compose.Running.Processors;

/// <summary>Keeps one guest to its share of the processors: holds it when it has used more, and lets it go on when the time for that has passed.</summary>
/// <param name="cores">The share.</param>
/// <param name="used">The processor time that it has used.</param>
/// <param name="hold">Holds it.</param>
/// <param name="release">Lets it go on.</param>
/// <param name="now">The time.</param>
internal sealed class CpuLimit(double cores, Func<TimeSpan> used, Action hold, Action release, TimeSpan now)
{
    /// <summary>How often a guest is looked at that uses the processor.</summary>
    public static readonly TimeSpan BusyLook = TimeSpan.FromMilliseconds(10);

    private readonly CpuQuota quota = new(cores, now);
    private TimeSpan lastUsed = TimeSpan.MinValue;
    private TimeSpan pause = BusyLook;

    /// <summary>Whether it is held now.</summary>
    public bool IsHeld { get; private set; }

    /// <summary>When to look again.</summary>
    public TimeSpan Next { get; private set; } = now;

    /// <summary>Looks.</summary>
    public void Look(TimeSpan time)
    {
        TimeSpan total = used();
        TimeSpan wait = quota.Charge(time, total);
        if (wait > TimeSpan.Zero)
        {
            if (!IsHeld)
            {
                IsHeld = true;
                hold();
            }

            Next = time + wait;
        }
        else
        {
            if (IsHeld)
            {
                IsHeld = false;
                release();
            }

            // One that waits need not be looked at so often: what it uses until then is owed all the same.
            pause = total != lastUsed ? BusyLook : pause + pause < CpuQuota.Period ? pause + pause : CpuQuota.Period;
            Next = time + pause;
        }

        lastUsed = total;
    }
}
