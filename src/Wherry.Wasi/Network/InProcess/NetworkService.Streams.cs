using Wherry.Wasi.Network.InProcess.Streams;

namespace Wherry.Wasi.Network.InProcess;

/// <content>What guests that have ended leave behind in memory: their peers have not read it yet. It counts for the guests that come in their place, so that one which ends and is started again gains nothing by it.</content>
internal sealed partial class NetworkService
{
    private readonly Queue<StreamBudget> leftBudgets = new();

    /// <summary>What a new guest's connections may hold.</summary>
    internal StreamBudget TakeStreamBudget()
    {
        lock (leftBudgets)
        {
            while (leftBudgets.TryDequeue(out StreamBudget? budget))
            {
                if (budget.IsInUse)
                {
                    return budget;
                }
            }
        }

        return new StreamBudget();
    }

    /// <summary>A guest has ended.</summary>
    internal void Leave(StreamBudget budget)
    {
        if (budget.IsInUse)
        {
            lock (leftBudgets)
            {
                leftBudgets.Enqueue(budget);
            }
        }
    }
}
