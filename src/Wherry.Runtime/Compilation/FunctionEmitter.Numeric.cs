using System.Numerics;
using System.Reflection;
using System.Reflection.Emit;
using Wherry.Execution;
using Wherry.Instructions;

namespace Wherry.Compilation;

/// <content>Arithmetic.</content>
internal sealed partial class FunctionEmitter
{
    private bool TryEmitNumeric(Opcode opcode)
    {
        if (opcode is >= Opcode.I32Eqz and <= Opcode.I64Extend32S)
        {
            return opcode switch
            {
                <= Opcode.F64Ge => EmitRelation(opcode),
                <= Opcode.I32Rotr => EmitInteger(opcode - Opcode.I32Clz, WasmValueKind.I32),
                <= Opcode.I64Rotr => EmitInteger(opcode - Opcode.I64Clz, WasmValueKind.I64),
                <= Opcode.F32Copysign => EmitFloat(opcode - Opcode.F32Abs, WasmValueKind.F32),
                <= Opcode.F64Copysign => EmitFloat(opcode - Opcode.F64Abs, WasmValueKind.F64),
                _ => EmitConversion(opcode),
            };
        }

        return opcode is >= Opcode.I32TruncSatF32S and <= Opcode.I64TruncSatF64U && EmitConversion(opcode);
    }

    private bool EmitRelation(Opcode opcode)
    {
        switch (opcode)
        {
            case Opcode.I32Eqz:
                EmitEqualsZero(WasmValueKind.I32);
                break;
            case Opcode.I64Eqz:
                EmitEqualsZero(WasmValueKind.I64);
                break;
            case <= Opcode.I32GeU:
                EmitIntegerRelation(opcode - Opcode.I32Eq);
                break;
            case <= Opcode.I64GeU:
                EmitIntegerRelation(opcode - Opcode.I64Eq);
                break;
            default:
                EmitFloatRelation(opcode >= Opcode.F64Eq ? opcode - Opcode.F64Eq : opcode - Opcode.F32Eq);
                break;
        }

        return true;
    }

    // eq ne lt_s lt_u gt_s gt_u le_s le_u ge_s ge_u
    private void EmitIntegerRelation(int number)
    {
        ComparisonOperator comparison = number switch
        {
            0 => ComparisonOperator.Equal,
            1 => ComparisonOperator.NotEqual,
            2 or 3 => ComparisonOperator.Less,
            4 or 5 => ComparisonOperator.Greater,
            6 or 7 => ComparisonOperator.LessOrEqual,
            _ => ComparisonOperator.GreaterOrEqual,
        };
        EmitComparison(comparison, isUnsigned: number > 2 && (number & 1) != 0);
    }

    // eq ne lt gt le ge
    private void EmitFloatRelation(int number) => EmitComparison(
        number switch
        {
            0 => ComparisonOperator.Equal,
            1 => ComparisonOperator.NotEqual,
            2 => ComparisonOperator.Less,
            3 => ComparisonOperator.Greater,
            4 => ComparisonOperator.LessOrEqual,
            _ => ComparisonOperator.GreaterOrEqual,
        },
        isFloat: true);

    // clz ctz popcnt add sub mul div_s div_u rem_s rem_u and or xor shl shr_s shr_u rotl rotr
    private bool EmitInteger(int number, WasmValueKind kind)
    {
        switch (number)
        {
            case 0:
                Unary(kind, kind, nameof(Numeric.LeadingZeroCount));
                break;
            case 1:
                Unary(kind, kind, nameof(Numeric.TrailingZeroCount));
                break;
            case 2:
                Unary(kind, kind, nameof(Numeric.PopCount));
                break;
            case 3:
                Binary(kind, OpCodes.Add);
                break;
            case 4:
                Binary(kind, OpCodes.Sub);
                break;
            case 5:
                Binary(kind, OpCodes.Mul);
                break;
            case 6:
                Binary(kind, OpCodes.Div);
                break;
            case 7:
                Binary(kind, OpCodes.Div_Un);
                break;
            case 8:
                EmitRemainder(kind);
                break;
            case 9:
                Binary(kind, OpCodes.Rem_Un);
                break;
            case 10:
                Binary(kind, OpCodes.And);
                break;
            case 11:
                Binary(kind, OpCodes.Or);
                break;
            case 12:
                Binary(kind, OpCodes.Xor);
                break;
            case 13:
                EmitShift(kind, OpCodes.Shl);
                break;
            case 14:
                EmitShift(kind, OpCodes.Shr);
                break;
            case 15:
                EmitShift(kind, OpCodes.Shr_Un);
                break;
            case 16:
                EmitRotation(kind, nameof(Numeric.RotateLeft));
                break;
            default:
                EmitRotation(kind, nameof(Numeric.RotateRight));
                break;
        }

        return true;
    }

    // abs neg ceil floor trunc nearest sqrt add sub mul div min max copysign
    private bool EmitFloat(int number, WasmValueKind kind)
    {
        switch (number)
        {
            case 0:
                Unary(kind, kind, nameof(Numeric.Abs));
                break;
            case 1:
                Load(1);
                PushNegated(kind);
                break;
            case 2:
                Unary(kind, kind, nameof(Numeric.Ceiling));
                break;
            case 3:
                Unary(kind, kind, nameof(Numeric.Floor));
                break;
            case 4:
                Unary(kind, kind, nameof(Numeric.Truncate));
                break;
            case 5:
                Unary(kind, kind, nameof(Numeric.Nearest));
                break;
            case 6:
                Unary(kind, kind, nameof(Numeric.SquareRoot));
                break;
            case 7:
                EmitFloatArithmetic(kind, OpCodes.Add);
                break;
            case 8:
                EmitFloatArithmetic(kind, OpCodes.Sub);
                break;
            case 9:
                EmitFloatArithmetic(kind, OpCodes.Mul);
                break;
            case 10:
                EmitFloatArithmetic(kind, OpCodes.Div);
                break;
            case 11:
                Binary(kind, nameof(Numeric.Minimum));
                break;
            case 12:
                Binary(kind, nameof(Numeric.Maximum));
                break;
            default:
                Binary(kind, nameof(Numeric.CopySign));
                break;
        }

        return true;
    }

    // The JIT takes x * 1, x / 1, x - 0 and the like to be x, which a signalling NaN is not: it becomes quiet.
    private void EmitFloatArithmetic(WasmValueKind kind, OpCode code)
    {
        double neutral = code == OpCodes.Mul || code == OpCodes.Div ? 1 : 0;
        MakeOpaque(_height - 1, kind, neutral);
        MakeOpaque(_height - 2, kind, neutral);
        Binary(kind, code);
    }

    private void MakeOpaque(int index, WasmValueKind kind, double neutral)
    {
        StackEntry entry = _stack[index];
        if (entry.Form != StackForm.Constant || !IsOfMagnitude(entry, neutral))
        {
            return;
        }

        int temporary = AllocateTemporary(kind);
        EmitConstant(entry);
        _il.Call(RuntimeMembers.Method(typeof(Numeric), nameof(Numeric.Opaque), ClrTypes.Of(kind)));
        _il.StoreLocal(temporary);
        _stack[index] = new StackEntry(StackForm.Temporary, kind, Index: temporary);
    }

    private static bool IsOfMagnitude(StackEntry constant, double magnitude)
    {
        double value = constant.Kind == WasmValueKind.F32 ? BitConverter.Int32BitsToSingle((int)constant.Bits) : BitConverter.Int64BitsToDouble(constant.Bits);
        return Math.Abs(value) == magnitude;
    }

    private void PushNegated(WasmValueKind kind)
    {
        int depth = Consume(1);
        _il.Emit(OpCodes.Neg);
        PushEvaluated(kind, depth + 1);
    }

    private bool EmitConversion(Opcode opcode)
    {
        switch (opcode)
        {
            case Opcode.I32WrapI64:
                Unary(WasmValueKind.I32, OpCodes.Conv_I4);
                break;
            case Opcode.I64ExtendI32S:
                Unary(WasmValueKind.I64, OpCodes.Conv_I8);
                break;
            case Opcode.I64ExtendI32U:
                Unary(WasmValueKind.I64, OpCodes.Conv_U8);
                break;
            case Opcode.F32ConvertI32S:
            case Opcode.F32ConvertI64S:
                Unary(WasmValueKind.F32, OpCodes.Conv_R4);
                break;
            case Opcode.F64ConvertI32S:
            case Opcode.F64ConvertI64S:
            case Opcode.F64PromoteF32:
                Unary(WasmValueKind.F64, OpCodes.Conv_R8);
                break;
            case Opcode.F32DemoteF64:
                if (_previous == Opcode.F64PromoteF32)
                {
                    // The JIT takes the pair to do nothing, but it makes a signalling NaN quiet.
                    Load(1);
                    _il.Call(RuntimeMembers.Method(typeof(Numeric), nameof(Numeric.Opaque), typeof(double)));
                }

                Unary(WasmValueKind.F32, OpCodes.Conv_R4);
                break;
            case Opcode.F32ConvertI32U:
                Unary(WasmValueKind.I32, WasmValueKind.F32, nameof(Numeric.ConvertUnsignedToSingle));
                break;
            case Opcode.F64ConvertI32U:
                Unary(WasmValueKind.I32, WasmValueKind.F64, nameof(Numeric.ConvertUnsignedToDouble));
                break;
            case Opcode.F32ConvertI64U:
                Unary(WasmValueKind.I64, WasmValueKind.F32, nameof(Numeric.ConvertUnsignedToSingle));
                break;
            case Opcode.F64ConvertI64U:
                Unary(WasmValueKind.I64, WasmValueKind.F64, nameof(Numeric.ConvertUnsignedToDouble));
                break;
            case Opcode.I32ReinterpretF32:
                Unary(WasmValueKind.I32, RuntimeMembers.SingleToInt32Bits);
                break;
            case Opcode.I64ReinterpretF64:
                Unary(WasmValueKind.I64, RuntimeMembers.DoubleToInt64Bits);
                break;
            case Opcode.F32ReinterpretI32 when _stack[_height - 1].Form == StackForm.Constant:
                // The JIT would make a signalling NaN quiet.
                Push(new StackEntry(StackForm.Constant, WasmValueKind.F32, Pop().Bits));
                break;
            case Opcode.F32ReinterpretI32:
                // Not BitConverter's: where its operand is a load of a byte or two, the JIT would load four.
                Unary(WasmValueKind.I32, WasmValueKind.F32, nameof(Numeric.ReinterpretAsSingle));
                break;
            case Opcode.F64ReinterpretI64:
                Unary(WasmValueKind.F64, RuntimeMembers.Int64BitsToDouble);
                break;
            case Opcode.I32Extend8S:
                Unary(WasmValueKind.I32, OpCodes.Conv_I1);
                break;
            case Opcode.I32Extend16S:
                Unary(WasmValueKind.I32, OpCodes.Conv_I2);
                break;
            case Opcode.I64Extend8S:
                Unary(WasmValueKind.I64, OpCodes.Conv_I1, OpCodes.Conv_I8);
                break;
            case Opcode.I64Extend16S:
                Unary(WasmValueKind.I64, OpCodes.Conv_I2, OpCodes.Conv_I8);
                break;
            case Opcode.I64Extend32S:
                Unary(WasmValueKind.I64, OpCodes.Conv_I4, OpCodes.Conv_I8);
                break;
            default:
                EmitTruncation(opcode);
                break;
        }

        return true;
    }

    private void EmitTruncation(Opcode opcode)
    {
        (WasmValueKind from, WasmValueKind to, string name) = opcode switch
        {
            Opcode.I32TruncF32S => (WasmValueKind.F32, WasmValueKind.I32, nameof(Numeric.TruncateToInt32)),
            Opcode.I32TruncF32U => (WasmValueKind.F32, WasmValueKind.I32, nameof(Numeric.TruncateToUInt32)),
            Opcode.I32TruncF64S => (WasmValueKind.F64, WasmValueKind.I32, nameof(Numeric.TruncateToInt32)),
            Opcode.I32TruncF64U => (WasmValueKind.F64, WasmValueKind.I32, nameof(Numeric.TruncateToUInt32)),
            Opcode.I64TruncF32S => (WasmValueKind.F32, WasmValueKind.I64, nameof(Numeric.TruncateToInt64)),
            Opcode.I64TruncF32U => (WasmValueKind.F32, WasmValueKind.I64, nameof(Numeric.TruncateToUInt64)),
            Opcode.I64TruncF64S => (WasmValueKind.F64, WasmValueKind.I64, nameof(Numeric.TruncateToInt64)),
            Opcode.I64TruncF64U => (WasmValueKind.F64, WasmValueKind.I64, nameof(Numeric.TruncateToUInt64)),
            Opcode.I32TruncSatF32S => (WasmValueKind.F32, WasmValueKind.I32, nameof(Numeric.SaturateToInt32)),
            Opcode.I32TruncSatF32U => (WasmValueKind.F32, WasmValueKind.I32, nameof(Numeric.SaturateToUInt32)),
            Opcode.I32TruncSatF64S => (WasmValueKind.F64, WasmValueKind.I32, nameof(Numeric.SaturateToInt32)),
            Opcode.I32TruncSatF64U => (WasmValueKind.F64, WasmValueKind.I32, nameof(Numeric.SaturateToUInt32)),
            Opcode.I64TruncSatF32S => (WasmValueKind.F32, WasmValueKind.I64, nameof(Numeric.SaturateToInt64)),
            Opcode.I64TruncSatF32U => (WasmValueKind.F32, WasmValueKind.I64, nameof(Numeric.SaturateToUInt64)),
            Opcode.I64TruncSatF64S => (WasmValueKind.F64, WasmValueKind.I64, nameof(Numeric.SaturateToInt64)),
            _ => (WasmValueKind.F64, WasmValueKind.I64, nameof(Numeric.SaturateToUInt64)),
        };
        if (opcode >= Opcode.I32TruncSatF32S)
        {
            Unary(from, to, name);
            return;
        }

        Load(1);
        int depth = Consume(1);
        _il.Int32(_place);
        _il.Call(RuntimeMembers.Method(typeof(Numeric), name, ClrTypes.Of(from), typeof(int)));
        PushEvaluated(to, depth + 1);
    }

    private void Unary(WasmValueKind result, OpCode code, OpCode? then = null)
    {
        Load(1);
        int depth = Consume(1);
        _il.Emit(code);
        if (then is { } second)
        {
            _il.Emit(second);
        }

        PushEvaluated(result, depth + 1);
    }

    private void Unary(WasmValueKind result, MethodInfo method)
    {
        Load(1);
        int depth = Consume(1);
        _il.Call(method);
        PushEvaluated(result, depth + 1);
    }

    private void Unary(WasmValueKind operand, WasmValueKind result, string method) =>
        Unary(result, RuntimeMembers.Method(typeof(Numeric), method, ClrTypes.Of(operand)));

    private void Binary(WasmValueKind kind, OpCode code)
    {
        Load(2);
        int depth = Consume(2);
        _il.Emit(code);
        PushEvaluated(kind, depth + 1);
    }

    private void Binary(WasmValueKind kind, string method)
    {
        Load(2);
        int depth = Consume(2);
        _il.Call(RuntimeMembers.Method(typeof(Numeric), method, ClrTypes.Of(kind), ClrTypes.Of(kind)));
        PushEvaluated(kind, depth + 1);
    }

    // The JIT would trap on the least integer divided by -1, where the specification wants a remainder of 0.
    private void EmitRemainder(WasmValueKind kind)
    {
        StackEntry divisor = _stack[_height - 1];
        if (divisor.Form == StackForm.Constant && divisor.Bits != -1)
        {
            Binary(kind, OpCodes.Rem);
        }
        else
        {
            Binary(kind, nameof(Numeric.Remainder));
        }
    }

    // A rotated constant the JIT would take for positive, whatever its highest bit.
    private void EmitRotation(WasmValueKind kind, string method)
    {
        StackEntry value = _stack[_height - 2];
        StackEntry count = _stack[_height - 1];
        if (kind != WasmValueKind.I32 || value.Form != StackForm.Constant || count.Form != StackForm.Constant)
        {
            Binary(kind, method);
            NoteRotation();
            return;
        }

        Consume(2);
        var bits = (uint)value.Bits;
        var distance = (int)count.Bits;
        uint rotated = method == nameof(Numeric.RotateLeft) ? BitOperations.RotateLeft(bits, distance) : BitOperations.RotateRight(bits, distance);
        Push(new StackEntry(StackForm.Constant, kind, (int)rotated));
    }

    private void EmitShift(WasmValueKind kind, OpCode code)
    {
        int mask = kind == WasmValueKind.I32 ? 31 : 63;
        StackEntry count = _stack[_height - 1];
        if (count.Form == StackForm.Constant)
        {
            _stack[_height - 1] = count with { Kind = WasmValueKind.I32, Bits = count.Bits & mask };
            Binary(kind, code);
            return;
        }

        Load(2);
        int depth = Consume(2);
        if (kind == WasmValueKind.I64)
        {
            _il.Emit(OpCodes.Conv_I4);
        }

        _il.Int32(mask);
        _il.Emit(OpCodes.And);
        _il.Emit(code);
        PushEvaluated(kind, depth + 2);
    }
}
