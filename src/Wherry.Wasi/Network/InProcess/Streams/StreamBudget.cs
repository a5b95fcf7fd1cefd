namespace Wherry.Wasi.Network.InProcess.Streams;

/// <summary>
/// What the pipes that one guest writes to may hold of the host's memory: so many bytes for all their rings together, and so many pipes. A pipe counts until its reader is gone, whatever became of the writer. The smallest
/// ring is always to be had, so that no connection stands still for others' sake.
/// </summary>
/// <param name="mostBytes">How many bytes the rings have, before only smallest ones are to be had.</param>
/// <param name="mostPipes">How many pipes.</param>
internal sealed class StreamBudget(long mostBytes = StreamBudget.MostBytes, int mostPipes = StreamBudget.MostPipes)
{
    /// <summary>What a guest gets.</summary>
    public const long MostBytes = 64 << 20;

    /// <summary>How many pipes: as many as a guest has descriptors.</summary>
    public const int MostPipes = 16_384;

    private long bytes;
    private int pipes;

    /// <summary>How many bytes all rings have.</summary>
    public long Bytes => Volatile.Read(ref bytes);

    /// <summary>How many pipes there are.</summary>
    public int Pipes => Volatile.Read(ref pipes);

    /// <summary>Whether anything is left of it all.</summary>
    public bool IsInUse => Pipes > 0 || Bytes > 0;

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

    /// <summary>Counts so many bytes more.</summary>
    /// <returns>False if they are too many.</returns>
    public bool TryTake(int more)
    {
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
