using Wherry.Execution.Heap;
using Wherry.Instructions;

namespace Wherry.Compilation;

/// <content>Custom descriptors.</content>
internal sealed partial class FunctionEmitter
{
    private bool TryEmitDescriptor(ref InstructionReader reader)
    {
        switch (reader.Opcode)
        {
            case Opcode.StructNewDesc:
            case Opcode.StructNewDefaultDesc:
                EmitStructNewWithDescriptor(reader.Index, reader.Opcode == Opcode.StructNewDefaultDesc);
                return true;
            case Opcode.RefGetDesc:
                EmitHeapCall(typeof(DescriptorInstructions), nameof(DescriptorInstructions.Get), 1, WasmValueKind.Reference);
                return true;
            case Opcode.RefCastDescEq:
            case Opcode.RefCastDescEqNullable:
                Load(2);
                Consume(2);
                _il.Int32(reader.Opcode == Opcode.RefCastDescEqNullable ? 1 : 0);
                _il.Call(RuntimeMembers.Method(typeof(DescriptorInstructions), nameof(DescriptorInstructions.Cast)));
                PushEvaluated(WasmValueKind.Reference, MaximumDepth / 2);
                return true;
            case Opcode.BrOnCastDescEq:
            case Opcode.BrOnCastDescEqFail:
                EmitBranchOnDescriptor(ref reader);
                return true;
            default:
                return false;
        }
    }

    private void EmitStructNewWithDescriptor(int typeIndex, bool isDefault)
    {
        StackEntry descriptor = PopForLater();
        EmitStructNew(typeIndex, isDefault);
        StackEntry result = PopForLater();
        EmitEntry(result, keeps: true);
        EmitEntry(descriptor, keeps: false);
        _il.Call(RuntimeMembers.Method(typeof(DescriptorInstructions), nameof(DescriptorInstructions.Set)));
        Push(result);
    }

    private void EmitBranchOnDescriptor(ref InstructionReader reader)
    {
        StackEntry descriptor = PopForLater();
        StackEntry reference = PopForLater();
        SpillRegion();
        Push(reference);
        EmitEntry(reference, keeps: true);
        EmitEntry(descriptor, keeps: false);
        _il.Int32(reader.CastTarget.IsNullable ? 1 : 0);
        _il.Call(RuntimeMembers.Method(typeof(DescriptorInstructions), nameof(DescriptorInstructions.Has)));
        EmitBranchOnCondition(_frames[_frames.Count - 1 - reader.Index], null, reader.Opcode == Opcode.BrOnCastDescEq);
    }
}
