using Wherry.Types;

namespace Wherry;

/// <summary>The kinds of heap type (specification, 2.3.3).</summary>
public enum HeapTypeKind : byte
{
    /// <summary>Any function.</summary>
    Func,

    /// <summary>A value of the host.</summary>
    Extern,

    /// <summary>Any internal value.</summary>
    Any,

    /// <summary>Values that can be compared by identity.</summary>
    Eq,

    /// <summary>31-bit integers.</summary>
    I31,

    /// <summary>Any struct.</summary>
    Struct,

    /// <summary>Any array.</summary>
    Array,

    /// <summary>Any exception.</summary>
    Exn,

    /// <summary>The bottom of the internal types: null only.</summary>
    None,

    /// <summary>The bottom of the function types: null only.</summary>
    NoFunc,

    /// <summary>The bottom of the external types: null only.</summary>
    NoExtern,

    /// <summary>The bottom of the exception types: null only.</summary>
    NoExn,

    /// <summary>A type that a module defines.</summary>
    Defined,
}

/// <summary>What a reference may point to (specification, 2.3.3).</summary>
public readonly struct HeapType : IEquatable<HeapType>
{
    internal HeapType(HeapTypeKind kind) => Kind = kind;

    internal HeapType(DefinedType defined, bool isExact = false)
    {
        Kind = HeapTypeKind.Defined;
        Defined = defined;
        IsExact = isExact;
    }

    /// <summary>The kind.</summary>
    public HeapTypeKind Kind { get; }

    /// <summary>Whether subtypes are left out (custom descriptors).</summary>
    internal bool IsExact { get; }

    /// <summary>The definition, if <see cref="Kind"/> is <see cref="HeapTypeKind.Defined"/>.</summary>
    internal DefinedType? Defined { get; }

    /// <inheritdoc/>
    public bool Equals(HeapType other) => Kind == other.Kind && ReferenceEquals(Defined, other.Defined) && IsExact == other.IsExact;

    /// <inheritdoc/>
    public override bool Equals(object? obj) => obj is HeapType other && Equals(other);

    /// <inheritdoc/>
    public override int GetHashCode() => HashCode.Combine(Kind, Defined?.Number ?? 0, IsExact);

    /// <summary>The name in the text format; a defined type is shown by its kind and number.</summary>
    public override string ToString()
    {
        string name = Kind == HeapTypeKind.Defined ? Defined!.Name : Kind.ToString().ToLowerInvariant();
        return IsExact ? $"(exact {name})" : name;
    }

    /// <summary>Whether both are the same type.</summary>
    public static bool operator ==(HeapType left, HeapType right) => left.Equals(right);

    /// <summary>Whether both are different types.</summary>
    public static bool operator !=(HeapType left, HeapType right) => !left.Equals(right);
}
