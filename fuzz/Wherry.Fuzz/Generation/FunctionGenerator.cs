using Wherry.Instructions;
using Wherry.Text;

namespace Wherry.Fuzz.Generation;

/// <summary>
/// Writes the body of one function: statements that each try an instruction, picked evenly from all, on random operands, and keep what it gives in a local or
/// global, where it is compared in the end. The function counts down a fuel counter at its start and in each loop, so that it always ends. Mostly operands are kept
/// from trapping: addresses are masked, divisors are not zero.
/// </summary>
internal sealed partial class FunctionGenerator
{
    private const int UsualSize = 2500;

    private readonly Randomness random;
    private readonly Shape shape;
    private readonly Signature signature;
    private readonly InstructionChoice choice;
    private readonly ByteWriter code = new();
    private readonly List<EncodedType> locals = [];
    private readonly List<Label> labels = [];
    private readonly bool isRisky;
    private readonly int maximumSize;
    private bool isInProtectedCode;

    /// <param name="isLarge">Whether it may become larger than what the JIT optimizes.</param>
    public FunctionGenerator(Randomness random, Shape shape, Signature signature, InstructionChoice choice, bool isLarge = false)
    {
        maximumSize = isLarge ? UsualSize * 10 : UsualSize;
        this.random = random;
        this.shape = shape;
        this.signature = signature;
        this.choice = choice;
        isRisky = random.OneIn(4);
        locals.AddRange(signature.Parameters);
    }

    /// <summary>A place to branch to.</summary>
    /// <param name="Types">What it takes.</param>
    /// <param name="IsLoop">Whether it is a loop's.</param>
    private readonly record struct Label(EncodedType[] Types, bool IsLoop = false);

    /// <summary>The body as it stands in the code section, with its length.</summary>
    public byte[] Generate(int statements)
    {
        foreach (EncodedType type in (EncodedType[])[Types.I32, Types.I64, Types.F32, Types.F64, Types.V128, Types.Func, Types.Extern])
        {
            if (type != Types.V128 || !shape.Options.IsPlain || random.OneIn(2))
            {
                locals.AddRange(Enumerable.Repeat(type, random.Next(1, type.IsReference ? 1 : 2)));
            }
        }

        if (shape.Options.HasGarbageCollection)
        {
            locals.AddRange([Types.Any, Types.Eq]);
            for (int i = 0; i < 3; i++)
            {
                locals.Add(Types.Null(random.Pick(shape.Aggregates).Index));
            }
        }

        labels.Add(new Label(signature.Results));
        BurnFuel(() =>
        {
            Defaults(signature.Results);
            Op(Opcode.Return);
        });
        for (int i = 0; i < statements && code.Length < maximumSize; i++)
        {
            Statement(3);
        }

        KeepLocals();
        Values(signature.Results, 2);
        Op(Opcode.End);
        return Finish();
    }

    private byte[] Finish()
    {
        var body = new ByteWriter();
        List<EncodedType> declared = locals[signature.Parameters.Length..];
        body.Unsigned(declared.Count);
        foreach (EncodedType type in declared)
        {
            body.Unsigned(1);
            type.Write(body);
        }

        body.Bytes(code.Written);
        var whole = new ByteWriter();
        whole.Vector(body.Written);
        return whole.Written.ToArray();
    }

    /// <summary>One instruction tried, or a shape of code.</summary>
    private void Statement(int depth)
    {
        if (code.Length > maximumSize)
        {
            return;
        }

        if (depth > 0 && random.OneIn(14))
        {
            TryShape(depth - 1);
            return;
        }

        Try(choice.Pick(random), depth);
    }

    private void Statements(int depth)
    {
        for (int i = random.Next(1, 2); i > 0; i--)
        {
            Statement(depth);
        }
    }

    /// <summary>Executes an instruction, operands before and results kept.</summary>
    private void Try(Opcode opcode, int depth)
    {
        Instruction instruction = InstructionTable.Get(opcode);
        if (instruction.HasFixedSignature && opcode is not (Opcode.MemorySize or Opcode.MemoryGrow))
        {
            EncodedType[] results = TryFixed(instruction, depth - 1);
            Keep(results);
        }
        else
        {
            TrySpecial(opcode, depth - 1);
        }
    }

    /// <summary>An instruction whose operand types the table has.</summary>
    private EncodedType[] TryFixed(Instruction instruction, int depth)
    {
        if (instruction.AccessLog2 >= 0)
        {
            Access(instruction, depth);
        }
        else
        {
            Operands(instruction, depth);
            Op(instruction.Opcode);
            FixedImmediate(instruction);
        }

        EncodedType[] results = Array.ConvertAll(instruction.Results, operand => TypeOf(operand, Types.I32));
        if (results is [EncodedType only] && NanResults.MayBeNan(instruction))
        {
            CanonicalizeNan(instruction, only);
        }

        return results;
    }

    private static EncodedType TypeOf(Operand operand, EncodedType address) => operand switch
    {
        Operand.I32 => Types.I32,
        Operand.I64 => Types.I64,
        Operand.F32 => Types.F32,
        Operand.F64 => Types.F64,
        Operand.V128 => Types.V128,
        _ => address,
    };

    private void FixedImmediate(Instruction instruction)
    {
        switch (instruction.Immediate)
        {
            case Immediate.None:
                break;
            case Immediate.I32:
                code.Signed((int)random.EdgeInteger(32));
                break;
            case Immediate.I64:
                code.Signed((long)random.EdgeInteger(64));
                break;
            case Immediate.F32:
                code.Fixed32(EdgeFloats.Single(random));
                break;
            case Immediate.F64:
                code.Fixed64(EdgeFloats.Double(random));
                break;
            case Immediate.V128:
                code.Bytes(EdgeFloats.Vector(random));
                break;
            case Immediate.Shuffle:
                code.Bytes(random.Bytes(16).Select(lane => (byte)(lane & 31)).ToArray());
                break;
            case Immediate.Lane:
                code.Byte((byte)random.Next(Lanes(instruction.Name)));
                break;
            case Immediate.Data:
                code.Unsigned(IsCareful() ? shape.DataCount - 1 : random.Next(shape.DataCount));
                break;
            case Immediate.Element:
                code.Unsigned(IsCareful() ? shape.Elements.Count - 1 : random.Next(shape.Elements.Count));
                break;
            case Immediate.Fence:
                code.Byte(0);
                break;
            default:
                throw new NotSupportedException($"{instruction.Name} has {instruction.Immediate}");
        }
    }

    private static int Lanes(string name) => name[..5] switch
    {
        "i8x16" => 16,
        "i16x8" => 8,
        "i32x4" or "f32x4" => 4,
        _ => 2,
    };

    private void Operands(Instruction instruction, int depth)
    {
        switch (instruction.Opcode)
        {
            case Opcode.I32DivS or Opcode.I32DivU or Opcode.I32RemS or Opcode.I32RemU when IsCareful():
                Value(Types.I32, depth);
                if (random.OneIn(5))
                {
                    Int32(-1);
                    return;
                }

                Value(Types.I32, depth);
                Int32(random.OneIn(2) ? 1 : 1 << random.Next(31));
                Op(Opcode.I32Or);
                return;
            case Opcode.I64DivS or Opcode.I64DivU or Opcode.I64RemS or Opcode.I64RemU when IsCareful():
                Value(Types.I64, depth);
                if (random.OneIn(5))
                {
                    Int64(-1);
                    return;
                }

                Value(Types.I64, depth);
                Int64(1L << random.Next(63));
                Op(Opcode.I64Or);
                return;
            case Opcode.I32TruncF32S or Opcode.I32TruncF32U or Opcode.I64TruncF32S or Opcode.I64TruncF32U when IsCareful():
                Value(Types.I32, depth);
                Int32(int.MaxValue >> random.Next(31));
                Op(Opcode.I32And);
                Op(random.OneIn(2) ? Opcode.F32ConvertI32S : Opcode.F32ConvertI32U);
                Op(Opcode.F32Const);
                code.Fixed32(BitConverter.SingleToUInt32Bits(random.Pick<float>([0.5f, 0.99f, 0.3f, 0.75f])));
                Op(Opcode.F32Mul);
                return;
            case Opcode.I32TruncF64S or Opcode.I32TruncF64U or Opcode.I64TruncF64S or Opcode.I64TruncF64U when IsCareful():
                Value(Types.I32, depth);
                Int32(int.MaxValue >> random.Next(31));
                Op(Opcode.I32And);
                Op(random.OneIn(2) ? Opcode.F64ConvertI32S : Opcode.F64ConvertI32U);
                Op(Opcode.F64Const);
                code.Fixed64(BitConverter.DoubleToUInt64Bits(random.Pick<double>([0.5, 1, 0.999999, 1e-3])));
                Op(Opcode.F64Mul);
                return;
        }

        if (RelaxedOperands(instruction, depth))
        {
            return;
        }

        foreach (Operand operand in instruction.Parameters)
        {
            Value(TypeOf(operand, Types.I32), depth);
        }
    }

    /// <summary>Operands for which a relaxed instruction has one result on all processors.</summary>
    private bool RelaxedOperands(Instruction instruction, int depth)
    {
        switch (instruction.Opcode)
        {
            case Opcode.I8x16RelaxedSwizzle:
                Value(Types.V128, depth);
                Value(Types.V128, depth);
                Splat(Opcode.I8x16Splat, 0x8F);
                Op(Opcode.V128And);
                return true;
            case Opcode.I8x16RelaxedLaneselect or Opcode.I16x8RelaxedLaneselect or Opcode.I32x4RelaxedLaneselect or Opcode.I64x2RelaxedLaneselect:
                Value(Types.V128, depth);
                Value(Types.V128, depth);
                Value(Types.V128, depth);
                Value(Types.V128, depth);
                Op(instruction.Opcode switch
                {
                    Opcode.I8x16RelaxedLaneselect => Opcode.I8x16GtS,
                    Opcode.I16x8RelaxedLaneselect => Opcode.I16x8GtS,
                    Opcode.I32x4RelaxedLaneselect => Opcode.I32x4GtS,
                    _ => Opcode.I64x2GtS,
                });
                return true;
            case Opcode.I32x4RelaxedTruncF32x4S or Opcode.I32x4RelaxedTruncF32x4U or Opcode.I32x4RelaxedTruncF64x2SZero or Opcode.I32x4RelaxedTruncF64x2UZero:
                Value(Types.V128, depth);
                Splat(Opcode.I32x4Splat, 0x00FF_FFFF);
                Op(Opcode.V128And);
                Op(instruction.Opcode is Opcode.I32x4RelaxedTruncF32x4S or Opcode.I32x4RelaxedTruncF32x4U ? Opcode.F32x4ConvertI32x4U : Opcode.F64x2ConvertLowI32x4U);
                return true;
            case Opcode.F32x4RelaxedMin or Opcode.F32x4RelaxedMax or Opcode.F64x2RelaxedMin or Opcode.F64x2RelaxedMax:
                for (int i = 0; i < 2; i++)
                {
                    // No NaN, and one zero only.
                    Value(Types.V128, depth);
                    Op(instruction.Opcode is Opcode.F32x4RelaxedMin or Opcode.F32x4RelaxedMax ? Opcode.F32x4ConvertI32x4S : Opcode.F64x2ConvertLowI32x4S);
                }

                return true;
            case Opcode.F32x4RelaxedMadd or Opcode.F32x4RelaxedNmadd or Opcode.F64x2RelaxedMadd or Opcode.F64x2RelaxedNmadd:
                for (int i = 0; i < 3; i++)
                {
                    // Small integers: the product is exact, so that it does not matter whether it is rounded.
                    Value(Types.V128, depth);
                    Splat(Opcode.I32x4Splat, 0x3FF);
                    Op(Opcode.V128And);
                    Op(instruction.Opcode is Opcode.F32x4RelaxedMadd or Opcode.F32x4RelaxedNmadd ? Opcode.F32x4ConvertI32x4S : Opcode.F64x2ConvertLowI32x4S);
                }

                return true;
            case Opcode.I16x8RelaxedQ15mulrS:
                Value(Types.V128, depth);
                Value(Types.V128, depth);
                Splat(Opcode.I16x8Splat, 0x7FFF);
                Op(Opcode.V128And);
                return true;
            case Opcode.I16x8RelaxedDotI8x16I7x16S or Opcode.I32x4RelaxedDotI8x16I7x16AddS:
                Value(Types.V128, depth);
                Value(Types.V128, depth);
                Splat(Opcode.I8x16Splat, 0x7F);
                Op(Opcode.V128And);
                if (instruction.Opcode == Opcode.I32x4RelaxedDotI8x16I7x16AddS)
                {
                    Value(Types.V128, depth);
                }

                return true;
            default:
                return false;
        }
    }

    private void Splat(Opcode opcode, int value)
    {
        Int32(value);
        Op(opcode);
    }

    /// <summary>Whether to keep an operand from trapping: nearly always, in most functions.</summary>
    private bool IsCareful() => !random.OneIn(isRisky ? 8 : 150);

    private void Op(Opcode opcode)
    {
        (byte prefix, uint number) = InstructionTable.Encoding(opcode);
        if (prefix == 0)
        {
            code.Byte((byte)number);
        }
        else
        {
            code.Byte(prefix);
            code.Unsigned(number);
        }
    }

    private void Op(Opcode opcode, int index)
    {
        Op(opcode);
        code.Unsigned(index);
    }

    private void Op(Opcode opcode, int first, int second)
    {
        Op(opcode, first);
        code.Unsigned(second);
    }

    private void Int32(int value)
    {
        Op(Opcode.I32Const);
        code.Signed(value);
    }

    private void Int64(long value)
    {
        Op(Opcode.I64Const);
        code.Signed(value);
    }

    private int NewLocal(EncodedType type)
    {
        locals.Add(type);
        return locals.Count - 1;
    }

    /// <summary>Ends the function or loop when the fuel is used up, else takes one.</summary>
    private void BurnFuel(Action leave)
    {
        Op(Opcode.GlobalGet, 0);
        Op(Opcode.I32Eqz);
        OpenIf([]);
        leave();
        Close();
        Op(Opcode.GlobalGet, 0);
        Int32(1);
        Op(Opcode.I32Sub);
        Op(Opcode.GlobalSet, 0);
    }

    /// <summary>All locals, mixed into a global: what no instruction used is compared too.</summary>
    private void KeepLocals()
    {
        for (int local = 0; local < locals.Count; local++)
        {
            EncodedType type = locals[local];
            if (hidden.Contains(local) || (type.IsReference && (type.Code == EncodedType.Reference || type.Heap == Heaps.Exn)))
            {
                continue;
            }

            Op(Opcode.GlobalGet, 1);
            Int64(7);
            Op(Opcode.I64Rotl);
            Op(Opcode.LocalGet, local);
            ToInt64(type, local);
            Op(Opcode.I64Xor);
            Op(Opcode.GlobalSet, 1);
        }
    }

    private void ToInt64(EncodedType type, int local)
    {
        if (type == Types.I32)
        {
            Op(Opcode.I64ExtendI32U);
        }
        else if (type == Types.F32)
        {
            Op(Opcode.I32ReinterpretF32);
            Op(Opcode.I64ExtendI32S);
        }
        else if (type == Types.F64)
        {
            Op(Opcode.I64ReinterpretF64);
        }
        else if (type == Types.V128)
        {
            Op(Opcode.I64x2ExtractLane);
            code.Byte(0);
            Op(Opcode.LocalGet, local);
            Op(Opcode.I64x2ExtractLane);
            code.Byte(1);
            Op(Opcode.I64Add);
        }
        else if (shape.IsOfAny(type))
        {
            Op(Opcode.Call, shape.HashFunction);
        }
        else if (type.IsReference)
        {
            Op(Opcode.RefIsNull);
            Op(Opcode.I64ExtendI32U);
        }
    }
}
