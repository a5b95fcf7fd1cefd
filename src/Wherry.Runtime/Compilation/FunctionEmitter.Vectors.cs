using System.Reflection;
using System.Reflection.Emit;
using System.Runtime.Intrinsics;
using Wherry.Execution.Vectors;
using Wherry.Instructions;

namespace Wherry.Compilation;

/// <content>128-bit vectors: each instruction is a method of <see cref="VectorInstructions"/> with the opcode's name, which RyuJIT inlines.</content>
internal sealed partial class FunctionEmitter
{
    private static readonly Dictionary<string, MethodInfo> VectorMethods = FindVectorMethods();

    private bool TryEmitVector(ref InstructionReader reader)
    {
        Instruction instruction = reader.Instruction;
        if ((instruction.Feature & (WasmFeatures.Simd | WasmFeatures.RelaxedSimd)) == 0)
        {
            return false;
        }

        switch (instruction.Immediate)
        {
            case Immediate.V128:
                // Of 0 - (constant - x) the JIT loses a constant whose first lane is zero: see docs/RATIONALE.md.
                bool isLost = _scan.HasVectorSubtraction && reader.Vector[0] == 0 && reader.Vector != Vector128<byte>.Zero;
                EmitVectorConstant(reader.Vector, isLost ? nameof(VectorInstructions.V128ConstOpaque) : nameof(VectorInstructions.V128Const));
                PushEvaluated(WasmValueKind.V128);
                break;
            case Immediate.Shuffle:
                EmitShuffle(reader.Vector);
                break;
            case Immediate.MemoryArgument:
                EmitVectorAccess(ref reader);
                break;
            case Immediate.MemoryArgumentLane:
                EmitLaneAccess(ref reader);
                break;
            default:
                EmitVectorOperation(instruction, reader.Lane);
                break;
        }

        return true;
    }

    private static Dictionary<string, MethodInfo> FindVectorMethods() =>
        typeof(VectorInstructions).GetMethods(BindingFlags.Public | BindingFlags.Static).Where(method => method.DeclaringType == typeof(VectorInstructions))
            .ToDictionary(method => method.Name);

    private MethodInfo VectorMethod(Instruction instruction)
    {
        string name = instruction.Opcode.ToString();
        if (instruction.Feature == WasmFeatures.RelaxedSimd && _module.Options.IsDeterministic
            && VectorMethods.TryGetValue(name + "Deterministic", out MethodInfo? deterministic))
        {
            return deterministic;
        }

        return VectorMethods[name];
    }

    private void EmitVectorConstant(in Vector128<byte> value, string method = nameof(VectorInstructions.V128Const))
    {
        _il.Int64(value.AsInt64()[0]);
        _il.Int64(value.AsInt64()[1]);
        _il.Call(VectorMethods[method]);
    }

    private void EmitVectorOperation(Instruction instruction, int lane)
    {
        int count = instruction.Parameters.Length;
        Load(count);
        int depth = Consume(count);
        if (instruction.Immediate == Immediate.Lane)
        {
            _il.Int32(lane);
        }

        _il.Call(VectorMethod(instruction));
        EmitCanonicalLanes(instruction.Opcode);
        PushEvaluated((WasmValueKind)instruction.Results[0], depth + 1);
    }

    // Each vector is shuffled by itself, by the lanes that are its own; an index out of range gives zero.
    private void EmitShuffle(Vector128<byte> lanes)
    {
        const byte Nothing = 0x80;
        Load(2);
        int depth = Consume(2);
        Vector128<byte> first = Vector128.ConditionalSelect(
            Vector128.LessThan(lanes, Vector128.Create((byte)16)), lanes, Vector128.Create(Nothing));
        Vector128<byte> second = Vector128.ConditionalSelect(
            Vector128.LessThan(lanes, Vector128.Create((byte)16)), Vector128.Create(Nothing), lanes - Vector128.Create((byte)16));
        EmitVectorConstant(first);
        EmitVectorConstant(second);
        _il.Call(VectorMethods[nameof(VectorInstructions.I8x16Shuffle)]);
        PushEvaluated(WasmValueKind.V128, depth + 2);
    }

    private void EmitVectorAccess(ref InstructionReader reader)
    {
        if (reader.Opcode == Opcode.V128Store)
        {
            StackEntry value = PopForLater();
            EmitAddress(ref reader);
            EmitEntry(value, keeps: false);
            _il.OfType(OpCodes.Stobj, typeof(Vector128<byte>));
            return;
        }

        StackEntry probed = KeepProbedIndex(ref reader);
        int depth = EmitAddress(ref reader);
        if (reader.Opcode == Opcode.V128Load)
        {
            _il.OfType(OpCodes.Ldobj, typeof(Vector128<byte>));
        }
        else
        {
            _il.Call(VectorMethod(reader.Instruction));
        }

        PushLoaded(ref reader, WasmValueKind.V128, depth + 2, probed);
    }

    private void EmitLaneAccess(ref InstructionReader reader)
    {
        StackEntry value = PopForLater();
        StackEntry probed = KeepProbedIndex(ref reader);
        EmitAddress(ref reader);
        EmitEntry(value, keeps: false);
        _il.Int32(reader.Lane);
        _il.Call(VectorMethod(reader.Instruction));
        if (reader.Instruction.Results.Length > 0)
        {
            PushLoaded(ref reader, WasmValueKind.V128, MaximumDepth / 2, probed);
        }
    }
}
