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
        ReferenceEquals(left, right) || (left is I31[] && right is I31[] && I31.ValueOf(left) == I31.ValueOf(right));

    /// <summary>The identity of the type of an array that is known to have such elements, and not to be null.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static int TypeOfArray<T>(object array)
        where T : struct => GuestArray.Type(Unsafe.As<Cell<T>[]>(array));

    /// <summary>A type of the module, by an index that validation has checked.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static DefinedType TypeAt(DefinedType[] types, int index) => Unsafe.Add(ref MemoryMarshal.GetArrayDataReference(types), index);

    /// <summary>Whether a function reference is of a defined function type.</summary>
    public static bool IsFunctionInstance(object? value, DefinedType type) =>
        value is not null && (ReferenceEquals(Unsafe.As<Function>(value).DefinedType, type) || Unsafe.As<Function>(value).DefinedType.IsSubtypeOf(type));

    /// <summary>Whether a function reference is of the very type and no subtype (custom descriptors).</summary>
    public static bool IsExactFunction(object? value, DefinedType type) =>
        value is not null && ReferenceEquals(Unsafe.As<Function>(value).DefinedType, type);

    public static bool IsEq(object? value) => value is GuestStruct or I31[] || IsArray(value);

    // Thus one comparison: of an array's type the JIT makes more of a type test.
    public static bool IsI31(object? value) => value is not null && value.GetType() == typeof(I31[]);

    public static bool IsStruct(object? value) => value is GuestStruct;

    public static bool IsArray(object? value) => GuestArray.IsArray(value);

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

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static object RefI31(int value, GuestInstance instance) => I31.Create(value, instance);

    /// <summary><c>ref.i31</c> and an instruction that stores its result.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static void StoreI31(ref object? place, int value, GuestInstance instance) => I31.Store(ref place, value, instance);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static int I31GetS(object? value)
    {
        if (value is null)
        {
            HeapThrow.NullI31();
        }

        return I31.ValueOf(value);
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static int I31GetU(object? value) => I31GetS(value) & 0x7FFF_FFFF;

    /// <summary>The identity of the exact type of a struct or an array.</summary>
    public static bool TryGetType(object? value, out int type)
    {
        bool isArray = GuestArray.IsArray(value);
        type = isArray ? GuestArray.Type(value!) : (value as GuestStruct)?.Type ?? 0;
        return isArray || value is GuestStruct;
    }

    /// <summary>Whether a type, by its identity, is another one or below it.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static bool IsSubtype(int type, int other, int otherDepth, TypeAncestors ancestors) =>
        otherDepth < TypeAncestors.AlwaysPresent ? ancestors.IsSubtype(type, other, otherDepth) : ancestors.IsSubtypeAtAnyDepth(type, other, otherDepth);
}
