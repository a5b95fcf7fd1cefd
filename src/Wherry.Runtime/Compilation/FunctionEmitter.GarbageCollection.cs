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
    // The instruction that stores a reference that is yet to be made of a small integer.
    private int _i31StoredAt = -1;

    private bool TryEmitGarbageCollection(ref InstructionReader reader)
    {
        switch (reader.Opcode)
        {
            case Opcode.RefEq:
                EmitHeapCall(typeof(HeapInstructions), nameof(HeapInstructions.ReferencesAreEqual), 2, WasmValueKind.I32);
                return true;
            case Opcode.RefI31:
                EmitRefI31(reader);
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
                EmitStructSet(_definition.Types[reader.Index], reader.Index2, reader.Offset == _i31StoredAt);
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
                EmitBranchOnCast(reader.Index, reader.CastSource, reader.CastTarget, reader.Opcode == Opcode.BrOnCast);
                return true;
            default:
                return TryEmitArray(ref reader) || TryEmitDescriptor(ref reader);
        }
    }

    // Where the next instruction stores it, the number stays a number: that one makes the reference.
    private void EmitRefI31(InstructionReader reader)
    {
        if (reader.Next() && IsInlineStore(ref reader))
        {
            _i31StoredAt = reader.Offset;
            return;
        }

        Load(1);
        Consume(1);
        _il.LoadArgument(_instance);
        _il.Call(RuntimeMembers.Method(typeof(HeapInstructions), nameof(HeapInstructions.RefI31)));
        PushEvaluated(WasmValueKind.Reference, MaximumDepth / 4);
    }

    private static bool IsInlineStore(ref InstructionReader reader) =>
        reader.Opcode == Opcode.ArraySet || (reader.Opcode == Opcode.StructSet && reader.Index2 < GuestStruct.InlineFields);

    /// <summary>Stores the reference of a small integer to the address on the IL stack.</summary>
    private void EmitI31Store(StackEntry value)
    {
        EmitEntry(value, keeps: false);
        _il.LoadArgument(_instance);
        _il.Call(RuntimeMembers.Method(typeof(HeapInstructions), nameof(HeapInstructions.StoreI31)));
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
        int result = AllocateTemporary(WasmValueKind.Reference);
        int sample = _il.DefineLabel();
        int made = _il.DefineLabel();
        EmitHeap();
        _il.Int64(HeapTypes.StructBytes(type));
        _il.Call(RuntimeMembers.Method(typeof(GuestHeap), nameof(GuestHeap.Charge)));
        _il.Branch(OpCodes.Brtrue, sample);
        _il.NewObject(clrType.GetConstructors()[0]);
        _il.StoreLocal(result);
        _il.Branch(OpCodes.Br, made);
        _il.MarkLabel(sample);
        EmitHeap();
        _il.Call(RuntimeMembers.Method(typeof(GuestHeap), nameof(GuestHeap.BeginSample)));
        _il.NewObject(clrType.GetConstructors()[0]);
        _il.StoreLocal(result);
        EmitHeap();
        _il.LoadLocal(result);
        _il.Call(RuntimeMembers.Method(typeof(GuestHeap), nameof(GuestHeap.Register)));
        _il.MarkLabel(made);
        _il.LoadLocal(result);
        EmitTypeNumber(type, typeIndex);
        _il.StoreField(RuntimeMembers.StructType);
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

        Push(new StackEntry(StackForm.Temporary, WasmValueKind.Reference, Index: result, Type: type));
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
        PushEvaluated(field.Type, depth + 2);
    }

    private void EmitUnpack(Packing packing, bool isSigned)
    {
        if (isSigned && packing != Packing.None)
        {
            _il.Emit(packing == Packing.I8 ? OpCodes.Conv_I1 : OpCodes.Conv_I2);
        }
    }

    private void EmitStructSet(DefinedType type, int index, bool isI31)
    {
        StackEntry value = PopForLater();
        Load(1);
        Consume(1);
        _il.Call(RuntimeMembers.Method(typeof(HeapInstructions), nameof(HeapInstructions.NonNullStruct)));
        if (isI31)
        {
            _il.LoadFieldAddress(HeapTypes.Member(type, index));
            EmitI31Store(value);
            return;
        }

        int target = AllocateTemporary(WasmValueKind.Reference);
        _il.StoreLocal(target);
        EmitFieldStore(type, index, target, value);
        Release(target, WasmValueKind.Reference);
    }

    /// <summary>Goes to a label if the reference is not of the type.</summary>
    /// <param name="knownAs">What the reference is known to be, if anything: a cast within the structs, or within one kind of array, need not ask for that.</param>
    private void EmitTest(StackEntry reference, EncodedHeapType type, bool isNullable, HeapType knownAs, int otherwise)
    {
        int good = _il.DefineLabel();
        EmitEntry(reference, keeps: true);
        if (type.Kind is HeapTypeKind.None or HeapTypeKind.NoFunc or HeapTypeKind.NoExtern or HeapTypeKind.NoExn)
        {
            _il.Branch(OpCodes.Brtrue, otherwise);
            if (!isNullable)
            {
                _il.Branch(OpCodes.Br, otherwise);
            }

            return;
        }

        _il.Branch(OpCodes.Brfalse, isNullable ? good : otherwise);
        switch (type.Kind)
        {
            case HeapTypeKind.Eq:
                EmitTestCall(reference, nameof(HeapInstructions.IsEq), otherwise);
                break;
            case HeapTypeKind.I31:
                EmitTestCall(reference, nameof(HeapInstructions.IsI31), otherwise);
                break;
            case HeapTypeKind.Struct:
                EmitTestCall(reference, nameof(HeapInstructions.IsStruct), otherwise);
                break;
            case HeapTypeKind.Array:
                EmitTestCall(reference, nameof(HeapInstructions.IsArray), otherwise);
                break;
            case HeapTypeKind.Defined:
                DefinedType defined = _definition.Types[type.TypeIndex];
                if (defined.Kind == CompositeKind.Function)
                {
                    EmitEntry(reference, keeps: true);
                    EmitDefinedType(type.TypeIndex);
                    _il.Call(RuntimeMembers.Method(typeof(HeapInstructions), type.IsExact ? nameof(HeapInstructions.IsExactFunction) : nameof(HeapInstructions.IsFunctionInstance)));
                    _il.Branch(OpCodes.Brfalse, otherwise);
                }
                else
                {
                    EmitTestOfObject(reference, defined, type, knownAs, otherwise);
                }

                break;
        }

        _il.MarkLabel(good);
    }

    private void EmitTestCall(StackEntry reference, string method, int otherwise)
    {
        EmitEntry(reference, keeps: true);
        _il.Call(RuntimeMembers.Method(typeof(HeapInstructions), method));
        _il.Branch(OpCodes.Brfalse, otherwise);
    }

    private void EmitTestOfObject(StackEntry reference, DefinedType type, EncodedHeapType encoded, HeapType knownAs, int otherwise)
    {
        bool isStruct = type.Kind == CompositeKind.Struct;
        Type storage = isStruct ? typeof(GuestStruct) : HeapTypes.ElementStorage(type.Fields[0]);
        if (!IsKnownAs(knownAs, type, storage))
        {
            EmitEntry(reference, keeps: true);
            _il.OfType(OpCodes.Isinst, isStruct ? storage : typeof(Cell<>).MakeGenericType(storage).MakeArrayType());
            _il.Branch(OpCodes.Brfalse, otherwise);
        }

        EmitEntry(reference, keeps: true);
        if (isStruct)
        {
            _il.LoadField(RuntimeMembers.StructType);
        }
        else
        {
            _il.Call(RuntimeMembers.Method(typeof(HeapInstructions), nameof(HeapInstructions.TypeOfArray)).MakeGenericMethod(storage));
        }

        EmitTypeNumber(type, encoded.TypeIndex);
        if (type.IsFinal || encoded.IsExact)
        {
            _il.Branch(OpCodes.Bne_Un, otherwise);
            return;
        }

        _il.Int32(type.Depth);
        _il.LoadArgument(_instance);
        _il.LoadField(RuntimeMembers.Ancestors);
        _il.Call(RuntimeMembers.Method(typeof(HeapInstructions), nameof(HeapInstructions.IsSubtype)));
        _il.Branch(OpCodes.Brfalse, otherwise);
    }

    /// <summary>Whether the classes of the CLR need not be asked: all structs share one, arrays one for each kind of element.</summary>
    private static bool IsKnownAs(HeapType knownAs, DefinedType type, Type storage) => type.Kind == CompositeKind.Struct
        ? knownAs.Kind == HeapTypeKind.Struct || knownAs.Defined?.Kind == CompositeKind.Struct
        : knownAs.Defined is { Kind: CompositeKind.Array } known && HeapTypes.ElementStorage(known.Fields[0]) == storage;

    private void EmitRefTest(EncodedHeapType type, bool isNullable)
    {
        StackEntry reference = PopForLater();
        int result = AllocateTemporary(WasmValueKind.I32);
        int otherwise = _il.DefineLabel();
        _il.Int32(0);
        _il.StoreLocal(result);
        EmitTest(reference, type, isNullable, KnownAs(reference), otherwise);
        _il.Int32(1);
        _il.StoreLocal(result);
        _il.MarkLabel(otherwise);
        ReleaseEntry(reference);
        Push(new StackEntry(StackForm.Temporary, WasmValueKind.I32, Index: result));
    }

    private void EmitRefCast(EncodedHeapType type, bool isNullable)
    {
        StackEntry reference = PopForLater();
        int good = _il.DefineLabel();
        int otherwise = _il.DefineLabel();
        EmitTest(reference, type, isNullable, KnownAs(reference), otherwise);
        _il.Branch(OpCodes.Br, good);
        _il.MarkLabel(otherwise);
        EmitHeapTrap(nameof(HeapThrow.CastFailure));
        _il.MarkLabel(good);
        Push(reference with { Type = Known(type) ?? reference.Type });
    }

    private void EmitBranchOnCast(int depth, EncodedValueType source, EncodedValueType target, bool expected)
    {
        StackEntry reference = PopForLater();
        SpillRegion();
        Push(reference);
        ControlFrame frame = _frames[_frames.Count - 1 - depth];
        int otherwise = _il.DefineLabel();
        EmitTest(reference, target.HeapType, target.IsNullable, source.HeapType.Resolve(_definition.Types), otherwise);
        if (expected)
        {
            EmitConditionalJump(frame);
            _il.MarkLabel(otherwise);
            return;
        }

        int good = _il.DefineLabel();
        _il.Branch(OpCodes.Br, good);
        _il.MarkLabel(otherwise);
        EmitConditionalJump(frame);
        _il.MarkLabel(good);
        _stack[_height - 1] = reference with { Type = Known(target.HeapType) ?? reference.Type };
    }

    private static HeapType KnownAs(StackEntry reference) => reference.Type is { } type ? new HeapType(type) : new HeapType(HeapTypeKind.Any);

    private DefinedType? Known(EncodedHeapType type) => type.Kind == HeapTypeKind.Defined ? _definition.Types[type.TypeIndex] : null;

    private void EmitHeapTrap(string name)
    {
        _il.Call(RuntimeMembers.Method(typeof(HeapThrow), name));
        _il.Emit(OpCodes.Ldnull);
        _il.Emit(OpCodes.Throw);
    }

    private void ReleaseEntry(StackEntry entry)
    {
        if (entry.Form == StackForm.Temporary && !entry.IsPinned)
        {
            Release(entry.Index, entry.Kind);
        }
    }
}
