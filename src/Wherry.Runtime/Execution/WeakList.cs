namespace Wherry.Execution;

/// <summary>
/// Objects of one type that are remembered but not kept. Those that finalizers still hold are found too. Not synchronized. It is not generic: for each type that it were made for, the runtime would load
/// ten types when a store is first made.
/// </summary>
internal struct WeakList
{
    private WeakReference[]? _items;
    private int _count;

    public void Add(object item)
    {
        if (_items is null || _count == _items.Length)
        {
            Compact();

            // At most half full after: adding costs a constant number of looks on average.
            if (_items is null || _count * 2 >= _items.Length)
            {
                var items = new WeakReference[Math.Max(2, _count * 4)];
                if (_items is not null)
                {
                    Array.Copy(_items, items, _count);
                }

                _items = items;
            }
        }

        _items[_count++] = new WeakReference(item, trackResurrection: true);
    }

    /// <summary>Those that there are.</summary>
    public readonly object[] GetAll()
    {
        var all = new object[_count];
        int found = 0;
        for (int i = 0; i < _count; i++)
        {
            if (_items![i].Target is { } item)
            {
                all[found++] = item;
            }
        }

        return found == all.Length ? all : all[..found];
    }

    private void Compact()
    {
        int kept = 0;
        for (int i = 0; i < _count; i++)
        {
            if (_items![i].IsAlive)
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
