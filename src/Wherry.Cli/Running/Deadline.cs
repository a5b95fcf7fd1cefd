using Wherry.Cli.Output;

namespace Wherry.Cli.Running;

/// <summary>
/// The time limit of a whole run: reading, compiling and all calls together. It interrupts the guest, and ends the process if the guest
/// can't be reached, since a compilation can't be interrupted.
/// </summary>
internal sealed class Deadline : IDisposable
{
    private const int Patience = 1_000;
    private readonly long limit;
    private readonly Timer timer;
    private Store? store;
    private bool isOver;

    /// <param name="limit">In milliseconds.</param>
    public Deadline(long limit)
    {
        this.limit = limit;
        timer = new Timer(_ => OnElapsed(), null, limit, Timeout.Infinite);
    }

    public bool IsOver => Volatile.Read(ref isOver);

    public string Message => $"the time limit of {limit} ms is over.";

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
            timer.Change(Patience, Timeout.Infinite);
            return;
        }

        Terminal.Error(Message);
        Environment.Exit(ExitCodes.TimeLimit);
    }
}
