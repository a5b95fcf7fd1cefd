using System.Reflection.Emit;
using Wherry.Execution;
using Wherry.Execution.Vectors;
using Wherry.Instructions;

namespace Wherry.Compilation;

/// <content>What makes all ways of execution do the same to the bit: one NaN, and a depth of calls that follows from the module (<see cref="FrameBudget"/>).</content>
internal sealed partial class FunctionEmitter
{
    private int _frameBudget = -1;
    private int _frameSize;

    private bool IsReproducible => _module.Options.IsReproducible;

    /// <summary>At the start: takes the function's frame off the budget.</summary>
    private void EmitFrameCheck()
    {
        if (!IsReproducible)
        {
            return;
        }

        _frameBudget = _il.DeclareLocal(typeof(nint));
        _il.LoadArgument(_instance);
        _il.LoadField(RuntimeMembers.FrameBudget);
        _il.LoadField(RuntimeMembers.FrameBudgetRemaining);
        if (_region is not null)
        {
            // The frame is the function's.
            _il.StoreLocal(_frameBudget);
            return;
        }

        _frameSize = FrameBudget.SizeOfFrame(_localKinds.Length, _localKinds.AsSpan().Count(WasmValueKind.V128), _body.End - _body.Offset);
        int enough = _il.DefineLabel();
        _il.Int32(_frameSize);
        _il.Emit(OpCodes.Sub);
        _il.StoreLocal(_frameBudget);
        _il.LoadLocal(_frameBudget);
        _il.Int32(0);
        _il.Emit(OpCodes.Conv_I);
        _il.Branch(OpCodes.Bge, enough);
        _il.LoadArgument(_instance);
        _il.Call(Trap(nameof(Traps.FramesExhausted)));
        _il.Emit(OpCodes.Throw);
        _il.MarkLabel(enough);
    }

    /// <summary>Before a call: leaves the callee what is left. A tail call gives the function's own frame up.</summary>
    private void EmitFrameBudget(bool isTail = false)
    {
        if (!IsReproducible)
        {
            return;
        }

        _il.LoadArgument(_instance);
        _il.LoadField(RuntimeMembers.FrameBudget);
        _il.LoadLocal(_frameBudget);
        if (isTail)
        {
            _il.Int32(_frameSize);
            _il.Emit(OpCodes.Add);
        }

        _il.StoreField(RuntimeMembers.FrameBudgetRemaining);
    }

    /// <summary>After an instruction that computes with floats: any NaN becomes the canonical one.</summary>
    private void EmitCanonicalNaN(Opcode opcode)
    {
        if (!IsReproducible)
        {
            return;
        }

        string? method = opcode switch
        {
            (>= Opcode.F32Ceil and <= Opcode.F32Max) or Opcode.F32DemoteF64 => nameof(Numeric.CanonicalSingle),
            (>= Opcode.F64Ceil and <= Opcode.F64Max) or Opcode.F64PromoteF32 => nameof(Numeric.CanonicalDouble),
            _ => null,
        };
        if (method is not null)
        {
            WasmValueKind kind = _stack[_height - 1].Kind;
            Load(1);
            int depth = Consume(1);
            _il.Call(RuntimeMembers.Method(typeof(Numeric), method));
            PushEvaluated(kind, depth + 1);
        }
    }

    /// <summary>The same for the lanes of the vector on top of the IL stack.</summary>
    private void EmitCanonicalLanes(Opcode opcode)
    {
        if (!IsReproducible)
        {
            return;
        }

        string name = opcode.ToString();
        bool isSingle = name.StartsWith("F32x4", StringComparison.Ordinal);
        if ((isSingle || name.StartsWith("F64x2", StringComparison.Ordinal)) && ComputesFloats(name[5..]))
        {
            _il.Call(VectorMethods[isSingle ? nameof(VectorInstructions.CanonicalSingles) : nameof(VectorInstructions.CanonicalDoubles)]);
        }
    }

    private static bool ComputesFloats(string operation) => operation is
        "Ceil" or "Floor" or "Trunc" or "Nearest" or "Sqrt" or "Add" or "Sub" or "Mul" or "Div" or "Min" or "Max"
        or "DemoteF64x2Zero" or "PromoteLowF32x4" or "RelaxedMadd" or "RelaxedNmadd" or "RelaxedMin" or "RelaxedMax";
}
