namespace Wherry;

/// <summary>How an <see cref="InstancePool"/> makes its instances, and what it keeps for the next ones.</summary>
public sealed record InstancePoolOptions
{
    /// <summary>The options of a pool unless told otherwise.</summary>
    public static InstancePoolOptions Default { get; } = new();

    /// <summary>What bounds each instance: each has a store of its own with these options.</summary>
    public StoreOptions StoreOptions { get; init; } = StoreOptions.Default;

    /// <summary>How many instances may be in use at once. Beyond it, making another fails. A process has address space for about 10,000 memories.</summary>
    public int MaximumInstances { get; init; } = int.MaxValue;

    /// <summary>How many instances' memories are kept for the next ones when nobody uses them. Those of all others go back to the system.</summary>
    public int MaximumIdleInstances { get; init; } = 256;

    /// <summary>
    /// How many bytes of what an instance wrote to its memory are written over, and stay in memory for the next one, when it is disposed (on Linux from version 6.7 on). What it wrote beyond goes back to the
    /// system: that costs the next instance that writes there a page fault, which takes longer than writing over a page of 4 KiB. Pages by which a memory grew always go back.
    /// </summary>
    public int ResidentBytes { get; init; } = 128 << 10;
}
