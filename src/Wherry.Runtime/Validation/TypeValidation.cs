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
            if (!indices.TryAdd(types[i], i))
            {
                indices[types[i]] = i;
            }

            if (types[i].Supertype is { } supertype)
            {
                CheckSupertype(types[i], supertype, i, indices[supertype], module.Offsets.Types[i]);
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

    private static void CheckSupertype(DefinedType type, DefinedType supertype, int index, int superIndex, int offset)
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
        else if (!MatchesDescriptors(type, supertype))
        {
            reason = "their descriptors do not match";
        }
        else
        {
            return;
        }

        InvalidModuleException.Throw($"sub type {index} does not match super type {superIndex}: {reason}", offset);
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

    /// <summary>
    /// A type whose supertype has a descriptor has one too, a subtype of that; and a type describes something exactly if its supertype
    /// does (custom descriptors).
    /// </summary>
    private static bool MatchesDescriptors(DefinedType type, DefinedType supertype)
    {
        if (supertype.Descriptor is { } descriptor && (type.Descriptor is null || !type.Descriptor.IsSubtypeOf(descriptor)))
        {
            return false;
        }

        return (type.Describes is null) == (supertype.Describes is null)
            && (supertype.Describes is null || type.Describes!.IsSubtypeOf(supertype.Describes));
    }

    private static void CheckDescriptors(DefinedType type, int index, Dictionary<DefinedType, int> indices, int offset)
    {
        string? error = null;
        if (type.Descriptor is { } descriptor)
        {
            int other = indices[descriptor];
            error = type.Kind != CompositeKind.Struct || descriptor.Kind != CompositeKind.Struct ? $"descriptor type must be a struct: type {index} and its descriptor {other}"
                : !ReferenceEquals(type.Group, descriptor.Group) ? $"descriptor type is outside rec group: type {index} and its descriptor {other}"
                : !ReferenceEquals(descriptor.Describes, type) ? $"type is not described by its descriptor: type {index} and its descriptor {other}"
                : null;
        }

        if (error is null && type.Describes is { } described)
        {
            int other = indices[described];
            error = type.Kind != CompositeKind.Struct || described.Kind != CompositeKind.Struct ? $"described type must be a struct: type {index} describes {other}"
                : !ReferenceEquals(type.Group, described.Group) ? $"described type is outside rec group: type {index} describes {other}"
                : !ReferenceEquals(described.Descriptor, type) ? $"described type is not described by descriptor: type {index} describes {other}"
                : null;
        }

        if (error is not null)
        {
            InvalidModuleException.Throw(error, offset);
        }
    }
}
