using System.Diagnostics.CodeAnalysis;
using System.Globalization;
using Wherry.Binary;
using Wherry.Execution.Pooling;

namespace Wherry.Execution.Memories;

/// <summary>
/// One range of address space from which all guests' memories are taken, so that one comparison tells whether a fault is a guest's. It is cut into
/// slots of 64 KiB + 8 GiB:
/// <code>
///   slot            +32 KiB                    +64 KiB = base                     next slot
///   | inaccessible  | safepoint page, readable | memory … inaccessible … 8 GiB    | inaccessible 32 KiB …
/// </code>
/// A 32-bit index plus a 32-bit offset plus 16 bytes reaches at most 14 bytes into the next slot, which starts with 32 KiB that are never accessible. A
/// memory that needs more takes several slots in a row. The first slot is cut into safepoint pages for stores.
/// </summary>
internal static unsafe class MemoryArena
{
    /// <summary>From a slot's start to the memory's first byte.</summary>
    public const ulong BaseOffset = 64 << 10;

    /// <summary>From the safepoint page up to the memory's first byte. Compiled code knows it.</summary>
    public const int SafepointDistance = 32 << 10;

    public const ulong SlotSize = BaseOffset + (8UL << 30);

    private const ulong SafepointPageSize = 4096;

    // A slot in use has at most so many mappings: the readable part, three of a pooled memory (before, in and behind its image), what is inaccessible. The rest of the
    // process keeps some.
    private const int MappingsPerSlot = 5;
    private const int OtherMappings = 8_192;

    // So many slots are good with any number of mappings that a system allows; what this one allows is asked beyond.
    private const int FewSlots = 1_024;

    private static readonly object s_lock = new();
    private static readonly byte* s_start;
    private static readonly int s_slotCount;
    private static readonly bool[] s_isTaken = [];
    private static readonly Stack<int> s_freePages = new();

    // What the number of mappings allows, once it was asked for.
    private static int s_slotLimit = FewSlots;
    private static bool s_isLimitKnown;

    // No slot below is free.
    private static int s_firstFree = 1;
    private static int s_nextPage;

    static MemoryArena()
    {
        if (!FaultHandler.IsSupported)
        {
            return;
        }

        // All that lies below the executable of an x64 process, or what the system (or a limit on address space) leaves.
        const ulong Largest = 84UL << 40;
        for (ulong size = Largest; size >= 256UL << 30; size = size == Largest ? 64UL << 40 : size / 2)
        {
            byte* start = SystemMemory.Reserve(size);
            if (start == null)
            {
                continue;
            }

            ulong alignment = (BaseOffset - ((ulong)start % BaseOffset)) % BaseOffset;
            if (!FaultHandler.TryInstall(start, size))
            {
                SystemMemory.Free(start, size);
                return;
            }

            byte* first = start + alignment;
            if (SystemMemory.Commit(first, SlotSize, isWritable: false))
            {
                s_start = first;
                s_slotCount = (int)((size - alignment - BaseOffset) / SlotSize);
                s_isTaken = new bool[s_slotCount];
            }

            return;
        }
    }

    /// <summary>Whether memories come from the arena, with faults made into exceptions.</summary>
    public static bool IsGuarded => s_slotCount > 0;

    /// <summary>Whether accesses to a memory of this type need no checks.</summary>
    public static bool CanGuard(MemoryType type) => IsGuarded && !type.Is64Bit && type.PageSizeLog2 == 16;

    /// <summary>Takes slots for a memory.</summary>
    /// <param name="capacity">The bytes that it may ever have.</param>
    public static bool TryTake(ulong capacity, [NotNullWhen(true)] out MemoryReservation? reservation)
    {
        // A memory of a single slot has 8 GiB behind its base, which unchecked accesses need; those of larger memories are checked.
        ulong count = (capacity + BaseOffset + SlotSize - 1) / SlotSize;
        reservation = null;
        if (count >= (ulong)s_slotCount)
        {
            return false;
        }

        int slot = TakeSlots((int)count);
        if (slot < 0 && MemorySlots.TrimAll())
        {
            slot = TakeSlots((int)count);
        }

        if (slot < 0)
        {
            // Memories that nothing references may only wait for the garbage collector.
            GC.Collect();
            GC.WaitForPendingFinalizers();
            _ = MemorySlots.TrimAll();
            slot = TakeSlots((int)count);
            if (slot < 0)
            {
                return false;
            }
        }

        byte* start = s_start + ((ulong)slot * SlotSize);
        byte* page = start + BaseOffset - SafepointDistance;

        // Up to the memory, which makes one mapping less than the page alone.
        if (!SystemMemory.Commit(page, SafepointDistance, isWritable: false))
        {
            GiveBack(slot, (int)count);
            return false;
        }

        reservation = new MemoryReservation(start + BaseOffset, capacity, page, slot, (int)count);
        return true;
    }

    /// <summary>Makes the slots inaccessible, drops their contents and keeps them for other memories.</summary>
    public static void Return(int slot, int count)
    {
        // Slots that can't be reset are lost rather than handed to another guest with what is in them.
        if (SystemMemory.Reset(s_start + ((ulong)slot * SlotSize), (ulong)count * SlotSize))
        {
            GiveBack(slot, count);
        }
    }

    /// <summary>Takes a readable page that is no memory's, for guests without one.</summary>
    /// <returns>Null if there is none.</returns>
    public static byte* TakeSafepointPage()
    {
        lock (s_lock)
        {
            if (s_freePages.TryPop(out int page))
            {
                return s_start + ((ulong)page * SafepointPageSize);
            }

            return (ulong)s_nextPage < SlotSize / SafepointPageSize ? s_start + ((ulong)s_nextPage++ * SafepointPageSize) : null;
        }
    }

    public static void ReturnSafepointPage(byte* page)
    {
        if (SystemMemory.Commit(page, SafepointPageSize, isWritable: false))
        {
            lock (s_lock)
            {
                s_freePages.Push((int)((ulong)(page - s_start) / SafepointPageSize));
            }
        }
    }

    /// <summary>Whether a read of a safepoint page faulted at this address, rather than an access of a memory.</summary>
    public static bool IsSafepointPage(nint address)
    {
        ulong distance = (ulong)(address - (nint)s_start);
        ulong inSlot = distance % SlotSize;
        return distance < SlotSize || inSlot - (BaseOffset - SafepointDistance) < SafepointPageSize;
    }

    // First fit: no more slots are in use than this one's number.
    private static bool CanUse(int slot)
    {
        if (!s_isLimitKnown)
        {
            s_isLimitKnown = true;
            s_slotLimit = Math.Max(FewSlots, (GetMaximumMappings() - OtherMappings) / MappingsPerSlot);
        }

        return slot < s_slotLimit;
    }

    private static int GetMaximumMappings()
    {
        try
        {
            return int.Parse(File.ReadAllText("/proc/sys/vm/max_map_count"), CultureInfo.InvariantCulture);
        }
        catch (Exception exception) when (exception is IOException or UnauthorizedAccessException or FormatException or OverflowException)
        {
            return 65_530;
        }
    }

    // First fit, so that what is in use stays together and rows of slots remain.
    private static int TakeSlots(int count)
    {
        lock (s_lock)
        {
            int free = 0;
            for (int slot = Math.Max(1, s_firstFree); slot < s_slotCount; slot++)
            {
                free = s_isTaken[slot] ? 0 : free + 1;
                if (free == count)
                {
                    if (slot >= s_slotLimit && !CanUse(slot))
                    {
                        return -1;
                    }

                    int first = slot - count + 1;
                    s_isTaken.AsSpan(first, count).SetAll(true);
                    s_firstFree = count == 1 ? slot + 1 : s_firstFree;
                    return first;
                }
            }

            return -1;
        }
    }

    private static void GiveBack(int slot, int count)
    {
        lock (s_lock)
        {
            s_isTaken.AsSpan(slot, count).Clear();
            s_firstFree = Math.Min(s_firstFree, slot);
        }
    }
}
