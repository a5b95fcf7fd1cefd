using System.Buffers;

namespace Wherry;

/// <summary>
/// A view of a <see cref="Memory"/>, valid until it is disposed: until then the address space is not used again, even if the memory's store is
/// disposed. The guest may change the bytes and let the memory grow meanwhile.
/// </summary>
public sealed unsafe class MemoryLease : IDisposable
{
    private readonly Memory _memory;
    private Manager? _manager;
    private int _isDisposed;

    internal MemoryLease(Memory memory) => _memory = memory;

    /// <summary>All bytes (the first 2 GiB of them, if there are more).</summary>
    public Span<byte> Span => Slice(0, (int)Math.Min(_memory.Size, int.MaxValue));

    /// <summary>How many bytes there are.</summary>
    internal ulong Size => _memory.Size;

    /// <summary>A part of the bytes.</summary>
    /// <exception cref="ArgumentOutOfRangeException">It reaches beyond the memory.</exception>
    public Span<byte> Slice(ulong address, int length)
    {
        ObjectDisposedException.ThrowIf(_isDisposed != 0, this);
        if (length < 0 || !_memory.TryGetSpan(address, (ulong)length, out Span<byte> span))
        {
            throw new ArgumentOutOfRangeException(nameof(address), $"{length} bytes at address 0x{address:x} reach beyond the memory of {_memory.Size} bytes.");
        }

        return span;
    }

    /// <summary>A part of the bytes, for asynchronous input and output right from or into the guest. It too is valid until the lease is disposed.</summary>
    /// <exception cref="ArgumentOutOfRangeException">It reaches beyond the memory, or beyond its first 2 GiB.</exception>
    public Memory<byte> AsMemory(ulong address, int length)
    {
        _ = Slice(address, length);
        ArgumentOutOfRangeException.ThrowIfGreaterThan(address + (ulong)length, (ulong)int.MaxValue, nameof(address));
        return (_manager ??= new Manager(this)).Memory.Slice((int)address, length);
    }

    /// <summary>Ends the view.</summary>
    public void Dispose()
    {
        if (Interlocked.Exchange(ref _isDisposed, 1) == 0)
        {
            _memory.EndLease();
        }
    }

    private sealed class Manager(MemoryLease lease) : MemoryManager<byte>
    {
        public override Span<byte> GetSpan() => lease.Span;

        public override MemoryHandle Pin(int elementIndex = 0)
        {
            // Sound: the memory never moves, and the handle keeps the manager and so the lease from being collected.
            ObjectDisposedException.ThrowIf(lease._isDisposed != 0, lease);
            ArgumentOutOfRangeException.ThrowIfGreaterThan((ulong)elementIndex, lease._memory.Size);
            return new MemoryHandle(lease._memory.Base + elementIndex, pinnable: this);
        }

        public override void Unpin()
        {
        }

        protected override void Dispose(bool disposing)
        {
        }
    }
}
