namespace Wherry;

/// <summary>
/// A view of a <see cref="Memory"/>, valid until it is disposed: until then the address space is not used again, even if the memory's store is disposed.
/// </summary>
public sealed unsafe class MemoryLease : IDisposable
{
    /// <summary>All bytes (the first 2 GiB of them, if there are more).</summary>
    public Span<byte> Span => throw new NotImplementedException();

    /// <summary>A part of the bytes.</summary>
    /// <exception cref="ArgumentOutOfRangeException">It reaches beyond the memory.</exception>
    public Span<byte> Slice(ulong address, int length) => throw new NotImplementedException();

    /// <summary>Ends the view.</summary>
    public void Dispose()
    {
    }
}
