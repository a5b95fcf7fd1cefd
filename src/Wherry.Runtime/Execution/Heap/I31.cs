using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;

namespace Wherry.Execution.Heap;

/// <summary>
/// A 31-bit integer as a reference (specification, 4.2.2): an array of one of these. The CLR has no tagged pointers, so each is a small object; common ones are made once, when they
/// are first needed, on the heap of what never moves and counts as old, which has but arrays. Two with the same value are equal references, see <see cref="HeapInstructions.ReferencesAreEqual"/>.
/// </summary>
internal struct I31
{
    /// <summary>The bytes that one takes of the heap.</summary>
    private const int Bytes = 32;

    private const int CommonFrom = -1024;
    private const int CommonCount = 65_536 - CommonFrom;

    // Those that are made once: an element is set once, and never again. An instance has none before the first is asked for.
    private static readonly I31[]?[] Common = new I31[]?[CommonCount];

    // Another collector than .NET's own may see it otherwise: then all are stored with the barrier.
    private static readonly bool IsOfOldestGeneration = GC.GetGeneration(GC.AllocateArray<I31>(1, pinned: true)) == GC.MaxGeneration;

    private int _value;

    /// <summary>The value of a reference that is known to be one, sign-extended from 31 bits.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static int ValueOf(object number) => MemoryMarshal.GetArrayDataReference(Unsafe.As<I31[]>(number))._value;

    /// <summary>The value modulo 2^31, for the host.</summary>
    public static I31[] Create(int value) => GetCommon(value) ?? New(value);

    /// <summary>The value modulo 2^31. Of a common one whose highest bit differs from the one below the look-up takes longer.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static I31[] Create(int value, GuestInstance instance)
    {
        I31[]?[] common = instance.CommonIntegers;
        uint index = (uint)(value - CommonFrom);
        return index < (uint)common.Length && common[index] is { } known ? known : CreateUncommon(value, instance);
    }

    /// <summary>
    /// Stores the reference of a value modulo 2^31. That of a common one is stored as plain bits, without the CLR's write barrier. A barrier tells the collector of references to objects that are younger than what
    /// holds them, and of those that it may not have seen while it marks beside the running program. These objects are of the oldest generation, never move, and are held by <see cref="Common"/> for ever.
    /// </summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static void Store(ref object? place, int value, GuestInstance instance)
    {
        I31[]?[] common = instance.CommonIntegers;
        uint index = (uint)(value - CommonFrom);
        if (index < (uint)common.Length)
        {
            nint known = Unsafe.As<I31[]?, nint>(ref Unsafe.Add(ref MemoryMarshal.GetArrayDataReference(common), index));
            if (known != 0)
            {
                // Sound: the bits are those of a reference to an object that nothing can free or move: an element of a static array, which is set once and never changed.
                Unsafe.As<object?, nint>(ref place) = known;
                return;
            }
        }

        StoreUncommon(ref place, value, instance);
    }

    [MethodImpl(MethodImplOptions.NoInlining)]
    private static void StoreUncommon(ref object? place, int value, GuestInstance instance) => place = CreateUncommon(value, instance);

    [MethodImpl(MethodImplOptions.NoInlining)]
    private static I31[] CreateUncommon(int value, GuestInstance instance)
    {
        if (IsOfOldestGeneration)
        {
            instance.CommonIntegers = Common;
        }

        if (GetCommon(value) is { } common)
        {
            return common;
        }

        GuestHeap heap = instance.Heap;
        if (!heap.Charge(Bytes))
        {
            return New(value);
        }

        heap.BeginSample();
        I31[] result = New(value);
        heap.Register(result);
        return result;
    }

    private static I31[] New(int value) => [new I31 { _value = Extend(value) }];

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static int Extend(int value) => value << 1 >> 1;

    private static I31[]? GetCommon(int value)
    {
        uint index = (uint)(Extend(value) - CommonFrom);
        return index < CommonCount ? Common[index] ?? MakeCommon(index, value) : null;
    }

    // Threads may make the same one twice, but only one of the two is ever seen.
    private static I31[] MakeCommon(uint index, int value)
    {
        I31[] number = GC.AllocateArray<I31>(1, pinned: true);
        number[0]._value = Extend(value);
        return Interlocked.CompareExchange(ref Common[index], number, null) ?? number;
    }
}
