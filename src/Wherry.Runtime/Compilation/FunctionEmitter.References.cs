using System.Reflection.Emit;
using Wherry.Execution;
using Wherry.Instructions;
using Wherry.Types;

namespace Wherry.Compilation;

/// <content>References and single elements of tables.</content>
internal sealed partial class FunctionEmitter
{
    private bool TryEmitReference(ref InstructionReader reader)
    {
        switch (reader.Opcode)
        {
            case Opcode.RefNull:
                Push(new StackEntry(StackForm.Constant, WasmValueKind.Reference));
                return true;
            case Opcode.RefIsNull:
                Load(1);
                Consume(1);
                _il.Emit(OpCodes.Ldnull);
                _il.Emit(OpCodes.Ceq);
                PushEvaluated(WasmValueKind.I32, 3);
                return true;
            case Opcode.RefFunc:
                _il.LoadArgument(_instance);
                _il.Int32(reader.Index);
                _il.Call(RuntimeMembers.Method(typeof(CallInstructions), nameof(CallInstructions.GetFunction)));
                PushEvaluated(WasmValueKind.Reference);
                return true;
            case Opcode.RefAsNonNull:
                EmitAsNonNull();
                return true;
            case Opcode.BrOnNull:
                EmitBranchOnNull(reader.Index);
                return true;
            case Opcode.BrOnNonNull:
                EmitBranchOnNonNull(reader.Index);
                return true;
            case Opcode.TableGet:
                EmitTableCall(reader.Index, 1, nameof(TableInstructions.Get), WasmValueKind.Reference);
                return true;
            case Opcode.TableSet:
                EmitTableSet(reader.Index);
                return true;
            default:
                return false;
        }
    }

    private void EmitAsNonNull()
    {
        Load(1);
        DefinedType? type = _stack[_height - 1].Type;
        int value = StoreTop();
        int good = _il.DefineLabel();
        _il.LoadLocal(value);
        _il.Branch(OpCodes.Brtrue, good);
        EmitTrap(nameof(Traps.NullReference));
        _il.MarkLabel(good);
        Push(new StackEntry(StackForm.Temporary, WasmValueKind.Reference, Index: value, Type: type));
    }

    // Taken without the reference; not taken, the reference stays.
    private void EmitBranchOnNull(int depth)
    {
        StackEntry reference = PopForLater();
        SpillRegion();
        EmitEntry(reference, keeps: true);
        EmitBranchOnCondition(_frames[_frames.Count - 1 - depth], null, false);
        Push(reference);
    }

    // Taken with the reference; not taken, it is gone.
    private void EmitBranchOnNonNull(int depth)
    {
        StackEntry reference = PopForLater();
        SpillRegion();
        Push(reference);
        EmitEntry(reference, keeps: true);
        EmitBranchOnCondition(_frames[_frames.Count - 1 - depth], null, true);
        Pop();
        if (reference.Form == StackForm.Temporary && !reference.IsPinned)
        {
            Release(reference.Index, WasmValueKind.Reference);
        }
    }

    private void EmitTable(int index)
    {
        _il.LoadArgument(_instance);
        if (index == 0)
        {
            _il.LoadField(RuntimeMembers.Table0);
        }
        else
        {
            _il.LoadField(RuntimeMembers.Tables);
            _il.Int32(index);
            _il.Emit(OpCodes.Ldelem_Ref);
        }
    }

    private void EmitTableSet(int table)
    {
        StackEntry value = PopForLater();
        EmitIndices(_definition.Tables[table].Type.Is64Bit, 1);
        EmitEntry(value, keeps: false);
        EmitTable(table);
        _il.Call(RuntimeMembers.Method(typeof(TableInstructions), nameof(TableInstructions.Set)));
    }

    private void EmitTableCall(int table, int operands, string method, WasmValueKind? result)
    {
        EmitIndices(_definition.Tables[table].Type.Is64Bit, operands);
        EmitTable(table);
        _il.Call(RuntimeMembers.Method(typeof(TableInstructions), method));
        if (result is { } kind)
        {
            PushEvaluated(kind);
        }
    }

    /// <summary>Consumes indices or sizes, widened to 64 bits for what the runtime takes.</summary>
    private void EmitIndices(bool is64Bit, int count)
    {
        var later = new StackEntry[count - 1];
        for (int i = count - 2; i >= 0; i--)
        {
            later[i] = PopForLater();
        }

        Load(1);
        Consume(1);
        Widen(is64Bit);
        foreach (StackEntry entry in later)
        {
            EmitEntry(entry, keeps: false);
            Widen(is64Bit || entry.Kind == WasmValueKind.I64);
        }
    }

    private void Widen(bool is64Bit)
    {
        if (!is64Bit)
        {
            _il.Emit(OpCodes.Conv_U8);
        }
    }
}
