namespace Wherry;

/// <summary>A linear memory. It never moves, and its bytes are reached through a <see cref="MemoryLease"/> or a <see cref="Caller"/>.</summary>
public sealed unsafe class Memory
{
    // Compiled code reads these.
    internal byte* Base;
    internal ulong Length;

    /// <summary>A byte that compiled code may read at loop heads: readable, until the store is interrupted.</summary>
    internal byte* SafepointPage;

    internal Memory(Store store, MemoryType type)
    {
        Store = store;
        Type = type;
    }

    /// <summary>A memory for guests of a store to import.</summary>
    public static Memory Create(Store store, MemoryType type) => new(store, type);

    /// <summary>Its store.</summary>
    public Store Store { get; }

    /// <summary>Its type, as declared: <see cref="PageCount"/> says how large it is now.</summary>
    public MemoryType Type { get; }

    /// <summary>Its size in bytes.</summary>
    public ulong Size => Volatile.Read(ref Length);

    /// <summary>Its size in pages.</summary>
    public ulong PageCount => Size >> Type.PageSizeLog2;

    /// <summary>Makes it larger.</summary>
    /// <returns>The former number of pages, or -1 if it can't grow.</returns>
    public long Grow(ulong pages) => throw new NotImplementedException($"{pages}");

    /// <summary>A view of its bytes.</summary>
    public MemoryLease Lease() => throw new NotImplementedException();
}
