using Wherry.Text;

namespace Wherry.Fuzz.Generation;

/// <summary>Value types by short names.</summary>
internal static class Types
{
    public static readonly EncodedType I32 = new(0x7F);
    public static readonly EncodedType I64 = new(0x7E);
    public static readonly EncodedType F32 = new(0x7D);
    public static readonly EncodedType F64 = new(0x7C);
    public static readonly EncodedType V128 = new(0x7B);
    public static readonly EncodedType I8 = new(0x78);
    public static readonly EncodedType I16 = new(0x77);
    public static readonly EncodedType Func = Null(Heaps.Func);
    public static readonly EncodedType Extern = Null(Heaps.Extern);
    public static readonly EncodedType Any = Null(Heaps.Any);
    public static readonly EncodedType Eq = Null(Heaps.Eq);
    public static readonly EncodedType Exn = Null(Heaps.Exn);

    public static EncodedType Null(int heap) => new(EncodedType.NullableReference, heap);

    public static EncodedType NonNull(int heap) => new(EncodedType.Reference, heap);
}

/// <summary>Abstract heap types as signed numbers.</summary>
internal static class Heaps
{
    public const int Func = -0x10;
    public const int Extern = -0x11;
    public const int Any = -0x12;
    public const int Eq = -0x13;
    public const int I31 = -0x14;
    public const int Struct = -0x15;
    public const int Array = -0x16;
    public const int Exn = -0x17;
    public const int None = -0x0F;
    public const int NoExtern = -0x0E;
    public const int NoFunc = -0x0D;
    public const int NoExn = -0x0C;
}

internal sealed record Field(EncodedType Type, bool IsMutable)
{
    public bool IsPacked => Type == Types.I8 || Type == Types.I16;

    /// <summary>What is on the stack for it.</summary>
    public EncodedType Unpacked => IsPacked ? Types.I32 : Type;
}

/// <summary>A struct type, or an array type with one field.</summary>
internal sealed record Aggregate(int Index, bool IsArray, Field[] Fields, int Super);

internal sealed record Signature(EncodedType[] Parameters, EncodedType[] Results);

internal sealed record GlobalShape(EncodedType Type, bool IsMutable);

internal sealed record MemoryShape(bool Is64Bit, bool IsShared, bool HasSmallPages)
{
    public EncodedType Address => Is64Bit ? Types.I64 : Types.I32;
}

internal sealed record TableShape(EncodedType Type, bool Is64Bit)
{
    public EncodedType Address => Is64Bit ? Types.I64 : Types.I32;
}

/// <summary>All that a function's body may mention.</summary>
internal sealed class Shape
{
    public required GeneratorOptions Options { get; init; }

    public List<Aggregate> Aggregates { get; } = [];

    /// <summary>Function types, by the index of the first of them plus their place here.</summary>
    public List<Signature> Signatures { get; } = [];

    public int FirstSignature => Aggregates.Count;

    /// <summary>The functions to call, each by the index of its signature.</summary>
    public List<int> Functions { get; } = [];

    /// <summary>The first of those that are so small that they are written in place of calls to them.</summary>
    public int FirstSmall { get; set; }

    public List<GlobalShape> Globals { get; } = [];

    public List<MemoryShape> Memories { get; } = [];

    public List<TableShape> Tables { get; } = [];

    /// <summary>Tags, each by the index of its signature.</summary>
    public List<int> Tags { get; } = [];

    /// <summary>The types of the element segments.</summary>
    public List<EncodedType> Elements { get; } = [];

    public int DataCount { get; set; }

    /// <summary>The function that makes a number of a reference to anything.</summary>
    public int HashFunction { get; set; }

    public Signature SignatureOf(int function) => Signatures[Functions[function]];

    public int AddSignature(EncodedType[] parameters, EncodedType[] results)
    {
        int known = Signatures.FindIndex(signature => signature.Parameters.SequenceEqual(parameters) && signature.Results.SequenceEqual(results));
        if (known < 0)
        {
            known = Signatures.Count;
            Signatures.Add(new Signature(parameters, results));
        }

        return known;
    }

    /// <summary>Whether a value of one type can stand for another.</summary>
    public bool IsSubtype(EncodedType type, EncodedType of)
    {
        if (type == of)
        {
            return true;
        }

        return type.IsReference && of.IsReference
            && (of.Code == EncodedType.NullableReference || type.Code == EncodedType.Reference)
            && IsSubheap(type.Heap, of.Heap);
    }

    public bool IsSubheap(int heap, int of)
    {
        if (heap == of)
        {
            return true;
        }

        if (heap >= 0)
        {
            return heap < Aggregates.Count
                ? of is Heaps.Any or Heaps.Eq || of == (Aggregates[heap].IsArray ? Heaps.Array : Heaps.Struct) || (Aggregates[heap].Super >= 0 && IsSubheap(Aggregates[heap].Super, of))
                : of == Heaps.Func;
        }

        return heap switch
        {
            Heaps.Eq => of == Heaps.Any,
            Heaps.I31 or Heaps.Struct or Heaps.Array => of is Heaps.Eq or Heaps.Any,
            Heaps.None => of is Heaps.Any or Heaps.Eq or Heaps.I31 or Heaps.Struct or Heaps.Array || (of >= 0 && of < Aggregates.Count),
            Heaps.NoFunc => of == Heaps.Func || of >= Aggregates.Count,
            Heaps.NoExtern => of == Heaps.Extern,
            Heaps.NoExn => of == Heaps.Exn,
            _ => false,
        };
    }

    public static bool IsOfAny(int heap, int aggregates) => heap is Heaps.Any or Heaps.Eq or Heaps.I31 or Heaps.Struct or Heaps.Array or Heaps.None || (heap >= 0 && heap < aggregates);

    public bool IsOfAny(EncodedType type) => type.IsReference && IsOfAny(type.Heap, Aggregates.Count);

    public bool IsOfFunc(EncodedType type) => type.IsReference && (type.Heap is Heaps.Func or Heaps.NoFunc || type.Heap >= Aggregates.Count);
}
