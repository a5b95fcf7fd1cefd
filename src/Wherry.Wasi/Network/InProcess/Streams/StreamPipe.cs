using System.Buffers;
using System.Numerics;
using Wherry.Wasi.Abi;
using Wherry.Wasi.Native;

namespace Wherry.Wasi.Network.InProcess.Streams;

/// <summary>
/// One direction of a connection between two guests: a ring of bytes, which one guest's thread fills while another's empties it. The ring grows with what is written, as far as the writer's <see cref="StreamBudget"/> and <see cref="Capacity"/> go,
/// and is given back when it is empty.
/// </summary>
/// <remarks>Each side is used by one thread at a time. Places in the ring are taken and given under the lock, bytes are copied outside of it.</remarks>
internal sealed unsafe class StreamPipe
{
    /// <summary>How many bytes are on their way at most: then the writer waits.</summary>
    public const int Capacity = 256 << 10;

    /// <summary>How many are at most before the reader has accepted the connection, so that many of those that nobody accepts hold little.</summary>
    public const int CapacityBeforeAccept = 16 << 10;

    /// <summary>What every connection may hold.</summary>
    public const int SmallestRing = 4096;

    private readonly Lock gate = new();
    private StreamBudget? budget;
    private byte[]? ring;

    // A power of two; the array may be longer.
    private int size;
    private int start;
    private int count;
    private bool isAccepted;
    private bool isReading;
    private bool isWriting;
    private bool isEnded;
    private bool isReset;
    private bool isRefused;
    private bool isReaderGone;

    // The writer has closed, and not only said that it sends no more.
    private bool isAbandoned;

    // What was left has been thrown away, as an orphan's.
    private bool isDiscarded;

    // What the budget counts it as: a pipe, or, with a place among these, an orphan; or not any more.
    private bool isCounted;
    private LinkedListNode<StreamPipe>? orphan;

    // The budget has refused a larger ring.
    private bool isCramped;
    private bool wantsRoom;

    /// <param name="budget">The writer's, in which the pipe is counted already; null if it comes later, with <see cref="SetBudget"/>, and before anything is written.</param>
    /// <param name="isAccepted">Whether the reader has accepted the connection, or has made it itself.</param>
    public StreamPipe(StreamBudget? budget, bool isAccepted)
    {
        this.budget = budget;
        this.isAccepted = isAccepted;
        isCounted = budget is not null;
    }

    /// <summary>The end that reads; null where nobody has to be told.</summary>
    public StreamEnd? Reader { get; set; }

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

    /// <summary>Whether a write would not wait. Who finds that it would is told when it no longer does.</summary>
    public bool HasRoom
    {
        get
        {
            lock (gate)
            {
                bool has = isEnded || isRefused || isReaderGone || (count < Limit && (!wantsRoom || HasEnoughRoom));

                // A write may have filled it exactly, and so not have asked to be told.
                wantsRoom |= !has;
                return has;
            }
        }
    }

    // Under the gate: how many bytes it can have at present. The ring that is being read from, or that may not grow, stays as it is.
    private int Limit => ring is not null && (isReading || isCramped) ? size : isAccepted ? Capacity : CapacityBeforeAccept;

    // Under the gate: a writer that has waited goes on when a quarter is free: it shall not be woken for each few bytes.
    private bool HasEnoughRoom => Limit - count >= Limit / 4;

    /// <summary>The writer is known now.</summary>
    /// <returns>False if it has as many pipes as it may.</returns>
    public bool SetBudget(StreamBudget writers)
    {
        lock (gate)
        {
            if (isReaderGone)
            {
                // It does not hold anything any more.
                return true;
            }

            if (!writers.TryAddPipe())
            {
                return false;
            }

            budget = writers;
            isCounted = true;
            return true;
        }
    }

    /// <summary>The reader has accepted the connection.</summary>
    /// <returns>Whether the writer, who has waited for room, has some now.</returns>
    public bool Accept()
    {
        bool hasFreed;
        lock (gate)
        {
            isAccepted = true;
            hasFreed = TakeWaitForRoom();
            Recount();
        }

        budget?.ResetOldestOrphans();
        return hasFreed;
    }

    /// <summary>Writes what there is room for.</summary>
    /// <param name="data">Checked ranges of the guest's memory.</param>
    /// <param name="written">How much that was.</param>
    /// <param name="hasFilled">Whether the reader, who has had nothing to read, has now.</param>
    /// <param name="isFull">Whether the writer is told when there is room again, which there is too little of.</param>
    /// <returns>Again if there is no room; Pipe if it can't be written any more.</returns>
    public Errno Write(ReadOnlySpan<NativeBuffer> data, out uint written, out bool hasFilled, out bool isFull)
    {
        written = 0;
        hasFilled = false;
        isFull = false;
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
            if (isEnded || isRefused || isReaderGone)
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
                isFull = true;
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
            if (isReaderGone || isDiscarded)
            {
                // The other side has closed meanwhile, or this one: nothing of it has arrived.
                GiveBack();
                return Errno.Pipe;
            }

            hasFilled = count == 0;
            count += room;
            if ((ulong)room < total && !HasEnoughRoom)
            {
                wantsRoom = true;
                isFull = true;
            }
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

                if (index == buffers.Length || count <= 0 || (isPeek && read > 0))
                {
                    isDrained = count <= 0;
                    if (isDrained)
                    {
                        GiveBack();
                        Recount();
                    }

                    return read > 0 || (index == buffers.Length && !(isDrained && isReset)) ? Errno.Success : GetEnd();
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
                if (isReaderGone || isDiscarded)
                {
                    // Closed meanwhile, by whoever ends the guest; or thrown away.
                    GiveBack();
                }
                else if (!isPeek)
                {
                    start = (start + done) & (length - 1);
                    count -= done;
                }

                // After a peek too: the ring may grow again.
                hasFreed |= TakeWaitForRoom();
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
            Recount();
        }
    }

    /// <summary>The writer has closed. What was written can still be read, as long as it is not the oldest of too many such orphans.</summary>
    /// <param name="asReset">Whether the reader is told of a reset, once, before it finds the end.</param>
    public void Abandon(bool asReset)
    {
        lock (gate)
        {
            isAbandoned = true;
        }

        End(asReset);
        budget?.ResetOldestOrphans();
    }

    /// <summary>There are too many orphans, and this has been the oldest: the reader finds a reset instead of what was left. The budget's, which counts it no more.</summary>
    public void ResetOrphan()
    {
        lock (gate)
        {
            if (orphan is null)
            {
                // Read to its end meanwhile, or closed.
                return;
            }

            orphan = null;
            isDiscarded = true;
            isReset = true;
            count = 0;
            GiveBack();
        }

        Reader?.Tell();
    }

    /// <summary>The reader takes no more than what is there: who writes now does so in vain.</summary>
    public void Refuse()
    {
        lock (gate)
        {
            isRefused = true;
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
            GiveBack();
            Recount();
            return wasLeft;
        }
    }

    // Under the gate, as what follows.
    private bool TakeWaitForRoom()
    {
        if (!wantsRoom || count >= Limit || !HasEnoughRoom)
        {
            return false;
        }

        wantsRoom = false;
        return true;
    }

    // What can neither be written nor read any more is not counted, or a reader that keeps its end open would use up the writer's pipes; nor is an orphan among the pipes, for the same reason. (Until it is accepted it is: the reader's queue is short.)
    private void Recount()
    {
        if (isReaderGone || (isEnded && count == 0 && !isWriting))
        {
            if (isCounted)
            {
                isCounted = false;
                budget!.RemovePipe();
            }
            else if (orphan is not null)
            {
                budget!.RemoveOrphan(orphan);
                orphan = null;
            }
        }
        else if (isCounted && isAbandoned && isEnded && isAccepted)
        {
            isCounted = false;
            orphan = budget!.AddOrphan(this);
        }
    }

    private Errno GetEnd()
    {
        if (isReset)
        {
            isReset = false;
            return Errno.Connreset;
        }

        return isEnded ? Errno.Success : Errno.Again;
    }

    private byte[] MakeRoom(ulong wanted)
    {
        int needed = (int)Math.Min((ulong)(isAccepted ? Capacity : CapacityBeforeAccept), (ulong)count + wanted);
        if (ring is not null && (size >= needed || isReading))
        {
            return ring;
        }

        int largerSize = (int)BitOperations.RoundUpToPowerOf2((uint)Math.Max(SmallestRing, needed));
        isCramped = false;
        while (largerSize > Math.Max(size, SmallestRing) && budget?.TryTake(largerSize - size, largerSize) == false)
        {
            largerSize /= 2;
            isCramped = true;
        }

        if (ring is not null && largerSize <= size)
        {
            return ring;
        }

        if (largerSize == SmallestRing)
        {
            // Always to be had.
            budget?.Add(largerSize);
        }

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

    // Nothing is in it.
    private void GiveBack()
    {
        if (ring is not null && !isReading && !isWriting)
        {
            ArrayPool<byte>.Shared.Return(ring);
            budget?.Add(-size);
            ring = null;
            size = 0;
            start = 0;
            isCramped = false;
        }
    }
}
