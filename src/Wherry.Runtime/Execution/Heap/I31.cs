using System.Runtime.CompilerServices;

namespace Wherry.Execution.Heap;

/// <summary>
/// A 31-bit integer as a reference (specification, 4.2.2). The CLR has no tagged pointers, so each is a small object; common ones are made once, when they
/// are first needed. Two with the same value are equal references, see <see cref="HeapInstructions.ReferencesAreEqual"/>.
/// </summary>
internal sealed class I31
{
    /// <summary>The bytes that one takes of the heap.</summary>
    private const int Bytes = 24;

    private const int CommonFrom = -1024;
    private const int CommonCount = 65_536 - CommonFrom;

    // Those that are made once. A guest's heap has none before the first is asked for.
    private static readonly I31?[] Common = new I31?[CommonCount];

    private I31(int value) => Value = value;

    /// <summary>The value, sign-extended from 31 bits.</summary>
    public readonly int Value;

    /// <summary>The value modulo 2^31, for the host.</summary>
    public static I31 Create(int value) => GetCommon(value) ?? new I31(Extend(value));

    /// <summary>The value modulo 2^31.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static I31 Create(int value, GuestHeap heap)
    {
        I31?[] common = heap.CommonIntegers;
        uint index = (uint)(Extend(value) - CommonFrom);
        return index < (uint)common.Length && common[index] is { } known ? known : CreateUncommon(value, heap);
    }

    [MethodImpl(MethodImplOptions.NoInlining)]
    private static I31 CreateUncommon(int value, GuestHeap heap)
    {
        heap.CommonIntegers = Common;
        if (GetCommon(value) is { } common)
        {
            return common;
        }

        if (!heap.Charge(Bytes))
        {
            return new I31(Extend(value));
        }

        heap.BeginSample();
        var result = new I31(Extend(value));
        heap.Register(result);
        return result;
    }

    private static int Extend(int value) => value << 1 >> 1;

    // Threads may make the same one twice: they are equal all the same.
    private static I31? GetCommon(int value)
    {
        uint index = (uint)(Extend(value) - CommonFrom);
        return index < CommonCount ? Common[index] ??= new I31(Extend(value)) : null;
    }

    public override bool Equals(object? obj) => obj is I31 other && other.Value == Value;

    public override int GetHashCode() => Value;

    public override string ToString() => $"i31 {Value}";
}
