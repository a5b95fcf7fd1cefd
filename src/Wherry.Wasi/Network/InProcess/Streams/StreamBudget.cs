namespace Wherry.Wasi.Network.InProcess.Streams;

/// <summary>
/// What the pipes that one guest writes to may hold of the host's memory: so many bytes for all their rings together, and so many pipes. A pipe counts until nothing more is written to it or nobody reads it. One whose writer
/// has closed before all was read is an orphan: these are counted apart. The smallest ring is always to be had, so that no connection stands still for others' sake.
/// </summary>
/// <param name="mostBytes">How many bytes the rings have, before only smallest ones are to be had.</param>
/// <param name="mostPipes">How many pipes.</param>
/// <param name="mostOrphans">How many orphans.</param>
internal sealed class StreamBudget(long mostBytes = StreamBudget.MostBytes, int mostPipes = StreamBudget.MostPipes, int mostOrphans = StreamBudget.MostOrphans)
{
    /// <summary>What a guest gets.</summary>
    public const long MostBytes = 64 << 20;

    /// <summary>How many pipes: as many as a guest has descriptors.</summary>
    public const int MostPipes = 16_384;

    /// <summary>How many orphans: beyond them, what the oldest holds is thrown away.</summary>
    public const int MostOrphans = 4096;

    // The largest rings beyond a half of the bytes, and beyond three quarters: who does not read shall not take all of them.
    private const int LargestBeyondHalf = 64 << 10;
    private const int LargestBeyondThreeQuarters = 16 << 10;

    // Taken under a pipe's gate; no gate is taken under it. The oldest is the first.
    private readonly Lock orphansGate = new();
    private readonly LinkedList<StreamPipe> orphans = new();
    private long bytes;
    private int pipes;

    /// <summary>How many bytes all rings have.</summary>
    public long Bytes => Volatile.Read(ref bytes);

    /// <summary>How many pipes there are.</summary>
    public int Pipes => Volatile.Read(ref pipes);

    /// <summary>How many orphans there are.</summary>
    public int Orphans
    {
        get
        {
            lock (orphansGate)
            {
                return orphans.Count;
            }
        }
    }

    /// <summary>Whether anything is left of it all.</summary>
    public bool IsInUse => Pipes > 0 || Bytes > 0 || Orphans > 0;

    /// <summary>Counts a pipe.</summary>
    /// <returns>False if there are as many as may be.</returns>
    public bool TryAddPipe()
    {
        if (Interlocked.Increment(ref pipes) <= mostPipes)
        {
            return true;
        }

        Interlocked.Decrement(ref pipes);
        return false;
    }

    public void RemovePipe() => Interlocked.Decrement(ref pipes);

    /// <summary>Counts a pipe as an orphan from now on. <see cref="ResetOldestOrphans"/> has to follow, outside of its gate.</summary>
    public LinkedListNode<StreamPipe> AddOrphan(StreamPipe pipe)
    {
        RemovePipe();
        lock (orphansGate)
        {
            return orphans.AddLast(pipe);
        }
    }

    /// <summary>An orphan is no more, unless it was one of the oldest and is not counted already.</summary>
    public void RemoveOrphan(LinkedListNode<StreamPipe> orphan)
    {
        lock (orphansGate)
        {
            if (orphan.List is not null)
            {
                orphans.Remove(orphan);
            }
        }
    }

    /// <summary>Throws away what the oldest hold, as far as there are too many.</summary>
    public void ResetOldestOrphans()
    {
        while (true)
        {
            StreamPipe oldest;
            lock (orphansGate)
            {
                if (orphans.Count <= mostOrphans)
                {
                    return;
                }

                oldest = orphans.First!.Value;
                orphans.RemoveFirst();
            }

            oldest.ResetOrphan();
        }
    }

    /// <summary>Counts so many bytes more, with which a ring has a size.</summary>
    /// <returns>False if they are too many, or the ring is too large for what is left.</returns>
    public bool TryTake(int more, int ringSize)
    {
        long before = Bytes;
        if ((ringSize > LargestBeyondHalf && before > mostBytes / 2) || (ringSize > LargestBeyondThreeQuarters && before > mostBytes / 4 * 3))
        {
            return false;
        }

        if (Interlocked.Add(ref bytes, more) <= mostBytes)
        {
            return true;
        }

        Interlocked.Add(ref bytes, -more);
        return false;
    }

    /// <summary>Counts so many bytes more, or, if negative, fewer.</summary>
    public void Add(int more) => Interlocked.Add(ref bytes, more);
}
