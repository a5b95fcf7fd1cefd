using Wherry.Execution;
using Wherry.Instructions;

namespace Wherry.Compilation;

/// <content>Operations on whole stretches of memories and tables: the runtime does them.</content>
internal sealed partial class FunctionEmitter
{
    private bool TryEmitBulk(ref InstructionReader reader)
    {
        switch (reader.Opcode)
        {
            case Opcode.MemoryCopy:
                EmitBulk(
                    typeof(MemoryInstructions),
                    nameof(MemoryInstructions.Copy),
                    [_definition.Memories[reader.Index].Is64Bit, _definition.Memories[reader.Index2].Is64Bit, IsCopySize64(reader.Index, reader.Index2)],
                    reader.Index,
                    reader.Index2);
                return true;
            case Opcode.MemoryFill:
                EmitMemoryFill(reader.Memory);
                return true;
            case Opcode.MemoryInit:
                EmitBulk(typeof(MemoryInstructions), nameof(MemoryInstructions.Init), [_definition.Memories[reader.Index2].Is64Bit, false, false], reader.Index2, reader.Index);
                return true;
            case Opcode.DataDrop:
                EmitBulk(typeof(MemoryInstructions), nameof(MemoryInstructions.DropData), [], reader.Index);
                return true;
            case Opcode.TableCopy:
                bool destination64 = _definition.Tables[reader.Index].Type.Is64Bit;
                bool source64 = _definition.Tables[reader.Index2].Type.Is64Bit;
                EmitBulk(
                    typeof(TableInstructions),
                    nameof(TableInstructions.Copy),
                    [destination64, source64, destination64 && source64],
                    reader.Index,
                    reader.Index2);
                return true;
            case Opcode.TableInit:
                EmitBulk(typeof(TableInstructions), nameof(TableInstructions.Init), [_definition.Tables[reader.Index2].Type.Is64Bit, false, false], reader.Index2, reader.Index);
                return true;
            case Opcode.ElemDrop:
                EmitBulk(typeof(TableInstructions), nameof(TableInstructions.DropElements), [], reader.Index);
                return true;
            case Opcode.TableSize:
                EmitTable(reader.Index);
                _il.Call(RuntimeMembers.Method(typeof(TableInstructions), nameof(TableInstructions.Size)));
                PushTableNumber(reader.Index);
                return true;
            case Opcode.TableGrow:
                EmitTableGrow(reader.Index);
                return true;
            case Opcode.TableFill:
                EmitTableFill(reader.Index);
                return true;
            default:
                return false;
        }
    }

    private bool IsCopySize64(int destination, int source) => _definition.Memories[destination].Is64Bit && _definition.Memories[source].Is64Bit;

    /// <summary>Calls the runtime with operands widened to 64 bits, then the instance and indices.</summary>
    private void EmitBulk(Type type, string method, ReadOnlySpan<bool> is64Bit, params ReadOnlySpan<int> indices)
    {
        int count = is64Bit.Length;
        EmitWidened(is64Bit);
        _il.LoadArgument(_instance);
        foreach (int index in indices)
        {
            _il.Int32(index);
        }

        _il.Call(RuntimeMembers.Method(type, method));
    }

    private void EmitWidened(ReadOnlySpan<bool> is64Bit)
    {
        int count = is64Bit.Length;
        if (count == 0)
        {
            return;
        }

        var later = new StackEntry[count - 1];
        for (int i = count - 2; i >= 0; i--)
        {
            later[i] = PopForLater();
        }

        Load(1);
        Consume(1);
        Widen(is64Bit[0]);
        for (int i = 0; i < later.Length; i++)
        {
            EmitEntry(later[i], keeps: false);
            Widen(is64Bit[i + 1]);
        }
    }

    private void EmitMemoryFill(int memory)
    {
        bool is64Bit = _definition.Memories[memory].Is64Bit;
        EmitBulk(typeof(MemoryInstructions), nameof(MemoryInstructions.Fill), [is64Bit, false, is64Bit], memory);
    }

    private void PushTableNumber(int table)
    {
        if (_definition.Tables[table].Type.Is64Bit)
        {
            PushEvaluated(WasmValueKind.I64);
        }
        else
        {
            _il.Emit(System.Reflection.Emit.OpCodes.Conv_I4);
            PushEvaluated(WasmValueKind.I32);
        }
    }

    // The value lies under the count.
    private void EmitTableGrow(int table)
    {
        StackEntry count = PopForLater();
        Load(1);
        Consume(1);
        EmitEntry(count, keeps: false);
        Widen(_definition.Tables[table].Type.Is64Bit);
        EmitTable(table);
        _il.Call(RuntimeMembers.Method(typeof(TableInstructions), nameof(TableInstructions.Grow)));
        PushTableNumber(table);
    }

    private void EmitTableFill(int table)
    {
        bool is64Bit = _definition.Tables[table].Type.Is64Bit;
        StackEntry count = PopForLater();
        StackEntry value = PopForLater();
        Load(1);
        Consume(1);
        Widen(is64Bit);
        EmitEntry(value, keeps: false);
        EmitEntry(count, keeps: false);
        Widen(is64Bit);
        EmitTable(table);
        _il.Call(RuntimeMembers.Method(typeof(TableInstructions), nameof(TableInstructions.Fill)));
    }
}
