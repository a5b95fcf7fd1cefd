using System.Collections.Immutable;
using System.Runtime.CompilerServices;
using Wherry.Binary;

namespace Wherry.Types;

/// <summary>
/// A type definition as a module spells it, before it is interned. Type indices below <c>groupStart</c> are earlier types; those from
/// <c>groupStart</c> on are members of the same recursion group.
/// </summary>
internal sealed record EncodedTypeDefinition
{
    public required CompositeKind Kind { get; init; }

    public required bool IsFinal { get; init; }

    /// <summary>The index of the declared supertype, or -1.</summary>
    public int Supertype { get; init; } = -1;

    /// <summary>The index of its descriptor, or -1.</summary>
    public int Descriptor { get; init; } = -1;

    /// <summary>The index of the type that it describes, or -1.</summary>
    public int Describes { get; init; } = -1;

    public EncodedValueType[] Parameters { get; init; } = Empty<EncodedValueType>.Array;

    public EncodedValueType[] Results { get; init; } = Empty<EncodedValueType>.Array;

    public EncodedFieldType[] Fields { get; init; } = Empty<EncodedFieldType>.Array;
}

/// <summary>A field as a module spells it.</summary>
internal readonly record struct EncodedFieldType(EncodedValueType Type, Packing Packing, bool IsMutable);

/// <summary>
/// Interns recursion groups process-wide, by structure, so that equal types are one object (isorecursive equality: specification, 3.1.7).
/// Groups are held weakly: when the last module that uses a group is gone, so is the group. Numbers are never used again.
/// </summary>
internal static class TypeRegistry
{
    // A group is written as a row of numbers: members of the group by their place in it, others by their process-wide number. A shape
    // that mentions another type's number can only be looked up by one who holds that type, so a number in a dead shape can't mislead.
    private static readonly object Gate = new();
    private static readonly Dictionary<Shape, WeakReference<DefinedType[]>> Groups = new(new ShapeComparer());
    private static int _nextNumber = 1;
    private static int _sweepAt = 1024;

    /// <summary>How many groups are known, dead ones included that no sweep has found yet.</summary>
    public static int Count
    {
        get
        {
            lock (Gate)
            {
                return Groups.Count;
            }
        }
    }

    /// <summary>The type of a function of the host: final, without supertypes, alone in its group.</summary>
    public static DefinedType Intern(FunctionType type)
    {
        // Indices into a list of the defined types that it mentions stand for what a module would have defined before.
        List<DefinedType> mentioned = [];
        var definition = new EncodedTypeDefinition
        {
            Kind = CompositeKind.Function,
            IsFinal = true,
            Parameters = [.. type.Parameters.Select(Encode)],
            Results = [.. type.Results.Select(Encode)],
        };
        int count = mentioned.Count;
        DefinedType[] types = [.. mentioned, null!];
        Intern([definition], types, count);
        return types[count];

        EncodedValueType Encode(WasmValueType value)
        {
            HeapType heap = value.HeapType;
            if (!value.IsReference || heap.Defined is null)
            {
                return new(value.Kind, value.IsNullable, value.IsReference ? new(heap.Kind) : default);
            }

            mentioned.Add(heap.Defined);
            return new(value.Kind, value.IsNullable, new(HeapTypeKind.Defined, mentioned.Count - 1, heap.IsExact));
        }
    }

    /// <summary>Puts the canonical types of a recursion group into <paramref name="types"/>, from <paramref name="start"/> on.</summary>
    /// <param name="group">Its members; all their indices are below <c>start + group.Length</c>, supertypes come before subtypes.</param>
    /// <param name="types">The types that the module defined before, with room for these.</param>
    /// <param name="start">How many were defined before.</param>
    public static void Intern(ReadOnlySpan<EncodedTypeDefinition> group, DefinedType[] types, int start)
    {
        Shape shape = Describe(group, types.AsSpan(0, start));
        lock (Gate)
        {
            if (Groups.TryGetValue(shape, out WeakReference<DefinedType[]>? known) && known.TryGetTarget(out DefinedType[]? members))
            {
                members.CopyTo(types, start);
                return;
            }

            Groups[shape] = new WeakReference<DefinedType[]>(Create(group, types, start));
            if (Groups.Count >= _sweepAt)
            {
                Sweep();
            }
        }
    }

    private static void Sweep()
    {
        foreach (KeyValuePair<Shape, WeakReference<DefinedType[]>> entry in Groups)
        {
            if (!entry.Value.TryGetTarget(out _))
            {
                _ = Groups.Remove(entry.Key);
            }
        }

        // Doubling keeps the cost of sweeping in proportion to the number of groups made.
        _sweepAt = Math.Max(1024, 2 * Groups.Count);
    }

    private static DefinedType[] Create(ReadOnlySpan<EncodedTypeDefinition> group, DefinedType[] all, int start)
    {
        var types = new DefinedType[group.Length];
        for (int i = 0; i < group.Length; i++)
        {
            types[i] = new DefinedType { Number = checked(_nextNumber++), Kind = group[i].Kind, IsFinal = group[i].IsFinal, Group = types };
            all[start + i] = types[i];
        }

        for (int i = 0; i < group.Length; i++)
        {
            EncodedTypeDefinition definition = group[i];
            DefinedType type = types[i];
            type.Supertype = definition.Supertype < 0 ? null : all[definition.Supertype];
            type.Descriptor = definition.Descriptor < 0 ? null : all[definition.Descriptor];
            type.Describes = definition.Describes < 0 ? null : all[definition.Describes];
            type.Depth = type.Supertype is null ? 0 : type.Supertype.Depth + 1;
            type.Ancestors = type.Supertype is null ? [type] : [.. type.Supertype.Ancestors, type];
            if (definition.Kind == CompositeKind.Function)
            {
                type.Identity = type.Number;
                type.Function = new FunctionType(Resolve(definition.Parameters, all), Resolve(definition.Results, all));
            }
            else
            {
                TypeAncestors.Instance.Add(type);
                type.Fields = [.. definition.Fields.Select(field => new FieldType(field.Type.Resolve(all), field.Packing, field.IsMutable))];
            }
        }

        return types;
    }

    private static ImmutableArray<WasmValueType> Resolve(EncodedValueType[] types, DefinedType[] all)
    {
        var resolved = new WasmValueType[types.Length];
        for (int i = 0; i < resolved.Length; i++)
        {
            resolved[i] = types[i].Resolve(all);
        }

        // Sound: an immutable array is one field, its array. As the framework does it, for our struct, would be left to the JIT.
        return Unsafe.As<WasmValueType[], ImmutableArray<WasmValueType>>(ref resolved);
    }

    private static Shape Describe(ReadOnlySpan<EncodedTypeDefinition> group, ReadOnlySpan<DefinedType> earlier)
    {
        List<int> numbers = [];
        foreach (EncodedTypeDefinition definition in group)
        {
            numbers.Add((int)definition.Kind | (definition.IsFinal ? 4 : 0));
            AddIndex(numbers, definition.Supertype, earlier);
            AddIndex(numbers, definition.Descriptor, earlier);
            AddIndex(numbers, definition.Describes, earlier);
            if (definition.Kind == CompositeKind.Function)
            {
                numbers.Add(definition.Parameters.Length);
                foreach (EncodedValueType type in definition.Parameters)
                {
                    AddType(numbers, type, earlier);
                }

                numbers.Add(definition.Results.Length);
                foreach (EncodedValueType type in definition.Results)
                {
                    AddType(numbers, type, earlier);
                }
            }
            else
            {
                numbers.Add(definition.Fields.Length);
                foreach (EncodedFieldType field in definition.Fields)
                {
                    numbers.Add((int)field.Packing | (field.IsMutable ? 4 : 0));
                    AddType(numbers, field.Type, earlier);
                }
            }
        }

        return new Shape([.. numbers]);
    }

    private static void AddType(List<int> numbers, EncodedValueType type, ReadOnlySpan<DefinedType> earlier)
    {
        EncodedHeapType heap = type.HeapType;
        numbers.Add((int)type.Kind | (type.IsNullable ? 0x10 : 0) | (heap.IsExact ? 0x20 : 0) | ((int)heap.Kind << 8));
        if (type.Kind == WasmValueKind.Reference && heap.Kind == HeapTypeKind.Defined)
        {
            AddIndex(numbers, heap.TypeIndex, earlier);
        }
    }

    /// <summary>Nothing is 0, an earlier type its number, a member of the group the complement of its place.</summary>
    private static void AddIndex(List<int> numbers, int index, ReadOnlySpan<DefinedType> earlier) =>
        numbers.Add(index < 0 ? 0 : index < earlier.Length ? earlier[index].Number : ~(index - earlier.Length));

    // Given by name, since the framework finds one by reflection.
    private sealed class ShapeComparer : IEqualityComparer<Shape>
    {
        public bool Equals(Shape? x, Shape? y) => x!.Equals(y);

        public int GetHashCode(Shape obj) => obj.GetHashCode();
    }

    private sealed class Shape(int[] numbers) : IEquatable<Shape>
    {
        private readonly int[] _numbers = numbers;
        private readonly int _hash = Hash(numbers);

        public bool Equals(Shape? other) => other is not null && _hash == other._hash && _numbers.AsSpan().SequenceEqual(other._numbers);

        public override bool Equals(object? obj) => Equals(obj as Shape);

        public override int GetHashCode() => _hash;

        private static int Hash(int[] numbers)
        {
            // Seeded for the process, so that a module can't choose its collisions.
            var hash = default(HashCode);
            foreach (int number in numbers)
            {
                hash.Add(number);
            }

            return hash.ToHashCode();
        }
    }
}
