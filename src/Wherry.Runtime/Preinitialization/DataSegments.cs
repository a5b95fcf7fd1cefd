using Wherry.Text;

namespace Wherry.Preinitialization;

/// <summary>Writes what a memory holds as active data segments (specification, 5.5.14): the stretches that are not zero.</summary>
internal static class DataSegments
{
    // So many zeros cost as much as another segment. Engines take 100,000 segments.
    private const int SmallestGap = 12;
    private const int MaximumSegments = 10_000;
    private const int Piece = 1 << 20;

    /// <returns>How many segments were written.</returns>
    public static int Write(ByteWriter writer, int memory, bool is64Bit, MemoryLease lease)
    {
        List<(ulong Start, ulong End)> stretches = Find(lease, SmallestGap);
        for (int gap = SmallestGap * 4; stretches.Count > MaximumSegments; gap *= 4)
        {
            stretches = Join(stretches, gap);
        }

        foreach ((ulong start, ulong end) in stretches)
        {
            writer.Byte(memory == 0 ? (byte)0 : (byte)2);
            if (memory != 0)
            {
                writer.Unsigned(memory);
            }

            SnapshotTypes.WriteOffset(writer, start, is64Bit);
            writer.Vector(lease.Slice(start, checked((int)(end - start))));
        }

        return stretches.Count;
    }

    private static List<(ulong Start, ulong End)> Find(MemoryLease lease, int gap)
    {
        var stretches = new List<(ulong Start, ulong End)>();
        for (ulong position = 0; position < lease.Size; position += Piece)
        {
            Span<byte> piece = lease.Slice(position, (int)Math.Min(Piece, lease.Size - position));
            for (int i = 0; i < piece.Length;)
            {
                int distance = piece[i..].IndexOfAnyExcept((byte)0);
                if (distance < 0)
                {
                    break;
                }

                int start = i + distance;
                int length = piece[start..].IndexOf((byte)0);
                int end = length < 0 ? piece.Length : start + length;
                Add(stretches, position + (ulong)start, position + (ulong)end, gap);
                i = end;
            }
        }

        return stretches;
    }

    private static List<(ulong Start, ulong End)> Join(List<(ulong Start, ulong End)> stretches, int gap)
    {
        var joined = new List<(ulong Start, ulong End)>();
        foreach ((ulong start, ulong end) in stretches)
        {
            Add(joined, start, end, gap);
        }

        return joined;
    }

    private static void Add(List<(ulong Start, ulong End)> stretches, ulong start, ulong end, int gap)
    {
        // Not so long that its length goes beyond what one array holds.
        const ulong Longest = 1UL << 30;
        if (stretches.Count > 0 && start - stretches[^1].End < (ulong)gap && end - stretches[^1].Start <= Longest)
        {
            stretches[^1] = (stretches[^1].Start, end);
        }
        else
        {
            stretches.Add((start, end));
        }
    }
}
