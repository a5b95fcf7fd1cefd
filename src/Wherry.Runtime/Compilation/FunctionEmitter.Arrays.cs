using System.Reflection;
using System.Reflection.Emit;
using Wherry.Execution;
using Wherry.Execution.Heap;
using Wherry.Instructions;
using Wherry.Types;

namespace Wherry.Compilation;

/// <content>Arrays (specification, 4.6.5).</content>
internal sealed partial class FunctionEmitter
{
    private bool TryEmitArray(ref InstructionReader reader)
    {
        switch (reader.Opcode)
        {
            case Opcode.ArrayNew:
                EmitArrayNew(reader.Index, ElementMethod(reader.Index, nameof(ArrayInstructions.New), nameof(ArrayInstructions.NewOfReference)), 2);
                return true;
            case Opcode.ArrayNewDefault:
                EmitArrayNew(reader.Index, ArrayMethod(nameof(ArrayInstructions.NewDefault), reader.Index), 1);
                return true;
            case Opcode.ArrayNewFixed:
                EmitArrayNewFixed(reader.Index, reader.Index2);
                return true;
            case Opcode.ArrayNewData:
                EmitArrayNewSegment(reader.Index, reader.Index2, isData: true);
                return true;
            case Opcode.ArrayNewElem:
                EmitArrayNewSegment(reader.Index, reader.Index2, isData: false);
                return true;
            case Opcode.ArrayGet:
            case Opcode.ArrayGetS:
            case Opcode.ArrayGetU:
                EmitArrayGet(reader.Index, reader.Opcode == Opcode.ArrayGetS);
                return true;
            case Opcode.ArraySet:
                EmitArraySet(reader.Index, reader.Offset == _i31StoredAt);
                return true;
            case Opcode.ArrayLen:
                EmitArrayLength();
                return true;
            case Opcode.ArrayFill:
                EmitArrayCall(ElementMethod(reader.Index, nameof(ArrayInstructions.Fill), nameof(ArrayInstructions.FillOfReference)), 4);
                return true;
            case Opcode.ArrayCopy:
                EmitArrayCall(ArrayMethod(nameof(ArrayInstructions.Copy), reader.Index), 5);
                return true;
            case Opcode.ArrayInitData:
                Load(4);
                Consume(4);
                EmitSegment(reader.Index2, isData: true);
                _il.Call(ArrayMethod(nameof(ArrayInstructions.InitData), reader.Index));
                return true;
            case Opcode.ArrayInitElem:
                Load(4);
                Consume(4);
                EmitSegment(reader.Index2, isData: false);
                _il.Call(RuntimeMembers.Method(typeof(ArrayInstructions), nameof(ArrayInstructions.InitElements)));
                return true;
            default:
                return false;
        }
    }

    private FieldType ElementOf(int typeIndex) => _definition.Types[typeIndex].Fields[0];

    private MethodInfo ArrayMethod(string name, int typeIndex) =>
        RuntimeMembers.Method(typeof(ArrayInstructions), name).MakeGenericMethod(HeapTypes.ElementStorage(ElementOf(typeIndex)));

    /// <summary>The method for the elements of an array, which references have apart.</summary>
    private MethodInfo ElementMethod(int typeIndex, string method, string ofReference) =>
        ElementOf(typeIndex).Type.IsReference ? RuntimeMembers.Method(typeof(ArrayInstructions), ofReference) : ArrayMethod(method, typeIndex);

    private void EmitArrayCall(MethodInfo method, int operands)
    {
        Load(operands);
        Consume(operands);
        _il.Call(method);
    }

    private void EmitArrayNew(int typeIndex, MethodInfo method, int operands)
    {
        Load(operands);
        Consume(operands);
        EmitDefinedType(typeIndex);
        EmitHeap();
        _il.Call(method);
        PushArray(typeIndex);
    }

    private void PushArray(int typeIndex) =>
        Push(new StackEntry(StackForm.Evaluated, WasmValueKind.Reference, Depth: MaximumDepth / 4, Type: _definition.Types[typeIndex]));

    private void EmitArrayLength()
    {
        // After a cast that never succeeds, what is known may be another kind of type.
        DefinedType? type = _stack[_height - 1].Type;
        Load(1);
        int depth = Consume(1);
        _il.Call(type is { Kind: CompositeKind.Array }
            ? RuntimeMembers.Method(typeof(ArrayInstructions), nameof(ArrayInstructions.Length)).MakeGenericMethod(HeapTypes.ElementStorage(type.Fields[0]))
            : RuntimeMembers.Method(typeof(ArrayInstructions), nameof(ArrayInstructions.LengthOfAny)));
        PushEvaluated(WasmValueKind.I32, depth + 2);
    }

    private void EmitArrayNewFixed(int typeIndex, int count)
    {
        StackEntry[] values = PopAllForLater(count);
        Type storage = HeapTypes.Storage(ElementOf(typeIndex));
        _il.Int32(count);
        EmitDefinedType(typeIndex);
        EmitHeap();
        _il.Call(ArrayMethod(nameof(ArrayInstructions.NewFixed), typeIndex));
        int result = AllocateTemporary(WasmValueKind.Reference);
        _il.StoreLocal(result);
        for (int i = 0; i < count; i++)
        {
            _il.LoadLocal(result);
            _il.Int32(i);
            _il.Call(ElementMethod(typeIndex, nameof(ArrayInstructions.NewElement), nameof(ArrayInstructions.NewElementOfReference)));
            EmitEntry(values[i], keeps: false);
            _il.OfType(OpCodes.Stobj, storage);
        }

        Push(new StackEntry(StackForm.Temporary, WasmValueKind.Reference, Index: result, Type: _definition.Types[typeIndex]));
    }

    private void EmitArrayNewSegment(int typeIndex, int segment, bool isData)
    {
        Load(2);
        Consume(2);
        EmitSegment(segment, isData);
        EmitDefinedType(typeIndex);
        EmitHeap();
        _il.Call(isData
            ? ArrayMethod(nameof(ArrayInstructions.NewData), typeIndex)
            : RuntimeMembers.Method(typeof(ArrayInstructions), nameof(ArrayInstructions.NewElements)));
        PushArray(typeIndex);
    }

    /// <summary>What is left of a segment, as a span on the IL stack; dropped, it is empty.</summary>
    private void EmitSegment(int index, bool isData)
    {
        _il.LoadArgument(_instance);
        _il.Int32(index);
        _il.Call(RuntimeMembers.Method(typeof(SegmentInstructions), isData ? nameof(SegmentInstructions.Data) : nameof(SegmentInstructions.Elements)));
    }

    private void EmitArrayGet(int typeIndex, bool isSigned)
    {
        FieldType element = ElementOf(typeIndex);
        Load(2);
        int depth = Consume(2);
        _il.Call(ElementMethod(typeIndex, nameof(ArrayInstructions.Element), nameof(ArrayInstructions.ElementOfReference)));
        _il.OfType(OpCodes.Ldobj, HeapTypes.Storage(element));
        EmitUnpack(element.Packing, isSigned);
        PushEvaluated(element.Type, depth + 2);
    }

    private void EmitArraySet(int typeIndex, bool isI31)
    {
        StackEntry value = PopForLater();
        Load(2);
        Consume(2);
        _il.Call(ElementMethod(typeIndex, nameof(ArrayInstructions.Element), nameof(ArrayInstructions.ElementOfReference)));
        if (isI31)
        {
            EmitI31Store(value);
            return;
        }

        EmitEntry(value, keeps: false);
        _il.OfType(OpCodes.Stobj, HeapTypes.Storage(ElementOf(typeIndex)));
    }
}
