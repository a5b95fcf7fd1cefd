using System.Collections.Immutable;
using Wherry.Instructions;
using Wherry.Types;

namespace Wherry.Binary;

internal sealed partial class ModuleDecoder
{
    private static readonly WasmValueType FunctionElement = WasmValueType.Reference(HeapTypeKind.Func, isNullable: false);

    private bool[] _declared = [];
    private ElementSegment[] _elements = [];
    private DataSegment[] _data = [];
    private FunctionBody[] _bodies = [];
    private int[] _elementOffsets = [];
    private int[] _dataOffsets = [];
    private uint? _dataCount;

    /// <summary>Notes that a function is mentioned outside of code, so that ref.func may name it there.</summary>
    private void Declare(int function)
    {
        if ((uint)function >= (uint)_functions.Count)
        {
            return;
        }

        if (_declared.Length == 0)
        {
            // Imports and the function section come before all that mentions functions.
            _declared = new bool[_functions.Count];
        }

        _declared[function] = true;
    }

    private bool[] DeclaredFunctions() => _declared.Length == 0 ? new bool[_functions.Count] : _declared;

    private void ReadElements(ref ByteReader reader)
    {
        int count = ReadVectorCount(ref reader, 0, _limits.MaximumElementSegments, "element segments");
        _elements = new ElementSegment[count];
        _elementOffsets = new int[count];
        for (int i = 0; i < count; i++)
        {
            _elementOffsets[i] = reader.Position;
            _elements[i] = ReadElementSegment(ref reader);
        }
    }

    private ElementSegment ReadElementSegment(ref ByteReader reader)
    {
        int start = reader.Position;
        uint flags = reader.ReadU32();
        if (flags > 7)
        {
            MalformedModuleException.Throw($"malformed elements segment kind: {flags}", start);
        }

        if (flags != 0)
        {
            _features.Require(WasmFeatures.BulkMemory | WasmFeatures.ReferenceTypes, "This form of element segment", start);
        }

        bool hasIndexOrDeclares = (flags & 2) != 0;
        bool hasExpressions = (flags & 4) != 0;
        SegmentMode mode = (flags & 1) == 0 ? SegmentMode.Active : hasIndexOrDeclares ? SegmentMode.Declarative : SegmentMode.Passive;
        int table = 0;
        ConstantExpression offset = default;
        if (mode == SegmentMode.Active)
        {
            table = hasIndexOrDeclares ? reader.ReadIndex() : 0;
            offset = ReadExpression(ref reader);
        }

        WasmValueType type = hasExpressions ? WasmValueType.FuncRef : FunctionElement;
        if ((flags & 3) != 0)
        {
            int typeStart = reader.Position;
            if (hasExpressions)
            {
                type = Resolve(TypeEncoding.ReadReferenceType(ref reader), typeStart);
            }
            else if (reader.ReadByte() != 0)
            {
                MalformedModuleException.Throw("malformed element kind", typeStart);
            }
        }

        int length = ReadVectorCount(ref reader, 0, _limits.MaximumSegmentElements, "elements in one segment");
        if (hasExpressions)
        {
            var expressions = new ConstantExpression[length];
            for (int i = 0; i < length; i++)
            {
                expressions[i] = ReadExpression(ref reader);
            }

            return new ElementSegment(mode, type, table, offset, [], expressions);
        }

        int[] functions = length == 0 ? [] : new int[length];
        for (int i = 0; i < functions.Length; i++)
        {
            functions[i] = reader.ReadIndex();
            Declare(functions[i]);
        }

        return new ElementSegment(mode, type, table, offset, functions, Empty<ConstantExpression>.Array);
    }

    private void ReadData(ref ByteReader reader)
    {
        int count = ReadVectorCount(ref reader, 0, _limits.MaximumDataSegments, "data segments");
        _data = new DataSegment[count];
        _dataOffsets = new int[count];
        for (int i = 0; i < count; i++)
        {
            int start = reader.Position;
            _dataOffsets[i] = start;
            uint flags = reader.ReadU32();
            if (flags > 2)
            {
                MalformedModuleException.Throw($"malformed data segment kind: {flags}", start);
            }

            if (flags != 0)
            {
                _features.Require(WasmFeatures.BulkMemory, "This form of data segment", start);
            }

            int memory = flags == 2 ? reader.ReadIndex() : 0;
            ConstantExpression offset = flags == 1 ? default : ReadExpression(ref reader);
            int lengthStart = reader.Position;
            uint length = reader.ReadU32();
            if (length > (uint)reader.Remaining)
            {
                MalformedModuleException.Throw(
                    $"unexpected end of section or function: data segment {i} claims {length:N0} bytes, {reader.Remaining:N0} are left", lengthStart);
            }

            _data[i] = new DataSegment(flags == 1 ? SegmentMode.Passive : SegmentMode.Active, memory, offset, reader.Position, (int)length);
            _ = reader.ReadBytes((int)length);
        }
    }

    private void ReadCode(ref ByteReader reader)
    {
        int count = reader.ReadCount();
        _bodies = new FunctionBody[count];
        for (int i = 0; i < count; i++)
        {
            int start = reader.Position;
            uint size = reader.ReadU32();
            if (size > (uint)reader.Remaining)
            {
                MalformedModuleException.Throw(
                    $"unexpected end of section or function: function {_importedFunctions + i} claims {size:N0} bytes, {reader.Remaining:N0} are left", start);
            }

            if (size > (uint)_limits.MaximumFunctionBodySize)
            {
                InvalidModuleException.Throw(
                    $"function {_importedFunctions + i} is too large: {size:N0} bytes; the limit is {_limits.MaximumFunctionBodySize:N0}", start);
            }

            int end = reader.Position + (int)size;
            _bodies[i] = ReadBody(ref reader, i, end);
            reader = reader.At(end);
        }
    }

    private FunctionBody ReadBody(ref ByteReader section, int index, int end)
    {
        var reader = new ByteReader(_bytes.Span, section.Position, end);
        int start = reader.Position;
        int runs = reader.ReadCount();
        ulong total = 0;
        if (runs == 0)
        {
            return new FunctionBody(start, reader.Position, end, Empty<LocalRun>.Array);
        }

        var locals = new LocalRun[runs];
        for (int i = 0; i < runs; i++)
        {
            int runStart = reader.Position;
            uint count = reader.ReadU32();
            total += count;
            if (total > uint.MaxValue)
            {
                MalformedModuleException.Throw($"too many locals in function {_importedFunctions + index}: {total:N0}", runStart);
            }

            WasmValueType type = ReadValueType(ref reader);
            locals[i] = new LocalRun((int)Math.Min(count, int.MaxValue), type);
        }

        int parameters = index < _functions.Count - _importedFunctions ? ((DefinedType)_functions[_importedFunctions + index]).Function!.Parameters.Length : 0;
        if (total + (uint)parameters > (uint)_limits.MaximumLocals)
        {
            InvalidModuleException.Throw(
                $"too many locals in function {_importedFunctions + index}: {total + (uint)parameters:N0}, parameters included; the limit is {_limits.MaximumLocals:N0}",
                start);
        }

        return new FunctionBody(start, reader.Position, end, locals);
    }
}
