using Wherry.Types;

namespace Wherry;

/// <summary>The kinds of value type (specification, 2.3.5).</summary>
public enum WasmValueKind : byte
{
    /// <summary>32-bit integer.</summary>
    I32,

    /// <summary>64-bit integer.</summary>
    I64,

    /// <summary>32-bit float.</summary>
    F32,

    /// <summary>64-bit float.</summary>
    F64,

    /// <summary>128-bit vector.</summary>
    V128,

    /// <summary>Reference.</summary>
    Reference,
}

/// <summary>
/// The type of a WebAssembly value (specification, 2.3.5). Types that a module defines are compared by structure:
/// equal definitions in different modules are the same type.
/// </summary>
public readonly struct WasmValueType : IEquatable<WasmValueType>
{
    private WasmValueType(WasmValueKind kind) => Kind = kind;

    private WasmValueType(HeapType heapType, bool isNullable)
    {
        Kind = WasmValueKind.Reference;
        HeapType = heapType;
        IsNullable = isNullable;
    }

    /// <summary>32-bit integer.</summary>
    public static WasmValueType I32 => new(WasmValueKind.I32);

    /// <summary>64-bit integer.</summary>
    public static WasmValueType I64 => new(WasmValueKind.I64);

    /// <summary>32-bit float.</summary>
    public static WasmValueType F32 => new(WasmValueKind.F32);

    /// <summary>64-bit float.</summary>
    public static WasmValueType F64 => new(WasmValueKind.F64);

    /// <summary>128-bit vector.</summary>
    public static WasmValueType V128 => new(WasmValueKind.V128);

    /// <summary>Any function, or null.</summary>
    public static WasmValueType FuncRef => Reference(HeapTypeKind.Func);

    /// <summary>Any value of the host, or null.</summary>
    public static WasmValueType ExternRef => Reference(HeapTypeKind.Extern);

    /// <summary>Any internal value, or null.</summary>
    public static WasmValueType AnyRef => Reference(HeapTypeKind.Any);

    /// <summary>Any exception, or null.</summary>
    public static WasmValueType ExnRef => Reference(HeapTypeKind.Exn);

    /// <summary>The kind.</summary>
    public WasmValueKind Kind { get; }

    /// <summary>What a reference points to; meaningful only if <see cref="IsReference"/>.</summary>
    public HeapType HeapType { get; }

    /// <summary>Whether a reference may be null.</summary>
    public bool IsNullable { get; }

    /// <summary>Whether it is a reference type.</summary>
    public bool IsReference => Kind == WasmValueKind.Reference;

    /// <summary>Whether it is i32, i64, f32, f64 or v128.</summary>
    public bool IsNumberOrVector => Kind != WasmValueKind.Reference;

    /// <summary>Whether a local of it starts with a value: all but references that can't be null.</summary>
    public bool IsDefaultable => !IsReference || IsNullable;

    /// <summary>A reference to an abstract heap type.</summary>
    public static WasmValueType Reference(HeapTypeKind kind, bool isNullable = true)
    {
        ArgumentOutOfRangeException.ThrowIfEqual((int)kind, (int)HeapTypeKind.Defined, nameof(kind));
        return new(new HeapType(kind), isNullable);
    }

    internal static WasmValueType Reference(HeapType heapType, bool isNullable) => new(heapType, isNullable);

    internal static WasmValueType Reference(DefinedType defined, bool isNullable) => new(new HeapType(defined), isNullable);

    /// <inheritdoc/>
    public bool Equals(WasmValueType other) => Kind == other.Kind && IsNullable == other.IsNullable && HeapType.Equals(other.HeapType);

    /// <inheritdoc/>
    public override bool Equals(object? obj) => obj is WasmValueType other && Equals(other);

    /// <inheritdoc/>
    public override int GetHashCode() => HashCode.Combine(Kind, IsNullable, HeapType);

    /// <summary>The name in the text format.</summary>
    public override string ToString()
    {
        if (!IsReference)
        {
            return Kind.ToString().ToLowerInvariant();
        }

        if (!IsNullable || HeapType.Kind == HeapTypeKind.Defined || HeapType.IsExact)
        {
            return IsNullable ? $"(ref null {HeapType})" : $"(ref {HeapType})";
        }

        return HeapType.Kind switch
        {
            HeapTypeKind.None => "nullref",
            HeapTypeKind.NoFunc => "nullfuncref",
            HeapTypeKind.NoExtern => "nullexternref",
            HeapTypeKind.NoExn => "nullexnref",
            _ => $"{HeapType}ref",
        };
    }

    /// <summary>Whether both are the same type.</summary>
    public static bool operator ==(WasmValueType left, WasmValueType right) => left.Equals(right);

    /// <summary>Whether both are different types.</summary>
    public static bool operator !=(WasmValueType left, WasmValueType right) => !left.Equals(right);
}
