using System.Numerics;
using Wherry.Instructions;

namespace Wherry.Text;

// Module fields other than types (specification, 6.6).
internal sealed partial class ModuleParser
{
    private void ReadField()
    {
        TakeCustomSections();
        int start = at.Position;
        at.Position++;
        if (at.IsKeyword("type"u8) || at.IsKeyword("rec"u8))
        {
            at.SkipField(start);
            return;
        }

        if (at.TryKeyword("func"u8))
        {
            ReadFunction();
        }
        else if (at.TryKeyword("import"u8))
        {
            ReadImport();
        }
        else if (at.TryKeyword("export"u8))
        {
            ReadExport();
        }
        else if (at.TryKeyword("table"u8))
        {
            ReadTable();
        }
        else if (at.TryKeyword("memory"u8))
        {
            ReadMemory();
        }
        else if (at.TryKeyword("global"u8))
        {
            ReadGlobal();
        }
        else if (at.TryKeyword("tag"u8))
        {
            ReadTag();
        }
        else if (at.TryKeyword("elem"u8))
        {
            ReadElement();
        }
        else if (at.TryKeyword("data"u8))
        {
            ReadData();
        }
        else
        {
            if (!at.IsKeyword("start"u8))
            {
                throw at.Unexpected(expected: "a module field");
            }

            if (encoder.Start is not null)
            {
                at.Fail(at.Current, "multiple start sections");
            }

            at.Position++;
            encoder.Start = functions.Resolve(at);
        }

        at.Close();
    }

    private void ReadImport()
    {
        string module = at.Name();
        string name = at.Name();
        at.Expect(TokenKind.LeftParenthesis);
        IndexSpace space = SpaceOfKeyword(out _);
        at.Position++;
        at.TryIdentifier();
        ReadImportedType(space, module, name);
        at.Close();
    }

    private void ReadImportedType(IndexSpace space, string module, string name)
    {
        ByteWriter writer = encoder.Imports.Add();
        writer.Name(module);
        writer.Name(name);
        if (space == functions)
        {
            functionIndex++;
            bool isExact = at.TryOpen("exact"u8);
            int type = ReadTypeUse(allowNames: true).Index;
            if (isExact)
            {
                at.Close();
            }

            writer.Byte(isExact ? (byte)0x20 : (byte)0);
            writer.Unsigned(type);
        }
        else if (space == tables)
        {
            tableIndex++;
            writer.Byte(1);
            Limits limits = ReadLimits();
            ReadReferenceType().Write(writer);
            limits.Write(writer);
        }
        else if (space == memories)
        {
            memoryIndex++;
            writer.Byte(2);
            ReadMemoryLimits().Write(writer);
        }
        else if (space == globals)
        {
            globalIndex++;
            writer.Byte(3);
            ReadGlobalType(writer);
        }
        else
        {
            tagIndex++;
            writer.Byte(4);
            writer.Byte(0);
            writer.Unsigned(ReadTypeUse(allowNames: true).Index);
        }
    }

    /// <summary>Inline exports, then an inline import, if there is one.</summary>
    private bool ReadInlineImportExport(IndexSpace space, byte kind, int index)
    {
        while (at.TryOpen("export"u8))
        {
            AddExport(at.Name(), kind, index);
            at.Close();
        }

        if (!at.TryOpen("import"u8))
        {
            return false;
        }

        string module = at.Name();
        string name = at.Name();
        at.Close();
        ReadImportedType(space, module, name);
        return true;
    }

    private void AddExport(string name, byte kind, int index)
    {
        ByteWriter writer = encoder.Exports.Add();
        writer.Name(name);
        writer.Byte(kind);
        writer.Unsigned(index);
    }

    private void ReadExport()
    {
        string name = at.Name();
        at.Expect(TokenKind.LeftParenthesis);
        IndexSpace space = SpaceOfKeyword(out _);
        at.Position++;
        byte kind = space == functions ? (byte)0 : space == tables ? (byte)1 : space == memories ? (byte)2 : space == globals ? (byte)3 : (byte)4;
        AddExport(name, kind, space.Resolve(at));
        at.Close();
    }

    private void ReadGlobalType(ByteWriter writer)
    {
        bool isMutable = at.TryOpen("mut"u8);
        ReadValueType().Write(writer);
        writer.Byte(isMutable ? (byte)1 : (byte)0);
        if (isMutable)
        {
            at.Close();
        }
    }

    private void ReadGlobal()
    {
        at.TryIdentifier();
        if (ReadInlineImportExport(globals, 3, globalIndex))
        {
            return;
        }

        globalIndex++;
        ByteWriter writer = encoder.Globals.Add();
        ReadGlobalType(writer);
        ReadExpression(writer);
    }

    private void ReadTag()
    {
        at.TryIdentifier();
        if (ReadInlineImportExport(tags, 4, tagIndex))
        {
            return;
        }

        tagIndex++;
        ByteWriter writer = encoder.Tags.Add();
        writer.Byte(0);
        writer.Unsigned(ReadTypeUse(allowNames: true).Index);
    }

    private void ReadTable()
    {
        at.TryIdentifier();
        if (ReadInlineImportExport(tables, 1, tableIndex))
        {
            return;
        }

        int index = tableIndex++;
        ByteWriter writer = encoder.Tables.Add();
        bool is64Bit = TryAddressType();
        if (IsReferenceTypeAhead)
        {
            EncodedType type = ReadReferenceType();
            at.Open("elem"u8);
            int count = ReadInlineElements(index, is64Bit, type);
            at.Close();
            type.Write(writer);
            new Limits((ulong)count, (ulong)count, is64Bit, false, null).Write(writer);
            return;
        }

        Limits limits = ReadLimits(is64Bit);
        EncodedType elementType = ReadReferenceType();
        bool hasInitializer = !at.Is(TokenKind.RightParenthesis);
        if (hasInitializer)
        {
            writer.Byte(0x40);
            writer.Byte(0);
        }

        elementType.Write(writer);
        limits.Write(writer);
        if (hasInitializer)
        {
            ReadExpression(writer);
        }
    }

    private int ReadInlineElements(int table, bool is64Bit, EncodedType type)
    {
        ByteWriter writer = encoder.Elements.Add();
        bool namesFunctions = !at.Is(TokenKind.LeftParenthesis);

        // Plain indices make a segment of type (ref func), which suits a table of funcref only.
        bool areIndices = namesFunctions && type == EncodedType.Func;
        writer.Byte((byte)(areIndices ? 2 : 6));
        writer.Unsigned(table);
        writer.Byte(is64Bit ? (byte)0x42 : (byte)0x41);
        writer.Byte(0);
        writer.Byte(0x0B);
        WriteElementKind(writer, areIndices, type);
        return namesFunctions ? ReadFunctionIndices(writer, areExpressions: !areIndices) : ReadElementExpressions(writer);
    }

    private void ReadMemory()
    {
        at.TryIdentifier();
        if (ReadInlineImportExport(memories, 2, memoryIndex))
        {
            return;
        }

        int index = memoryIndex++;
        int start = at.Position;
        bool is64Bit = TryAddressType();
        int? pageSizeLog2 = TryPageSize();
        if (!at.TryOpen("data"u8))
        {
            at.Position = start;
            ReadMemoryLimits().Write(encoder.Memories.Add());
            return;
        }

        var bytes = new ByteWriter();
        at.Strings(bytes);
        at.Close();
        int log2 = pageSizeLog2 ?? 16;
        ulong pages = ((ulong)bytes.Length + (1UL << log2) - 1) >> log2;
        new Limits(pages, pages, is64Bit, false, pageSizeLog2).Write(encoder.Memories.Add());

        ByteWriter writer = encoder.Data.Add();
        writer.Byte(index == 0 ? (byte)0 : (byte)2);
        if (index != 0)
        {
            writer.Unsigned(index);
        }

        writer.Byte(is64Bit ? (byte)0x42 : (byte)0x41);
        writer.Byte(0);
        writer.Byte(0x0B);
        writer.Vector(bytes.Written);
    }

    private bool TryAddressType()
    {
        if (at.TryKeyword("i64"u8))
        {
            return true;
        }

        at.TryKeyword("i32"u8);
        return false;
    }

    private Limits ReadLimits() => ReadLimits(TryAddressType());

    private Limits ReadLimits(bool is64Bit)
    {
        // Before 64-bit memories, a size was a 32-bit number by grammar; since then the range is for validation to check.
        bool isLong = is64Bit || options.Features.HasFlag(WasmFeatures.Memory64);
        ulong minimum = isLong ? at.Natural64() : at.Natural32();
        ulong? maximum = !at.Is(TokenKind.Natural) ? null : isLong ? at.Natural64() : at.Natural32();
        bool isShared = at.TryKeyword("shared"u8);
        return new Limits(minimum, maximum, is64Bit, isShared, null);
    }

    private Limits ReadMemoryLimits()
    {
        Limits limits = ReadLimits();
        return limits with { PageSizeLog2 = TryPageSize() };
    }

    private int? TryPageSize()
    {
        if (!at.TryOpen("pagesize"u8))
        {
            return null;
        }

        Token token = at.Current;
        ulong size = at.Natural64();
        if (!BitOperations.IsPow2(size))
        {
            at.Fail(token, "invalid custom page size: must be a power of two");
        }

        at.Close();
        return BitOperations.Log2(size);
    }

    private void ReadData()
    {
        at.TryIdentifier();
        ByteWriter writer = encoder.Data.Add();
        if (!at.Is(TokenKind.String) && !at.Is(TokenKind.RightParenthesis))
        {
            int memory = 0;
            if (at.TryOpen("memory"u8))
            {
                memory = memories.Resolve(at);
                at.Close();
            }
            else if (at.IsIndex)
            {
                // WebAssembly 1.0 wrote the bare index.
                memory = memories.Resolve(at);
            }

            writer.Byte(memory == 0 ? (byte)0 : (byte)2);
            if (memory != 0)
            {
                writer.Unsigned(memory);
            }

            ReadOffset(writer);
        }
        else
        {
            writer.Byte(1);
        }

        var bytes = new ByteWriter();
        at.Strings(bytes);
        writer.Vector(bytes.Written);
    }

    /// <summary><c>(offset expression)</c> or one folded instruction.</summary>
    private void ReadOffset(ByteWriter writer)
    {
        if (at.TryOpen("offset"u8))
        {
            ReadExpression(writer);
            at.Close();
        }
        else if (at.Is(TokenKind.LeftParenthesis))
        {
            ReadFoldedExpression(writer);
        }
        else
        {
            throw at.Unexpected(expected: "an offset");
        }
    }

    private void ReadElement()
    {
        at.TryIdentifier();
        ByteWriter writer = encoder.Elements.Add();
        if (at.TryKeyword("declare"u8))
        {
            ReadElementList(writer, 3, -1, default);
            return;
        }

        bool isBareTable = at.IsIndex && at.At(at.Position + 1).Kind == TokenKind.LeftParenthesis;
        if (!isBareTable && (!at.Is(TokenKind.LeftParenthesis) || at.IsOpen("ref"u8)))
        {
            ReadElementList(writer, 1, -1, default);
            return;
        }

        int table = -1;
        if (at.TryOpen("table"u8))
        {
            table = tables.Resolve(at);
            at.Close();
        }
        else if (isBareTable)
        {
            table = tables.Resolve(at);
        }

        var offset = new ByteWriter();
        ReadOffset(offset);
        ReadElementList(writer, 0, table, offset.Written);
    }

    /// <summary>The elements of a segment and, before them, its flags, which depend on their form.</summary>
    /// <param name="mode">0 active, 1 passive, 3 declarative.</param>
    /// <param name="table">The table, or -1 if none is named.</param>
    private void ReadElementList(ByteWriter writer, int mode, int table, ReadOnlySpan<byte> offset)
    {
        bool areIndices = true;
        EncodedType type = EncodedType.Func;
        bool isShort = mode == 0 && (at.IsIndex || at.Is(TokenKind.RightParenthesis));
        if (!isShort && !at.TryKeyword("func"u8))
        {
            areIndices = false;
            type = ReadReferenceType();
        }

        if (mode == 0)
        {
            bool isPlain = table < 0 && (areIndices || type == EncodedType.Func);
            writer.Byte((byte)((isPlain ? 0 : 2) | (areIndices ? 0 : 4)));
            if (!isPlain)
            {
                writer.Unsigned(Math.Max(table, 0));
            }

            writer.Bytes(offset);
            if (!isPlain)
            {
                WriteElementKind(writer, areIndices, type);
            }
        }
        else
        {
            writer.Byte((byte)(mode | (areIndices ? 0 : 4)));
            WriteElementKind(writer, areIndices, type);
        }

        if (areIndices)
        {
            ReadFunctionIndices(writer);
        }
        else
        {
            ReadElementExpressions(writer);
        }
    }

    private static void WriteElementKind(ByteWriter writer, bool areIndices, EncodedType type)
    {
        if (areIndices)
        {
            writer.Byte(0);
        }
        else
        {
            type.Write(writer);
        }
    }

    private int ReadFunctionIndices(ByteWriter writer, bool areExpressions = false)
    {
        var indices = new ByteWriter();
        int count = 0;
        while (at.IsIndex)
        {
            if (areExpressions)
            {
                WriteOpcode(indices, Opcode.RefFunc);
                indices.Unsigned(functions.Resolve(at));
                WriteOpcode(indices, Opcode.End);
            }
            else
            {
                indices.Unsigned(functions.Resolve(at));
            }

            count++;
        }

        writer.Unsigned(count);
        writer.Bytes(indices.Written);
        return count;
    }

    private int ReadElementExpressions(ByteWriter writer)
    {
        var expressions = new ByteWriter();
        int count = 0;
        while (at.Is(TokenKind.LeftParenthesis))
        {
            if (at.TryOpen("item"u8))
            {
                ReadExpression(expressions);
                at.Close();
            }
            else
            {
                ReadFoldedExpression(expressions);
            }

            count++;
        }

        writer.Unsigned(count);
        writer.Bytes(expressions.Written);
        return count;
    }

    private readonly record struct Limits(ulong Minimum, ulong? Maximum, bool Is64Bit, bool IsShared, int? PageSizeLog2)
    {
        public void Write(ByteWriter writer)
        {
            writer.Byte((byte)((Maximum is null ? 0 : 1) | (IsShared ? 2 : 0) | (Is64Bit ? 4 : 0) | (PageSizeLog2 is null ? 0 : 8)));
            writer.Unsigned(Minimum);
            if (Maximum is ulong maximum)
            {
                writer.Unsigned(maximum);
            }

            if (PageSizeLog2 is int log2)
            {
                writer.Unsigned(log2);
            }
        }
    }
}
