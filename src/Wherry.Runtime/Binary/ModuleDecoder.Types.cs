using Wherry.Types;

namespace Wherry.Binary;

internal sealed partial class ModuleDecoder
{
    private readonly List<int> _typeOffsets = [];
    private DefinedType[] _types = [];
    private int _typeCount;

    private void ReadTypes(ref ByteReader reader)
    {
        int groups = ReadVectorCount(ref reader, 0, _limits.MaximumTypes, "types");
        for (int i = 0; i < groups; i++)
        {
            int start = reader.Position;
            int count = 1;
            if (reader.PeekByte() == 0x4E)
            {
                _ = reader.ReadByte();
                _features.Require(WasmFeatures.GarbageCollection, "A recursion group", start);
                count = reader.ReadCount();
            }

            if (count > _limits.MaximumTypes - _typeCount)
            {
                InvalidModuleException.Throw($"too many types: the limit is {_limits.MaximumTypes:N0}", start);
            }

            ReadGroup(ref reader, count);
        }
    }

    private void ReadGroup(ref ByteReader reader, int count)
    {
        int end = _typeCount + count;
        if (_types.Length < end)
        {
            Array.Resize(ref _types, Math.Max(end, 2 * _types.Length));
        }

        var group = new EncodedTypeDefinition[count];
        for (int i = 0; i < count; i++)
        {
            _typeOffsets.Add(reader.Position);
            group[i] = ReadSubtype(ref reader, _typeCount + i, end);
        }

        if (_invalid is not null)
        {
            // The module will be refused. Anything will do in place of types that may refer to what does not exist.
            Array.Fill(group, new EncodedTypeDefinition { Kind = CompositeKind.Struct, IsFinal = true });
        }

        TypeRegistry.Intern(group, _types, _typeCount);
        _typeCount = end;
        CheckDepths(_typeCount - count);
    }

    private void CheckDepths(int from)
    {
        for (int i = from; i < _typeCount; i++)
        {
            if (_types[i].Depth > _limits.MaximumSubtypingDepth)
            {
                InvalidModuleException.Throw(
                    $"sub type {i} has too many supertypes above it; the limit is {_limits.MaximumSubtypingDepth}", _typeOffsets[i]);
            }
        }
    }

    /// <param name="index">Its own index: supertypes must come before it.</param>
    /// <param name="end">The first index beyond its group.</param>
    private EncodedTypeDefinition ReadSubtype(ref ByteReader reader, int index, int end)
    {
        int start = reader.Position;
        byte code = reader.ReadByte();
        bool isFinal = code != 0x50;
        int supertype = -1;
        if (code is 0x50 or 0x4F)
        {
            _features.Require(WasmFeatures.GarbageCollection, "A subtype", start);
            int count = reader.ReadCount();
            for (int i = 0; i < count; i++)
            {
                supertype = ReadTypeIndex(ref reader, index);
            }

            if (count > 1)
            {
                Invalid($"sub type {index} has {count} supertypes, and may have one", start);
            }

            start = reader.Position;
            code = reader.ReadByte();
        }

        int describes = -1;
        int descriptor = -1;
        if (code == 0x4C)
        {
            _features.Require(WasmFeatures.CustomDescriptors, "A descriptor", start);
            describes = ReadGroupIndex(ref reader, end, "described");
            if (describes >= index)
            {
                Invalid($"forward use of described type {describes} by type {index}", start);
            }

            start = reader.Position;
            code = reader.ReadByte();
        }

        if (code == 0x4D)
        {
            _features.Require(WasmFeatures.CustomDescriptors, "A type with a descriptor", start);
            descriptor = ReadGroupIndex(ref reader, end, "descriptor");
            start = reader.Position;
            code = reader.ReadByte();
        }

        var definition = new EncodedTypeDefinition { Kind = default, IsFinal = isFinal, Supertype = supertype, Describes = describes, Descriptor = descriptor };
        switch (code)
        {
            case 0x60:
                return definition with
                {
                    Kind = CompositeKind.Function,
                    Parameters = ReadFunctionTypes(ref reader, end, _limits.MaximumParameters, "parameters"),
                    Results = ReadFunctionTypes(ref reader, end, _limits.MaximumResults, "results"),
                };
            case 0x5F:
                _features.Require(WasmFeatures.GarbageCollection, "A struct type", start);
                int count = reader.ReadCount();
                if (count > _limits.MaximumFields)
                {
                    InvalidModuleException.Throw($"too many fields: {count:N0}; the limit is {_limits.MaximumFields:N0}", start);
                }

                var fields = new EncodedFieldType[count];
                for (int i = 0; i < count; i++)
                {
                    fields[i] = ReadField(ref reader, end);
                }

                return definition with { Kind = CompositeKind.Struct, Fields = fields };
            case 0x5E:
                _features.Require(WasmFeatures.GarbageCollection, "An array type", start);
                return definition with { Kind = CompositeKind.Array, Fields = [ReadField(ref reader, end)] };
            default:
                // These codes are signed integers of seven bits.
                string error = code >= 0x80 ? "integer representation too long: malformed definition type" : "malformed definition type";
                MalformedModuleException.Throw($"{error}: byte 0x{code:x2}", start);
                return definition;
        }
    }

    private EncodedValueType[] ReadFunctionTypes(ref ByteReader reader, int end, int limit, string what)
    {
        int start = reader.Position;
        int count = reader.ReadCount();
        if (count > limit)
        {
            InvalidModuleException.Throw($"too many {what}: {count:N0}; the limit is {limit:N0}", start);
        }

        if (count > 1 && what == "results")
        {
            _features.Require(WasmFeatures.MultiValue, "invalid result arity: a function with several results", start);
        }

        var types = new EncodedValueType[count];
        for (int i = 0; i < count; i++)
        {
            types[i] = ReadDefinitionValueType(ref reader, end);
        }

        return types;
    }

    private EncodedFieldType ReadField(ref ByteReader reader, int end)
    {
        var packing = Packing.None;
        var type = new EncodedValueType(WasmValueKind.I32);
        switch (reader.PeekByte())
        {
            case 0x78:
                packing = Packing.I8;
                _ = reader.ReadByte();
                break;
            case 0x77:
                packing = Packing.I16;
                _ = reader.ReadByte();
                break;
            default:
                type = ReadDefinitionValueType(ref reader, end, "malformed storage type");
                break;
        }

        return new EncodedFieldType(type, packing, ReadMutability(ref reader));
    }

    /// <summary>A value type in a definition: it may refer to types up to <paramref name="end"/>.</summary>
    private EncodedValueType ReadDefinitionValueType(ref ByteReader reader, int end, string error = "malformed value type")
    {
        int start = reader.Position;
        EncodedValueType type = TypeEncoding.ReadValueType(ref reader, error);
        _features.Require(type, start);
        if (type.HeapType.Kind == HeapTypeKind.Defined && type.HeapType.TypeIndex >= end)
        {
            Invalid($"unknown type {type.HeapType.TypeIndex}", start);
        }

        return type;
    }

    /// <summary>The index of a type of the same group.</summary>
    private int ReadGroupIndex(ref ByteReader reader, int end, string what)
    {
        int start = reader.Position;
        int index = reader.ReadIndex();
        if (index < _typeCount || index >= end)
        {
            Invalid($"{what} type is outside rec group: {index}", start);
        }

        return index;
    }

    private int ReadTypeIndex(ref ByteReader reader, int end)
    {
        int start = reader.Position;
        int index = reader.ReadIndex();
        if (index >= end)
        {
            Invalid($"unknown type {index}", start);
        }

        return index;
    }

    private static bool ReadMutability(ref ByteReader reader)
    {
        int start = reader.Position;
        byte code = reader.ReadByte();
        if (code > 1)
        {
            MalformedModuleException.Throw($"malformed mutability: byte 0x{code:x2}", start);
        }

        return code == 1;
    }
}
