using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;
using Wherry.Types;

namespace Wherry.Execution.Heap;

/// <summary>Array instructions that compiled code calls (specification, 4.6.5). Lengths and indices are unsigned 32-bit numbers.</summary>
internal static class ArrayInstructions
{
    /// <summary>Object header, type, element reference and the CLR array's own header.</summary>
    private const long HeaderBytes = 24 + 8 + 24;

    /// <summary>Arrays up to this length are allocated as structs are: without a look at whether the host has so much.</summary>
    private const uint SmallLength = 256;

    /// <summary><c>array.new</c>.</summary>
    public static object New<T>(T value, int length, DefinedType type, GuestHeap heap)
    {
        T[] elements = Allocate<T>((uint)length, heap, out bool sample);
        Array.Fill(elements, value);
        return Finish(type, elements, heap, sample);
    }

    /// <summary><c>array.new_default</c>, and <c>array.new_fixed</c>, where compiled code then sets the elements one by one.</summary>
    public static GuestArray<T> NewDefault<T>(int length, DefinedType type, GuestHeap heap)
    {
        T[] elements = Allocate<T>((uint)length, heap, out bool sample);
        return Finish(type, elements, heap, sample);
    }

    /// <summary><c>array.new_data</c>.</summary>
    public static object NewData<T>(int offset, int length, ReadOnlySpan<byte> data, DefinedType type, GuestHeap heap)
        where T : unmanaged
    {
        ReadOnlySpan<byte> source = DataRange<T>(data, (uint)offset, (uint)length);
        T[] elements = Allocate<T>((uint)length, heap, out bool sample);
        source.CopyTo(MemoryMarshal.AsBytes(elements.AsSpan()));
        return Finish(type, elements, heap, sample);
    }

    /// <summary><c>array.new_elem</c>.</summary>
    public static object NewElements(int offset, int length, ReadOnlySpan<object?> segment, DefinedType type, GuestHeap heap)
    {
        ReadOnlySpan<object?> source = ElementRange(segment, (uint)offset, (uint)length);
        object?[] elements = Allocate<object?>((uint)length, heap, out bool sample);
        source.CopyTo(elements);
        return Finish(type, elements, heap, sample);
    }

    /// <summary>Where an element lies, for <c>array.get</c> and <c>array.set</c>.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static ref T Element<T>(object? array, int index)
    {
        if (array is null)
        {
            HeapThrow.NullArray();
        }

        T[] elements = Unsafe.As<GuestArray<T>>(array).Elements;
        if ((uint)index >= (uint)elements.Length)
        {
            HeapThrow.ArrayOutOfBounds();
        }

        // In bounds; an element access of the CLR would look at the array's type as well.
        return ref Unsafe.Add(ref MemoryMarshal.GetArrayDataReference(elements), (uint)index);
    }

    /// <summary><c>array.fill</c>.</summary>
    public static void Fill<T>(GuestArray<T>? array, int offset, T value, int count)
    {
        T[] elements = NotNull(array);
        Range(elements, (uint)offset, (uint)count).Fill(value);
    }

    /// <summary><c>array.copy</c>; both arrays may be the same.</summary>
    public static void Copy<T>(GuestArray<T>? destination, int destinationOffset, GuestArray<T>? source, int sourceOffset, int count)
    {
        T[] to = NotNull(destination);
        T[] from = NotNull(source);
        Span<T> target = Range(to, (uint)destinationOffset, (uint)count);
        Range(from, (uint)sourceOffset, (uint)count).CopyTo(target);
    }

    /// <summary><c>array.init_data</c>.</summary>
    public static void InitData<T>(GuestArray<T>? array, int arrayOffset, int offset, int count, ReadOnlySpan<byte> data)
        where T : unmanaged
    {
        Span<T> target = Range(NotNull(array), (uint)arrayOffset, (uint)count);
        DataRange<T>(data, (uint)offset, (uint)count).CopyTo(MemoryMarshal.AsBytes(target));
    }

    /// <summary><c>array.init_elem</c>.</summary>
    public static void InitElements(GuestArray<object?>? array, int arrayOffset, int offset, int count, ReadOnlySpan<object?> segment)
    {
        Span<object?> target = Range(NotNull(array), (uint)arrayOffset, (uint)count);
        ElementRange(segment, (uint)offset, (uint)count).CopyTo(target);
    }

    /// <summary><c>array.len</c>.</summary>
    public static int Length(object? array)
    {
        if (array is null)
        {
            HeapThrow.NullArray();
        }

        return Unsafe.As<GuestArray>(array).Length;
    }

    private static T[] NotNull<T>(GuestArray<T>? array)
    {
        if (array is null)
        {
            HeapThrow.NullArray();
        }

        return array!.Elements;
    }

    private static Span<T> Range<T>(T[] elements, uint offset, uint count)
    {
        if ((ulong)offset + count > (ulong)elements.Length)
        {
            HeapThrow.ArrayOutOfBounds();
        }

        return elements.AsSpan((int)offset, (int)count);
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

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static T[] Allocate<T>(uint length, GuestHeap heap, out bool sample)
    {
        if (length > SmallLength)
        {
            return AllocateLarge<T>(length, heap, out sample);
        }

        sample = heap.Charge(HeaderBytes + ((long)length * Unsafe.SizeOf<T>()));
        return new T[length];
    }

    [MethodImpl(MethodImplOptions.NoInlining)]
    private static T[] AllocateLarge<T>(uint length, GuestHeap heap, out bool sample)
    {
        long bytes = HeaderBytes + ((long)length * Unsafe.SizeOf<T>());
        if (length > (uint)Array.MaxLength || bytes > heap.Limit)
        {
            HeapThrow.HeapExhausted(heap.Limit);
        }

        sample = heap.Charge(bytes);
        try
        {
            return new T[length];
        }
        catch (OutOfMemoryException)
        {
            HeapThrow.HeapExhausted(heap.Limit);
            throw;
        }
    }

    private static GuestArray<T> Finish<T>(DefinedType type, T[] elements, GuestHeap heap, bool sample)
    {
        var array = new GuestArray<T>(type, elements);
        if (sample)
        {
            heap.Register(array);
        }

        return array;
    }
}
