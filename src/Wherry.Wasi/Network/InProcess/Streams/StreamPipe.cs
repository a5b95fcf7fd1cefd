using System.Buffers;
using System.Numerics;
using Wherry.Wasi.Abi;
using Wherry.Wasi.Native;

namespace Wherry.Wasi.Network.InProcess.Streams;

/// <summary>
/// One direction of a connection between two guests: a ring of bytes, which one guest's thread fills while another's empties it. The ring grows with what is written, up to <see cref="Capacity"/>, and is given back when it is empty.
/// </summary>
/// <remarks>Each side is used by one thread at a time. Places in the ring are taken and given under the lock, bytes are copied outside of it.</remarks>
internal sealed unsafe class StreamPipe
{
    /// <summary>How many bytes are on their way at most: then the writer waits.</summary>
    public const int Capacity = 256 << 10;

    /// <summary>A writer that has waited goes on when so much is free: it shall not be woken for each few bytes.</summary>
    private const int EnoughRoom = Capacity / 4;

    private const int SmallestRing = 4096;

    private readonly Lock gate = new();
    private byte[]? ring;

    // A power of two; the array may be longer.
    private int size;
    private int start;
    private int count;
    private bool isReading;
    private bool isWriting;
    private bool isEnded;
    private bool isReset;
    private bool isReaderGone;
    private bool wantsRoom;

    /// <summary>Whether no more is written, or nobody reads: a write returns at once.</summary>
    public bool IsBroken
    {
        get
        {
            lock (gate)
            {
                return isEnded || isReaderGone;
            }
        }
    }

    /// <summary>What a reader would find.</summary>
    public (bool HasData, bool IsEnded, bool IsReset) Reading
    {
        get
        {
            lock (gate)
            {
                return (count > 0, isEnded, isReset);
            }
        }
    }

    /// <summary>Whether a write would not wait.</summary>
    public bool HasRoom
    {
        get
        {
            lock (gate)
            {
                return isEnded || isReaderGone || (wantsRoom ? Capacity - count >= EnoughRoom : count < Capacity);
            }
        }
    }

    /// <summary>Writes what there is room for.</summary>
    /// <param name="data">Checked ranges of the guest's memory.</param>
    /// <param name="written">How much that was.</param>
    /// <param name="hasFilled">Whether the reader, who has had nothing to read, has now.</param>
    /// <returns>Again if there is no room; Pipe if it can't be written any more.</returns>
    public Errno Write(ReadOnlySpan<NativeBuffer> data, out uint written, out bool hasFilled)
    {
        written = 0;
        hasFilled = false;
        ulong total = 0;
        foreach (ref readonly NativeBuffer buffer in data)
        {
            total += buffer.Length;
        }

        byte[] into;
        int length;
        int at;
        int room;
        lock (gate)
        {
            if (isEnded || isReaderGone)
            {
                return Errno.Pipe;
            }

            if (total == 0)
            {
                return Errno.Success;
            }

            into = MakeRoom(total);
            length = size;
            room = (int)Math.Min(total, (ulong)(length - count));
            if (room == 0)
            {
                wantsRoom = true;
                return Errno.Again;
            }

            at = (start + count) & (length - 1);
            isWriting = true;
        }

        int left = room;
        foreach (ref readonly NativeBuffer buffer in data)
        {
            int part = (int)Math.Min((ulong)left, buffer.Length);
            int first = Math.Min(part, length - at);

            // Sound: the buffer's range was checked, and no more than its length is read.
            new ReadOnlySpan<byte>(buffer.Address, first).CopyTo(into.AsSpan(at));
            new ReadOnlySpan<byte>(buffer.Address + first, part - first).CopyTo(into);
            at = (at + part) & (length - 1);
            left -= part;
            if (left == 0)
            {
                break;
            }
        }

        lock (gate)
        {
            isWriting = false;
            if (isReaderGone)
            {
                // Written in vain, as what is sent when the other side closes.
                GiveBack();
            }
            else
            {
                hasFilled = count == 0;
                count += room;
            }

            wantsRoom |= (ulong)room < total;
        }

        written = (uint)room;
        return Errno.Success;
    }

    /// <summary>Reads what is there.</summary>
    /// <param name="buffers">Checked ranges of the guest's memory.</param>
    /// <param name="isPeek">Whether it stays there.</param>
    /// <param name="read">How much that was; 0 at the end.</param>
    /// <param name="isDrained">Whether nothing is left.</param>
    /// <param name="hasFreed">Whether the writer, who has waited for room, has some now.</param>
    /// <returns>Again if there is nothing yet; Connreset once after a reset.</returns>
    public Errno Read(ReadOnlySpan<NativeBuffer> buffers, bool isPeek, out uint read, out bool isDrained, out bool hasFreed)
    {
        read = 0;
        isDrained = false;
        hasFreed = false;
        int index = 0;
        ulong skip = 0;
        while (true)
        {
            byte[] from;
            int length;
            int at;
            int available;
            lock (gate)
            {
                while (index < buffers.Length && buffers[index].Length == skip)
                {
                    index++;
                    skip = 0;
                }

                if (index == buffers.Length || count == 0 || (isPeek && read > 0))
                {
                    isDrained = count == 0;
                    return read > 0 || (index == buffers.Length && !isReset) ? Errno.Success : GetEnd();
                }

                from = ring!;
                length = size;
                at = start;
                available = count;
                isReading = true;
            }

            int done = 0;
            while (index < buffers.Length && done < available)
            {
                NativeBuffer buffer = buffers[index].Skip((uint)skip);
                int part = (int)Math.Min((ulong)(available - done), buffer.Length);
                int first = Math.Min(part, length - at);

                // Sound: the buffer's range was checked, and no more than its length is written.
                from.AsSpan(at, first).CopyTo(new Span<byte>(buffer.Address, first));
                from.AsSpan(0, part - first).CopyTo(new Span<byte>(buffer.Address + first, part - first));
                at = (at + part) & (length - 1);
                done += part;
                skip += (ulong)part;
                if (skip == buffers[index].Length)
                {
                    index++;
                    skip = 0;
                }
            }

            read += (uint)done;
            lock (gate)
            {
                isReading = false;
                if (!isPeek)
                {
                    start = (start + done) & (length - 1);
                    count -= done;
                    if (wantsRoom && Capacity - count >= EnoughRoom)
                    {
                        wantsRoom = false;
                        hasFreed = true;
                    }
                }
            }
        }
    }

    /// <summary>Takes a reset that waits to be told.</summary>
    public bool TakeReset()
    {
        lock (gate)
        {
            bool was = isReset;
            isReset = false;
            return was;
        }
    }

    /// <summary>No more is written. What has been can still be read.</summary>
    /// <param name="asReset">Whether the reader is told of a reset, once, before it finds the end.</param>
    public void End(bool asReset)
    {
        lock (gate)
        {
            isReset |= asReset && !isReaderGone;
            isEnded = true;
        }
    }

    /// <summary>Nobody reads any more.</summary>
    /// <returns>Whether something was left.</returns>
    public bool EndReading()
    {
        lock (gate)
        {
            bool wasLeft = count > 0;
            isReaderGone = true;
            isReset = false;
            count = 0;
            if (!isWriting)
            {
                GiveBack();
            }

            return wasLeft;
        }
    }

    // Under the gate, as what follows.
    private Errno GetEnd()
    {
        if (isReset)
        {
            isReset = false;
            return Errno.Connreset;
        }

        if (isEnded)
        {
            return Errno.Success;
        }

        if (!isWriting)
        {
            GiveBack();
        }

        return Errno.Again;
    }

    private byte[] MakeRoom(ulong wanted)
    {
        int needed = (int)Math.Min(Capacity, (ulong)count + wanted);
        if (ring is not null && (size >= needed || isReading))
        {
            return ring;
        }

        int largerSize = (int)BitOperations.RoundUpToPowerOf2((uint)Math.Max(SmallestRing, needed));
        byte[] larger = ArrayPool<byte>.Shared.Rent(largerSize);
        if (ring is not null)
        {
            int first = Math.Min(count, size - start);
            ring.AsSpan(start, first).CopyTo(larger);
            ring.AsSpan(0, count - first).CopyTo(larger.AsSpan(first));
            ArrayPool<byte>.Shared.Return(ring);
        }

        start = 0;
        size = largerSize;
        return ring = larger;
    }

    private void GiveBack()
    {
        if (ring is not null && !isReading)
        {
            ArrayPool<byte>.Shared.Return(ring);
            ring = null;
            size = 0;
            start = 0;
        }
    }
}
