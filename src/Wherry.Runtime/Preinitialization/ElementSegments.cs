using Wherry.Text;

namespace Wherry.Preinitialization;

/// <summary>Writes element segments (specification, 5.5.12).</summary>
internal static class ElementSegments
{
    /// <summary>Active segments for all elements of a table that are not null.</summary>
    /// <exception cref="SnapshotException">An element can't be saved.</exception>
    public static void Write(List<byte[]> segments, int table, TableType type, object?[] elements, SnapshotTypes types, ReferenceWriter references)
    {
        for (int start = 0; start < elements.Length;)
        {
            if (elements[start] is null)
            {
                start++;
                continue;
            }

            int end = start + 1;
            while (end < elements.Length && elements[end] is not null)
            {
                end++;
            }

            segments.Add(Write(table, type, elements.AsSpan(start, end - start), start, types, references));
            start = end;
        }
    }

    /// <summary>A segment that only names functions.</summary>
    public static byte[] Declare(int[] functions)
    {
        var segment = new ByteWriter();
        segment.Byte(3);
        segment.Byte(0);
        segment.Unsigned(functions.Length);
        foreach (int function in functions)
        {
            segment.Unsigned(function);
        }

        return segment.Written.ToArray();
    }

    /// <summary>A passive segment without elements.</summary>
    public static byte[] Empty(WasmValueType type, SnapshotTypes types)
    {
        var segment = new ByteWriter();
        segment.Byte(5);
        types.Write(segment, type);
        segment.Unsigned(0);
        return segment.Written.ToArray();
    }

    private static byte[] Write(int table, TableType type, ReadOnlySpan<object?> elements, int start, SnapshotTypes types, ReferenceWriter references)
    {
        // Plain function references as the first version of WebAssembly has them; everything else as expressions.
        bool isPlain = type.ElementType == WasmValueType.FuncRef;
        var segment = new ByteWriter();
        segment.Byte(isPlain ? table == 0 ? (byte)0 : (byte)2 : (byte)6);
        if (!isPlain || table != 0)
        {
            segment.Unsigned(table);
        }

        SnapshotTypes.WriteOffset(segment, (ulong)start, type.Is64Bit);
        if (!isPlain)
        {
            types.Write(segment, type.ElementType);
        }
        else if (table != 0)
        {
            segment.Byte(0);
        }

        segment.Unsigned(elements.Length);
        for (int i = 0; i < elements.Length; i++)
        {
            string holder = $"element {start + i} of table {table}";
            if (isPlain)
            {
                segment.Unsigned(references.GetIndex((Function)elements[i]!, holder));
            }
            else
            {
                references.Write(segment, elements[i], type.ElementType.HeapType, holder);
            }
        }

        return segment.Written.ToArray();
    }
}
