using System.Diagnostics.CodeAnalysis;
using Wherry.Execution;
using Wherry.Execution.Memories;
using Wherry.Execution.Pooling;

namespace Wherry;

/// <summary>
/// A linear memory. It never moves, and its bytes are reached through a <see cref="MemoryLease"/> or a <see cref="Caller"/>. One that is shared (threads
/// proposal) may be imported by instances of several stores at once, which run on threads of their own; it lives as long as any of them, any lease, and
/// the host's own claim, if the host made it for an engine rather than a store.
/// </summary>
public sealed unsafe class Memory : IDisposable
{
    // Compiled code reads these. The length only grows, until the memory is released.
    internal byte* Base;

    /// <summary>
    /// Lies <see cref="ProbeDistance"/> above the base. The JIT drops a read whose result is unused if it knows a pointer near it to be valid; of one so far away it doesn't.
    /// </summary>
    internal byte* ProbeBase;

    internal const long ProbeDistance = 1 << 30;
    internal ulong Length;

    /// <summary>
    /// A byte that compiled code reads at loop heads: it becomes unreadable (or, without the arena, 1) to interrupt. Not that of a shared memory.
    /// </summary>
    internal byte* SafepointPage;

    private const ulong LargestPressure = 16 << 20;

    private readonly object _lock = new();
    private readonly ResourceAccount _account;
    private readonly MemoryReservation _reservation;
    private readonly ulong _maximumPages;

    // Of a shared memory: the stores that use it, without keeping them, and how many of them were not disposed; the host's claim counts as one.
    private WeakList _users;
    private int _useCount = 1;
    private bool _isClaimed;
    private int _leases;
    private bool _isReleaseWanted;
    private bool _isReleased;
    private bool _isInterrupted;
    private long _pressure;

    /// <exception cref="LinkException">A limit stands in the way, or the system has no memory left.</exception>
    internal Memory(Store store, MemoryType type)
        : this(store.Engine, type, store.Options.Limits, store.Account)
    {
        Store = store;
        if (type.IsShared)
        {
            _users.Add(store);
        }

        store.Register(this);
    }

    /// <summary>A memory of a pooled instance, on address space that is ready. The store keeps it.</summary>
    private Memory(Store store, MemoryType type, ulong length, MemoryReservation reservation)
    {
        _account = store.Account;
        _reservation = reservation;
        Store = store;
        Type = type;
        Base = reservation.Base;
        ProbeBase = Base + ProbeDistance;
        SafepointPage = reservation.SafepointPage;
        Length = length;
        _maximumPages = reservation.Capacity >> type.PageSizeLog2;
    }

    private Memory(Engine engine, MemoryType type, ResourceLimits limits, ResourceAccount account)
    {
        _account = account;
        Type = type;
        ulong length = ToBytes(type.Minimum, type.PageSizeLog2);
        ulong capacity;
        try
        {
            capacity = GetCapacity(engine, type, limits);
            if (!account.TryTakeMemory(length))
            {
                throw LimitReached(type, length, limits);
            }
        }
        catch (LinkException)
        {
            GC.SuppressFinalize(this);
            throw;
        }

        // Nothing may fail between here and the registration but what gives back what was taken.
        try
        {
            _reservation = MemoryReservation.Take(capacity);
        }
        catch (LinkException)
        {
            account.ReturnMemory(length);
            GC.SuppressFinalize(this);
            throw;
        }

        Base = _reservation.Base;
        ProbeBase = Base + ProbeDistance;
        SafepointPage = _reservation.SafepointPage;
        Length = length;
        _maximumPages = _reservation.Capacity >> type.PageSizeLog2;
        if (!_reservation.TryCommit(length))
        {
            ReleaseCore();
            throw new LinkException($"The system has no {length} bytes for a memory.");
        }

        AddPressure(length);
    }

    /// <summary>Gives the address space back.</summary>
    // A frame of a guest whose instance was dropped everywhere else may still access the memory through its base alone. So it is kept for
    // as long as a store of its users runs anything; since nothing references the memory, no later call can reach it.
    ~Memory()
    {
        if (IsUserRunning())
        {
            GC.ReRegisterForFinalize(this);
            return;
        }

        lock (_lock)
        {
            ReleaseCore();
        }
    }

    /// <summary>The store that it was made in; null if it was made for an engine.</summary>
    public Store? Store { get; }

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

    /// <summary>A memory of a pooled instance, which goes back to the pool with its store, or when nothing references it any more.</summary>
    /// <exception cref="LinkException">A limit stands in the way, or there is no address space left.</exception>
    internal static Memory CreatePooled(Store store, MemorySlots slots)
    {
        MemoryImage image = slots.Image;
        if (!store.Account.TryTakeMemory(image.Length))
        {
            throw LimitReached(image.Type, image.Length, store.Options.Limits);
        }

        return new Memory(store, image.Type, image.Length, slots.Take());
    }

    /// <summary>
    /// A shared memory for guests of any stores of an engine to import. It is given back when it was disposed and all stores that use it are, or when
    /// nothing references it any more. It counts against no store's limits: its type's maximum bounds it.
    /// </summary>
    /// <exception cref="ArgumentException">The type is not that of a shared memory with a maximum.</exception>
    /// <exception cref="LinkException">The system has no memory left.</exception>
    public static Memory Create(Engine engine, MemoryType type)
    {
        ArgumentNullException.ThrowIfNull(engine);
        ArgumentNullException.ThrowIfNull(type);
        if (!type.IsShared || type.Maximum is null)
        {
            throw new ArgumentException("Only a shared memory with a maximum can be used by several stores: others are made for one store.", nameof(type));
        }

        return new Memory(engine, type, ResourceLimits.Default, new ResourceAccount(ResourceLimits.Default)) { _isClaimed = true };
    }

    /// <summary>
    /// Ends the host's claim on a memory that it made for an engine: it is given back when the last store that uses it is disposed, and the last lease. A
    /// memory of a store is given back with its store; for it this does nothing.
    /// </summary>
    [SuppressMessage("Usage", "CA1816:Dispose methods should call SuppressFinalize", Justification = "Stores may still use it, and be dropped without a word.")]
    public void Dispose()
    {
        lock (_lock)
        {
            if (_isClaimed)
            {
                _isClaimed = false;
                EndUseCore();
            }
        }
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
            if (!_account.TryTakeMemory(added))
            {
                return -1;
            }

            if (!_reservation.TryCommit(Length + added))
            {
                _account.ReturnMemory(added);
                return -1;
            }

            Volatile.Write(ref Length, Length + added);
            AddPressure(Length);
            return (long)former;
        }
    }

    /// <summary>A view of its bytes. Dispose it when done.</summary>
    /// <exception cref="ObjectDisposedException">It was given back: its stores were disposed.</exception>
    public MemoryLease Lease()
    {
        lock (_lock)
        {
            ObjectDisposedException.ThrowIf(_isReleaseWanted, (object?)Store ?? this);
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

    /// <summary>Notes that instances of a store use it, so that it lives as long as the store. Once for each store; only a shared memory has others than its own.</summary>
    /// <exception cref="LinkException">It was given back.</exception>
    internal void BeginUse(Store store)
    {
        if (!Type.IsShared)
        {
            return;
        }

        lock (_lock)
        {
            foreach (Store user in _users.GetAll())
            {
                if (user == store)
                {
                    return;
                }
            }

            if (_isReleaseWanted)
            {
                throw new LinkException("The shared memory was given back: the host and the stores that used it disposed it.");
            }

            _users.Add(store);
            _useCount++;
        }

        store.Register(this);
    }

    /// <summary>Ends a store's use of it, which ends with the store: no guest of it that uses the memory may be running.</summary>
    internal void EndUse()
    {
        lock (_lock)
        {
            EndUseCore();
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

    // Gives the memory back after the last use, now or when the last lease ends.
    private void EndUseCore()
    {
        _useCount--;
        if (_useCount == 0)
        {
            _isReleaseWanted = true;
            if (_leases == 0)
            {
                ReleaseCore();
            }
        }
    }

    private bool IsUserRunning()
    {
        if (Store is { IsRunning: true })
        {
            return true;
        }

        lock (_lock)
        {
            foreach (Store user in _users.GetAll())
            {
                if (user.IsRunning)
                {
                    return true;
                }
            }
        }

        return false;
    }

    /// <summary>The bytes that a memory may ever have.</summary>
    /// <exception cref="LinkException">It can't even have those that it starts with.</exception>
    internal static ulong GetCapacity(Engine engine, MemoryType type, ResourceLimits limits)
    {
        ulong addressable = type.Is64Bit ? engine.Options.Memory64Reservation : 1UL << 32;
        ulong capacity = Math.Min(addressable, ToBytes(type.Maximum ?? ulong.MaxValue, type.PageSizeLog2));
        ulong length = ToBytes(type.Minimum, type.PageSizeLog2);
        return length <= addressable ? Math.Max(length, Math.Min(capacity, (ulong)limits.MemoryBytes))
            : throw new LinkException($"A memory of {type.Minimum} pages ({length} bytes) is more than the {addressable} bytes that are reserved for a 64-bit memory: "
                + "set EngineOptions.Memory64Reservation.");
    }

    private static LinkException LimitReached(MemoryType type, ulong length, ResourceLimits limits) =>
        new($"A memory of {type.Minimum} pages ({length} bytes) goes beyond the store's limit of {limits.MemoryBytes} bytes of memory (ResourceLimits.MemoryBytes).");

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
        _account.ReturnMemory(Length);
        if (_pressure > 0)
        {
            GC.RemoveMemoryPressure(_pressure);
        }

        Volatile.Write(ref Length, 0);
        Base = null;
        _reservation.Release(_isInterrupted);
        GC.SuppressFinalize(this);
    }
}
