using Wherry.Binary;

namespace Wherry.Execution.Pooling;

/// <summary>The memories of a pool's instances: address space with the image of each that only the instance has, and the shared ones that are imported.</summary>
internal sealed unsafe class MemoryLayout
{
    private readonly MemoryType[] _types;
    private readonly Memory[] _imported;
    private readonly MemorySlots?[] _slots;

    /// <param name="engine">The engine.</param>
    /// <param name="definition">The module.</param>
    /// <param name="initial">Its constants.</param>
    /// <param name="imported">The memories that it imports.</param>
    /// <param name="options">The pool's options.</param>
    /// <exception cref="LinkException">A memory can't be as large as it must.</exception>
    public MemoryLayout(Engine engine, ModuleDefinition definition, InitialState initial, Memory[] imported, InstancePoolOptions options)
    {
        _types = definition.Memories;
        _imported = imported;
        _slots = new MemorySlots?[_types.Length];
        int residentPages = (int)Math.Clamp(options.ResidentBytes / Environment.SystemPageSize, 0, int.MaxValue);
        for (int i = 0; i < _types.Length; i++)
        {
            if (i < imported.Length || _types[i].IsShared)
            {
                HasData |= Array.Exists(definition.Data, segment => segment.Mode == SegmentMode.Active && segment.MemoryIndex == i);
                continue;
            }

            var segments = new List<(ulong Address, DataSegment Segment)>();
            for (int j = 0; j < definition.Data.Length; j++)
            {
                if (definition.Data[j].Mode == SegmentMode.Active && definition.Data[j].MemoryIndex == i)
                {
                    segments.Add((initial.Data[j], definition.Data[j]));
                }
            }

            ulong capacity = Memory.GetCapacity(engine, _types[i], options.StoreOptions.Limits);
            var image = MemoryImage.Create(_types[i], segments, definition.Bytes.Span);
            HasData |= !image.HasData;
            _slots[i] = new MemorySlots(image, capacity, options.MaximumIdleInstances, residentPages);
        }
    }

    /// <summary>Whether there is a memory whose data is not in an image, and to be copied for each instance.</summary>
    public bool HasData { get; }

    /// <summary>How many memories wait to be used again, of each kind.</summary>
    public int IdleCount => _slots.Select(slots => slots?.IdleCount ?? 0).DefaultIfEmpty().Max();

    /// <summary>Whether the data of a memory is in its image.</summary>
    public bool HasImage(int memory) => _slots[memory] is { Image.HasData: true };

    /// <exception cref="LinkException">A limit stands in the way, or there is no address space left.</exception>
    public void Create(GuestInstance guest)
    {
        if (_types.Length == 0)
        {
            return;
        }

        var memories = new Memory[_types.Length];
        int pooled = 0;
        bool isDone = false;
        try
        {
            for (int i = 0; i < memories.Length; i++)
            {
                memories[i] = _slots[i] is { } slots ? Memory.CreatePooled(guest.Store, slots)
                    : i < _imported.Length ? _imported[i]
                    : Memory.Create(guest.Store, _types[i]);
                pooled += _slots[i] is not null ? 1 : 0;
                memories[i].BeginUse(guest.Store);
            }

            isDone = true;
        }
        finally
        {
            if (!isDone)
            {
                EndUse(memories);
            }
        }

        guest.Memories = memories;
        guest.PooledMemories = pooled == memories.Length ? memories : [.. memories.Where((_, i) => _slots[i] is not null)];
        Memory first = memories[0];
        guest.Memory0 = first;
        guest.Memory0Base = first.Base;
        guest.Memory0ProbeBase = first.ProbeBase;
        guest.SafepointBase = first.Type.IsShared ? null : first.SafepointPage + GuestInstance.SafepointDistance;
    }

    public void Close()
    {
        foreach (MemorySlots? slots in _slots)
        {
            slots?.Dispose();
        }
    }

    private void EndUse(Memory?[] memories)
    {
        for (int i = 0; i < memories.Length; i++)
        {
            if (_slots[i] is not null)
            {
                memories[i]?.EndUse();
            }
        }
    }
}
