using System.Runtime.CompilerServices;

namespace Wherry.Execution;

/// <summary>What compiled code calls for tables (specification, 4.6.9).</summary>
internal static class TableInstructions
{
    public static object? Get(ulong index, Table table)
    {
        object?[] elements = table.Elements;
        if (index >= (ulong)elements.Length)
        {
            throw Traps.TableOutOfBounds();
        }

        return elements[index];
    }

    public static void Set(ulong index, object? value, Table table)
    {
        object?[] elements = table.Elements;
        if (index >= (ulong)elements.Length)
        {
            throw Traps.TableOutOfBounds();
        }

        elements[index] = value;
    }

    public static long Size(Table table) => table.Elements.Length;

    public static long Grow(object? value, ulong count, Table table) => table.Grow(count, value);

    [MethodImpl(MethodImplOptions.NoInlining)]
    public static void Fill(ulong index, object? value, ulong count, Table table)
    {
        object?[] elements = table.Elements;
        Check(elements.Length, index, count);
        elements.AsSpan((int)index, (int)count).Fill(value);
    }

    [MethodImpl(MethodImplOptions.NoInlining)]
    public static void Copy(ulong destination, ulong source, ulong count, GuestInstance instance, int destinationTable, int sourceTable)
    {
        object?[] to = instance.Tables[destinationTable].Elements;
        object?[] from = instance.Tables[sourceTable].Elements;
        Check(from.Length, source, count);
        Check(to.Length, destination, count);
        Array.Copy(from, (int)source, to, (int)destination, (int)count);
    }

    [MethodImpl(MethodImplOptions.NoInlining)]
    public static void Init(ulong destination, ulong source, ulong count, GuestInstance instance, int table, int segment)
    {
        object?[] from = instance.Elements[segment];
        object?[] to = instance.Tables[table].Elements;
        Check(from.Length, source, count);
        Check(to.Length, destination, count);
        Array.Copy(from, (int)source, to, (int)destination, (int)count);
    }

    public static void DropElements(GuestInstance instance, int segment) => instance.Elements[segment] = [];

    private static void Check(int length, ulong index, ulong count)
    {
        if (MemoryInstructions.IsOutside(index, count, (ulong)length))
        {
            throw Traps.TableOutOfBounds();
        }
    }
}
