namespace Wherry.Text;

// Types and type uses (specification, 6.4).
internal sealed partial class ModuleParser
{
    private readonly List<TypeEntry> typeEntries = [];
    private readonly Dictionary<string, int> functionTypes = [];
    private readonly List<Signature> implicitTypes = [];

    /// <summary>The second pass: explicit type definitions.</summary>
    private void DefineTypes()
    {
        int next = 0;
        while (at.Is(TokenKind.LeftParenthesis))
        {
            int start = at.Position;
            if (at.TryOpen("type"u8))
            {
                ReadTypeDefinition(encoder.Types.Add(), next++, isAlone: true);
            }
            else if (at.TryOpen("rec"u8))
            {
                ReadGroup(ref next);
            }
            else
            {
                at.SkipField(start);
            }
        }
    }

    private void ReadGroup(ref int next)
    {
        ByteWriter writer = encoder.Types.Add();
        var members = new ByteWriter();
        int count = 0;
        while (at.TryOpen("type"u8))
        {
            ReadTypeDefinition(members, next++, isAlone: false);
            count++;
        }

        at.Close();
        writer.Byte(0x4E);
        writer.Unsigned(count);
        writer.Bytes(members.Written);
        if (count == 1)
        {
            // A group of one is the same as a type by itself.
            AddFunctionType(next - 1);
        }
    }

    private void AddFunctionType(int index)
    {
        if (typeEntries[index] is { IsPlainFunction: true, Signature: Signature signature })
        {
            functionTypes.TryAdd(signature.Key(), index);
        }
    }

    private void ReadTypeDefinition(ByteWriter writer, int index, bool isAlone)
    {
        TypeEntry entry = typeEntries[index];
        at.TryIdentifier();
        entry.IsPlainFunction = true;
        bool isSub = at.TryOpen("sub"u8);
        if (isSub)
        {
            bool isFinal = at.TryKeyword("final"u8);
            var supertypes = new List<int>();
            while (at.IsIndex)
            {
                supertypes.Add(types.Resolve(at));
            }

            if (!isFinal || supertypes.Count > 0)
            {
                entry.IsPlainFunction = false;
                writer.Byte((byte)(isFinal ? 0x4F : 0x50));
                writer.Unsigned(supertypes.Count);
                foreach (int supertype in supertypes)
                {
                    writer.Unsigned(supertype);
                }
            }
        }

        ReadDescriptorClause(writer, entry, "describes"u8, 0x4C);
        ReadDescriptorClause(writer, entry, "descriptor"u8, 0x4D);
        ReadCompositeType(writer, entry);
        if (isSub)
        {
            at.Close();
        }

        at.Close();
        if (isAlone)
        {
            AddFunctionType(index);
        }
    }

    private void ReadDescriptorClause(ByteWriter writer, TypeEntry entry, ReadOnlySpan<byte> keyword, byte code)
    {
        if (at.TryOpen(keyword))
        {
            entry.IsPlainFunction = false;
            writer.Byte(code);
            writer.Unsigned(types.Resolve(at));
            at.Close();
        }
    }

    private void ReadCompositeType(ByteWriter writer, TypeEntry entry)
    {
        if (at.TryOpen("func"u8))
        {
            entry.Signature = ReadSignature(allowNames: true);
            writer.Byte(0x60);
            entry.Signature.Write(writer);
        }
        else if (at.TryOpen("struct"u8))
        {
            var fields = new ByteWriter();
            while (at.TryOpen("field"u8))
            {
                ReadFields(fields, entry.Fields);
            }

            writer.Byte(0x5F);
            writer.Unsigned(entry.Fields.Count);
            writer.Bytes(fields.Written);
        }
        else
        {
            at.Open("array"u8);
            writer.Byte(0x5E);
            ReadFieldType(writer);
        }

        at.Close();
    }

    private void ReadFields(ByteWriter writer, IndexSpace space)
    {
        if (at.TryIdentifier() is string name)
        {
            space.Add(at, name, TryNameAnnotation());
            ReadFieldType(writer);
        }
        else
        {
            while (!at.Is(TokenKind.RightParenthesis))
            {
                space.Add(at, null, TryNameAnnotation());
                ReadFieldType(writer);
            }
        }

        at.Close();
    }

    private void ReadFieldType(ByteWriter writer)
    {
        bool isMutable = at.TryOpen("mut"u8);
        if (at.TryKeyword("i8"u8))
        {
            writer.Byte(0x78);
        }
        else if (at.TryKeyword("i16"u8))
        {
            writer.Byte(0x77);
        }
        else
        {
            ReadValueType().Write(writer);
        }

        writer.Byte(isMutable ? (byte)1 : (byte)0);
        if (isMutable)
        {
            at.Close();
        }
    }

    private EncodedType ReadValueType()
    {
        if (at.TryOpen("ref"u8))
        {
            bool isNullable = at.TryKeyword("null"u8);
            EncodedType type = ReadHeapType() with { Code = isNullable ? EncodedType.NullableReference : EncodedType.Reference };
            at.Close();
            return type;
        }

        EncodedType word = at.Is(TokenKind.Keyword) ? EncodedType.OfWord(at.Source.Text(at.Current)) : default;
        if (word.Code == 0)
        {
            throw at.Unexpected(expected: "a type");
        }

        at.Position++;
        return word;
    }

    private EncodedType ReadReferenceType()
    {
        Token token = at.Current;
        EncodedType type = ReadValueType();
        return type.IsReference ? type : throw at.Unexpected(token, "a reference type");
    }

    /// <summary>A heap type, as a non-null reference to it.</summary>
    private EncodedType ReadHeapType()
    {
        if (at.TryOpen("exact"u8))
        {
            var exact = new EncodedType(EncodedType.Reference, types.Resolve(at), IsExact: true);
            at.Close();
            return exact;
        }

        if (at.IsIndex)
        {
            return new EncodedType(EncodedType.Reference, types.Resolve(at));
        }

        int heap = at.Is(TokenKind.Keyword) ? EncodedType.AbstractHeap(at.Source.Text(at.Current)) : 0;
        if (heap == 0)
        {
            throw at.Unexpected(expected: "a heap type");
        }

        at.Position++;
        return new EncodedType(EncodedType.Reference, heap);
    }

    private bool IsReferenceTypeAhead =>
        at.IsOpen("ref"u8) || (at.Is(TokenKind.Keyword) && EncodedType.OfWord(at.Source.Text(at.Current)).IsReference);

    private Signature ReadSignature(bool allowNames)
    {
        var signature = new Signature();
        while (at.TryOpen("param"u8))
        {
            if (allowNames && at.Is(TokenKind.Identifier))
            {
                signature.Names.Add(at.TryIdentifier());
                signature.Parameters.Add(ReadValueType());
            }
            else
            {
                while (!at.Is(TokenKind.RightParenthesis))
                {
                    signature.Names.Add(null);
                    signature.Parameters.Add(ReadValueType());
                }
            }

            at.Close();
        }

        while (at.TryOpen("result"u8))
        {
            while (!at.Is(TokenKind.RightParenthesis))
            {
                signature.Results.Add(ReadValueType());
            }

            at.Close();
        }

        if (at.IsOpen("param"u8) || at.IsOpen("type"u8))
        {
            at.Position++;
            throw at.Unexpected(expected: "types in the order (type …) (param …) (result …)");
        }

        return signature;
    }

    /// <summary>A type use: <c>(type x)</c>, parameters and results, or both.</summary>
    private TypeUse ReadTypeUse(bool allowNames)
    {
        Token token = at.Current;
        int index = -1;
        if (at.TryOpen("type"u8))
        {
            index = types.Resolve(at);
            at.Close();
        }

        Signature inline = ReadSignature(allowNames);
        if (index < 0)
        {
            return new TypeUse(ImplicitType(inline), inline.Parameters.Count, inline.Names);
        }

        Signature? explicitSignature = index < typeEntries.Count
            ? typeEntries[index].Signature
            : index - typeEntries.Count < implicitTypes.Count ? implicitTypes[index - typeEntries.Count] : null;
        if (inline.IsEmpty)
        {
            // The names in a type definition are not those of the functions of that type.
            return new TypeUse(index, explicitSignature?.Parameters.Count ?? 0, []);
        }

        if (explicitSignature is null || explicitSignature.Key() != inline.Key())
        {
            throw at.Source.Error(token, index < typeEntries.Count ? "inline function type does not match the type named" : "unknown type");
        }

        return new TypeUse(index, inline.Parameters.Count, inline.Names);
    }

    private int ImplicitType(Signature signature)
    {
        string key = signature.Key();
        if (!functionTypes.TryGetValue(key, out int index))
        {
            index = typeEntries.Count + implicitTypes.Count;
            implicitTypes.Add(signature);
            functionTypes.Add(key, index);
        }

        return index;
    }

    private void FinishTypes()
    {
        foreach (Signature signature in implicitTypes)
        {
            ByteWriter writer = encoder.Types.Add();
            writer.Byte(0x60);
            signature.Write(writer);
        }
    }

    private readonly record struct TypeUse(int Index, int ParameterCount, List<string?> Names);

    private sealed class TypeEntry
    {
        public Signature? Signature { get; set; }

        public IndexSpace Fields { get; } = new("field");

        /// <summary>Whether it is a final function type without supertype, which a type use without a name may mean.</summary>
        public bool IsPlainFunction { get; set; }
    }
}
