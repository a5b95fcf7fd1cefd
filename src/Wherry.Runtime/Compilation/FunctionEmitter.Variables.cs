using System.Reflection;
using System.Reflection.Emit;
using Wherry.Binary;
using Wherry.Instructions;

namespace Wherry.Compilation;

/// <content>Locals and globals.</content>
internal sealed partial class FunctionEmitter
{
    private bool TryEmitVariable(ref InstructionReader reader)
    {
        switch (reader.Opcode)
        {
            case Opcode.LocalGet:
                (int origin, int distance) = _knownAccesses?.Get(reader.Index) ?? default;
                Push(Local(reader.Index, origin, distance));
                return true;
            case Opcode.LocalSet:
                EmitLocalSet(reader.Index);
                return true;
            case Opcode.LocalTee:
                EmitLocalTee(reader.Index);
                return true;
            case Opcode.GlobalGet:
                EmitGlobalGet(reader.Index);
                return true;
            case Opcode.GlobalSet:
                EmitGlobalSet(reader.Index);
                return true;
            default:
                return false;
        }
    }

    private StackEntry Local(int index, int origin, int distance) =>
        new(StackForm.Local, _localKinds[index], Index: index, IsRotation: _rotatedLocals[index], Origin: origin, Distance: distance, Type: _localTypes[index]);

    private void LoadVariable(int index)
    {
        if (_arguments[index] >= 0)
        {
            _il.LoadArgument(_arguments[index]);
        }
        else
        {
            _il.LoadLocal(_locals[index]);
        }
    }

    private void StoreVariable(int index)
    {
        if (_arguments[index] >= 0)
        {
            _il.StoreArgument(_arguments[index]);
        }
        else
        {
            _il.StoreLocal(_locals[index]);
        }
    }

    private void EmitLocalSet(int index)
    {
        StackEntry top = _stack[_height - 1];
        _rotatedLocals[index] |= top.IsRotation;
        Load(1);
        KeepLocal(index, _height - 1);
        Consume(1);
        StoreVariable(index);
        _knownAccesses?.Set(index, top.Origin, top.Distance);
    }

    private void EmitLocalTee(int index)
    {
        StackEntry top = _stack[_height - 1];
        _rotatedLocals[index] |= top.IsRotation;
        Load(1);
        KeepLocal(index, _height - 1);
        Consume(1);
        StoreVariable(index);
        _knownAccesses?.Set(index, top.Origin, top.Distance);
        (int origin, int distance) = _knownAccesses?.Get(index) ?? default;
        Push(top.Form == StackForm.Constant ? top : Local(index, origin, distance) with { Type = top.Type ?? _localTypes[index] });
    }

    // What was pushed of a local before it is set is its old value. Loading the new value has brought all that lay directly under it onto the IL
    // stack already; what is left lies deeper.
    private void KeepLocal(int local, int below)
    {
        int region = Region;
        for (int i = below - 1; i >= region; i--)
        {
            if (_stack[i].Form == StackForm.Local && _stack[i].Index == local)
            {
                Spill(i);
            }
        }
    }

    private void EmitGlobalGet(int index)
    {
        GlobalDefinition global = _definition.Globals[index];
        WasmValueKind kind = global.Type.ValueType.Kind;
        if (!global.Type.IsMutable && _module.Layout.TryGetConstant(index, out long bits))
        {
            Push(new StackEntry(StackForm.Constant, kind, bits));
            return;
        }

        if (_module.GetGlobalField(index) is { } field)
        {
            _il.LoadArgument(_instance);
            _il.LoadField(field);
            PushEvaluated(global.Type.ValueType);
            return;
        }

        EmitGlobalObject(index);
        switch (kind)
        {
            case WasmValueKind.V128:
                _il.LoadField(RuntimeMembers.GlobalVector);
                _il.LoadField(RuntimeMembers.VectorCellValue);
                break;
            case WasmValueKind.Reference:
                _il.LoadField(RuntimeMembers.GlobalReference);
                break;
            default:
                _il.LoadField(RuntimeMembers.GlobalBits);
                EmitFromBits(kind);
                break;
        }

        PushEvaluated(global.Type.ValueType);
    }

    private void EmitGlobalSet(int index)
    {
        WasmValueKind kind = _definition.Globals[index].Type.ValueType.Kind;
        StackEntry value = _stack[_height - 1];
        if (value.IsOnStack)
        {
            Load(1);
            value = new StackEntry(StackForm.Temporary, kind, Index: StoreTop());
        }
        else
        {
            Pop();
        }

        FieldInfo? field = _module.GetGlobalField(index);
        if (field is not null)
        {
            _il.LoadArgument(_instance);
            EmitEntry(value, keeps: false);
            _il.StoreField(field);
            return;
        }

        EmitGlobalObject(index);
        if (kind == WasmValueKind.V128)
        {
            _il.LoadField(RuntimeMembers.GlobalVector);
        }

        EmitEntry(value, keeps: false);
        switch (kind)
        {
            case WasmValueKind.V128:
                _il.StoreField(RuntimeMembers.VectorCellValue);
                break;
            case WasmValueKind.Reference:
                _il.StoreField(RuntimeMembers.GlobalReference);
                break;
            default:
                EmitToBits(kind);
                _il.StoreField(RuntimeMembers.GlobalBits);
                break;
        }
    }

    private void EmitGlobalObject(int index)
    {
        _il.LoadArgument(_instance);
        _il.LoadField(RuntimeMembers.Globals);
        _il.Int32(index);
        _il.Emit(OpCodes.Ldelem_Ref);
    }

    private void EmitFromBits(WasmValueKind kind)
    {
        switch (kind)
        {
            case WasmValueKind.I32:
                _il.Emit(OpCodes.Conv_I4);
                break;
            case WasmValueKind.F32:
                _il.Emit(OpCodes.Conv_I4);
                _il.Call(RuntimeMembers.Int32BitsToSingle);
                break;
            case WasmValueKind.F64:
                _il.Call(RuntimeMembers.Int64BitsToDouble);
                break;
        }
    }

    private void EmitToBits(WasmValueKind kind)
    {
        switch (kind)
        {
            case WasmValueKind.I32:
                _il.Emit(OpCodes.Conv_U8);
                break;
            case WasmValueKind.F32:
                _il.Call(RuntimeMembers.SingleToInt32Bits);
                _il.Emit(OpCodes.Conv_U8);
                break;
            case WasmValueKind.F64:
                _il.Call(RuntimeMembers.DoubleToInt64Bits);
                break;
        }
    }
}
