using Wherry.Binary;
using Wherry.Instructions;

namespace Wherry.Validation;

internal ref partial struct FunctionValidator
{
    /// <summary>Validates a constant expression (specification, 3.4.13).</summary>
    /// <param name="expression">Where it stands.</param>
    /// <param name="type">The type that its value must have.</param>
    /// <param name="visibleGlobals">How many globals it may read: later ones have no value yet.</param>
    public void ValidateConstant(ConstantExpression expression, OperandType type, int visibleGlobals)
    {
        _function = -1;
        _localCount = 0;
        _reader.MoveTo(_bytes, expression.Offset, expression.Offset + expression.Length);
        Start(Opcode.Block, type.IsReference ? [type] : SingleNumbers[(int)type.Kind]);
        while (_depth > 0)
        {
            // The decoder has found the end.
            _ = _reader.Next();
            CheckConstant(visibleGlobals);
            ValidateInstruction();
        }
    }

    private readonly void CheckConstant(int visibleGlobals)
    {
        switch (_reader.Opcode)
        {
            case Opcode.End:
            case Opcode.I32Const:
            case Opcode.I64Const:
            case Opcode.F32Const:
            case Opcode.F64Const:
            case Opcode.V128Const:
            case Opcode.RefNull:
            case Opcode.RefFunc:
            case Opcode.RefI31:
            case Opcode.StructNew:
            case Opcode.StructNewDefault:
            case Opcode.StructNewDesc:
            case Opcode.StructNewDefaultDesc:
            case Opcode.ArrayNew:
            case Opcode.ArrayNewDefault:
            case Opcode.ArrayNewFixed:
            case Opcode.AnyConvertExtern:
            case Opcode.ExternConvertAny:
                break;
            case Opcode.I32Add:
            case Opcode.I32Sub:
            case Opcode.I32Mul:
            case Opcode.I64Add:
            case Opcode.I64Sub:
            case Opcode.I64Mul:
                if (!_features.IsOn(WasmFeatures.ExtendedConstants))
                {
                    Invalid("constant expression required: arithmetic in one needs the feature extended-const, which is off");
                }

                Require(WasmFeatures.ExtendedConstants, "Arithmetic in a constant expression");
                break;
            case Opcode.GlobalGet:
                CheckConstantGlobal(visibleGlobals);
                break;
            default:
                Invalid("constant expression required: this instruction can't stand in one");
                break;
        }
    }

    private readonly void CheckConstantGlobal(int visibleGlobals)
    {
        int index = _reader.Index;
        if (index >= visibleGlobals)
        {
            Invalid($"unknown global {index}: {visibleGlobals} have a value here");
        }

        if (_context.Globals[index].IsMutable)
        {
            Invalid($"constant expression required: global {index} is mutable");
        }

        if (index >= _context.Module.ImportedGlobalCount)
        {
            Require(WasmFeatures.GarbageCollection, "constant expression required: reading a global that is not imported");
        }
    }
}
