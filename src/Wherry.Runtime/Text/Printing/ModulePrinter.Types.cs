using Wherry.Binary;

namespace Wherry.Text.Printing;

// Types, and the declarations that have nothing but a type.
internal sealed partial class ModulePrinter
{
    /// <summary>Counts what is imported of each kind, and notes the types of imported functions, so that names can be given out.</summary>
    private void CountImports()
    {
        ByteReader reader = Open(2, out int count);
        for (int i = 0; i < count; i++)
        {
            reader.ReadName(int.MaxValue);
            reader.ReadName(int.MaxValue);
            int offset = reader.Position;
            byte kind = reader.ReadByte();
            switch (kind)
            {
                case 0 or 0x20:
                    functionTypeIndices.Add(reader.ReadIndex());
                    kind = 0;
                    break;
                case 1:
                    TypeEncoding.ReadReferenceType(ref reader);
                    LimitsText(ref reader);
                    break;
                case 2:
                    LimitsText(ref reader);
                    break;
                case 3:
                    TypeEncoding.ReadValueType(ref reader);
                    reader.ReadByte();
                    break;
                case 4:
                    reader.ReadByte();
                    reader.ReadIndex();
                    break;
                default:
                    MalformedModuleException.Throw($"malformed import kind: {kind}", offset);
                    break;
            }

            counts[kind]++;
        }

        reader = Open(3, out count);
        for (int i = 0; i < count; i++)
        {
            functionTypeIndices.Add(reader.ReadIndex());
        }
    }

    /// <summary>Reads the shapes of all types: how many fields each has, and the signatures.</summary>
    private void ReadTypes()
    {
        // Types are printed while they are read; the names of fields and types must be known before.
        var fieldCounts = new List<int>();
        ByteReader reader = Open(1, out int groups);
        for (int i = 0; i < groups; i++)
        {
            int members = 1;
            if (reader.PeekByte() == 0x4E)
            {
                reader.ReadByte();
                members = reader.ReadCount();
            }

            for (int j = 0; j < members; j++)
            {
                SkipClauses(ref reader);
                ReadShape(ref reader, fieldCounts);
            }
        }

        types = new NameTable(fieldCounts.Count, names.GetTypeName);
        fields = [.. fieldCounts.Select((count, type) => new NameTable(count, field => names.GetFieldName(type, field)))];
    }

    private static void SkipClauses(ref ByteReader reader)
    {
        if (reader.PeekByte() is 0x50 or 0x4F)
        {
            reader.ReadByte();
            int supertypes = reader.ReadCount();
            for (int i = 0; i < supertypes; i++)
            {
                reader.ReadIndex();
            }
        }

        while (reader.PeekByte() is 0x4C or 0x4D)
        {
            reader.ReadByte();
            reader.ReadIndex();
        }
    }

    private void ReadShape(ref ByteReader reader, List<int> fieldCounts)
    {
        int offset = reader.Position;
        byte form = reader.ReadByte();
        int fieldCount = 0;
        FunctionTypeText? function = null;
        switch (form)
        {
            case 0x60:
                function = new FunctionTypeText(ReadTypeVector(ref reader), ReadTypeVector(ref reader));
                break;
            case 0x5F:
                fieldCount = reader.ReadCount();
                for (int i = 0; i < fieldCount; i++)
                {
                    SkipField(ref reader);
                }

                break;
            case 0x5E:
                SkipField(ref reader);
                break;
            default:
                MalformedModuleException.Throw($"malformed definition type: byte 0x{form:x2}", offset);
                break;
        }

        fieldCounts.Add(fieldCount);
        functionTypes.Add(function);
    }

    private static EncodedValueType[] ReadTypeVector(ref ByteReader reader)
    {
        var result = new EncodedValueType[reader.ReadCount()];
        for (int i = 0; i < result.Length; i++)
        {
            result[i] = TypeEncoding.ReadValueType(ref reader);
        }

        return result;
    }

    private static void SkipField(ref ByteReader reader)
    {
        if (reader.PeekByte() is 0x78 or 0x77)
        {
            reader.ReadByte();
        }
        else
        {
            TypeEncoding.ReadValueType(ref reader);
        }

        reader.ReadByte();
    }

    private void PrintTypes()
    {
        int index = 0;
        ByteReader reader = Open(1, out int groups);
        for (int i = 0; i < groups; i++)
        {
            output.Line();
            if (reader.PeekByte() != 0x4E)
            {
                PrintType(ref reader, index++);
                continue;
            }

            reader.ReadByte();
            int members = reader.ReadCount();
            output.Append("(rec");
            output.Indent++;
            for (int j = 0; j < members; j++)
            {
                output.Line();
                PrintType(ref reader, index++);
            }

            output.Indent--;
            output.Append(")");
        }
    }

    private void PrintType(ref ByteReader reader, int index)
    {
        output.Append($"(type {types.Declaration(index)}");
        byte sub = reader.PeekByte();
        bool isSub = sub is 0x50 or 0x4F;
        if (isSub)
        {
            reader.ReadByte();
            output.Append(sub == 0x4F ? " (sub final" : " (sub");
            int supertypes = reader.ReadCount();
            for (int i = 0; i < supertypes; i++)
            {
                output.Append($" {types.Reference(reader.ReadIndex())}");
            }
        }

        while (reader.PeekByte() is 0x4C or 0x4D)
        {
            string clause = reader.ReadByte() == 0x4C ? "describes" : "descriptor";
            output.Append($" ({clause} {types.Reference(reader.ReadIndex())})");
        }

        PrintComposite(ref reader, index);
        output.Append(isSub ? "))" : ")");
    }

    private void PrintComposite(ref ByteReader reader, int index)
    {
        switch (reader.ReadByte())
        {
            case 0x60:
                ReadTypeVector(ref reader);
                ReadTypeVector(ref reader);
                output.Append(" (func");
                PrintSignature(functionTypes[index]!);
                output.Append(")");
                break;
            case 0x5F:
                output.Append(" (struct");
                int count = reader.ReadCount();
                for (int i = 0; i < count; i++)
                {
                    output.Append($" (field {(fields[index].Identifier(i) is string name ? name + " " : "")}");
                    PrintField(ref reader);
                    output.Append(")");
                }

                output.Append(")");
                break;
            default:
                output.Append(" (array ");
                PrintField(ref reader);
                output.Append(")");
                break;
        }
    }

    private void PrintField(ref ByteReader reader)
    {
        byte code = reader.PeekByte();
        string type;
        if (code is 0x78 or 0x77)
        {
            reader.ReadByte();
            type = code == 0x78 ? "i8" : "i16";
        }
        else
        {
            type = TypeText(TypeEncoding.ReadValueType(ref reader));
        }

        output.Append(reader.ReadByte() != 0 ? $"(mut {type})" : type);
    }

    private void PrintSignature(FunctionTypeText type)
    {
        PrintTypeList(" (param", type.Parameters);
        PrintTypeList(" (result", type.Results);
    }

    private void PrintTypeList(string keyword, EncodedValueType[] list)
    {
        if (list.Length > 0)
        {
            output.Append(keyword);
            foreach (EncodedValueType type in list)
            {
                output.Append($" {TypeText(type)}");
            }

            output.Append(")");
        }
    }

    private FunctionTypeText? FunctionType(int index) => index < functionTypes.Count ? functionTypes[index] : null;

    private string TypeText(EncodedValueType type)
    {
        if (type.Kind != WasmValueKind.Reference)
        {
            return type.Kind.ToString().ToLowerInvariant();
        }

        if (!type.IsNullable || type.HeapType.Kind == HeapTypeKind.Defined)
        {
            return $"(ref {(type.IsNullable ? "null " : "")}{HeapText(type.HeapType)})";
        }

        return type.HeapType.Kind switch
        {
            HeapTypeKind.None => "nullref",
            HeapTypeKind.NoFunc => "nullfuncref",
            HeapTypeKind.NoExtern => "nullexternref",
            HeapTypeKind.NoExn => "nullexnref",
            HeapTypeKind kind => $"{kind.ToString().ToLowerInvariant()}ref",
        };
    }

    private string HeapText(EncodedHeapType type)
    {
        string name = type.Kind == HeapTypeKind.Defined ? types.Reference(type.TypeIndex) : type.Kind.ToString().ToLowerInvariant();
        return type.IsExact ? $"(exact {name})" : name;
    }

    private static string LimitsText(ref ByteReader reader) => LimitsText(ref reader, out _);

    /// <summary>Address type, bounds and sharing, with a space behind; the page size apart.</summary>
    private static string LimitsText(ref ByteReader reader, out string pageSize)
    {
        int offset = reader.Position;
        byte flags = reader.ReadByte();
        if (flags > 0xF)
        {
            MalformedModuleException.Throw($"malformed limits flags: 0x{flags:x2}", offset);
        }

        string text = (flags & 4) != 0 ? "i64 " : "";
        text += $"{reader.ReadU64()} ";
        text += (flags & 1) != 0 ? $"{reader.ReadU64()} " : "";
        text += (flags & 2) != 0 ? "shared " : "";
        pageSize = "";
        if ((flags & 8) != 0)
        {
            uint log2 = reader.ReadU32();
            if (log2 > 63)
            {
                MalformedModuleException.Throw("invalid custom page size", offset);
            }

            pageSize = $"(pagesize {1UL << (int)log2}) ";
        }

        return text;
    }

    private void PrintImports()
    {
        ByteReader reader = Open(2, out int count);
        var next = new int[5];
        for (int i = 0; i < count; i++)
        {
            output.Line();
            output.Append($"(import {TextOutput.Quote(reader.ReadName(int.MaxValue))} {TextOutput.Quote(reader.ReadName(int.MaxValue))} (");
            byte kind = reader.ReadByte();
            switch (kind)
            {
                case 0 or 0x20:
                    output.Append($"func {functions.Declaration(next[0]++)} {(kind == 0 ? "" : "(exact ")}");
                    PrintTypeUse(reader.ReadIndex());
                    output.Append(kind == 0 ? "" : ")");
                    break;
                case 1:
                    string type = TypeText(TypeEncoding.ReadReferenceType(ref reader));
                    output.Append($"table {tables.Declaration(next[1]++)} {LimitsText(ref reader)}{type}");
                    break;
                case 2:
                    output.Append($"memory {memories.Declaration(next[2]++)} {LimitsText(ref reader, out string pageSize)}{pageSize}");
                    break;
                case 3:
                    output.Append($"global {globals.Declaration(next[3]++)} {GlobalText(ref reader)}");
                    break;
                default:
                    reader.ReadByte();
                    output.Append($"tag {tags.Declaration(next[4]++)} ");
                    PrintTypeUse(reader.ReadIndex());
                    break;
            }

            output.Append("))");
        }
    }

    private void PrintTypeUse(int type)
    {
        output.Append($"(type {types.Reference(type)})");
        if (FunctionType(type) is FunctionTypeText signature)
        {
            PrintSignature(signature);
        }
    }

    private string GlobalText(ref ByteReader reader)
    {
        string type = TypeText(TypeEncoding.ReadValueType(ref reader));
        return reader.ReadByte() != 0 ? $"(mut {type})" : type;
    }

    private void PrintTables()
    {
        ByteReader reader = Open(4, out int count);
        for (int i = 0; i < count; i++)
        {
            bool hasInitializer = reader.PeekByte() == 0x40;
            if (hasInitializer)
            {
                reader.ReadByte();
                reader.ReadByte();
            }

            string type = TypeText(TypeEncoding.ReadReferenceType(ref reader));
            output.Line();
            output.Append($"(table {tables.Declaration(counts[1] + i)} {LimitsText(ref reader)}{type}");
            if (hasInitializer)
            {
                PrintExpression(ref reader);
            }

            output.Append(")");
        }
    }

    private void PrintMemories()
    {
        ByteReader reader = Open(5, out int count);
        for (int i = 0; i < count; i++)
        {
            output.Line();
            output.Append($"(memory {memories.Declaration(counts[2] + i)} {LimitsText(ref reader, out string pageSize)}{pageSize}".TrimEnd()).Append(")");
        }
    }

    private void PrintTags()
    {
        ByteReader reader = Open(13, out int count);
        for (int i = 0; i < count; i++)
        {
            reader.ReadByte();
            output.Line();
            output.Append($"(tag {tags.Declaration(counts[4] + i)} ");
            PrintTypeUse(reader.ReadIndex());
            output.Append(")");
        }
    }

    private void PrintGlobals()
    {
        ByteReader reader = Open(6, out int count);
        for (int i = 0; i < count; i++)
        {
            output.Line();
            output.Append($"(global {globals.Declaration(counts[3] + i)} {GlobalText(ref reader)}");
            PrintExpression(ref reader);
            output.Append(")");
        }
    }

    private sealed record FunctionTypeText(EncodedValueType[] Parameters, EncodedValueType[] Results);
}
