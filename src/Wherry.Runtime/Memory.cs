using System.Diagnostics.CodeAnalysis;
using Wherry.Execution.Memories;

namespace Wherry;

/// <summary>A linear memory. It never moves, and its bytes are reached through a <see cref="MemoryLease"/> or a <see cref="Caller"/>.</summary>
public sealed unsafe class Memory
{
    // Compiled code reads these. The length only grows, until the memory is released.
    internal byte* Base;
    internal ulong Length;

    /// <summary>A byte that compiled code reads at loop heads: it becomes unreadable (or, without the arena, 1) to interrupt.</summary>
    internal byte* SafepointPage;

    private const ulong LargestPressure = 16 << 20;

    private readonly Lock _lock = new();
    private readonly MemoryReservation _reservation;
    private readonly ulong _maximumPages;
    private int _leases;
    private bool _isReleaseWanted;
    private bool _isReleased;
    private bool _isInterrupted;
    private long _pressure;

    /// <exception cref="LinkException">A limit stands in the way, or the system has no memory left.</exception>
    internal Memory(Store store, MemoryType type)
    {
        Store = store;
        Type = type;
        ulong limit = (ulong)store.Options.Limits.MemoryBytes;
        ulong addressable = type.Is64Bit ? store.Engine.Options.Memory64Reservation : 1UL << 32;
        ulong capacity = Math.Min(addressable, ToBytes(type.Maximum ?? ulong.MaxValue, type.PageSizeLog2));
        ulong length = ToBytes(type.Minimum, type.PageSizeLog2);
        if (length > addressable)
        {
            throw new LinkException($"A memory of {type.Minimum} pages ({length} bytes) is more than the {addressable} bytes that are reserved for a 64-bit memory: "
                + "set EngineOptions.Memory64Reservation.");
        }

        if (!store.TryTakeMemory(length))
        {
            throw new LinkException($"A memory of {type.Minimum} pages ({length} bytes) goes beyond the store's limit of {limit} bytes of memory (ResourceLimits.MemoryBytes).");
        }

        // Nothing may fail between here and the registration but what gives back what was taken.
        try
        {
            _reservation = MemoryReservation.Take(Math.Max(length, Math.Min(capacity, limit)));
        }
        catch (LinkException)
        {
            store.ReturnMemory(length);
            GC.SuppressFinalize(this);
            throw;
        }

        Base = _reservation.Base;
        SafepointPage = _reservation.SafepointPage;
        Length = length;
        _maximumPages = _reservation.Capacity >> type.PageSizeLog2;
        if (!_reservation.TryCommit(length))
        {
            Release();
            throw new LinkException($"The system has no {length} bytes for a memory.");
        }

        AddPressure(length);
        store.Register(this);
    }

    /// <summary>Gives the address space back.</summary>
    // A frame of a guest whose instance was dropped everywhere else may still access the memory through its base alone. So it is kept for
    // as long as the store runs anything; since nothing references the memory, no later call can reach it.
    ~Memory()
    {
        if (Store.IsRunning)
        {
            GC.ReRegisterForFinalize(this);
            return;
        }

        lock (_lock)
        {
            ReleaseCore();
        }
    }

    /// <summary>Its store.</summary>
    public Store Store { get; }

    /// <summary>Its type, as declared: <see cref="PageCount"/> says how large it is now.</summary>
    public MemoryType Type { get; }

    /// <summary>Its size in bytes.</summary>
    public ulong Size => Volatile.Read(ref Length);

    /// <summary>Its size in pages.</summary>
    public ulong PageCount => Size >> Type.PageSizeLog2;

    /// <summary>A memory for guests of a store to import.</summary>
    /// <exception cref="LinkException">A limit stands in the way, or the system has no memory left.</exception>
    public static Memory Create(Store store, MemoryType type)
    {
        ArgumentNullException.ThrowIfNull(store);
        ArgumentNullException.ThrowIfNull(type);
        return new Memory(store, type);
    }

    /// <summary>Makes it larger. The new bytes are zero; the old ones stay where they are, so views of them stay valid.</summary>
    /// <returns>The former number of pages, or -1 if it can't grow.</returns>
    public long Grow(ulong pages)
    {
        lock (_lock)
        {
            ulong former = PageCount;
            if (_isReleased || pages > _maximumPages || former + pages > _maximumPages)
            {
                return -1;
            }

            ulong added = pages << Type.PageSizeLog2;
            if (!Store.TryTakeMemory(added))
            {
                return -1;
            }

            if (!_reservation.TryCommit(Length + added))
            {
                Store.ReturnMemory(added);
                return -1;
            }

            Volatile.Write(ref Length, Length + added);
            AddPressure(Length);
            return (long)former;
        }
    }

    /// <summary>A view of its bytes. Dispose it when done.</summary>
    /// <exception cref="ObjectDisposedException">The store was disposed.</exception>
    public MemoryLease Lease()
    {
        lock (_lock)
        {
            ObjectDisposedException.ThrowIf(_isReleaseWanted, Store);
            _leases++;
            return new MemoryLease(this);
        }
    }

    internal void EndLease()
    {
        lock (_lock)
        {
            _leases--;
            if (_isReleaseWanted && _leases == 0)
            {
                ReleaseCore();
            }
        }
    }

    /// <summary>Gives the memory back, now or when the last lease ends. No guest that uses it may be running.</summary>
    internal void Release()
    {
        lock (_lock)
        {
            _isReleaseWanted = true;
            if (_leases == 0)
            {
                ReleaseCore();
            }
        }
    }

    internal void SetInterrupted(bool isInterrupted)
    {
        lock (_lock)
        {
            if (!_isReleased && _isInterrupted != isInterrupted)
            {
                _isInterrupted = isInterrupted;
                _reservation.SetInterrupted(isInterrupted);
            }
        }
    }

    /// <summary>A view of a part, for the time in which the caller knows that the store is running or holds a lease.</summary>
    internal bool TryGetSpan(ulong address, ulong length, out Span<byte> span)
    {
        // Sound: the range is within the length, all of which is accessible.
        ulong size = Size;
        if (address > size || length > size - address || length > int.MaxValue)
        {
            span = default;
            return false;
        }

        span = new Span<byte>(Base + address, (int)length);
        return true;
    }

    private static ulong ToBytes(ulong pages, int pageSizeLog2) => pages > ulong.MaxValue >> pageSizeLog2 ? ulong.MaxValue : pages << pageSizeLog2;

    // Lets the garbage collector look for dropped memories in time. Much of a large memory is often never touched: it counts up to a bound.
    private void AddPressure(ulong length)
    {
        long pressure = (long)Math.Min(length, LargestPressure);
        if (pressure > _pressure)
        {
            GC.AddMemoryPressure(pressure - _pressure);
            _pressure = pressure;
        }
    }

    [SuppressMessage("Usage", "CA1816:Dispose methods should call SuppressFinalize", Justification = "Nothing is left to finalize.")]
    private void ReleaseCore()
    {
        if (_isReleased || _reservation is null)
        {
            return;
        }

        _isReleased = true;
        Store.ReturnMemory(Length);
        if (_pressure > 0)
        {
            GC.RemoveMemoryPressure(_pressure);
        }

        Volatile.Write(ref Length, 0);
        Base = null;
        _reservation.Release();
        GC.SuppressFinalize(this);
    }
}
