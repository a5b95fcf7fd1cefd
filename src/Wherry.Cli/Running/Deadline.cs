using Wherry.Cli.Output;

namespace Wherry.Cli.Running;

/// <summary>
/// The time limit of a whole run: reading, compiling and all calls together. It interrupts the guest, and ends the process if the guest
/// can't be reached, since a compilation can't be interrupted.
/// </summary>
internal sealed class Deadline : IDisposable
{
    private static readonly TimeSpan Patience = TimeSpan.FromSeconds(1);
    private readonly TimeSpan limit;
    private readonly Timer timer;
    private Store? store;
    private bool isOver;

    public Deadline(TimeSpan limit)
    {
        this.limit = limit;
        timer = new Timer(_ => OnElapsed(), null, limit, Timeout.InfiniteTimeSpan);
    }

    public bool IsOver => Volatile.Read(ref isOver);

    public string Message => $"the time limit of {limit.TotalMilliseconds:0} ms is over.";

    /// <summary>From now on the limit interrupts this store.</summary>
    public void Watch(Store guests)
    {
        Volatile.Write(ref store, guests);
        if (IsOver)
        {
            guests.Interrupt();
        }
    }

    public void Dispose() => timer.Dispose();

    private void OnElapsed()
    {
        bool isFirst = !IsOver;
        Volatile.Write(ref isOver, true);
        if (isFirst && Volatile.Read(ref store) is { } guests)
        {
            guests.Interrupt();
            timer.Change(Patience, Timeout.InfiniteTimeSpan);
            return;
        }

        Terminal.Error(Message);
        Environment.Exit(ExitCodes.TimeLimit);
    }
}
