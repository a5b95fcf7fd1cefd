namespace Wherry.Cli.Running;

/// <summary>
/// Gives memory back that only the start of a service needed: what compiling its functions left behind would otherwise stay for as long as it runs, since
/// a service that allocates little is hardly ever collected.
/// </summary>
internal static class SpareMemory
{
    private static readonly TimeSpan[] Moments = [TimeSpan.FromSeconds(2), TimeSpan.FromSeconds(10)];
    private static Timer? timer;
    private static int moment;

    /// <summary>Does so twice: some time after the service began to listen, and when it has compiled what answers the first requests.</summary>
    public static void GiveBackSoon() => timer ??= new Timer(_ => GiveBack(), null, Moments[0], Timeout.InfiniteTimeSpan);

    private static void GiveBack()
    {
        GC.Collect(GC.MaxGeneration, GCCollectionMode.Aggressive, blocking: true, compacting: true);
        if (++moment < Moments.Length)
        {
            timer!.Change(Moments[moment], Timeout.InfiniteTimeSpan);
        }
    }
}
