namespace Wherry.Compose.Running.Processors;

/// <summary>
/// Accounts for processor time against a share of the passing time. What was not used is kept for a tenth of a second; what was used beyond the share is owed, and must be waited for: so over any longer time the
/// share holds, however late it was looked.
/// </summary>
/// <param name="cores">The share: 0.1 is a tenth of a core, 2 are two cores.</param>
/// <param name="start">The time when the account begins.</param>
internal sealed class CpuQuota(double cores, TimeSpan start)
{
    /// <summary>For so long unused time is kept.</summary>
    public static readonly TimeSpan Period = TimeSpan.FromMilliseconds(100);

    private readonly TimeSpan most = Period * cores;
    private TimeSpan balance = Period * cores;
    private TimeSpan lastTime = start;
    private TimeSpan lastUsed;

    /// <summary>Looks how much was used.</summary>
    /// <param name="now">The time, of the clock of the beginning.</param>
    /// <param name="used">All processor time that was ever used.</param>
    /// <returns>How long to wait until the share is kept; zero or less if it is.</returns>
    public TimeSpan Charge(TimeSpan now, TimeSpan used)
    {
        balance += ((now - lastTime) * cores) - (used - lastUsed);
        balance = balance < most ? balance : most;
        lastTime = now;
        lastUsed = used;
        return balance < TimeSpan.Zero ? -balance / cores : TimeSpan.Zero;
    }
}
