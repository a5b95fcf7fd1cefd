namespace Wherry;

/// <summary>How much all guests of a <see cref="Store"/> together may take.</summary>
public sealed record ResourceLimits
{
    /// <summary>The limits of a store unless told otherwise.</summary>
    public static ResourceLimits Default { get; } = new();

    /// <summary>Bytes of linear memory. Beyond it <c>memory.grow</c> answers -1 and instantiation fails.</summary>
    public long MemoryBytes { get; init; } = long.MaxValue;

    /// <summary>
    /// Bytes of structs and arrays (garbage collection), known within a fifth. A guest that keeps more alive traps. They live on the host's own
    /// heap, so that this bounds what a guest can take of it.
    /// </summary>
    public long HeapBytes { get; init; } = 1L << 30;

    /// <summary>Elements of tables. Beyond it <c>table.grow</c> answers -1 and instantiation fails.</summary>
    public long TableElements { get; init; } = 10_000_000;

    /// <summary>Instances, as long as they live.</summary>
    public int Instances { get; init; } = 10_000;

    /// <summary>
    /// Bytes of stack for the guest's calls, which bounds their depth; null for all of the calling thread's stack but 768 KiB, which are always
    /// kept for the compiler and for host functions.
    /// </summary>
    public long? StackBytes { get; init; }
}
