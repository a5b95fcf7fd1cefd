using System.Text;

namespace Wherry.Text;

/// <summary>A value or storage type as the binary format writes it (specification, 5.3).</summary>
/// <param name="Code">The byte of a number, vector or packed type; 0x63 or 0x64 for a nullable or non-null reference.</param>
/// <param name="Heap">For a reference: the byte of an abstract heap type as a negative number, or a type index.</param>
/// <param name="IsExact">Whether the heap type is exact.</param>
internal readonly record struct EncodedType(byte Code, int Heap = 0, bool IsExact = false)
{
    public const byte NullableReference = 0x63;
    public const byte Reference = 0x64;
    private const byte Exact = 0x62;

    public static EncodedType I32 => new(0x7F);

    public static EncodedType Func => new(NullableReference, -0x10);

    public bool IsReference => Code is NullableReference or Reference;

    public void Write(ByteWriter writer)
    {
        if (Code == NullableReference && Heap < 0 && !IsExact)
        {
            writer.Byte((byte)(Heap & 0x7F));
            return;
        }

        writer.Byte(Code);
        if (IsReference)
        {
            WriteHeap(writer);
        }
    }

    public void WriteHeap(ByteWriter writer)
    {
        if (IsExact)
        {
            writer.Byte(Exact);
        }

        writer.Signed(Heap);
    }

    /// <summary>The abstract heap type of a word, as a negative number; 0 if there is none.</summary>
    public static int AbstractHeap(ReadOnlySpan<byte> word) => word switch
    {
        _ when word.SequenceEqual("func"u8) => 0x70 - 0x80,
        _ when word.SequenceEqual("extern"u8) => 0x6F - 0x80,
        _ when word.SequenceEqual("any"u8) => 0x6E - 0x80,
        _ when word.SequenceEqual("eq"u8) => 0x6D - 0x80,
        _ when word.SequenceEqual("i31"u8) => 0x6C - 0x80,
        _ when word.SequenceEqual("struct"u8) => 0x6B - 0x80,
        _ when word.SequenceEqual("array"u8) => 0x6A - 0x80,
        _ when word.SequenceEqual("exn"u8) => 0x69 - 0x80,
        _ when word.SequenceEqual("noexn"u8) => 0x74 - 0x80,
        _ when word.SequenceEqual("nofunc"u8) => 0x73 - 0x80,
        _ when word.SequenceEqual("noextern"u8) => 0x72 - 0x80,
        _ when word.SequenceEqual("none"u8) => 0x71 - 0x80,
        _ => 0,
    };

    /// <summary>The type of a single word, such as <c>i32</c> or <c>funcref</c>; code 0 if there is none.</summary>
    public static EncodedType OfWord(ReadOnlySpan<byte> word)
    {
        byte code = word switch
        {
            _ when word.SequenceEqual("i32"u8) => 0x7F,
            _ when word.SequenceEqual("i64"u8) => 0x7E,
            _ when word.SequenceEqual("f32"u8) => 0x7D,
            _ when word.SequenceEqual("f64"u8) => 0x7C,
            _ when word.SequenceEqual("v128"u8) => 0x7B,
            _ => 0,
        };
        if (code != 0 || !word.EndsWith("ref"u8))
        {
            return new(code);
        }

        ReadOnlySpan<byte> stem = word[..^3];
        int heap = stem switch
        {
            _ when stem.SequenceEqual("null"u8) => AbstractHeap("none"u8),
            _ when stem.SequenceEqual("nullfunc"u8) => AbstractHeap("nofunc"u8),
            _ when stem.SequenceEqual("nullextern"u8) => AbstractHeap("noextern"u8),
            _ when stem.SequenceEqual("nullexn"u8) => AbstractHeap("noexn"u8),
            _ when stem.StartsWith("no"u8) => 0,
            _ => AbstractHeap(stem),
        };
        return heap == 0 ? default : new(NullableReference, heap);
    }
}

/// <summary>Parameters and results of a function type, with the names of the parameters.</summary>
internal sealed class Signature
{
    public List<EncodedType> Parameters { get; } = [];

    public List<string?> Names { get; } = [];

    public List<EncodedType> Results { get; } = [];

    public bool IsEmpty => Parameters.Count == 0 && Results.Count == 0;

    /// <summary>Equal for equal signatures, whatever the names.</summary>
    public string Key()
    {
        var key = new StringBuilder();
        foreach (EncodedType type in Parameters)
        {
            Append(type);
        }

        key.Append('>');
        foreach (EncodedType type in Results)
        {
            Append(type);
        }

        return key.ToString();

        void Append(EncodedType type) => key.Append((char)type.Code).Append(type.IsExact ? '!' : ' ').Append((char)(type.Heap & 0xFFFF)).Append((char)(type.Heap >>> 16));
    }

    public void Write(ByteWriter writer)
    {
        writer.Unsigned(Parameters.Count);
        foreach (EncodedType type in Parameters)
        {
            type.Write(writer);
        }

        writer.Unsigned(Results.Count);
        foreach (EncodedType type in Results)
        {
            type.Write(writer);
        }
    }
}
