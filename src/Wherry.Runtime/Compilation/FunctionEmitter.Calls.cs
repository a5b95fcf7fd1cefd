using System.Reflection;
using System.Reflection.Emit;
using Wherry.Execution;
using Wherry.Execution.Suspension;
using Wherry.Instructions;
using Wherry.Types;

namespace Wherry.Compilation;

/// <content>Calls: direct ones by method, all others by the code and target of a function object.</content>
internal sealed partial class FunctionEmitter
{
    private readonly Dictionary<Type, int> _tuples = [];
    private int _callee = -1;
    private int _elements = -1;

    // Those of the first table, loaded once.
    private int _fixedElements = -1;
    private int _target = -1;

    private bool TryEmitCall(ref InstructionReader reader)
    {
        _callEnd = reader.Position;
        switch (reader.Opcode)
        {
            case Opcode.Call:
                if (!TryEmitInlined(reader.Index, reader.Offset))
                {
                    EmitDirectCall(reader.Index, isTail: false);
                }

                return true;
            case Opcode.ReturnCall:
                if (!TryEmitInlinedTail(reader.Index, reader.Offset))
                {
                    EmitDirectCall(reader.Index, isTail: true);
                }

                _unreachable = true;
                return true;
            case Opcode.CallIndirect:
                EmitIndirectCall(reader.Index, reader.Index2, isTail: false);
                return true;
            case Opcode.ReturnCallIndirect:
                EmitIndirectCall(reader.Index, reader.Index2, isTail: true);
                _unreachable = true;
                return true;
            case Opcode.CallRef:
                EmitReferenceCall(reader.Index, isTail: false);
                return true;
            case Opcode.ReturnCallRef:
                EmitReferenceCall(reader.Index, isTail: true);
                _unreachable = true;
                return true;
            default:
                return false;
        }
    }

    private void EmitDirectCall(int index, bool isTail)
    {
        if (isTail && _tryDepth > 0)
        {
            EmitProtectedTailCall(_definition.Functions[index].Function!.Parameters.Length, () => EmitDirectCall(index, isTail));
            return;
        }

        EmitFrameBudget(isTail);
        FunctionType type = _definition.Functions[index].Function!;
        int count = type.Parameters.Length;
        bool mayWait = MayWait(index);
        if (index < _definition.ImportedFunctionCount)
        {
            PrepareArguments(count, isTail, _returnsExceptions || mayWait);
            _il.LoadArgument(_instance);
            _il.LoadField(RuntimeMembers.ImportedFunctions);
            _il.Int32(index);
            _il.Emit(OpCodes.Ldelem_Ref);
            _il.LoadField(RuntimeMembers.FunctionCurrent);
            _il.StoreLocal(Callee());
            EmitCallOfCallee(type, isTail, mayBeShared: true, mayWait);
            EmitSamplePollAfterImport(index, isTail);
            return;
        }

        // The JIT may write the callee's code here.
        HideRotations(count);
        bool returnsExceptions = _module.Layout.ReturnsExceptions(index);
        PrepareArguments(count, isTail, returnsExceptions || mayWait);
        if (mayWait)
        {
            EmitSuspendableCall(index, type, isTail);
            FinishCall(type, isTail, returnsExceptions, mayWait);
            return;
        }

        _il.LoadArgument(_instance);
        if (isTail)
        {
            _il.Emit(OpCodes.Tailcall);
        }

        _il.Call(_il.IsWriting ? _module.GetMethod(index) : null);
        FinishCall(type, isTail, returnsExceptions, mayWait);
    }

    private void EmitIndirectCall(int typeIndex, int tableIndex, bool isTail)
    {
        if (isTail && _tryDepth > 0)
        {
            EmitProtectedTailCall(_definition.Types[typeIndex].Function!.Parameters.Length + 1, () => EmitIndirectCall(typeIndex, tableIndex, isTail));
            return;
        }

        EmitFrameBudget(isTail);
        DefinedType type = _definition.Types[typeIndex];

        // The index comes off the IL stack, since the array has to lie under it.
        StackEntry index = _stack[_height - 1];
        if (index.IsOnStack)
        {
            Load(1);
            int temporary = StoreTop();
            index = new StackEntry(StackForm.Temporary, index.Kind, Index: temporary);
        }
        else
        {
            Pop();
        }

        bool mayWait = MayWaitByReference(typeIndex);
        PrepareArguments(type.Function!.Parameters.Length, isTail, _returnsExceptions || mayWait);
        EmitTableElement(tableIndex, index);
        int callee = Callee();
        _il.StoreLocal(callee);
        EmitTypeCheck(callee, type, typeIndex);
        EmitCallOfCallee(type.Function, isTail, _module.Layout.IsOwnTable[tableIndex], mayWait);
    }

    /// <summary>Loads the elements of the first table, which are the same array as long as the instance lives, if loops call through them: one load less on the way to each callee.</summary>
    private void EmitFixedElements()
    {
        if (_scan.HasTableLoops && _definition.Tables[0].Type.IsOfFixedSize)
        {
            _fixedElements = _il.DeclareLocal(typeof(object[]));
            LoadFixedElements();
        }
    }

    private void LoadFixedElements()
    {
        if (_fixedElements >= 0)
        {
            _il.LoadArgument(_instance);
            _il.LoadField(RuntimeMembers.Table0Elements);
            _il.StoreLocal(_fixedElements);
        }
    }

    /// <summary>The local that holds the elements of a table.</summary>
    private int EmitElements(int tableIndex)
    {
        if (tableIndex == 0 && _fixedElements >= 0)
        {
            return _fixedElements;
        }

        if (_elements < 0)
        {
            _elements = _il.DeclareLocal(typeof(object[]));
        }

        if (tableIndex == 0 && _definition.Tables[0].Type.IsOfFixedSize)
        {
            _il.LoadArgument(_instance);
            _il.LoadField(RuntimeMembers.Table0Elements);
        }
        else
        {
            EmitTable(tableIndex);
            _il.LoadField(RuntimeMembers.TableElements);
        }

        _il.StoreLocal(_elements);
        return _elements;
    }

    // With a check of our own, which the JIT then needs not make: all of its own share one place that fails, which tells nothing of the instruction.
    private void EmitTableElement(int tableIndex, StackEntry index)
    {
        int elements = EmitElements(tableIndex);
        if (index.Kind == WasmValueKind.I64)
        {
            _il.LoadLocal(elements);
            EmitEntry(index, keeps: false);
            _il.Emit(OpCodes.Conv_U);
            _il.Emit(OpCodes.Ldelem_Ref);
            return;
        }

        int good = _il.DefineLabel();
        EmitEntry(index, keeps: true);
        _il.LoadLocal(elements);
        _il.Emit(OpCodes.Ldlen);
        _il.Emit(OpCodes.Conv_I4);
        _il.Branch(OpCodes.Blt_Un, good);
        EmitTrap(nameof(Traps.UndefinedElement));
        _il.MarkLabel(good);
        _il.LoadLocal(elements);
        EmitEntry(index, keeps: false);
        _il.Emit(OpCodes.Ldelem_Ref);
    }

    private void EmitTypeCheck(int callee, DefinedType type, int typeIndex)
    {
        int bad = _il.DefineLabel();
        int good = _il.DefineLabel();
        _il.LoadLocal(callee);
        _il.Branch(OpCodes.Brfalse, bad);
        _il.LoadLocal(callee);
        _il.LoadField(RuntimeMembers.FunctionTypeNumber);
        EmitTypeNumber(type, typeIndex);
        _il.Branch(OpCodes.Beq, good);
        _il.MarkLabel(bad);
        _il.LoadLocal(callee);
        _il.LoadArgument(_instance);
        _il.Int32(typeIndex);
        _il.Int32(_place);
        if (type.IsFinal)
        {
            _il.Call(RuntimeMembers.Method(typeof(CallInstructions), nameof(CallInstructions.TypeMismatch)));
            _il.Emit(OpCodes.Throw);
        }
        else
        {
            _il.Call(RuntimeMembers.Method(typeof(CallInstructions), nameof(CallInstructions.CheckSubtype)));
        }

        _il.MarkLabel(good);
    }

    private void EmitTypeNumber(DefinedType type, int typeIndex)
    {
        if (_module.GetTypeNumberField(typeIndex) is { } field)
        {
            _il.LoadArgument(_instance);
            _il.LoadField(field);
        }
        else
        {
            _il.Int32(type.Identity);
        }
    }

    private void EmitReferenceCall(int typeIndex, bool isTail)
    {
        if (isTail && _tryDepth > 0)
        {
            EmitProtectedTailCall(_definition.Types[typeIndex].Function!.Parameters.Length + 1, () => EmitReferenceCall(typeIndex, isTail));
            return;
        }

        EmitFrameBudget(isTail);
        FunctionType type = _definition.Types[typeIndex].Function!;
        Load(1);
        Consume(1);
        int callee = Callee();
        _il.StoreLocal(callee);
        bool mayWait = MayWaitByReference(typeIndex);
        PrepareArguments(type.Parameters.Length, isTail, _returnsExceptions || mayWait);
        int good = _il.DefineLabel();
        _il.LoadLocal(callee);
        _il.Branch(OpCodes.Brtrue, good);
        EmitTrap(nameof(Traps.NullFunction));
        _il.MarkLabel(good);
        _il.LoadLocal(callee);
        _il.LoadField(RuntimeMembers.FunctionCurrent);
        _il.StoreLocal(callee);
        EmitCallOfCallee(type, isTail, mayBeShared: false, mayWait);
    }

    // Where functions may be shared by the instances of a pool, those without a target get the instance: see InstanceTemplate.
    private void EmitCallOfCallee(FunctionType type, bool isTail, bool mayBeShared, bool mayWait)
    {
        if (mayWait)
        {
            EmitSuspendableCode(() =>
            {
                _il.LoadArgument(_instance);
                _il.LoadLocalAddress(Callee());
                _il.Call(SuspensionMethod(nameof(SuspensionInstructions.Enter)));
            });
        }

        FieldInfo target = _returnsExceptions ? RuntimeMembers.FunctionGuestTarget : RuntimeMembers.FunctionTarget;
        if (isTail || mayBeShared)
        {
            EmitTarget(target, type, isTail, mayBeShared, mayWait);
        }
        else
        {
            _il.LoadLocal(Callee());
            _il.LoadField(target);
        }

        EmitCallOfCode(type, isTail, mayWait);
        if (mayWait && !isTail)
        {
            EmitUncount();
        }

        FinishCall(type, isTail, _returnsExceptions, mayWait);
    }

    private void EmitCallOfCode(FunctionType type, bool isTail, bool mayWait)
    {
        if (mayWait)
        {
            _il.LoadLocal(_suspendableCode);
        }
        else
        {
            _il.LoadLocal(Callee());
            _il.LoadField(_returnsExceptions ? RuntimeMembers.FunctionGuestCode : RuntimeMembers.FunctionCode);
        }

        if (isTail)
        {
            _il.Emit(OpCodes.Tailcall);
        }

        _il.CallIndirect(ClrTypes.OfResults(type.Results), ClrTypes.OfParameters(type, typeof(object)));
    }

    // A tail call to a function of the same instance passes on what it has: what it read from the function object would arrive too late for the callee, which needs it for its own next call.
    private void EmitTarget(FieldInfo field, FunctionType type, bool isTail, bool mayBeShared, bool mayWait)
    {
        int target = _target >= 0 ? _target : _target = _il.DeclareLocal(typeof(object));
        _il.LoadLocal(Callee());
        _il.LoadField(field);
        _il.StoreLocal(target);
        if (isTail)
        {
            int isOwn = _il.DefineLabel();
            _il.LoadLocal(target);
            _il.LoadArgument(_instance);
            _il.Branch(OpCodes.Beq, isOwn);
            if (mayBeShared)
            {
                _il.LoadLocal(target);
                _il.Branch(OpCodes.Brfalse, isOwn);
            }

            _il.LoadLocal(target);
            EmitCallOfCode(type, isTail, mayWait);
            _il.Emit(OpCodes.Ret);
            _il.MarkLabel(isOwn);
            _il.LoadArgument(_instance);
            return;
        }

        int isKnown = _il.DefineLabel();
        _il.LoadLocal(target);
        _il.Branch(OpCodes.Brtrue, isKnown);
        _il.LoadArgument(_instance);
        _il.StoreLocal(target);
        _il.MarkLabel(isKnown);
        _il.LoadLocal(target);
    }

    // A tail call is a return: nothing else may be on the IL stack. Nor where a branch follows the call.
    private void PrepareArguments(int count, bool isTail, bool branchesAfter)
    {
        if (isTail)
        {
            DropAllBelow(count);
        }
        else if (branchesAfter && IsAnyOnStack(_height - count))
        {
            SpillRegion();
        }

        Load(count, loadsAhead: !isTail && !branchesAfter);
        _argumentDepth = Consume(count);
    }

    private int _argumentDepth;

    private void FinishCall(FunctionType type, bool isTail, bool returnsExceptions, bool mayWait)
    {
        if (isTail)
        {
            _il.Emit(OpCodes.Ret);
            return;
        }

        switch (type.Results.Length)
        {
            case 0:
                EmitSuspensionCheck(mayWait, typeof(void), -1);
                EmitPendingCheck(returnsExceptions);
                break;
            case 1 when returnsExceptions || mayWait:
                int result = AllocateTemporary(type.Results[0].Kind);
                _il.StoreLocal(result);
                EmitSuspensionCheck(mayWait, ClrTypes.Of(type.Results[0].Kind), result);
                EmitPendingCheck(returnsExceptions);
                Push(new StackEntry(StackForm.Temporary, type.Results[0].Kind, Index: result, Type: type.Results[0].HeapType.Defined));
                break;
            case 1:
                PushEvaluated(type.Results[0], _argumentDepth + 1);
                break;
            default:
                PushTuple(type, returnsExceptions, mayWait);
                break;
        }
    }

    private int Callee()
    {
        if (_callee < 0)
        {
            _callee = _il.DeclareLocal(typeof(Function));
        }

        return _callee;
    }

    private void PushTuple(FunctionType type, bool returnsExceptions, bool mayWait)
    {
        Type clrType = ClrTypes.OfResults(type.Results);
        if (!_tuples.TryGetValue(clrType, out int tuple))
        {
            tuple = _il.DeclareLocal(clrType);
            _tuples.Add(clrType, tuple);
        }

        _il.StoreLocal(tuple);
        EmitSuspensionCheck(mayWait, clrType, tuple);
        EmitPendingCheck(returnsExceptions);
        for (int i = 0; i < type.Results.Length; i++)
        {
            Type level = clrType;
            _il.LoadLocalAddress(tuple);
            for (int rest = i / 7; rest > 0; rest--)
            {
                FieldInfo field = level.GetField("Rest")!;
                _il.LoadFieldAddress(field);
                level = field.FieldType;
            }

            _il.LoadField(level.GetField($"Item{(i % 7) + 1}")!);
            WasmValueKind kind = type.Results[i].Kind;
            int temporary = AllocateTemporary(kind);
            _il.StoreLocal(temporary);
            Push(new StackEntry(StackForm.Temporary, kind, Index: temporary));
        }
    }

    /// <summary>Makes a tuple of the values on the IL stack, the innermost part first.</summary>
    private void EmitTuple(Type type)
    {
        if (type.GetField("Rest") is { } rest)
        {
            EmitTuple(rest.FieldType);
        }

        _il.NewObject(type.GetConstructors()[0]);
    }

    private void EmitSamplePoll()
    {
        if (_module.Options.IsProfiled || _module.Options.IsPausable)
        {
            _il.LoadArgument(_instance);
            _il.Call(RuntimeMembers.Method(typeof(SampleRequest), nameof(SampleRequest.Poll)));
        }
    }

    private void EmitSamplePollAfterImport(int import, bool isTail)
    {
        if ((_module.Options.IsProfiled || _module.Options.IsPausable) && !isTail)
        {
            _il.LoadArgument(_instance);
            _il.Int32(import);
            _il.Call(RuntimeMembers.Method(typeof(SampleRequest), nameof(SampleRequest.PollAfterImport)));
        }
    }
}
