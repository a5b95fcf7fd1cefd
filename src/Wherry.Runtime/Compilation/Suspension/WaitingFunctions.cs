using Wherry.Aot;

namespace Wherry.Compilation.Suspension;

/// <summary>
/// The functions of a module that were found below a wait, by guests of this process or, as the cache has it, of others before. Only these are entered as code that can be left; but while nothing is known of a
/// module, its first guests try all that they enter for the first time: see <see cref="WaitTrial"/>.
/// </summary>
internal sealed class WaitingFunctions
{
    // Each is compiled once more, at no cost to the guest.
    private const int MaximumKnown = 1_024;

    private readonly Lock _lock = new();
    private readonly bool[] _isKnown;
    private int _count;
    private CodeCache? _cache;
    private CodeIdentity? _identity;
    private int _trialsLeft;
    private int _isKeeping;

    /// <param name="functionCount">How many functions the module has.</param>
    /// <param name="trials">How many guests may try.</param>
    public WaitingFunctions(int functionCount, int trials)
    {
        _isKnown = new bool[functionCount];
        _trialsLeft = trials;
    }

    public bool Contains(int function) => Volatile.Read(ref _isKnown[function]);

    /// <returns>Whether it was added: no module has more than so many.</returns>
    public bool TryAdd(int function)
    {
        if (Contains(function) || Volatile.Read(ref _count) >= MaximumKnown || Interlocked.Increment(ref _count) > MaximumKnown)
        {
            return false;
        }

        Volatile.Write(ref _isKnown[function], true);
        if (_cache is not null && Interlocked.Exchange(ref _isKeeping, 1) == 0)
        {
            // The guest that waits is not held up by files.
            _ = ThreadPool.UnsafeQueueUserWorkItem(static functions => functions.Keep(), this, preferLocal: false);
        }

        return true;
    }

    /// <summary>Starts with what a cache has, and keeps there what is found. Called before the module has guests.</summary>
    public void UseCache(CodeCache cache, CodeIdentity identity)
    {
        foreach (int function in cache.FindWaits(identity))
        {
            if ((uint)function < (uint)_isKnown.Length && !_isKnown[function] && _count++ < MaximumKnown)
            {
                _isKnown[function] = true;
                _trialsLeft = 0;
            }
        }

        if (cache.FillsInBackground)
        {
            _cache = cache;
            _identity = identity;
        }
    }

    /// <summary>Whether a guest that starts now is one of the first, and nothing was known before.</summary>
    public bool TryTakeTrial() => Volatile.Read(ref _trialsLeft) > 0 && Interlocked.Decrement(ref _trialsLeft) >= 0;

    private void Keep()
    {
        // One after the other, so that what is written last has all.
        lock (_lock)
        {
            Volatile.Write(ref _isKeeping, 0);
            Interlocked.MemoryBarrier();
            var functions = new List<int>();
            for (int i = 0; i < _isKnown.Length; i++)
            {
                if (Contains(i))
                {
                    functions.Add(i);
                }
            }

            _cache!.KeepWaits(_identity!, functions);
        }
    }
}
