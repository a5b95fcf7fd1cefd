namespace Wherry.Wasi.Scheduling;

/// <summary>What waits for a time, the earliest first. Each wait is in it at most once, and leaves it when it ends before its time. Not synchronized.</summary>
internal sealed class DeadlineHeap
{
    private GuestWait[] _items = new GuestWait[16];
    private int _count;

    /// <summary>The earliest time in nanoseconds of the monotonic clock; the largest number if there is none.</summary>
    public long Earliest => _count > 0 ? _items[0].Deadline : long.MaxValue;

    /// <summary>Adds a wait, or moves it.</summary>
    public void Add(GuestWait wait, long deadline)
    {
        Remove(wait);
        if (_count == _items.Length)
        {
            Array.Resize(ref _items, _count * 2);
        }

        wait.Deadline = deadline;
        Place(wait, _count++);
        Rise(_count - 1);
    }

    public void Remove(GuestWait wait)
    {
        int index = wait.DeadlineIndex;
        if (index < 0)
        {
            return;
        }

        wait.DeadlineIndex = -1;
        GuestWait last = _items[--_count];
        _items[_count] = null!;
        if (index < _count)
        {
            Place(last, index);
            Rise(index);
            Sink(last.DeadlineIndex);
        }
    }

    /// <summary>Takes the first wait whose time has come.</summary>
    public GuestWait? TakeDue(long now)
    {
        if (Earliest > now)
        {
            return null;
        }

        GuestWait due = _items[0];
        Remove(due);
        return due;
    }

    private void Place(GuestWait wait, int index)
    {
        _items[index] = wait;
        wait.DeadlineIndex = index;
    }

    private void Rise(int index)
    {
        GuestWait wait = _items[index];
        while (index > 0 && _items[(index - 1) / 2].Deadline > wait.Deadline)
        {
            Place(_items[(index - 1) / 2], index);
            index = (index - 1) / 2;
        }

        Place(wait, index);
    }

    private void Sink(int index)
    {
        GuestWait wait = _items[index];
        while (true)
        {
            int child = (index * 2) + 1;
            if (child >= _count)
            {
                break;
            }

            if (child + 1 < _count && _items[child + 1].Deadline < _items[child].Deadline)
            {
                child++;
            }

            if (_items[child].Deadline >= wait.Deadline)
            {
                break;
            }

            Place(_items[child], index);
            index = child;
        }

        Place(wait, index);
    }
}
