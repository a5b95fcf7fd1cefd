using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;
using Wherry.Types;

namespace Wherry.Execution.Heap;

/// <summary>Reference instructions that compiled code calls: comparisons, tests for casts, i31 (specification, 4.6.3 to 4.6.5).</summary>
internal static class HeapInstructions
{
    /// <summary><c>ref.eq</c>: identity, and value for i31.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static bool ReferencesAreEqual(object? left, object? right) =>
        ReferenceEquals(left, right) || (left is I31 a && right is I31 b && a.Value == b.Value);

    /// <summary>Whether a value of the internal types is of a defined struct or array type.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static bool IsInstance(object? value, DefinedType type) => value is GuestObject guest && IsInstanceOfObject(guest, type);

    /// <summary>The same for a type that has no subtypes.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static bool IsFinalInstance(object? value, DefinedType type) => value is GuestObject guest && ReferenceEquals(guest.Type, type);

    /// <summary>A type of the module, by an index that validation has checked.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static DefinedType TypeAt(DefinedType[] types, int index) => Unsafe.Add(ref MemoryMarshal.GetArrayDataReference(types), index);

    /// <summary>Whether a value is of the very type and no subtype (custom descriptors).</summary>
    public static bool IsExactInstance(object? value, DefinedType type) => value is GuestObject guest && ReferenceEquals(guest.Type, type);

    /// <summary>Whether a function reference is of a defined function type.</summary>
    public static bool IsFunctionInstance(object? value, DefinedType type) =>
        value is not null && (ReferenceEquals(Unsafe.As<Function>(value).DefinedType, type) || Unsafe.As<Function>(value).DefinedType.IsSubtypeOf(type));

    /// <summary>Whether a function reference is of the very type and no subtype (custom descriptors).</summary>
    public static bool IsExactFunction(object? value, DefinedType type) =>
        value is not null && ReferenceEquals(Unsafe.As<Function>(value).DefinedType, type);

    public static bool IsEq(object? value) => value is GuestObject or I31;

    public static bool IsI31(object? value) => value is I31;

    public static bool IsStruct(object? value) => value is GuestStruct;

    public static bool IsArray(object? value) => value is GuestArray;

    /// <summary>The operand of a struct access, which must not be null.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static object NonNullStruct(object? value)
    {
        if (value is null)
        {
            HeapThrow.NullStruct();
        }

        return value;
    }

    public static object RefI31(int value) => I31.Create(value);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static int I31GetS(object? value)
    {
        if (value is null)
        {
            HeapThrow.NullI31();
        }

        return Unsafe.As<I31>(value).Value;
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static int I31GetU(object? value) => I31GetS(value) & 0x7FFF_FFFF;

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static bool IsInstanceOfObject(GuestObject value, DefinedType type) =>
        ReferenceEquals(value.Type, type) || IsSubtype(value.Type, type);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static bool IsSubtype(DefinedType type, DefinedType other)
    {
        DefinedType[] ancestors = type.Ancestors;
        int depth = other.Depth;
        return (uint)depth < (uint)ancestors.Length && ReferenceEquals(ancestors[depth], other);
    }
}
