using Wherry.Execution;

namespace Wherry;

/// <summary>A table of references.</summary>
public sealed class Table
{
    // Compiled code reads it. Its length is exactly the table's size: growing makes another array.
    internal object?[] Elements;

    private readonly int _maximum;
    private readonly AccountClaim? _claim;

    /// <exception cref="LinkException">A limit stands in the way.</exception>
    internal Table(Store store, TableType type, object? initialValue = null)
        : this(store, type, static size => new object?[size])
    {
        _claim = new AccountClaim(store.Account) { Elements = type.Minimum };
        if (initialValue is not null)
        {
            Array.Fill(Elements, initialValue);
        }
    }

    /// <summary>A table that lives as long as its store, and so never gives elements back to the store's limit.</summary>
    /// <exception cref="LinkException">A limit stands in the way.</exception>
    internal Table(Store store, TableType type, object?[] elements)
        : this(store, type, _ => elements)
    {
    }

    // Elements are made once the limit allows them.
    private Table(Store store, TableType type, Func<int, object?[]> getElements)
    {
        Store = store;
        Type = type;
        if (!store.Account.TryTakeElements(type.Minimum))
        {
            throw new LinkException($"A table of {type.Minimum} elements goes beyond the store's limit of {store.Options.Limits.TableElements} elements of tables (ResourceLimits.TableElements).");
        }

        _maximum = (int)Math.Min(type.Maximum ?? ulong.MaxValue, (ulong)Array.MaxLength);
        Elements = getElements((int)type.Minimum);
    }

    /// <summary>Its store.</summary>
    public Store Store { get; }

    /// <summary>Its type, as declared: <see cref="Size"/> says how large it is now.</summary>
    public TableType Type { get; }

    /// <summary>The number of its elements.</summary>
    public int Size => Elements.Length;

    /// <summary>An element.</summary>
    /// <exception cref="ArgumentOutOfRangeException">There is no such element.</exception>
    /// <exception cref="ArgumentException">The value is not of the table's type.</exception>
    public object? this[int index]
    {
        get
        {
            object?[] elements = Elements;
            ArgumentOutOfRangeException.ThrowIfGreaterThanOrEqual((uint)index, (uint)elements.Length, nameof(index));
            return elements[index];
        }

        set
        {
            HostValue.Check(value, Type.ElementType, Store, nameof(value));
            object?[] elements = Elements;
            ArgumentOutOfRangeException.ThrowIfGreaterThanOrEqual((uint)index, (uint)elements.Length, nameof(index));
            elements[index] = value;
        }
    }

    /// <summary>A table for guests of a store to import.</summary>
    /// <exception cref="LinkException">A limit stands in the way.</exception>
    public static Table Create(Store store, TableType type, object? initialValue = null)
    {
        ArgumentNullException.ThrowIfNull(store);
        ArgumentNullException.ThrowIfNull(type);
        HostValue.Check(initialValue, type.ElementType, store, nameof(initialValue));
        return new Table(store, type, initialValue);
    }

    /// <summary>Makes it larger.</summary>
    /// <returns>The former size, or -1 if it can't grow.</returns>
    /// <exception cref="ArgumentException">The value is not of the table's type.</exception>
    public long Grow(ulong count, object? value)
    {
        HostValue.Check(value, Type.ElementType, Store, nameof(value));
        return GrowCore(count, value);
    }

    /// <summary>As <see cref="Grow"/>, for a value that is known to be of the table's type.</summary>
    internal long GrowCore(ulong count, object? value)
    {
        object?[] former = Elements;
        if (count > (ulong)(_maximum - former.Length) || !Store.Account.TryTakeElements(count))
        {
            return -1;
        }

        if (count > 0)
        {
            object?[] elements;
            try
            {
                elements = new object?[former.Length + (int)count];
            }
            catch (OutOfMemoryException)
            {
                Store.Account.ReturnElements(count);
                return -1;
            }

            Array.Copy(former, elements, former.Length);
            if (value is not null)
            {
                Array.Fill(elements, value, former.Length, (int)count);
            }

            Elements = elements;
            if (_claim is not null)
            {
                _claim.Elements = (ulong)elements.Length;
            }
        }

        return former.Length;
    }
}
