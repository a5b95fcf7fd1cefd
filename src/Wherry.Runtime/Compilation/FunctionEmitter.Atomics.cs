using System.Reflection;
using Wherry.Execution;
using Wherry.Execution.Atomics;
using Wherry.Instructions;

namespace Wherry.Compilation;

/// <content>Atomic accesses: each instruction is a method of <see cref="AtomicInstructions"/> with the opcode's name. And 128-bit arithmetic.</content>
internal sealed partial class FunctionEmitter
{
    private static readonly Dictionary<string, MethodInfo> AtomicMethods =
        typeof(AtomicInstructions).GetMethods(BindingFlags.Public | BindingFlags.Static | BindingFlags.DeclaredOnly).ToDictionary(method => method.Name);

    private bool TryEmitAtomic(ref InstructionReader reader)
    {
        Instruction instruction = reader.Instruction;
        if (instruction.Feature != WasmFeatures.Threads)
        {
            return false;
        }

        if (reader.Opcode == Opcode.AtomicFence)
        {
            _il.Call(RuntimeMembers.Method(typeof(Interlocked), nameof(Interlocked.MemoryBarrier)));
            return true;
        }

        StackEntry[] values = PopAllForLater(instruction.Parameters.Length - 1);
        bool isLoad = instruction.Parameters.Length == 1;
        StackEntry probed = isLoad ? KeepProbedIndex(ref reader) : default;
        EmitAddress(ref reader);
        if (instruction.AccessLog2 > 0)
        {
            _il.Int32(1 << instruction.AccessLog2);
            _il.Call(AtomicMethods[nameof(AtomicInstructions.CheckAlignment)]);
        }

        foreach (StackEntry value in values)
        {
            EmitEntry(value, keeps: false);
        }

        if (reader.Opcode is Opcode.MemoryAtomicNotify or Opcode.MemoryAtomicWait32 or Opcode.MemoryAtomicWait64)
        {
            _il.LoadArgument(_instance);
            _il.Int32(reader.Memory);
        }

        _il.Call(AtomicMethods[reader.Opcode.ToString()]);
        if (isLoad)
        {
            PushLoaded(ref reader, (WasmValueKind)instruction.Results[0], MaximumDepth / 2, probed);
        }
        else if (instruction.Results.Length > 0)
        {
            PushEvaluated((WasmValueKind)instruction.Results[0], MaximumDepth / 2);
        }

        return true;
    }

    private bool TryEmitWideArithmetic(ref InstructionReader reader)
    {
        if (reader.Instruction.Feature != WasmFeatures.WideArithmetic)
        {
            return false;
        }

        int count = reader.Instruction.Parameters.Length;
        Load(count);
        Consume(count);
        int high = AllocateTemporary(WasmValueKind.I64);
        int low = AllocateTemporary(WasmValueKind.I64);
        _il.LoadLocalAddress(high);
        _il.Call(RuntimeMembers.Method(typeof(WideArithmetic), reader.Opcode.ToString()));
        _il.StoreLocal(low);
        Push(new StackEntry(StackForm.Temporary, WasmValueKind.I64, Index: low));
        Push(new StackEntry(StackForm.Temporary, WasmValueKind.I64, Index: high));
        return true;
    }
}
