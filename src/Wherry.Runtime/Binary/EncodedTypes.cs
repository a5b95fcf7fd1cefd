using Wherry.Types;

namespace Wherry.Binary;

/// <summary>A heap type as a module spells it: defined types are still indices.</summary>
/// <param name="Kind">The kind.</param>
/// <param name="TypeIndex">The index, if <paramref name="Kind"/> is <see cref="HeapTypeKind.Defined"/>.</param>
/// <param name="IsExact">Whether subtypes are left out (custom descriptors).</param>
internal readonly record struct EncodedHeapType(HeapTypeKind Kind, int TypeIndex = 0, bool IsExact = false)
{
    /// <summary>The type itself; its index must be known to be good.</summary>
    public HeapType Resolve(DefinedType[] types) =>
        Kind == HeapTypeKind.Defined ? new HeapType(types[TypeIndex], IsExact) : new HeapType(Kind);

    // The compiler's own equality asks a comparer of each part's type, all of which are made at start.
    public bool Equals(EncodedHeapType other) => Kind == other.Kind && TypeIndex == other.TypeIndex && IsExact == other.IsExact;

    public override int GetHashCode() => HashCode.Combine((int)Kind, TypeIndex, IsExact);

    public override string ToString()
    {
        string name = Kind == HeapTypeKind.Defined ? $"type {TypeIndex}" : Kind.ToString().ToLowerInvariant();
        return IsExact ? $"(exact {name})" : name;
    }
}

/// <summary>A value type as a module spells it: defined types are still indices.</summary>
internal readonly record struct EncodedValueType(WasmValueKind Kind, bool IsNullable = false, EncodedHeapType HeapType = default)
{
    public bool Equals(EncodedValueType other) => Kind == other.Kind && IsNullable == other.IsNullable && HeapType.Equals(other.HeapType);

    public override int GetHashCode() => HashCode.Combine((int)Kind, IsNullable, HeapType.GetHashCode());

    /// <summary>The type itself; its index must be known to be good.</summary>
    public WasmValueType Resolve(DefinedType[] types) => Kind switch
    {
        WasmValueKind.I32 => WasmValueType.I32,
        WasmValueKind.I64 => WasmValueType.I64,
        WasmValueKind.F32 => WasmValueType.F32,
        WasmValueKind.F64 => WasmValueType.F64,
        WasmValueKind.V128 => WasmValueType.V128,
        _ => WasmValueType.Reference(HeapType.Resolve(types), IsNullable),
    };
}

/// <summary>How types stand in the binary format (specification, 5.3).</summary>
internal static class TypeEncoding
{
    private const byte Exact = 0x62;
    private const byte NonNullable = 0x64;
    private const byte Nullable = 0x63;

    /// <param name="reader">Where the type stands.</param>
    /// <param name="error">What to say if it is none.</param>
    public static EncodedValueType ReadValueType(ref ByteReader reader, string error = "malformed value type")
    {
        int start = reader.Position;
        byte code = reader.ReadByte();
        switch (code)
        {
            case 0x7F:
                return new(WasmValueKind.I32);
            case 0x7E:
                return new(WasmValueKind.I64);
            case 0x7D:
                return new(WasmValueKind.F32);
            case 0x7C:
                return new(WasmValueKind.F64);
            case 0x7B:
                return new(WasmValueKind.V128);
            default:
                if (!TryReadReferenceType(code, ref reader, error, out EncodedValueType type))
                {
                    MalformedModuleException.Throw($"{error}: byte 0x{code:x2}", start);
                }

                return type;
        }
    }

    public static EncodedValueType ReadReferenceType(ref ByteReader reader)
    {
        int start = reader.Position;
        byte code = reader.ReadByte();
        if (!TryReadReferenceType(code, ref reader, "malformed reference type", out EncodedValueType type))
        {
            MalformedModuleException.Throw($"malformed reference type: byte 0x{code:x2}", start);
        }

        return type;
    }

    /// <param name="reader">Where the type stands.</param>
    /// <param name="error">What to say if it is none.</param>
    public static EncodedHeapType ReadHeapType(ref ByteReader reader, string error = "malformed heap type")
    {
        int start = reader.Position;
        byte code = reader.PeekByte();
        if (code is >= 0x40 and < 0x80)
        {
            _ = reader.ReadByte();
            if (code == Exact)
            {
                return new(HeapTypeKind.Defined, ReadIndex(ref reader, error), IsExact: true);
            }

            if (AbstractKind(code) is not { } kind)
            {
                MalformedModuleException.Throw($"{error}: byte 0x{code:x2}", start);
                return default;
            }

            return new(kind);
        }

        return new(HeapTypeKind.Defined, ReadIndex(ref reader, error));
    }

    /// <summary>Whether a byte starts a value type, as opposed to a non-negative type index.</summary>
    public static bool StartsValueType(byte code) => code is >= 0x40 and < 0x80;

    /// <summary>A type index where a heap type may stand: a signed integer that is not negative.</summary>
    private static int ReadIndex(ref ByteReader reader, string error)
    {
        int start = reader.Position;
        long index = reader.ReadS33();
        if (index < 0)
        {
            MalformedModuleException.Throw($"{error}: {index}", start);
        }

        return (int)Math.Min(index, int.MaxValue);
    }

    private static bool TryReadReferenceType(byte code, ref ByteReader reader, string error, out EncodedValueType type)
    {
        if (code is Nullable or NonNullable)
        {
            type = new(WasmValueKind.Reference, code == Nullable, ReadHeapType(ref reader, error));
            return true;
        }

        HeapTypeKind? kind = AbstractKind(code);
        type = new(WasmValueKind.Reference, IsNullable: true, new EncodedHeapType(kind ?? default));
        return kind is not null;
    }

    private static HeapTypeKind? AbstractKind(byte code) => code switch
    {
        0x74 => HeapTypeKind.NoExn,
        0x73 => HeapTypeKind.NoFunc,
        0x72 => HeapTypeKind.NoExtern,
        0x71 => HeapTypeKind.None,
        0x70 => HeapTypeKind.Func,
        0x6F => HeapTypeKind.Extern,
        0x6E => HeapTypeKind.Any,
        0x6D => HeapTypeKind.Eq,
        0x6C => HeapTypeKind.I31,
        0x6B => HeapTypeKind.Struct,
        0x6A => HeapTypeKind.Array,
        0x69 => HeapTypeKind.Exn,
        _ => null,
    };
}
