namespace Wherry.Execution;

/// <summary>Objects that are remembered but not kept. Those that finalizers still hold are found too. Not synchronized.</summary>
internal struct WeakList<T>
    where T : class
{
    private WeakReference<T>[]? _items;
    private int _count;

    public void Add(T item)
    {
        WeakReference<T>[] items = _items ?? [];
        if (_count == items.Length)
        {
            Compact();

            // At most half full after: adding costs a constant number of looks on average.
            if (_count * 2 >= items.Length)
            {
                Array.Resize(ref items, Math.Max(2, items.Length * 2));
                _items = items;
            }
        }

        _items![_count++] = new WeakReference<T>(item, trackResurrection: true);
    }

    public readonly IEnumerable<T> GetAll()
    {
        for (int i = 0; i < _count; i++)
        {
            if (_items![i].TryGetTarget(out T? item))
            {
                yield return item;
            }
        }
    }

    private void Compact()
    {
        int kept = 0;
        for (int i = 0; i < _count; i++)
        {
            if (_items![i].TryGetTarget(out _))
            {
                _items[kept++] = _items[i];
            }
        }

        if (_items is not null)
        {
            Array.Clear(_items, kept, _count - kept);
        }

        _count = kept;
    }
}
