namespace Wherry.Execution;

/// <summary>
/// What the guests of a store have taken of its limits. The stores of a guest's threads have accounts under that of the store that started them: what
/// they take counts there too, and comes back as a whole when the thread has ended. Any thread may use it.
/// </summary>
internal sealed class ResourceAccount(ResourceLimits limits, ResourceAccount? parent = null)
{
    private bool _hasReservedInstance;
    private long _memoryBytes;
    private long _tableElements;
    private long _instances;

    // With a parent: whether all was given back.
    private bool _isClosed;
    private readonly object _closing = new();

    /// <summary>Bytes of linear memory that are taken at present.</summary>
    public long MemoryBytes => Volatile.Read(ref _memoryBytes);

    public bool TryTakeMemory(ulong bytes) => TryTake(ref _memoryBytes, bytes, limits.MemoryBytes, static (account, amount) => account.TryTakeMemory(amount), static (account, amount) => account.ReturnMemory(amount));

    public void ReturnMemory(ulong bytes) => Return(ref _memoryBytes, bytes, static (account, amount) => account.ReturnMemory(amount));

    public bool TryTakeElements(ulong count) => TryTake(ref _tableElements, count, limits.TableElements, static (account, amount) => account.TryTakeElements(amount), static (account, amount) => account.ReturnElements(amount));

    public void ReturnElements(ulong count) => Return(ref _tableElements, count, static (account, amount) => account.ReturnElements(amount));

    /// <summary>Takes an instance that the next call of <see cref="TryTakeInstance"/> will find taken already.</summary>
    public bool TryReserveInstance() => _hasReservedInstance = TryTakeInstance();

    public bool TryTakeInstance()
    {
        if (_hasReservedInstance)
        {
            _hasReservedInstance = false;
            return true;
        }

        return TryTakeNewInstance();
    }

    public void ReturnInstance() => Return(ref _instances, 1, static (account, _) => account.ReturnInstance());

    /// <summary>Gives all that was taken back to the parent. What is returned later is not returned twice.</summary>
    public void Close()
    {
        if (parent is null)
        {
            return;
        }

        lock (_closing)
        {
            if (!_isClosed)
            {
                _isClosed = true;
                parent.ReturnMemory((ulong)_memoryBytes);
                parent.ReturnElements((ulong)_tableElements);
                for (long i = 0; i < _instances; i++)
                {
                    parent.ReturnInstance();
                }
            }
        }
    }

    private bool TryTakeNewInstance() => TryTake(ref _instances, 1, limits.Instances, static (account, _) => account.TryTakeInstance(), static (account, _) => account.ReturnInstance());

    private bool TryTake(ref long total, ulong amount, long limit, Func<ResourceAccount, ulong, bool> take, Action<ResourceAccount, ulong> giveBack)
    {
        if (parent is null)
        {
            return TryAdd(ref total, amount, limit);
        }

        lock (_closing)
        {
            if (_isClosed || !take(parent, amount))
            {
                return false;
            }

            if (!TryAdd(ref total, amount, limit))
            {
                giveBack(parent, amount);
                return false;
            }

            return true;
        }
    }

    private void Return(ref long total, ulong amount, Action<ResourceAccount, ulong> giveBack)
    {
        if (parent is null)
        {
            _ = Interlocked.Add(ref total, -(long)amount);
            return;
        }

        lock (_closing)
        {
            total -= (long)amount;
            if (!_isClosed)
            {
                giveBack(parent, amount);
            }
        }
    }

    private static bool TryAdd(ref long total, ulong amount, long limit)
    {
        while (true)
        {
            long former = Volatile.Read(ref total);
            if (amount > (ulong)Math.Max(0, limit - former))
            {
                return false;
            }

            if (Interlocked.CompareExchange(ref total, former + (long)amount, former) == former)
            {
                return true;
            }
        }
    }
}
