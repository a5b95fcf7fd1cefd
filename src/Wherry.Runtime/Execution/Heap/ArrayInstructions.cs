using System.Diagnostics.CodeAnalysis;
using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;
using Wherry.Types;

namespace Wherry.Execution.Heap;

/// <summary>Array instructions that compiled code calls (specification, 4.6.5). Lengths and indices are unsigned 32-bit numbers.</summary>
internal static class ArrayInstructions
{
    /// <summary>Object header, method table and length of a CLR array.</summary>
    private const long HeaderBytes = 24;

    /// <summary>Arrays up to this length are allocated as structs are: without a look at whether the host has so much.</summary>
    private const uint SmallLength = 256;

    /// <summary>What an array of so many elements takes of the heap, but for rounding.</summary>
    public static long Bytes<T>(long length)
        where T : struct => HeaderBytes + ((length + GuestArray.HeaderCells<T>()) * Unsafe.SizeOf<T>());

    /// <summary><c>array.new</c>.</summary>
    public static object New<T>(T value, int length, DefinedType type, GuestHeap heap)
        where T : struct
    {
        Cell<T>[] array = Allocate<T>((uint)length, type, heap);
        GuestArray.Elements(array).Fill(value);
        return array;
    }

    /// <summary><c>array.new</c> of references.</summary>
    public static object NewOfReference(object? value, int length, DefinedType type, GuestHeap heap) => New(new Reference { Value = value }, length, type, heap);

    /// <summary><c>array.new_default</c>.</summary>
    public static object NewDefault<T>(int length, DefinedType type, GuestHeap heap)
        where T : struct => Allocate<T>((uint)length, type, heap);

    /// <summary>A short array of default values, for <c>array.new_fixed</c>: compiled code sets the elements one by one.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static object NewFixed<T>(int length, DefinedType type, GuestHeap heap)
        where T : struct => (uint)length <= SmallLength ? AllocateSmall<T>((uint)length, type, heap) : Allocate<T>((uint)length, type, heap);

    /// <summary><c>array.new_data</c>.</summary>
    public static object NewData<T>(int offset, int length, ReadOnlySpan<byte> data, DefinedType type, GuestHeap heap)
        where T : unmanaged
    {
        ReadOnlySpan<byte> source = DataRange<T>(data, (uint)offset, (uint)length);
        Cell<T>[] array = Allocate<T>((uint)length, type, heap);
        source.CopyTo(MemoryMarshal.AsBytes(GuestArray.Elements(array)));
        return array;
    }

    /// <summary><c>array.new_elem</c>.</summary>
    public static object NewElements(int offset, int length, ReadOnlySpan<object?> segment, DefinedType type, GuestHeap heap)
    {
        ReadOnlySpan<object?> source = ElementRange(segment, (uint)offset, (uint)length);
        Cell<Reference>[] array = Allocate<Reference>((uint)length, type, heap);
        source.CopyTo(References(GuestArray.Elements(array)));
        return array;
    }

    /// <summary>Where an element lies, for <c>array.get</c> and <c>array.set</c>.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static ref T Element<T>(object? array, int index)
        where T : struct
    {
        if (array is null)
        {
            HeapThrow.NullArray();
        }

        // The validator has seen to it that it is an array of such cells.
        Cell<T>[] cells = Unsafe.As<Cell<T>[]>(array);
        if ((uint)index >= (uint)(cells.Length - GuestArray.HeaderCells<T>()))
        {
            HeapThrow.ArrayOutOfBounds();
        }

        return ref GuestArray.At(cells, (uint)index);
    }

    /// <summary>The same for references.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static ref object? ElementOfReference(object? array, int index) => ref Unsafe.As<Reference, object?>(ref Element<Reference>(array, index));

    /// <summary>An element of an array that has just been made so long.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static ref T NewElement<T>(object array, int index)
        where T : struct => ref GuestArray.At(Unsafe.As<Cell<T>[]>(array), (uint)index);

    /// <summary>The same for references.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static ref object? NewElementOfReference(object array, int index) => ref Unsafe.As<Reference, object?>(ref NewElement<Reference>(array, index));

    /// <summary><c>array.fill</c>.</summary>
    public static void Fill<T>(object? array, int offset, T value, int count)
        where T : struct => Range<T>(array, (uint)offset, (uint)count).Fill(value);

    /// <summary><c>array.fill</c> with references.</summary>
    public static void FillOfReference(object? array, int offset, object? value, int count) => Fill(array, offset, new Reference { Value = value }, count);

    /// <summary><c>array.copy</c>; both arrays may be the same.</summary>
    public static void Copy<T>(object? destination, int destinationOffset, object? source, int sourceOffset, int count)
        where T : struct
    {
        NotNull(source);
        Span<T> target = Range<T>(destination, (uint)destinationOffset, (uint)count);
        Range<T>(source, (uint)sourceOffset, (uint)count).CopyTo(target);
    }

    /// <summary><c>array.init_data</c>.</summary>
    public static void InitData<T>(object? array, int arrayOffset, int offset, int count, ReadOnlySpan<byte> data)
        where T : unmanaged
    {
        Span<T> target = Range<T>(array, (uint)arrayOffset, (uint)count);
        DataRange<T>(data, (uint)offset, (uint)count).CopyTo(MemoryMarshal.AsBytes(target));
    }

    /// <summary><c>array.init_elem</c>.</summary>
    public static void InitElements(object? array, int arrayOffset, int offset, int count, ReadOnlySpan<object?> segment)
    {
        Span<object?> target = References(Range<Reference>(array, (uint)arrayOffset, (uint)count));
        ElementRange(segment, (uint)offset, (uint)count).CopyTo(target);
    }

    /// <summary><c>array.len</c> of an array of which only that is known.</summary>
    public static int LengthOfAny(object? array)
    {
        NotNull(array);
        return GuestArray.Length(array);
    }

    /// <summary><c>array.len</c>.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static int Length<T>(object? array)
        where T : struct
    {
        NotNull(array);
        return Unsafe.As<Cell<T>[]>(array).Length - GuestArray.HeaderCells<T>();
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static void NotNull([NotNull] object? array)
    {
        if (array is null)
        {
            HeapThrow.NullArray();
        }
    }

    private static Span<object?> References(Span<Reference> elements) => MemoryMarshal.CreateSpan(ref MemoryMarshal.GetReference(elements).Value, elements.Length);

    private static Span<T> Range<T>(object? array, uint offset, uint count)
        where T : struct
    {
        NotNull(array);
        Span<T> elements = GuestArray.Elements(Unsafe.As<Cell<T>[]>(array));
        if ((ulong)offset + count > (ulong)elements.Length)
        {
            HeapThrow.ArrayOutOfBounds();
        }

        return elements.Slice((int)offset, (int)count);
    }

    private static ReadOnlySpan<byte> DataRange<T>(ReadOnlySpan<byte> data, uint offset, uint count)
        where T : unmanaged
    {
        ulong bytes = (ulong)count * (ulong)Unsafe.SizeOf<T>();
        if (offset + bytes > (ulong)data.Length)
        {
            HeapThrow.MemoryOutOfBounds();
        }

        return data.Slice((int)offset, (int)bytes);
    }

    private static ReadOnlySpan<object?> ElementRange(ReadOnlySpan<object?> segment, uint offset, uint count)
    {
        if ((ulong)offset + count > (ulong)segment.Length)
        {
            HeapThrow.TableOutOfBounds();
        }

        return segment.Slice((int)offset, (int)count);
    }

    private static Cell<T>[] Allocate<T>(uint length, DefinedType type, GuestHeap heap)
        where T : struct => length <= SmallLength ? AllocateSmall<T>(length, type, heap) : AllocateLarge<T>(length, type, heap);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static Cell<T>[] AllocateSmall<T>(uint length, DefinedType type, GuestHeap heap)
        where T : struct
    {
        if (heap.Charge(Bytes<T>(length)))
        {
            return AllocateSample<T>(length, type, heap);
        }

        var array = new Cell<T>[(int)length + GuestArray.HeaderCells<T>()];
        GuestArray.SetType(array, type);
        return array;
    }

    [MethodImpl(MethodImplOptions.NoInlining)]
    private static Cell<T>[] AllocateSample<T>(uint length, DefinedType type, GuestHeap heap)
        where T : struct
    {
        heap.BeginSample();
        var array = new Cell<T>[(int)length + GuestArray.HeaderCells<T>()];
        GuestArray.SetType(array, type);
        heap.Register(array);
        return array;
    }

    [MethodImpl(MethodImplOptions.NoInlining)]
    private static Cell<T>[] AllocateLarge<T>(uint length, DefinedType type, GuestHeap heap)
        where T : struct
    {
        long bytes = Bytes<T>(length);
        if (length > (uint)(Array.MaxLength - GuestArray.HeaderCells<T>()) || bytes > heap.Limit)
        {
            HeapThrow.HeapExhausted(heap.Limit);
        }

        try
        {
            return AllocateSmall<T>(length, type, heap);
        }
        catch (OutOfMemoryException)
        {
            HeapThrow.HeapExhausted(heap.Limit);
            throw;
        }
    }
}
