using Wherry.Instructions;
using Wherry.Types;

namespace Wherry.Binary;

/// <summary>
/// Decodes the binary format (specification, 5): any byte string gives a module or one error with an offset. Nothing here recurses, and
/// no length is believed before the bytes that it counts are seen to be there.
/// </summary>
/// <remarks>
/// A broken rule of validation that can only be seen while decoding (an unknown type) is remembered and reported at the end, since a
/// module that is malformed further on must be called malformed.
/// </remarks>
internal sealed partial class ModuleDecoder
{
    private readonly ReadOnlyMemory<byte> _bytes;
    private readonly FeatureSet _features;
    private readonly ModuleLimits _limits;
    private readonly ItemList _customSections = new();
    private InvalidModuleException? _invalid;

    private ModuleDecoder(ReadOnlyMemory<byte> bytes, WasmFeatures features, ModuleLimits limits)
    {
        _bytes = bytes;
        _features = new FeatureSet(features);
        _limits = limits;
    }

    private enum SectionId : byte
    {
        Custom,
        Type,
        Import,
        Function,
        Table,
        Memory,
        Global,
        Export,
        Start,
        Element,
        Code,
        Data,
        DataCount,
        Tag,
    }

    /// <summary>The module that the bytes are.</summary>
    /// <exception cref="MalformedModuleException">They are none.</exception>
    /// <exception cref="InvalidModuleException">It is too large, or needs a feature that is off.</exception>
    public static ModuleDefinition Decode(ReadOnlyMemory<byte> bytes, WasmFeatures features, ModuleLimits limits) =>
        new ModuleDecoder(bytes, features, limits).Decode();

    private ModuleDefinition Decode()
    {
        if (_bytes.Length > _limits.MaximumModuleSize)
        {
            InvalidModuleException.Throw($"module too large: {_bytes.Length:N0} bytes; the limit is {_limits.MaximumModuleSize:N0}", 0);
        }

        try
        {
            ReadSections();
            return Finish();
        }
        catch (MalformedModuleException)
        {
            // Instructions are the validator's concern, but of two errors the first by position is the one to report.
            CheckInstructions();
            throw;
        }
    }

    private void ReadSections()
    {
        var reader = new ByteReader(_bytes.Span, 0, _bytes.Length);
        ReadHeader(ref reader);
        int last = 0;
        byte lastId = 0;
        while (!reader.IsAtEnd)
        {
            int start = reader.Position;
            byte id = reader.ReadByte();
            if (id > (byte)SectionId.Tag)
            {
                MalformedModuleException.Throw($"malformed section id: {id}", start);
            }

            int length = reader.ReadLength("a section");
            var section = new ByteReader(_bytes.Span, reader.Position, reader.Position + length);
            if (id == (byte)SectionId.Custom)
            {
                ReadCustomSection(ref section, lastId);
            }
            else
            {
                int order = OrderOf((SectionId)id);
                if (order <= last)
                {
                    MalformedModuleException.Throw(
                        $"unexpected content after last section: the {(SectionId)id} section comes twice or after one that must follow it", start);
                }

                last = order;
                lastId = id;
                ReadSection((SectionId)id, ref section);
                if (!section.IsAtEnd)
                {
                    MalformedModuleException.Throw(
                        $"section size mismatch: the {(SectionId)id} section has {section.Remaining:N0} bytes too many", section.Position);
                }
            }

            reader = reader.At(section.End);
        }
    }

    private void CheckInstructions()
    {
        foreach (FunctionBody? body in _bodies)
        {
            if (body is not null)
            {
                var instructions = new InstructionReader(_bytes.Span, body.CodeOffset, body.End);
                while (instructions.Next())
                {
                    // Reading is the check.
                }
            }
        }
    }

    private static void ReadHeader(ref ByteReader reader)
    {
        ReadOnlySpan<byte> magic = [0, (byte)'a', (byte)'s', (byte)'m'];
        ReadOnlySpan<byte> version = [1, 0, 0, 0];
        if (!reader.ReadBytes(4).SequenceEqual(magic))
        {
            MalformedModuleException.Throw("magic header not detected: this is not a WebAssembly module in the binary format", 0);
        }

        ReadOnlySpan<byte> found = reader.ReadBytes(4);
        if (!found.SequenceEqual(version))
        {
            string hint = found.SequenceEqual((ReadOnlySpan<byte>)[0x0D, 0, 1, 0]) ? ": this is a component, not a core module" : string.Empty;
            MalformedModuleException.Throw($"unknown binary version{hint}", 4);
        }
    }

    /// <summary>Sections stand in this order, which is not that of their ids.</summary>
    private static int OrderOf(SectionId id) => id switch
    {
        SectionId.Type => 1,
        SectionId.Import => 2,
        SectionId.Function => 3,
        SectionId.Table => 4,
        SectionId.Memory => 5,
        SectionId.Tag => 6,
        SectionId.Global => 7,
        SectionId.Export => 8,
        SectionId.Start => 9,
        SectionId.Element => 10,
        SectionId.DataCount => 11,
        SectionId.Code => 12,
        _ => 13,
    };

    private void ReadSection(SectionId id, ref ByteReader reader)
    {
        switch (id)
        {
            case SectionId.Type:
                ReadTypes(ref reader);
                break;
            case SectionId.Import:
                ReadImports(ref reader);
                break;
            case SectionId.Function:
                ReadFunctions(ref reader);
                break;
            case SectionId.Table:
                ReadTables(ref reader);
                break;
            case SectionId.Memory:
                ReadMemories(ref reader);
                break;
            case SectionId.Tag:
                ReadTags(ref reader);
                break;
            case SectionId.Global:
                ReadGlobals(ref reader);
                break;
            case SectionId.Export:
                ReadExports(ref reader);
                break;
            case SectionId.Start:
                _startOffset = reader.Position;
                _start = reader.ReadIndex();
                break;
            case SectionId.Element:
                ReadElements(ref reader);
                break;
            case SectionId.DataCount:
                _features.Require(WasmFeatures.BulkMemory, "The data count section", reader.Position);
                _dataCount = reader.ReadU32();
                break;
            case SectionId.Code:
                ReadCode(ref reader);
                break;
            case SectionId.Data:
                ReadData(ref reader);
                break;
        }
    }

    private void ReadCustomSection(ref ByteReader reader, byte place)
    {
        string name = reader.ReadName(_limits.MaximumNameLength);
        _customSections.Add(new CustomSection(name, reader.Position, reader.Remaining, place));
    }

    private ModuleDefinition Finish()
    {
        if (_functions.Count - _importedFunctions != _bodies.Length)
        {
            MalformedModuleException.Throw(
                $"function and code section have inconsistent lengths: {_functions.Count - _importedFunctions:N0} and {_bodies.Length:N0}", _bytes.Length);
        }

        if (_dataCount is { } dataCount && dataCount != (uint)_data.Length)
        {
            MalformedModuleException.Throw(
                $"data count and data section have inconsistent lengths: {dataCount:N0} and {_data.Length:N0}", _bytes.Length);
        }

        if (_invalid is not null)
        {
            throw _invalid;
        }

        var functions = new DefinedType[_functions.Count];
        _functions.CopyTo(functions);
        var tables = new TableDefinition[_tables.Count];
        _tables.CopyTo(tables);
        var memories = new MemoryType[_memories.Count];
        _memories.CopyTo(memories);
        var globals = new GlobalDefinition[_globals.Count];
        _globals.CopyTo(globals);
        var tags = new DefinedType[_tags.Count];
        _tags.CopyTo(tags);
        var customSections = new CustomSection[_customSections.Count];
        _customSections.CopyTo(customSections);
        return new ModuleDefinition
        {
            Bytes = _bytes,
            Types = _types.AsSpan(0, _typeCount).ToArray(),
            Imports = _imports,
            Functions = functions,
            Tables = tables,
            Memories = memories,
            Globals = globals,
            Tags = tags,
            Exports = _exports,
            Start = _start,
            Elements = _elements,
            Data = _data,
            DataCount = _dataCount is null ? null : _data.Length,
            Bodies = _bodies,
            CustomSections = customSections,
            ImportedFunctionCount = _importedFunctions,
            ImportedTableCount = _importedTables,
            ImportedMemoryCount = _importedMemories,
            ImportedGlobalCount = _importedGlobals,
            ImportedTagCount = _importedTags,
            DeclaredFunctions = DeclaredFunctions(),
            FeaturesUsed = _features.Used,
            Offsets = new DefinitionOffsets
            {
                Types = [.. _typeOffsets],
                Tables = [.. _tableOffsets],
                Memories = [.. _memoryOffsets],
                Globals = [.. _globalOffsets],
                Tags = [.. _tagOffsets],
                Exports = _exportOffsets,
                Elements = _elementOffsets,
                Data = _dataOffsets,
                Start = _startOffset,
            },
        };
    }

    /// <summary>Remembers the first broken rule of validation.</summary>
    private void Invalid(string message, long offset) => _invalid ??= new InvalidModuleException(message, offset);

    /// <summary>The length of a section's vector.</summary>
    private static int ReadVectorCount(ref ByteReader reader, int soFar, int limit, string what)
    {
        int start = reader.Position;
        int count = reader.ReadCount();
        if (count > limit - soFar)
        {
            InvalidModuleException.Throw($"too many {what}: {(long)count + soFar:N0}; the limit is {limit:N0}", start);
        }

        return count;
    }

    private WasmValueType Resolve(EncodedValueType type, int offset)
    {
        _features.Require(type, offset);
        if (type.HeapType.Kind == HeapTypeKind.Defined && type.HeapType.TypeIndex >= _typeCount)
        {
            Invalid($"unknown type {type.HeapType.TypeIndex}: the module has {_typeCount:N0}", offset);
            return WasmValueType.FuncRef;
        }

        return type.Resolve(_types);
    }

    private WasmValueType ReadValueType(ref ByteReader reader)
    {
        int start = reader.Position;
        return Resolve(TypeEncoding.ReadValueType(ref reader), start);
    }

    /// <summary>Finds the end of a constant expression; the validator looks into it.</summary>
    private ConstantExpression ReadExpression(ref ByteReader reader)
    {
        int start = reader.Position;
        if (SimpleExpression.TryRead(_bytes.Span[start..reader.End], out Opcode opcode, out long value, out int length))
        {
            if (opcode == Opcode.RefFunc)
            {
                Declare((int)value);
            }

            reader = reader.At(start + length);
            return new ConstantExpression(start, length);
        }

        return ReadAnyExpression(ref reader);
    }

    private ConstantExpression ReadAnyExpression(ref ByteReader reader)
    {
        int start = reader.Position;
        var instructions = new InstructionReader(_bytes.Span, start, reader.End);
        int depth = 0;
        while (instructions.Next())
        {
            switch (instructions.Opcode)
            {
                case Opcode.Block:
                case Opcode.Loop:
                case Opcode.If:
                case Opcode.Try:
                case Opcode.TryTable:
                    depth++;
                    break;
                case Opcode.End:
                case Opcode.Delegate:
                    if (depth-- == 0)
                    {
                        reader = reader.At(instructions.Position);
                        return new ConstantExpression(start, reader.Position - start);
                    }

                    break;
                case Opcode.RefFunc:
                    Declare(instructions.Index);
                    break;
            }
        }

        MalformedModuleException.Throw("unexpected end of section or function: a constant expression without END opcode", reader.End);
        return default;
    }
}
