using System.Collections.Concurrent;

namespace Wherry.Bench.Soak;

/// <summary>What the service owes: the orders whose creation it has acknowledged, less those whose deletion was asked.</summary>
internal sealed class OrderLedger
{
    private readonly ConcurrentDictionary<int, bool> owed = new();
    private int lastId;
    private int acknowledged;
    private int deleted;
    private int unanswered;
    private int looks;

    public int Acknowledged => acknowledged;

    public int Deleted => deleted;

    public int Unanswered => unanswered;

    public int Looks => looks;

    /// <summary>Acknowledged orders that were missing when somebody looked.</summary>
    public ConcurrentBag<int> Missing { get; } = [];

    /// <summary>A number that no order had before.</summary>
    public int NewId() => Interlocked.Increment(ref lastId);

    public void Acknowledge(int id)
    {
        owed[id] = true;
        Interlocked.Increment(ref acknowledged);
    }

    /// <summary>From now on it may be gone.</summary>
    public void Forget(int id) => owed.TryRemove(id, out _);

    public void CountDeleted() => Interlocked.Increment(ref deleted);

    public void CountUnanswered() => Interlocked.Increment(ref unanswered);

    /// <summary>What must be there, now.</summary>
    public int[] Owed() => [.. owed.Keys];

    /// <summary>Compares what was owed before the service was asked, and still is, with its answer.</summary>
    public void Compare(int[] before, IReadOnlySet<int> answer)
    {
        Interlocked.Increment(ref looks);
        foreach (int id in before)
        {
            if (!answer.Contains(id) && owed.ContainsKey(id))
            {
                Missing.Add(id);
                owed.TryRemove(id, out _);
            }
        }
    }
}
