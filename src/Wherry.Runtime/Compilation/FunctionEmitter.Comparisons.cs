using System.Reflection.Emit;
using Wherry.Execution;

namespace Wherry.Compilation;

/// <content>Comparisons and the branches that they feed.</content>
internal sealed partial class FunctionEmitter
{
    private void EmitComparison(ComparisonOperator comparison, bool isUnsigned = false, bool isFloat = false)
    {
        if (!isFloat)
        {
            HideRotations(2);
        }

        Load(2);
        int depth = Consume(2);
        Push(new StackEntry(StackForm.Comparison, WasmValueKind.I32, Depth: depth + 1, Comparison: new Comparison(comparison, isUnsigned, isFloat)));
    }

    /// <summary>
    /// Remembers that the operand on top is rotated. The JIT takes a rotation for an instruction that sets the zero flag, which it isn't: comparing its result with zero
    /// gives what the instruction before it has left. Whatever the JIT may find out to be a rotation (sums with what is zero, products with one, what blocks, selections and inlined functions give) goes through
    /// <see cref="Execution.GuestInstance.Zero"/> before it is compared.
    /// </summary>
    private void NoteRotation()
    {
        _hasRotations = true;
        _stack[_height - 1] = _stack[_height - 1] with { IsRotation = true };
    }

    private bool IsAnyRotation(int count)
    {
        for (int i = 1; _hasRotations && i <= count && i <= _height; i++)
        {
            if (_stack[_height - i].IsRotation)
            {
                return true;
            }
        }

        return false;
    }

    private void HideRotation()
    {
        StackEntry top = _stack[_height - 1];
        if (top.IsRotation && top.Kind is WasmValueKind.I32 or WasmValueKind.I64)
        {
            Load(1);
            int depth = Consume(1);
            EmitHiding(top.Kind);
            PushEvaluated(top.Kind, depth + 1);
        }
    }

    private void HideRotations(int count)
    {
        if (!IsAnyRotation(count))
        {
            return;
        }

        var later = new Stack<StackEntry>();
        while (later.Count < count - 1)
        {
            later.Push(PopForLater());
        }

        HideRotation();
        while (later.TryPop(out StackEntry entry))
        {
            Push(entry);
            HideRotation();
        }
    }

    // An or with a zero that the JIT does not know of.
    private void EmitHiding(WasmValueKind kind)
    {
        _il.LoadArgument(_instance);
        _il.LoadField(RuntimeMembers.Zero);
        if (kind == WasmValueKind.I32)
        {
            _il.Emit(OpCodes.Conv_I4);
        }

        _il.Emit(OpCodes.Or);
    }

    private void EmitEqualsZero(WasmValueKind kind)
    {
        StackEntry top = _stack[_height - 1];
        if (top.Form == StackForm.Comparison)
        {
            _stack[_height - 1] = top with { Comparison = top.Comparison.Negate() };
            return;
        }

        Push(new StackEntry(StackForm.Constant, kind));
        EmitComparison(ComparisonOperator.Equal);
    }

    /// <summary>Turns the comparison on top into a number.</summary>
    private void MaterializeComparison()
    {
        StackEntry entry = _stack[_height - 1];
        Comparison comparison = entry.Comparison;
        bool isNegated = comparison.IsNegated;
        OpCode code;
        switch (comparison.Operator)
        {
            case ComparisonOperator.Equal:
                code = OpCodes.Ceq;
                break;
            case ComparisonOperator.NotEqual:
                code = OpCodes.Ceq;
                isNegated = !isNegated;
                break;
            case ComparisonOperator.Less:
                code = comparison.IsUnsigned ? OpCodes.Clt_Un : OpCodes.Clt;
                break;
            case ComparisonOperator.Greater:
                code = comparison.IsUnsigned ? OpCodes.Cgt_Un : OpCodes.Cgt;
                break;
            case ComparisonOperator.LessOrEqual:
                // Not greater; of floats, not greater and not unordered.
                code = comparison.IsUnsigned || comparison.IsFloat ? OpCodes.Cgt_Un : OpCodes.Cgt;
                isNegated = !isNegated;
                break;
            default:
                code = comparison.IsUnsigned || comparison.IsFloat ? OpCodes.Clt_Un : OpCodes.Clt;
                isNegated = !isNegated;
                break;
        }

        _il.Emit(code);
        if (isNegated)
        {
            _il.Int32(0);
            _il.Emit(OpCodes.Ceq);
        }

        _stack[_height - 1] = new StackEntry(StackForm.Evaluated, WasmValueKind.I32, Depth: entry.Depth + 1);
    }

    /// <summary>Takes the condition off the stack and leaves it on top of the IL stack, either as a number or as the operands of a comparison.</summary>
    private Comparison? PopCondition()
    {
        if (_stack[_height - 1].Form == StackForm.Comparison)
        {
            return Pop().Comparison;
        }

        HideRotation();
        Load(1);
        Pop();
        return null;
    }

    /// <summary>As <see cref="PopCondition"/>, with all else in locals: a branch follows.</summary>
    /// <param name="copiesLocals">Whether code follows that may set them.</param>
    private Comparison? PopConditionAlone(bool copiesLocals)
    {
        HideRotation();
        StackEntry top = _stack[_height - 1];
        if (!top.IsOnStack)
        {
            Pop();
            SpillRegion(copiesLocals);
            EmitEntry(top, keeps: false);
            return null;
        }

        if (IsAnyOnStack(_height - 1))
        {
            Load(1);
            int condition = StoreTop();
            SpillRegion(copiesLocals);
            _il.LoadLocal(condition);
            Release(condition, WasmValueKind.I32);
            return null;
        }

        Comparison? comparison = PopCondition();
        SpillRegion(copiesLocals);
        return comparison;
    }

    /// <summary>Branches on what <see cref="PopCondition"/> left on the IL stack.</summary>
    private void EmitBranchOn(Comparison? comparison, bool expected, int label)
    {
        if (comparison is not { } value)
        {
            _il.Branch(expected ? OpCodes.Brtrue : OpCodes.Brfalse, label);
            return;
        }

        _il.Branch(BranchCode(expected ? value : value.Negate()), label);
    }

    private static OpCode BranchCode(Comparison comparison)
    {
        if (comparison.IsFloat && comparison.IsNegated)
        {
            return comparison.Operator switch
            {
                ComparisonOperator.Equal => OpCodes.Bne_Un,
                ComparisonOperator.NotEqual => OpCodes.Beq,
                ComparisonOperator.Less => OpCodes.Bge_Un,
                ComparisonOperator.LessOrEqual => OpCodes.Bgt_Un,
                ComparisonOperator.Greater => OpCodes.Ble_Un,
                _ => OpCodes.Blt_Un,
            };
        }

        bool isUnsigned = comparison.IsUnsigned;
        return comparison.Operator switch
        {
            ComparisonOperator.Equal => OpCodes.Beq,
            ComparisonOperator.NotEqual => OpCodes.Bne_Un,
            ComparisonOperator.Less => isUnsigned ? OpCodes.Blt_Un : OpCodes.Blt,
            ComparisonOperator.LessOrEqual => isUnsigned ? OpCodes.Ble_Un : OpCodes.Ble,
            ComparisonOperator.Greater => isUnsigned ? OpCodes.Bgt_Un : OpCodes.Bgt,
            _ => isUnsigned ? OpCodes.Bge_Un : OpCodes.Bge,
        };
    }
}
