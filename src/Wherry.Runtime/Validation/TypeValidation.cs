using Wherry.Binary;
using Wherry.Types;

namespace Wherry.Validation;

/// <summary>The rules for type definitions (specification, 3.2.8 and 3.3.7).</summary>
internal static class TypeValidation
{
    public static void Validate(ModuleDefinition module)
    {
        DefinedType[] types = module.Types;
        var indices = new Dictionary<DefinedType, int>(ReferenceEqualityComparer.Instance);
        for (int i = 0; i < types.Length; i++)
        {
            // A group that was defined before is valid as it was then, but the messages speak of the new indices.
            indices[types[i]] = i;
            if (types[i].Supertype is { } supertype)
            {
                CheckSupertype(types[i], supertype, i, indices, module.Offsets.Types[i]);
            }
        }

        for (int i = 0; i < types.Length; i++)
        {
            CheckDescriptors(types[i], i, indices, module.Offsets.Types[i]);
        }
    }

    /// <summary>Whether a value type matches another, for types alone (specification, 3.3.3).</summary>
    public static bool Matches(WasmValueType actual, WasmValueType expected)
    {
        if (actual == expected)
        {
            return true;
        }

        return actual.IsReference && expected.IsReference && (expected.IsNullable || !actual.IsNullable) && Matches(actual.HeapType, expected.HeapType);
    }

    private static bool Matches(HeapType actual, HeapType expected)
    {
        if (actual.Defined is { } sub)
        {
            if (expected.Defined is { } super)
            {
                return expected.IsExact ? actual.IsExact && ReferenceEquals(sub, super) : sub.IsSubtypeOf(super);
            }

            return expected.Kind switch
            {
                HeapTypeKind.Func => sub.Kind == CompositeKind.Function,
                HeapTypeKind.Struct => sub.Kind == CompositeKind.Struct,
                HeapTypeKind.Array => sub.Kind == CompositeKind.Array,
                HeapTypeKind.Eq or HeapTypeKind.Any => sub.Kind != CompositeKind.Function,
                _ => false,
            };
        }

        return actual.Kind == expected.Kind || actual.Kind switch
        {
            HeapTypeKind.Eq => expected.Kind == HeapTypeKind.Any,
            HeapTypeKind.I31 or HeapTypeKind.Struct or HeapTypeKind.Array => expected.Kind is HeapTypeKind.Eq or HeapTypeKind.Any,
            HeapTypeKind.None => expected.Defined is { } type
                ? type.Kind != CompositeKind.Function
                : expected.Kind is HeapTypeKind.Eq or HeapTypeKind.Any or HeapTypeKind.I31 or HeapTypeKind.Struct or HeapTypeKind.Array,
            HeapTypeKind.NoFunc => expected.Defined is { } type ? type.Kind == CompositeKind.Function : expected.Kind == HeapTypeKind.Func,
            HeapTypeKind.NoExtern => expected.Kind == HeapTypeKind.Extern,
            HeapTypeKind.NoExn => expected.Kind == HeapTypeKind.Exn,
            _ => false,
        };
    }

    private static void CheckSupertype(DefinedType type, DefinedType supertype, int index, Dictionary<DefinedType, int> indices, int offset)
    {
        string reason;
        if (supertype.IsFinal)
        {
            reason = "that is final";
        }
        else if (!MatchesComposite(type, supertype))
        {
            reason = $"{type} does not match {supertype}";
        }
        else if ((supertype.Descriptor is not null && type.Descriptor is null) || (type.Describes is null) != (supertype.Describes is null))
        {
            reason = "one has a descriptor or is one, the other not";
        }
        else
        {
            return;
        }

        InvalidModuleException.Throw($"sub type {index} does not match super type {indices[supertype]}: {reason}", offset);
    }

    private static bool MatchesComposite(DefinedType type, DefinedType supertype)
    {
        if (type.Kind != supertype.Kind)
        {
            return false;
        }

        if (type.Kind == CompositeKind.Function)
        {
            FunctionType sub = type.Function!;
            FunctionType super = supertype.Function!;
            return AllMatch(super.Parameters.AsSpan(), sub.Parameters.AsSpan()) && AllMatch(sub.Results.AsSpan(), super.Results.AsSpan());
        }

        if (type.Fields.Length < supertype.Fields.Length)
        {
            return false;
        }

        for (int i = 0; i < supertype.Fields.Length; i++)
        {
            FieldType sub = type.Fields[i];
            FieldType super = supertype.Fields[i];
            if (sub.IsMutable != super.IsMutable || sub.Packing != super.Packing
                || !(sub.IsMutable ? sub.Type == super.Type : Matches(sub.Type, super.Type)))
            {
                return false;
            }
        }

        return true;
    }

    private static bool AllMatch(ReadOnlySpan<WasmValueType> actual, ReadOnlySpan<WasmValueType> expected)
    {
        if (actual.Length != expected.Length)
        {
            return false;
        }

        for (int i = 0; i < actual.Length; i++)
        {
            if (!Matches(actual[i], expected[i]))
            {
                return false;
            }
        }

        return true;
    }

    /// <summary>Descriptors and what they describe stand in pairs, and pairs of subtypes below pairs of supertypes (custom descriptors).</summary>
    private static void CheckDescriptors(DefinedType type, int index, Dictionary<DefinedType, int> indices, int offset)
    {
        string? error = null;
        if (type.Descriptor is { } descriptor)
        {
            error = type.Kind != CompositeKind.Struct ? $"descriptor type must be a struct: type {index} has one"
                : !ReferenceEquals(descriptor.Describes, type) ? $"type is not described by its descriptor: type {index} and its descriptor {indices[descriptor]}"
                : type.Supertype?.Descriptor is { } above && !descriptor.IsSubtypeOf(above) ? $"descriptor type {indices[descriptor]} does not match that of the super type of type {index}"
                : null;
        }

        if (error is null && type.Describes is { } described)
        {
            error = type.Kind != CompositeKind.Struct ? $"described type must be a struct: type {index} describes one"
                : !ReferenceEquals(described.Descriptor, type) ? $"described type is not described by descriptor: type {index} describes {indices[described]}"
                : type.Supertype?.Describes is { } above && !described.IsSubtypeOf(above) ? $"described type {indices[described]} does not match that of the super type of type {index}"
                : null;
        }

        if (error is not null)
        {
            InvalidModuleException.Throw(error, offset);
        }
    }
}
