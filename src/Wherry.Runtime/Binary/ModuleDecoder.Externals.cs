using Wherry.Types;

namespace Wherry.Binary;

internal sealed partial class ModuleDecoder
{
    private const byte ExactFunctionKind = 0x20;

    private readonly ItemList _functions = new();
    private readonly ItemList _tables = new();
    private readonly ItemList _memories = new();
    private readonly ItemList _globals = new();
    private readonly ItemList _tags = new();
    private readonly List<int> _tableOffsets = [];
    private readonly List<int> _memoryOffsets = [];
    private readonly List<int> _globalOffsets = [];
    private readonly List<int> _tagOffsets = [];
    private ImportDefinition[] _imports = [];
    private ExportDefinition[] _exports = [];
    private int[] _exportOffsets = [];
    private int _importedFunctions;
    private int _importedTables;
    private int _importedMemories;
    private int _importedGlobals;
    private int _importedTags;
    private int? _start;
    private int _startOffset;

    private void ReadImports(ref ByteReader reader)
    {
        int count = ReadVectorCount(ref reader, 0, _limits.MaximumImports, "imports");
        _imports = new ImportDefinition[count];
        for (int i = 0; i < count; i++)
        {
            int offset = reader.Position;
            string module = reader.ReadName(_limits.MaximumNameLength);
            string name = reader.ReadName(_limits.MaximumNameLength);
            int start = reader.Position;
            byte kind = reader.ReadByte();
            bool isExact = kind == ExactFunctionKind && _features.IsOn(WasmFeatures.CustomDescriptors);
            if (isExact)
            {
                _features.Require(WasmFeatures.CustomDescriptors, "The import of a function of an exact type", start);
                kind = (byte)ExternalKind.Function;
            }

            int index;
            switch ((ExternalKind)kind)
            {
                case ExternalKind.Function:
                    index = _functions.Count;
                    Limit(index + 1, _limits.MaximumFunctions, "functions", start);
                    _functions.Add(ReadFunctionTypeIndex(ref reader));
                    break;
                case ExternalKind.Table:
                    index = _tables.Count;
                    Limit(index + 1, _limits.MaximumTables, "tables", start);
                    _tableOffsets.Add(reader.Position);
                    _tables.Add(new TableDefinition(ReadTableType(ref reader), null));
                    break;
                case ExternalKind.Memory:
                    index = _memories.Count;
                    Limit(index + 1, _limits.MaximumMemories, "memories", start);
                    _memoryOffsets.Add(reader.Position);
                    _memories.Add(ReadMemoryType(ref reader));
                    break;
                case ExternalKind.Global:
                    index = _globals.Count;
                    Limit(index + 1, _limits.MaximumGlobals, "globals", start);
                    _globalOffsets.Add(reader.Position);
                    GlobalType type = ReadGlobalType(ref reader);
                    if (type.IsMutable)
                    {
                        _features.Require(WasmFeatures.MutableGlobals, "The import of a mutable global", start);
                    }

                    _globals.Add(new GlobalDefinition(type, null));
                    break;
                case ExternalKind.Tag:
                    index = _tags.Count;
                    Limit(index + 1, _limits.MaximumTags, "tags", start);
                    _tagOffsets.Add(reader.Position);
                    _tags.Add(ReadTagType(ref reader));
                    break;
                default:
                    MalformedModuleException.Throw($"malformed import kind: byte 0x{kind:x2}", start);
                    return;
            }

            _imports[i] = new ImportDefinition(module, name, (ExternalKind)kind, index, offset, isExact);
        }

        _importedFunctions = _functions.Count;
        _importedTables = _tables.Count;
        _importedMemories = _memories.Count;
        _importedGlobals = _globals.Count;
        _importedTags = _tags.Count;
    }

    private void ReadFunctions(ref ByteReader reader)
    {
        int count = ReadVectorCount(ref reader, _functions.Count, _limits.MaximumFunctions, "functions");
        _functions.EnsureCapacity(_functions.Count + count);
        for (int i = 0; i < count; i++)
        {
            _functions.Add(ReadFunctionTypeIndex(ref reader));
        }
    }

    private void ReadTables(ref ByteReader reader)
    {
        int count = ReadVectorCount(ref reader, _tables.Count, _limits.MaximumTables, "tables");
        for (int i = 0; i < count; i++)
        {
            int start = reader.Position;
            _tableOffsets.Add(start);
            ConstantExpression? initializer = null;
            bool hasInitializer = reader.PeekByte() == 0x40;
            if (hasInitializer)
            {
                _ = reader.ReadByte();
                _features.Require(WasmFeatures.FunctionReferences, "A table with an initial value", start);
                if (reader.ReadByte() != 0)
                {
                    MalformedModuleException.Throw("zero byte expected in a table with an initial value", start + 1);
                }
            }

            TableType type = ReadTableType(ref reader);
            if (hasInitializer)
            {
                initializer = ReadExpression(ref reader);
            }

            _tables.Add(new TableDefinition(type, initializer));
        }
    }

    private void ReadMemories(ref ByteReader reader)
    {
        int count = ReadVectorCount(ref reader, _memories.Count, _limits.MaximumMemories, "memories");
        for (int i = 0; i < count; i++)
        {
            _memoryOffsets.Add(reader.Position);
            _memories.Add(ReadMemoryType(ref reader));
        }
    }

    private void ReadTags(ref ByteReader reader)
    {
        int count = ReadVectorCount(ref reader, _tags.Count, _limits.MaximumTags, "tags");
        for (int i = 0; i < count; i++)
        {
            _tagOffsets.Add(reader.Position);
            _tags.Add(ReadTagType(ref reader));
        }
    }

    private void ReadGlobals(ref ByteReader reader)
    {
        int count = ReadVectorCount(ref reader, _globals.Count, _limits.MaximumGlobals, "globals");
        for (int i = 0; i < count; i++)
        {
            _globalOffsets.Add(reader.Position);
            GlobalType type = ReadGlobalType(ref reader);
            _globals.Add(new GlobalDefinition(type, ReadExpression(ref reader)));
        }
    }

    private void ReadExports(ref ByteReader reader)
    {
        int count = ReadVectorCount(ref reader, 0, _limits.MaximumExports, "exports");
        _exports = new ExportDefinition[count];
        _exportOffsets = new int[count];
        for (int i = 0; i < count; i++)
        {
            _exportOffsets[i] = reader.Position;
            string name = reader.ReadName(_limits.MaximumNameLength);
            int start = reader.Position;
            byte kind = reader.ReadByte();
            if (kind > (byte)ExternalKind.Tag)
            {
                MalformedModuleException.Throw($"malformed export kind: byte 0x{kind:x2}", start);
            }

            int index = reader.ReadIndex();
            if (kind == (byte)ExternalKind.Function)
            {
                Declare(index);
            }

            _exports[i] = new ExportDefinition(name, (ExternalKind)kind, index);
        }
    }

    private static void Limit(int count, int limit, string what, int offset)
    {
        if (count > limit)
        {
            InvalidModuleException.Throw($"too many {what}: the limit is {limit:N0}", offset);
        }
    }

    private DefinedType ReadFunctionTypeIndex(ref ByteReader reader)
    {
        int start = reader.Position;
        int index = reader.ReadIndex();
        if (index >= _typeCount)
        {
            Invalid($"unknown type {index}", start);
            return TypeRegistry.Intern(new FunctionType([], []));
        }

        if (_types[index].Kind != CompositeKind.Function)
        {
            Invalid($"type mismatch: type {index} is not a function type, but {_types[index]}", start);
            return TypeRegistry.Intern(new FunctionType([], []));
        }

        return _types[index];
    }

    private DefinedType ReadTagType(ref ByteReader reader)
    {
        int start = reader.Position;
        _features.Require(WasmFeatures.ExceptionHandling | WasmFeatures.LegacyExceptions, "An exception tag", start);
        byte attribute = reader.ReadByte();
        if (attribute != 0)
        {
            MalformedModuleException.Throw($"malformed tag attribute: byte 0x{attribute:x2}", start);
        }

        return ReadFunctionTypeIndex(ref reader);
    }

    private GlobalType ReadGlobalType(ref ByteReader reader)
    {
        WasmValueType type = ReadValueType(ref reader);
        return new GlobalType(type, ReadMutability(ref reader));
    }

    private TableType ReadTableType(ref ByteReader reader)
    {
        int start = reader.Position;
        EncodedValueType element = TypeEncoding.ReadReferenceType(ref reader);

        // Tables of funcref are older than reference types.
        bool isPlain = element == new EncodedValueType(WasmValueKind.Reference, true, new EncodedHeapType(HeapTypeKind.Func));
        WasmValueType elementType = isPlain ? WasmValueType.FuncRef : Resolve(element, start);
        if (_tables.Count > 0)
        {
            _features.Require(WasmFeatures.ReferenceTypes, "multiple tables: a second table", start);
        }

        int flagsStart = reader.Position;
        byte flags = reader.ReadByte();
        if ((flags & ~5) != 0)
        {
            MalformedModuleException.Throw($"malformed limits flags of a table: 0x{flags:x2}", flagsStart);
        }

        bool is64Bit = (flags & 4) != 0;
        if (is64Bit)
        {
            _features.Require(WasmFeatures.Memory64, "A 64-bit table", flagsStart);
        }

        ulong minimum = ReadLimit(ref reader);
        ulong? maximum = (flags & 1) != 0 ? ReadLimit(ref reader) : null;
        return new TableType(elementType, minimum, maximum, is64Bit);
    }

    private MemoryType ReadMemoryType(ref ByteReader reader)
    {
        int start = reader.Position;
        if (_memories.Count > 0)
        {
            _features.Require(WasmFeatures.MultiMemory, "multiple memories: a second memory", start);
        }

        byte flags = reader.ReadByte();
        bool hasPageSize = (flags & 8) != 0;
        if ((flags & ~15) != 0 || (hasPageSize && !_features.IsOn(WasmFeatures.CustomPageSizes)))
        {
            string hint = flags < 16 ? ", a custom page size, needs the feature custom-page-sizes, which is off" : string.Empty;
            MalformedModuleException.Throw($"malformed limits flags of a memory: 0x{flags:x2}{hint}", start);
        }

        bool isShared = (flags & 2) != 0;
        bool is64Bit = (flags & 4) != 0;
        if (isShared)
        {
            _features.Require(WasmFeatures.Threads, "A shared memory", start);
        }

        if (is64Bit)
        {
            _features.Require(WasmFeatures.Memory64, "A 64-bit memory", start);
        }

        ulong minimum = ReadLimit(ref reader);
        ulong? maximum = (flags & 1) != 0 ? ReadLimit(ref reader) : null;
        int pageSizeLog2 = 16;
        if (hasPageSize)
        {
            _features.Require(WasmFeatures.CustomPageSizes, "A custom page size", start);
            int pageSizeStart = reader.Position;
            uint log2 = reader.ReadU32();
            if (log2 >= 64)
            {
                MalformedModuleException.Throw($"invalid custom page size: 2^{log2}", pageSizeStart);
            }

            pageSizeLog2 = (int)log2;
            if (pageSizeLog2 is not (0 or 16))
            {
                Invalid($"invalid custom page size: 2^{log2}; it may be 1 or 65,536", pageSizeStart);
            }
        }

        return new MemoryType(minimum, maximum, is64Bit, isShared, pageSizeLog2);
    }

    /// <summary>Limits are 64-bit numbers in every case; the validator compares them with what the address type allows.</summary>
    private static ulong ReadLimit(ref ByteReader reader) => reader.ReadU64();
}
