using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;
using Wherry.Types;

namespace Wherry.Execution.Heap;

/// <summary>
/// An element of an array (specification, 4.2.10). An array is a CLR array of cells: the first ones hold its type, the elements follow. The host has no
/// such arrays of its own, so that none of its objects is taken for a guest's.
/// </summary>
/// <typeparam name="T">How elements are stored; <see cref="Reference"/> for references.</typeparam>
internal struct Cell<T>
    where T : struct
{
    public T Value;
}

/// <summary>A reference as an element: generic code over a struct is compiled for it alone.</summary>
internal struct Reference
{
    public object? Value;
}

/// <summary>Arrays of cells.</summary>
internal static class GuestArray
{
    /// <summary>How many cells stand in front of the elements, to hold the identity of the type (of references: the type itself).</summary>
    public static int HeaderCells<T>()
        where T : struct => Unsafe.SizeOf<T>() >= sizeof(int) ? 1 : sizeof(int) / Unsafe.SizeOf<T>();

    public static bool IsArray(object? value) =>
        value is Cell<byte>[] or Cell<ushort>[] or Cell<int>[] or Cell<long>[] or Cell<float>[] or Cell<double>[] or Cell<System.Runtime.Intrinsics.Vector128<byte>>[] or Cell<Reference>[];

    /// <summary>The number of elements of any array.</summary>
    public static int Length(object array) => array switch
    {
        Cell<byte>[] cells => cells.Length - HeaderCells<byte>(),
        Cell<ushort>[] cells => cells.Length - HeaderCells<ushort>(),
        _ => Unsafe.As<Array>(array).Length - 1,
    };

    /// <summary>The identity of the exact type of any array.</summary>
    public static int Type(object array) => array is Cell<Reference>[] cells ? Type(cells) : Type(Unsafe.As<Cell<int>[]>(array));

    /// <summary>The identity of the exact type.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static int Type<T>(Cell<T>[] cells)
        where T : struct => typeof(T) == typeof(Reference)
            ? Unsafe.As<DefinedType>(Unsafe.As<Cell<T>, object>(ref MemoryMarshal.GetArrayDataReference(cells))).Identity
            : Unsafe.As<Cell<T>, int>(ref MemoryMarshal.GetArrayDataReference(cells));

    /// <summary>Writes the type into the cells in front, which are there always.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static void SetType<T>(Cell<T>[] cells, DefinedType type)
        where T : struct
    {
        if (typeof(T) == typeof(Reference))
        {
            Unsafe.As<Cell<T>, object>(ref MemoryMarshal.GetArrayDataReference(cells)) = type;
        }
        else
        {
            Unsafe.As<Cell<T>, int>(ref MemoryMarshal.GetArrayDataReference(cells)) = type.Identity;
        }
    }

    /// <summary>The elements.</summary>
    public static Span<T> Elements<T>(Cell<T>[] cells)
        where T : struct => MemoryMarshal.CreateSpan(ref At(cells, 0), cells.Length - HeaderCells<T>());

    /// <summary>An element of which is known that it is there.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static ref T At<T>(Cell<T>[] cells, uint index)
        where T : struct => ref Unsafe.As<Cell<T>, T>(ref Unsafe.Add(ref Unsafe.Add(ref MemoryMarshal.GetArrayDataReference(cells), index), HeaderCells<T>()));
}
