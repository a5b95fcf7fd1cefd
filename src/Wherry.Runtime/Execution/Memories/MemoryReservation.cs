using Wherry.Execution.Pooling;

namespace Wherry.Execution.Memories;

/// <summary>The address space of one memory: in the arena, or on its own where there is no arena. Not synchronized: its memory is.</summary>
internal sealed unsafe class MemoryReservation
{
    private const ulong KeptForHost = 256 << 20;

    // Smaller memories would hold more than their guests use.
    private const ulong LargePagesFrom = 8 << 20;

    private const int NoSlot = -1;
    private readonly int _slot = NoSlot;
    private readonly int _slotCount;
    private readonly byte* _start;
    private readonly ulong _size;
    private ulong _committed;

    /// <summary>Slots of the arena.</summary>
    public MemoryReservation(byte* @base, ulong capacity, byte* safepointPage, int slot, int slotCount)
    {
        Base = @base;
        Capacity = capacity;
        SafepointPage = safepointPage;
        _slot = slot;
        _slotCount = slotCount;
    }

    private MemoryReservation(byte* start, ulong size, ulong capacity)
    {
        _start = start;
        _size = size;
        Base = start + MemoryArena.BaseOffset;
        Capacity = capacity;
        SafepointPage = Base - MemoryArena.SafepointDistance;
    }

    public byte* Base { get; }

    /// <summary>The bytes that it can ever have.</summary>
    public ulong Capacity { get; }

    /// <summary>
    /// In the arena, a page that becomes unreadable to interrupt; elsewhere a byte that becomes 1.
    /// </summary>
    public byte* SafepointPage { get; }

    /// <summary>Where it goes when its memory is done with it, if a pool lent it.</summary>
    public MemorySlots? Slots { get; set; }

    /// <summary>Reserves address space, from the arena where there is one.</summary>
    public static MemoryReservation Take(ulong capacity)
    {
        if (MemoryArena.IsGuarded)
        {
            return MemoryArena.TryTake(capacity, out MemoryReservation? reservation) ? reservation
                : throw new LinkException($"There is no address space left for another memory of {capacity} bytes: too many memories are in use. "
                    + "Dispose stores that are done with.");
        }

        ulong size = MemoryArena.BaseOffset + AlignToPage(capacity);
        byte* start = HasRoom(size) ? SystemMemory.Reserve(size) : null;
        if (start == null || !SystemMemory.Commit(start + MemoryArena.BaseOffset - MemoryArena.SafepointDistance, (ulong)Environment.SystemPageSize))
        {
            throw new LinkException($"The system refused to reserve {size} bytes of address space for a memory. A lower limit of memory (ResourceLimits.MemoryBytes, a Compose file's mem_limit) reserves less.");
        }

        return new MemoryReservation(start, size, capacity);
    }

    // Where address space is short, so that there is no arena, the last of it is left to the host: a runtime that can't have any more ends the process.
    private static bool HasRoom(ulong size)
    {
        byte* probe = SystemMemory.Reserve(size + KeptForHost);
        if (probe != null)
        {
            SystemMemory.Free(probe, size + KeptForHost);
        }

        return probe != null;
    }

    /// <summary>Makes the first bytes accessible; those that were not before are zero.</summary>
    /// <returns>False if the system has no memory left.</returns>
    public bool TryCommit(ulong length)
    {
        ulong end = AlignToPage(length);
        if (end <= _committed)
        {
            return true;
        }

        if (!SystemMemory.Commit(Base + _committed, end - _committed))
        {
            return false;
        }

        if (end >= LargePagesFrom)
        {
            ulong start = _committed >= LargePagesFrom ? _committed : 0;
            SystemMemory.UseLargePages(Base + start, end - start);
        }

        _committed = end;
        return true;
    }

    /// <summary>Takes away what lies behind the first bytes: it is inaccessible, and its contents are gone.</summary>
    /// <returns>False if the system refused.</returns>
    public bool TryShrink(ulong length)
    {
        ulong end = AlignToPage(length);
        if (_committed > end)
        {
            if (!SystemMemory.Reset(Base + end, _committed - end))
            {
                return false;
            }

            _committed = end;
        }

        return true;
    }

    /// <summary>Stops guests at their next safepoint, or lets them run again.</summary>
    public void SetInterrupted(bool isInterrupted) => SafepointPages.SetInterrupted(SafepointPage, isInterrupted);

    /// <summary>Gives the address space back. Nothing may access it any more.</summary>
    /// <param name="isInterrupted">Whether the safepoint page is inaccessible.</param>
    public void Release(bool isInterrupted = false)
    {
        if (Slots is not null)
        {
            Slots.Return(this, isInterrupted);
        }
        else if (_slot != NoSlot)
        {
            MemoryArena.Return(_slot, _slotCount);
        }
        else
        {
            SystemMemory.Free(_start, _size);
        }
    }

    private static ulong AlignToPage(ulong size)
    {
        ulong page = (ulong)Environment.SystemPageSize;
        return (size + page - 1) / page * page;
    }
}
