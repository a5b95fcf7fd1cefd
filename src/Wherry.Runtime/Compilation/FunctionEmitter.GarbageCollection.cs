using System.Reflection;
using System.Reflection.Emit;
using Wherry.Binary;
using Wherry.Execution;
using Wherry.Execution.Heap;
using Wherry.Instructions;
using Wherry.Types;

namespace Wherry.Compilation;

/// <content>Structs, arrays, i31 and casts (specification, 4.6.4, 4.6.5).</content>
internal sealed partial class FunctionEmitter
{
    private bool TryEmitGarbageCollection(ref InstructionReader reader)
    {
        switch (reader.Opcode)
        {
            case Opcode.RefEq:
                EmitHeapCall(typeof(HeapInstructions), nameof(HeapInstructions.ReferencesAreEqual), 2, WasmValueKind.I32);
                return true;
            case Opcode.RefI31:
                EmitHeapCall(typeof(HeapInstructions), nameof(HeapInstructions.RefI31), 1, WasmValueKind.Reference);
                return true;
            case Opcode.I31GetS:
                EmitHeapCall(typeof(HeapInstructions), nameof(HeapInstructions.I31GetS), 1, WasmValueKind.I32);
                return true;
            case Opcode.I31GetU:
                EmitHeapCall(typeof(HeapInstructions), nameof(HeapInstructions.I31GetU), 1, WasmValueKind.I32);
                return true;
            case Opcode.AnyConvertExtern:
            case Opcode.ExternConvertAny:
                // Both sides hold the same object.
                return true;
            case Opcode.StructNew:
                EmitStructNew(reader.Index, isDefault: false);
                return true;
            case Opcode.StructNewDefault:
                EmitStructNew(reader.Index, isDefault: true);
                return true;
            case Opcode.StructGet:
            case Opcode.StructGetS:
            case Opcode.StructGetU:
                EmitStructGet(_definition.Types[reader.Index], reader.Index2, reader.Opcode == Opcode.StructGetS);
                return true;
            case Opcode.StructSet:
                EmitStructSet(_definition.Types[reader.Index], reader.Index2);
                return true;
            case Opcode.RefTest:
            case Opcode.RefTestNullable:
                EmitRefTest(reader.HeapType, reader.Opcode == Opcode.RefTestNullable);
                return true;
            case Opcode.RefCast:
            case Opcode.RefCastNullable:
                EmitRefCast(reader.HeapType, reader.Opcode == Opcode.RefCastNullable);
                return true;
            case Opcode.BrOnCast:
            case Opcode.BrOnCastFail:
                EmitBranchOnCast(reader.Index, reader.CastTarget, reader.Opcode == Opcode.BrOnCast);
                return true;
            default:
                return TryEmitArray(ref reader) || TryEmitDescriptor(ref reader);
        }
    }

    private void EmitHeapCall(Type type, string method, int operands, WasmValueKind result)
    {
        Load(operands);
        int depth = Consume(operands);
        _il.Call(RuntimeMembers.Method(type, method));
        PushEvaluated(result, depth + 1);
    }

    private void EmitHeap()
    {
        _il.LoadArgument(_instance);
        _il.LoadField(RuntimeMembers.Heap);
    }

    private void EmitDefinedType(int index)
    {
        _il.LoadArgument(_instance);
        _il.LoadField(RuntimeMembers.Types);
        _il.Int32(index);
        _il.Call(RuntimeMembers.Method(typeof(HeapInstructions), nameof(HeapInstructions.TypeAt)));
    }

    /// <summary>Takes operands off the stack in a form that can be loaded later.</summary>
    private StackEntry[] PopAllForLater(int count)
    {
        var entries = new StackEntry[count];
        for (int i = count - 1; i >= 0; i--)
        {
            entries[i] = PopForLater();
        }

        return entries;
    }

    private void EmitStructNew(int typeIndex, bool isDefault)
    {
        DefinedType type = _definition.Types[typeIndex];
        StackEntry[] values = isDefault ? [] : PopAllForLater(type.Fields.Length);
        Type clrType = HeapTypes.OfStruct(type);
        int sample = AllocateTemporary(WasmValueKind.I32);
        EmitHeap();
        _il.Int64(HeapTypes.StructBytes(type));
        _il.Call(RuntimeMembers.Method(typeof(GuestHeap), nameof(GuestHeap.Charge)));
        _il.StoreLocal(sample);
        EmitDefinedType(typeIndex);
        _il.NewObject(clrType.GetConstructors()[0]);
        int result = AllocateTemporary(WasmValueKind.Reference);
        _il.StoreLocal(result);
        int extra = LongGuestStruct.ExtraFields(type.Fields.Length);
        if (extra > 0)
        {
            _il.LoadLocal(result);
            _il.Int32(extra);
            _il.NewObject(typeof(LongGuestStruct.Extra).GetConstructors()[0]);
            _il.StoreField(HeapTypes.Member(type, GuestStruct.InlineFields));
        }

        for (int i = 0; i < values.Length; i++)
        {
            EmitFieldStore(type, i, result, values[i]);
        }

        EmitHeap();
        _il.LoadLocal(sample);
        _il.LoadLocal(result);
        _il.Call(RuntimeMembers.Method(typeof(GuestHeap), nameof(GuestHeap.RegisterIf)));
        Release(sample, WasmValueKind.I32);
        Push(new StackEntry(StackForm.Temporary, WasmValueKind.Reference, Index: result));
    }

    private void EmitFieldStore(DefinedType type, int index, int target, StackEntry value)
    {
        _il.LoadLocal(target);
        if (index < GuestStruct.InlineFields)
        {
            EmitEntry(value, keeps: false);
            _il.StoreField(HeapTypes.Member(type, index));
            return;
        }

        int slot = index - GuestStruct.InlineFields;
        _il.LoadField(HeapTypes.Member(type, GuestStruct.InlineFields));
        Type storage = HeapTypes.Storage(type.Fields[index]);
        if (storage == typeof(object))
        {
            EmitEntry(value, keeps: false);
            _il.Int32(slot);
            _il.Call(RuntimeMembers.Method(typeof(LongGuestStruct), nameof(LongGuestStruct.SetReference)));
        }
        else
        {
            _il.Int32(slot);
            _il.Call(RuntimeMembers.Method(typeof(LongGuestStruct), nameof(LongGuestStruct.Bits)).MakeGenericMethod(storage));
            EmitEntry(value, keeps: false);
            _il.OfType(OpCodes.Stobj, storage);
        }
    }

    private void EmitStructGet(DefinedType type, int index, bool isSigned)
    {
        FieldType field = type.Fields[index];
        Load(1);
        int depth = Consume(1);
        _il.Call(RuntimeMembers.Method(typeof(HeapInstructions), nameof(HeapInstructions.NonNullStruct)));
        Type storage = HeapTypes.Storage(field);
        if (index < GuestStruct.InlineFields)
        {
            _il.LoadField(HeapTypes.Member(type, index));
        }
        else
        {
            _il.LoadField(HeapTypes.Member(type, GuestStruct.InlineFields));
            _il.Int32(index - GuestStruct.InlineFields);
            if (storage == typeof(object))
            {
                _il.Call(RuntimeMembers.Method(typeof(LongGuestStruct), nameof(LongGuestStruct.GetReference)));
            }
            else
            {
                _il.Call(RuntimeMembers.Method(typeof(LongGuestStruct), nameof(LongGuestStruct.Bits)).MakeGenericMethod(storage));
                _il.OfType(OpCodes.Ldobj, storage);
            }
        }

        EmitUnpack(field.Packing, isSigned);
        PushEvaluated(field.Type.Kind, depth + 2);
    }

    private void EmitUnpack(Packing packing, bool isSigned)
    {
        if (isSigned && packing != Packing.None)
        {
            _il.Emit(packing == Packing.I8 ? OpCodes.Conv_I1 : OpCodes.Conv_I2);
        }
    }

    private void EmitStructSet(DefinedType type, int index)
    {
        StackEntry value = PopForLater();
        Load(1);
        Consume(1);
        _il.Call(RuntimeMembers.Method(typeof(HeapInstructions), nameof(HeapInstructions.NonNullStruct)));
        int target = AllocateTemporary(WasmValueKind.Reference);
        _il.StoreLocal(target);
        EmitFieldStore(type, index, target, value);
        Release(target, WasmValueKind.Reference);
    }

    /// <summary>Leaves 1 on the IL stack if the reference in a local is of the type, else 0.</summary>
    private void EmitTest(StackEntry reference, EncodedHeapType type, bool isNullable)
    {
        if (type.Kind is HeapTypeKind.None or HeapTypeKind.NoFunc or HeapTypeKind.NoExtern or HeapTypeKind.NoExn)
        {
            if (isNullable)
            {
                EmitIsNull(reference);
            }
            else
            {
                _il.Int32(0);
            }

            return;
        }

        EmitEntry(reference, keeps: true);
        switch (type.Kind)
        {
            case HeapTypeKind.Eq:
                _il.Call(RuntimeMembers.Method(typeof(HeapInstructions), nameof(HeapInstructions.IsEq)));
                break;
            case HeapTypeKind.I31:
                _il.Call(RuntimeMembers.Method(typeof(HeapInstructions), nameof(HeapInstructions.IsI31)));
                break;
            case HeapTypeKind.Struct:
                _il.Call(RuntimeMembers.Method(typeof(HeapInstructions), nameof(HeapInstructions.IsStruct)));
                break;
            case HeapTypeKind.Array:
                _il.Call(RuntimeMembers.Method(typeof(HeapInstructions), nameof(HeapInstructions.IsArray)));
                break;
            case HeapTypeKind.Defined:
                EmitDefinedType(type.TypeIndex);
                bool isFunction = _definition.Types[type.TypeIndex].Kind == CompositeKind.Function;
                string method = isFunction ? type.IsExact ? nameof(HeapInstructions.IsExactFunction) : nameof(HeapInstructions.IsFunctionInstance)
                    : type.IsExact ? nameof(HeapInstructions.IsExactInstance)
                    : _definition.Types[type.TypeIndex].IsFinal ? nameof(HeapInstructions.IsFinalInstance) : nameof(HeapInstructions.IsInstance);
                _il.Call(RuntimeMembers.Method(typeof(HeapInstructions), method));
                break;
            default:
                _il.Emit(OpCodes.Ldnull);
                _il.Emit(OpCodes.Cgt_Un);
                break;
        }

        if (isNullable)
        {
            EmitIsNull(reference);
            _il.Emit(OpCodes.Or);
        }
    }

    private void EmitIsNull(StackEntry reference)
    {
        EmitEntry(reference, keeps: true);
        _il.Emit(OpCodes.Ldnull);
        _il.Emit(OpCodes.Ceq);
    }

    private void EmitRefTest(EncodedHeapType type, bool isNullable)
    {
        StackEntry reference = PopForLater();
        EmitTest(reference, type, isNullable);
        ReleaseEntry(reference);
        PushEvaluated(WasmValueKind.I32, 4);
    }

    private void EmitRefCast(EncodedHeapType type, bool isNullable)
    {
        StackEntry reference = PopForLater();
        int good = _il.DefineLabel();
        EmitTest(reference, type, isNullable);
        _il.Branch(OpCodes.Brtrue, good);
        EmitHeapTrap(nameof(HeapThrow.CastFailure));
        _il.MarkLabel(good);
        Push(reference);
    }

    private void EmitHeapTrap(string name)
    {
        _il.Call(RuntimeMembers.Method(typeof(HeapThrow), name));
        _il.Emit(OpCodes.Ldnull);
        _il.Emit(OpCodes.Throw);
    }

    private void EmitBranchOnCast(int depth, EncodedValueType target, bool expected)
    {
        StackEntry reference = PopForLater();
        SpillRegion();
        Push(reference);
        EmitTest(reference, target.HeapType, target.IsNullable);
        EmitBranchOnCondition(_frames[_frames.Count - 1 - depth], null, expected);
    }

    private void ReleaseEntry(StackEntry entry)
    {
        if (entry.Form == StackForm.Temporary && !entry.IsPinned)
        {
            Release(entry.Index, entry.Kind);
        }
    }
}
