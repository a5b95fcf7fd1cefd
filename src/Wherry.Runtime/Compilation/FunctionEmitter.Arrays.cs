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
                EmitArrayNew(reader.Index, nameof(ArrayInstructions.New), 2);
                return true;
            case Opcode.ArrayNewDefault:
                EmitArrayNew(reader.Index, nameof(ArrayInstructions.NewDefault), 1);
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
                EmitArrayGet(ElementOf(reader.Index), reader.Opcode == Opcode.ArrayGetS);
                return true;
            case Opcode.ArraySet:
                EmitArraySet(ElementOf(reader.Index));
                return true;
            case Opcode.ArrayLen:
                EmitHeapCall(typeof(ArrayInstructions), nameof(ArrayInstructions.Length), 1, WasmValueKind.I32);
                return true;
            case Opcode.ArrayFill:
                EmitArrayCall(ArrayMethod(nameof(ArrayInstructions.Fill), reader.Index), 4);
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
        RuntimeMembers.Method(typeof(ArrayInstructions), name).MakeGenericMethod(HeapTypes.Storage(ElementOf(typeIndex)));

    private void EmitArrayCall(MethodInfo method, int operands)
    {
        Load(operands);
        Consume(operands);
        _il.Call(method);
    }

    private void EmitArrayNew(int typeIndex, string method, int operands)
    {
        Load(operands);
        Consume(operands);
        EmitDefinedType(typeIndex);
        EmitHeap();
        _il.Call(ArrayMethod(method, typeIndex));
        PushEvaluated(WasmValueKind.Reference, MaximumDepth / 4);
    }

    private void EmitArrayNewFixed(int typeIndex, int count)
    {
        StackEntry[] values = PopAllForLater(count);
        Type storage = HeapTypes.Storage(ElementOf(typeIndex));
        _il.Int32(count);
        EmitDefinedType(typeIndex);
        EmitHeap();
        _il.Call(ArrayMethod(nameof(ArrayInstructions.NewDefault), typeIndex));
        int result = AllocateTemporary(WasmValueKind.Reference);
        _il.StoreLocal(result);
        for (int i = 0; i < count; i++)
        {
            _il.LoadLocal(result);
            _il.Int32(i);
            _il.Call(ArrayMethod(nameof(ArrayInstructions.Element), typeIndex));
            EmitEntry(values[i], keeps: false);
            _il.OfType(OpCodes.Stobj, storage);
        }

        Push(new StackEntry(StackForm.Temporary, WasmValueKind.Reference, Index: result));
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
        PushEvaluated(WasmValueKind.Reference, MaximumDepth / 4);
    }

    /// <summary>What is left of a segment, as a span on the IL stack; dropped, it is empty.</summary>
    private void EmitSegment(int index, bool isData)
    {
        _il.LoadArgument(_instance);
        _il.Int32(index);
        _il.Call(RuntimeMembers.Method(typeof(SegmentInstructions), isData ? nameof(SegmentInstructions.Data) : nameof(SegmentInstructions.Elements)));
    }

    private void EmitArrayGet(FieldType element, bool isSigned)
    {
        Type storage = HeapTypes.Storage(element);
        Load(2);
        int depth = Consume(2);
        _il.Call(RuntimeMembers.Method(typeof(ArrayInstructions), nameof(ArrayInstructions.Element)).MakeGenericMethod(storage));
        _il.OfType(OpCodes.Ldobj, storage);
        EmitUnpack(element.Packing, isSigned);
        PushEvaluated(element.Type.Kind, depth + 2);
    }

    private void EmitArraySet(FieldType element)
    {
        Type storage = HeapTypes.Storage(element);
        StackEntry value = PopForLater();
        Load(2);
        Consume(2);
        _il.Call(RuntimeMembers.Method(typeof(ArrayInstructions), nameof(ArrayInstructions.Element)).MakeGenericMethod(storage));
        EmitEntry(value, keeps: false);
        _il.OfType(OpCodes.Stobj, storage);
    }
}
