namespace Wherry.Types;

/// <summary>The composite types that a module may define (specification, 2.3.10).</summary>
internal enum CompositeKind : byte
{
    Function,
    Struct,
    Array,
}

/// <summary>How a field is stored: whole, or packed into 8 or 16 bits.</summary>
internal enum Packing : byte
{
    None,
    I8,
    I16,
}

/// <summary>A field of a struct or the element of an array.</summary>
/// <param name="Type">The type on the operand stack (i32 for packed fields).</param>
/// <param name="Packing">How it is stored.</param>
/// <param name="IsMutable">Whether it may be set.</param>
internal readonly record struct FieldType(WasmValueType Type, Packing Packing, bool IsMutable);

/// <summary>
/// A type definition, interned: two definitions are equal by the specification's rules (isorecursive, 3.3.6) if and only if they
/// are the same object, whichever modules they came from. TypeRegistry makes them.
/// </summary>
internal sealed class DefinedType
{
    /// <summary>Identifies the type in this process, never used again: compiled code compares it.</summary>
    public required int Number { get; init; }

    /// <summary>What compiled code knows it by: the number of a function type; for structs and arrays, which carry it, the place of the type in <see cref="TypeAncestors"/>.</summary>
    public int Identity { get; internal set; }

    public required CompositeKind Kind { get; init; }

    public required bool IsFinal { get; init; }

    /// <summary>The declared supertype, if any.</summary>
    public DefinedType? Supertype { get; internal set; }

    /// <summary>How many supertypes stand above it.</summary>
    public int Depth { get; internal set; }

    /// <summary>The supertypes by depth, ending with this type: a cast is one load and one compare.</summary>
    public DefinedType[] Ancestors { get; internal set; } = [];

    /// <summary>For <see cref="CompositeKind.Function"/>.</summary>
    public FunctionType? Function { get; internal set; }

    /// <summary>For <see cref="CompositeKind.Struct"/> all fields, for <see cref="CompositeKind.Array"/> the one element.</summary>
    public FieldType[] Fields { get; internal set; } = Empty<FieldType>.Array;

    /// <summary>The type of its descriptor (custom descriptors).</summary>
    public DefinedType? Descriptor { get; internal set; }

    /// <summary>The type that it describes (custom descriptors).</summary>
    public DefinedType? Describes { get; internal set; }

    /// <summary>Its recursion group: all types that were defined with it. The group lives as long as any of them.</summary>
    public DefinedType[] Group { get; internal set; } = [];

    /// <summary>Whether a value of this type is a value of <paramref name="other"/> by declaration.</summary>
    public bool IsSubtypeOf(DefinedType other) => other.Depth < Ancestors.Length && ReferenceEquals(Ancestors[other.Depth], other);

    /// <summary>A short name. It shows nothing of what the type is made of, since that may be the type itself.</summary>
    public string Name => $"{Kind.ToString().ToLowerInvariant()}#{Number}";

    public override string ToString() => Kind == CompositeKind.Function ? $"(func {Function})" : Name;
}
