using System.Diagnostics.CodeAnalysis;
using System.Runtime.CompilerServices;

namespace Wherry.Execution.Heap;

/// <summary>
/// What compiled code calls for custom descriptors. The proposal is young and off unless asked for: a table beside the objects holds
/// the descriptors, so that structs without one pay nothing.
/// </summary>
internal static class DescriptorInstructions
{
    private static readonly ConditionalWeakTable<object, object> Descriptors = [];

    /// <summary>Gives a new struct its descriptor.</summary>
    public static void Set(object target, object? descriptor)
    {
        if (descriptor is null)
        {
            ThrowNullDescriptor();
        }

        Descriptors.Add(target, descriptor);
    }

    /// <summary><c>ref.get_desc</c>.</summary>
    public static object? Get(object? value)
    {
        if (value is null)
        {
            HeapThrow.NullReference();
        }

        return Descriptors.TryGetValue(value, out object? descriptor) ? descriptor : null;
    }

    /// <summary>Whether a value has a descriptor; null only where null is allowed.</summary>
    public static bool Has(object? value, object? descriptor, bool isNullable)
    {
        if (descriptor is null)
        {
            ThrowNullDescriptor();
        }

        return value is null ? isNullable : Descriptors.TryGetValue(value, out object? found) && ReferenceEquals(found, descriptor);
    }

    /// <summary><c>ref.cast_desc_eq</c>.</summary>
    public static object? Cast(object? value, object? descriptor, bool isNullable)
    {
        if (!Has(value, descriptor, isNullable))
        {
            throw new GuestTrapException(TrapKind.CastFailure, "descriptor cast failure");
        }

        return value;
    }

    [DoesNotReturn]
    private static void ThrowNullDescriptor() => throw new GuestTrapException(TrapKind.NullReference, "null descriptor reference");
}
