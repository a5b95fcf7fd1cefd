namespace Wherry.Binary;

/// <summary>
/// A list of a module's definitions of one kind while it is decoded. Not generic: for each kind that it were made for, the runtime would load eight types when the first module is loaded.
/// </summary>
internal sealed class ItemList
{
    private object[]? _items;

    public int Count { get; private set; }

    public object this[int index] => _items![index];

    /// <summary>Makes room for so many in all.</summary>
    public void EnsureCapacity(int capacity)
    {
        if (_items is null || _items.Length < capacity)
        {
            var items = new object[capacity];
            if (_items is not null)
            {
                Array.Copy(_items, items, Count);
            }

            _items = items;
        }
    }

    public void Add(object item)
    {
        if (_items is null || Count == _items.Length)
        {
            EnsureCapacity(Math.Max(4, Count * 2));
        }

        _items![Count++] = item;
    }

    /// <summary>Fills an array of <see cref="Count"/> items of their type.</summary>
    public void CopyTo(Array array)
    {
        if (_items is not null)
        {
            Array.Copy(_items, array, Count);
        }
    }
}
