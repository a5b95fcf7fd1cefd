namespace Wherry;

/// <summary>A table of references.</summary>
public sealed class Table
{
    // Compiled code reads it. Its length is exactly the table's size: growing makes another array.
    internal object?[] Elements = [];

    internal Table(Store store, TableType type)
    {
        Store = store;
        Type = type;
    }

    /// <summary>A table for guests of a store to import.</summary>
    public static Table Create(Store store, TableType type, object? initialValue = null) => throw new NotImplementedException($"{type}{initialValue}");

    /// <summary>Its store.</summary>
    public Store Store { get; }

    /// <summary>Its type, as declared: <see cref="Size"/> says how large it is now.</summary>
    public TableType Type { get; }

    /// <summary>The number of its elements.</summary>
    public int Size => Elements.Length;

    /// <summary>An element.</summary>
    public object? this[int index]
    {
        get => Elements[index];
        set => Elements[index] = value;
    }

    /// <summary>Makes it larger.</summary>
    /// <returns>The former size, or -1 if it can't grow.</returns>
    public long Grow(ulong count, object? value) => throw new NotImplementedException($"{count}{value}");
}
