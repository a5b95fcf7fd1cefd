using Wherry.Execution.Memories;

namespace Wherry.Execution.Pooling;

/// <summary>
/// The address space of one memory of a pool's instances. What is given back keeps its mappings and its image, and is the next to be used again: only what was
/// written must be restored. Any thread may use it, the finalizers' too.
/// </summary>
internal sealed unsafe class MemorySlots : IDisposable
{
    // From so many memories in use on, twice as many as before means that some may wait for the garbage collector: their owners did not dispose them.
    private const int FewMemories = 512;

    private static readonly object s_all = new();
    private static WeakList s_slots;

    private readonly object _lock = new();
    private readonly Stack<MemoryReservation> _idle = new();
    private readonly MemoryImage _image;
    private readonly ulong _capacity;
    private readonly int _maximumIdle;
    private readonly int _residentPages;
    private int _used;
    private int _expectedUse = FewMemories;
    private bool _isClosed;

    /// <param name="image">What each memory holds at the start.</param>
    /// <param name="capacity">The bytes that each may ever have.</param>
    /// <param name="maximumIdle">How many to keep that nobody uses.</param>
    /// <param name="residentPages">See <see cref="MemoryImage.TryRestore"/>.</param>
    public MemorySlots(MemoryImage image, ulong capacity, int maximumIdle, int residentPages)
    {
        _image = image;
        _capacity = capacity;
        _maximumIdle = maximumIdle;
        _residentPages = residentPages;
        lock (s_all)
        {
            s_slots.Add(this);
        }
    }

    // The pool was dropped without a word, and so were all of its instances: the finalizers of their memories give the rest back.
    ~MemorySlots() => Close();

    public MemoryImage Image => _image;

    /// <summary>How many wait to be used again.</summary>
    public int IdleCount
    {
        get
        {
            lock (_lock)
            {
                return _idle.Count;
            }
        }
    }

    /// <summary>Gives the address space that all pools have and don't use back to the arena.</summary>
    /// <returns>Whether there was any.</returns>
    public static bool TrimAll()
    {
        object[] all;
        lock (s_all)
        {
            all = s_slots.GetAll();
        }

        bool hasFreed = false;
        foreach (MemorySlots slots in all)
        {
            hasFreed |= slots.Trim();
        }

        return hasFreed;
    }

    /// <summary>Takes the address space of a memory with the image in it.</summary>
    /// <exception cref="LinkException">The system, or the arena, has none left.</exception>
    public MemoryReservation Take()
    {
        bool mayCollect = false;
        lock (_lock)
        {
            _used++;
            if (_idle.TryPop(out MemoryReservation? idle))
            {
                return idle;
            }

            if (_used > _expectedUse)
            {
                mayCollect = true;
                _expectedUse = _used * 2;
            }
        }

        if (mayCollect)
        {
            GC.Collect();
        }

        MemoryReservation? reservation = null;
        bool isReady = false;
        try
        {
            reservation = MemoryReservation.Take(_capacity);
            isReady = Prepare(reservation);
        }
        finally
        {
            if (!isReady)
            {
                reservation?.Release();
                lock (_lock)
                {
                    _used--;
                }
            }
        }

        reservation.Slots = this;
        return reservation;
    }

    /// <summary>Restores a memory, so that nothing is left of what was in it, and keeps its address space. Nothing may access it any more.</summary>
    /// <param name="reservation">The memory's address space.</param>
    /// <param name="isInterrupted">Whether its safepoint page is inaccessible: such a memory is not kept.</param>
    public void Return(MemoryReservation reservation, bool isInterrupted)
    {
        bool isKept;
        lock (_lock)
        {
            _used--;
            _expectedUse = Math.Max(FewMemories, Math.Min(_expectedUse, _used * 4));
            isKept = !isInterrupted && !_isClosed && _idle.Count < _maximumIdle;
        }

        if (isKept && reservation.TryShrink(_image.End) && _image.TryRestore(reservation.Base, _residentPages))
        {
            lock (_lock)
            {
                if (!_isClosed)
                {
                    _idle.Push(reservation);
                    return;
                }
            }
        }

        reservation.Slots = null;
        reservation.Release();
    }

    /// <summary>Keeps nothing from now on.</summary>
    public void Dispose()
    {
        GC.SuppressFinalize(this);
        Close();
    }

    private void Close()
    {
        lock (_lock)
        {
            _isClosed = true;
        }

        _ = Trim();
    }

    private bool Prepare(MemoryReservation reservation)
    {
        if (reservation.TryCommit(_image.Length) && _image.TryPlace(reservation.Base))
        {
            return true;
        }

        throw new LinkException($"The system refused to map {_image.Length} bytes for another instance's memory: it has no memory left, or the process has all the mappings that it may have (vm.max_map_count).");
    }

    private bool Trim()
    {
        bool hasFreed = false;
        while (true)
        {
            MemoryReservation? idle;
            lock (_lock)
            {
                if (!_idle.TryPop(out idle))
                {
                    return hasFreed;
                }
            }

            idle.Slots = null;
            idle.Release();
            hasFreed = true;
        }
    }
}
