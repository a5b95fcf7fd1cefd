namespace Wherry.Instructions;

/// <summary>What counting instructions depends on.</summary>
internal static class Metering
{
    /// <summary>Marks of blocks, which nothing executes.</summary>
    public static bool IsAlwaysFree(Opcode opcode) => opcode is Opcode.Else or Opcode.End or Opcode.Catch or Opcode.CatchAll or Opcode.Delegate;

    /// <summary>Instructions that only open a block, or do nothing.</summary>
    public static bool IsFreeByDefault(Opcode opcode) =>
        IsAlwaysFree(opcode) || opcode is Opcode.Block or Opcode.Loop or Opcode.Try or Opcode.TryTable or Opcode.Nop;

    /// <summary>Whether the stretch of code that is paid for at once ends with the instruction: others begin after it, or what follows needs an exact count.</summary>
    public static bool EndsStretch(Opcode opcode)
    {
        switch (opcode)
        {
            case Opcode.Unreachable:
            case Opcode.Loop:
            case Opcode.If:
            case Opcode.Else:
            case Opcode.Try:
            case Opcode.Catch:
            case Opcode.Throw:
            case Opcode.Rethrow:
            case Opcode.ThrowRef:
            case Opcode.End:
            case Opcode.Br:
            case Opcode.BrIf:
            case Opcode.BrTable:
            case Opcode.Return:
            case Opcode.Delegate:
            case Opcode.CatchAll:
            case Opcode.TryTable:
            case Opcode.BrOnNull:
            case Opcode.BrOnNonNull:
            case Opcode.BrOnCast:
            case Opcode.BrOnCastFail:
            case Opcode.BrOnCastDescEq:
            case Opcode.BrOnCastDescEqFail:
                return true;
            default:
                return IsCall(opcode) || IsBulk(opcode);
        }
    }

    public static bool IsCall(Opcode opcode) => opcode is >= Opcode.Call and <= Opcode.ReturnCallRef;

    /// <summary>Whether the cost depends on the topmost operand, the number of bytes or elements.</summary>
    public static bool IsBulk(Opcode opcode) => CountsBytes(opcode) || opcode is Opcode.TableFill or Opcode.TableCopy or Opcode.TableInit or Opcode.TableGrow
        or Opcode.ArrayNew or Opcode.ArrayNewDefault or Opcode.ArrayNewData or Opcode.ArrayNewElem
        or Opcode.ArrayFill or Opcode.ArrayCopy or Opcode.ArrayInitData or Opcode.ArrayInitElem;

    public static bool CountsBytes(Opcode opcode) => opcode is Opcode.MemoryFill or Opcode.MemoryCopy or Opcode.MemoryInit;

    /// <summary>Whether the instruction may trap, other than a call, which is counted before it starts. Those that are not known here may.</summary>
    public static bool MayTrap(Instruction instruction)
    {
        if (instruction.AccessLog2 >= 0)
        {
            return true;
        }

        switch (instruction.Opcode)
        {
            case Opcode.I32DivS:
            case Opcode.I32DivU:
            case Opcode.I32RemS:
            case Opcode.I32RemU:
            case Opcode.I64DivS:
            case Opcode.I64DivU:
            case Opcode.I64RemS:
            case Opcode.I64RemU:
            case Opcode.I32TruncF32S:
            case Opcode.I32TruncF32U:
            case Opcode.I32TruncF64S:
            case Opcode.I32TruncF64U:
            case Opcode.I64TruncF32S:
            case Opcode.I64TruncF32U:
            case Opcode.I64TruncF64S:
            case Opcode.I64TruncF64U:
                return true;
            case Opcode.BrOnCastDescEq:
            case Opcode.BrOnCastDescEqFail:
                return true;
            case Opcode.Nop:
            case Opcode.Block:
            case Opcode.Drop:
            case Opcode.Select:
            case Opcode.SelectTyped:
            case >= Opcode.LocalGet and <= Opcode.GlobalSet:
            case Opcode.MemorySize:
            case Opcode.RefNull:
            case Opcode.RefIsNull:
            case Opcode.RefFunc:
            case Opcode.RefEq:
            case Opcode.RefI31:
            case Opcode.RefTest:
            case Opcode.RefTestNullable:
            case Opcode.AnyConvertExtern:
            case Opcode.ExternConvertAny:
            case Opcode.TableSize:
            case Opcode.DataDrop:
            case Opcode.ElemDrop:
                return false;
            case >= Opcode.I32Const and <= Opcode.I64Extend32S:
            case >= Opcode.I32TruncSatF32S and <= Opcode.I64TruncSatF64U:
            case >= Opcode.I64Add128 and <= Opcode.I64MulWideU:
                return false;
            default:
                // Not branches, nor vector instructions that access no memory.
                return !EndsStretch(instruction.Opcode) && (int)instruction.Opcode is < 0x300 or >= 0x500;
        }
    }
}
