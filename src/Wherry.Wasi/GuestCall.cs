using System.Runtime.CompilerServices;
using Wherry.Wasi.Abi;

namespace Wherry.Wasi;

/// <summary>
/// What a host function needs of its caller: the guest's memory, every access to which is checked, and the token that ends waits.
/// The functions that the guest imports take a <c>Caller</c> and do nothing but make a GuestCall and pass it on; so the functions
/// themselves can be tested on any memory.
/// </summary>
/// <remarks>Sound because memory never moves and stays mapped while the guest is in the call, and each accessor checks the range first.</remarks>
internal readonly unsafe struct GuestCall
{
    /// <summary>The largest number of buffers in one read or write.</summary>
    public const int MaximumBuffers = 1024;

    private readonly byte* memory;
    private readonly ulong length;
    private readonly Store? store;
    private readonly CancellationToken cancellationToken;

    /// <summary>A call of a guest in a store.</summary>
    public GuestCall(byte* memory, ulong length, Store store)
    {
        this.memory = memory;
        this.length = length;
        this.store = store;
    }

    /// <summary>A call without an engine, for tests.</summary>
    public GuestCall(byte* memory, ulong length, CancellationToken cancellationToken)
    {
        this.memory = memory;
        this.length = length;
        this.cancellationToken = cancellationToken;
    }

    /// <summary>Ends waits: the guest was interrupted. The store makes it when first asked, so it is asked only by what waits.</summary>
    public CancellationToken CancellationToken => store?.InterruptionToken ?? cancellationToken;

    /// <summary>Whether the range lies in the memory.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public bool Contains(uint address, ulong count) => count <= length && address <= length - count;

    /// <summary>A view of guest memory, or false if any of it is out of bounds.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public bool TryGetSpan(uint address, uint count, out Span<byte> span)
    {
        if (!Contains(address, count) || count > int.MaxValue)
        {
            span = default;
            return false;
        }

        // Sound: the range was just checked.
        span = new Span<byte>(memory + address, (int)count);
        return true;
    }

    /// <summary>The host's address of guest memory, or null if any of the range is out of bounds. Valid during the call only.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public byte* GetPointer(uint address, ulong count) => Contains(address, count) ? memory + address : null;

    /// <summary>Reads a value; guests may pass unaligned addresses.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public bool TryRead<T>(uint address, out T value) where T : unmanaged
    {
        if (!Contains(address, (ulong)sizeof(T)))
        {
            value = default;
            return false;
        }

        // Sound: the range was just checked.
        value = Unsafe.ReadUnaligned<T>(memory + address);
        return true;
    }

    /// <summary>Writes a value, or answers Fault.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public Errno Write<T>(uint address, T value) where T : unmanaged
    {
        if (!Contains(address, (ulong)sizeof(T)))
        {
            return Errno.Fault;
        }

        // Sound: the range was just checked.
        Unsafe.WriteUnaligned(memory + address, value);
        return Errno.Success;
    }

    /// <summary>
    /// Translates the guest's list of buffers to the host's (struct iovec), each checked. <paramref name="vectors"/> must hold
    /// <see cref="MaximumBuffers"/> or at least <paramref name="count"/> of them.
    /// </summary>
    public Errno GetBuffers(uint address, uint count, Span<NativeBuffer> vectors)
    {
        if (count > MaximumBuffers)
        {
            return Errno.Inval;
        }

        if (!Contains(address, (ulong)count * 8))
        {
            return Errno.Fault;
        }

        ulong total = 0;
        for (var i = 0; i < (int)count; i++)
        {
            // Sound: the whole list was checked above, each buffer is checked below.
            var buffer = Unsafe.ReadUnaligned<GuestBuffer>(memory + address + ((uint)i * 8));
            if (!Contains(buffer.Address, buffer.Length))
            {
                return Errno.Fault;
            }

            total += buffer.Length;
            if (total > uint.MaxValue)
            {
                // The count of bytes done must fit into the guest's 32 bits.
                return Errno.Inval;
            }

            vectors[i] = new NativeBuffer(memory + buffer.Address, buffer.Length);
        }

        return Errno.Success;
    }
}

/// <summary>libc's struct iovec.</summary>
internal readonly unsafe struct NativeBuffer(byte* address, nuint length)
{
    public readonly byte* Address = address;
    public readonly nuint Length = length;

    /// <summary>What is left after the first bytes, of which there are at least <paramref name="count"/>.</summary>
    public NativeBuffer Skip(nuint count) => new(Address + count, Length - count);

    /// <summary>The same bytes as a span; sound while the guest is in the call, since the range was checked when this was made.</summary>
    public Span<byte> Span => new(Address, (int)Math.Min(Length, int.MaxValue));
}
