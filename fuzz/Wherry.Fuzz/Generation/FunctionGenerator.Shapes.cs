using Wherry.Instructions;
using Wherry.Text;

namespace Wherry.Fuzz.Generation;

/// <summary>Code of the shapes that the engine's own passes look for.</summary>
internal sealed partial class FunctionGenerator
{
    private void TryShape(int depth)
    {
        switch (random.Next(8))
        {
            case 0 or 1 or 2:
                TryDispatch(depth);
                break;
            case 3 or 4:
                TrySmallLoop();
                break;
            case 5:
                ConstantVector();
                break;
            default:
                PartOfLoad();
                break;
        }
    }

    /// <summary>A loop without calls, other loops and many branches, which is unrolled. Its rounds are counted by a local of its own, so that it needs no fuel.</summary>
    private void TrySmallLoop()
    {
        EncodedType[] below = random.OneIn(3) ? PickTypes(1) : [];
        Values(below, 1);
        int counter = NewLocal(Types.I32);
        hidden.Add(counter);
        SimpleValue(1);
        Mask(Types.I32, random.Pick<int>([1, 3, 7, 15]));
        Op(Opcode.LocalSet, counter);
        switch (random.Next(3))
        {
            case 0:
                // do … while
                Open(Opcode.Loop, [], []);
                SmallBody(counter);
                CountDown(counter, Opcode.LocalTee);
                Int32(0);
                Op(Opcode.I32GtS);
                Op(Opcode.BrIf, 0);
                Close();
                break;
            case 1:
                // while
                Open(Opcode.Block, [], []);
                Open(Opcode.Loop, [], []);
                Op(Opcode.LocalGet, counter);
                Op(Opcode.I32Eqz);
                Op(Opcode.BrIf, 1);
                SmallBody(counter);
                CountDown(counter, Opcode.LocalSet);
                Op(Opcode.Br, 0);
                Close();
                Close();
                break;
            default:
                // With a way out in the middle, which takes something along, or goes further.
                bool goesFurther = random.OneIn(2);
                EncodedType result = goesFurther ? Types.I32 : PickNumber();
                Open(Opcode.Block, [], [result]);
                Open(Opcode.Loop, [], []);
                SmallBody(counter);
                if (goesFurther)
                {
                    int level = random.Next(labels.Count);
                    EncodedType[] types = labels[LevelOf(level)].Types;
                    if (IsLoop(level))
                    {
                        // A branch back would need fuel.
                        level = 1;
                        types = [result];
                    }

                    Values(types, 0);
                    SimpleValue(1);
                    Int32(3);
                    Op(Opcode.I32And);
                    Op(Opcode.I32Eqz);
                    Op(Opcode.BrIf, level);
                    Keep(types);
                }
                else
                {
                    Value(result, 1);
                    SimpleValue(1);
                    Op(Opcode.BrIf, 1);
                    Keep(result);
                }

                CountDown(counter, Opcode.LocalTee);
                Int32(0);
                Op(Opcode.I32GtS);
                Op(Opcode.BrIf, 0);
                Close();
                Value(result, 0);
                Close();
                Keep(result);
                break;
        }

        Keep(below);
    }

    private bool IsLoop(int level) => labels[labels.Count - 1 - level].IsLoop;

    private void CountDown(int counter, Opcode set)
    {
        Op(Opcode.LocalGet, counter);
        Int32(1);
        Op(Opcode.I32Sub);
        Op(set, counter);
    }

    /// <summary>Some assignments, mostly of what the last round left, and accesses that move with the counter.</summary>
    private void SmallBody(int counter)
    {
        for (int i = random.Next(1, 4); i > 0; i--)
        {
            switch (random.Next(4))
            {
                case 0 when !shape.Memories[0].Is64Bit:
                    Op(Opcode.LocalGet, counter);
                    Int32(random.Next(4));
                    Op(Opcode.I32Shl);
                    Op(Opcode.I32Load);
                    code.Unsigned(random.Next(3));
                    code.Unsigned(random.Next(300));
                    Keep(Types.I32);
                    break;
                case 1 when !shape.Memories[0].Is64Bit:
                    Op(Opcode.LocalGet, counter);
                    Int32(random.Next(4));
                    Op(Opcode.I32Shl);
                    Value(Types.I64, 1);
                    Op(random.Pick<Opcode>([Opcode.I64Store, Opcode.I64Store8, Opcode.I64Store32]));
                    code.Unsigned(0);
                    code.Unsigned(random.Next(300));
                    break;
                case 2:
                    int local = FindLocal(Types.I32);
                    SimpleValue(2);
                    if (local < 0)
                    {
                        Keep(Types.I32);
                    }
                    else
                    {
                        Op(Opcode.LocalGet, local);
                        Op(random.Pick(IntegerOperators));
                        Op(Opcode.LocalSet, local);
                    }

                    break;
                default:
                    EncodedType type = PickNumber();
                    Keep(TryFixed(choice.PickFor(type, random), 0));
                    break;
            }
        }
    }

    /// <summary>A load of which but a part is used, at the end of the memory, or near it.</summary>
    private void PartOfLoad()
    {
        (Opcode load, int size, EncodedType type) = random.Pick<(Opcode, int, EncodedType)>(
        [
            (Opcode.I32Load, 4, Types.I32), (Opcode.I32Load16U, 2, Types.I32), (Opcode.I32Load16S, 2, Types.I32), (Opcode.I64Load, 8, Types.I64), (Opcode.I64Load32U, 4, Types.I64), (Opcode.I64Load32S, 4, Types.I64),
            (Opcode.I64Load16U, 2, Types.I64), (Opcode.V128Load, 16, Types.V128), (Opcode.F32Load, 4, Types.F32), (Opcode.F64Load, 8, Types.F64),
        ]);
        int memory = PickMemory();
        MemoryShape found = shape.Memories[memory];

        // Mostly inside to the last byte, now and then straddling the end.
        int before = IsCareful() ? size + random.Next(3) : random.Next(1, size);
        Op(Opcode.MemorySize, memory);
        if (!found.HasSmallPages)
        {
            Number(found.Address, 16);
            Op(found.Is64Bit ? Opcode.I64Shl : Opcode.I32Shl);
        }

        int offset = random.OneIn(2) ? 0 : random.Next(100);
        Number(found.Address, before + offset);
        Op(found.Is64Bit ? Opcode.I64Sub : Opcode.I32Sub);
        Op(load);
        code.Unsigned(memory == 0 ? 0 : 0x40);
        if (memory != 0)
        {
            code.Unsigned(memory);
        }

        code.Unsigned(offset);
        if (random.OneIn(3))
        {
            // By way of a local.
            int local = NewLocal(type);
            Op(Opcode.LocalSet, local);
            Op(Opcode.LocalGet, local);
        }

        if (type == Types.F32)
        {
            Op(Opcode.I32ReinterpretF32);
            type = Types.I32;
        }
        else if (type == Types.F64 || type == Types.V128)
        {
            Op(type == Types.F64 ? Opcode.I64ReinterpretF64 : Opcode.I64x2ExtractLane);
            if (type == Types.V128)
            {
                code.Byte((byte)random.Next(2));
            }

            type = Types.I64;
        }

        for (int i = random.Next(1, 3); i > 0; i--)
        {
            type = Part(type);
        }

        // Where nothing can be known of it.
        if (type == Types.I32)
        {
            Op(Opcode.I64ExtendI32U);
        }

        Op(Opcode.GlobalGet, 1);
        Op(Opcode.I64Xor);
        Op(Opcode.GlobalSet, 1);
    }

    private EncodedType Part(EncodedType type)
    {
        bool is64Bit = type == Types.I64;
        switch (random.Next(6))
        {
            case 0:
                Number(type, random.Pick<int>([1, 0x7F, 0xFF, 0xFF00, 0xFFFF, 0x10000, -256]));
                Op(is64Bit ? Opcode.I64And : Opcode.I32And);
                return type;
            case 1:
                Number(type, random.Next(is64Bit ? 64 : 32));
                Op(random.Pick<Opcode>(is64Bit ? [Opcode.I64Shl, Opcode.I64ShrU, Opcode.I64ShrS, Opcode.I64Rotl] : [Opcode.I32Shl, Opcode.I32ShrU, Opcode.I32ShrS, Opcode.I32Rotl]));
                return type;
            case 2:
                Op(random.Pick<Opcode>(is64Bit ? [Opcode.I64Extend8S, Opcode.I64Extend16S, Opcode.I64Extend32S] : [Opcode.I32Extend8S, Opcode.I32Extend16S]));
                return type;
            case 3:
                Op(is64Bit ? Opcode.I32WrapI64 : Opcode.I64ExtendI32S);
                return is64Bit ? Types.I32 : Types.I64;
            case 4:
                LeafValue(type);
                Op(random.Pick<Opcode>(is64Bit ? [Opcode.I64Add, Opcode.I64Mul, Opcode.I64Xor, Opcode.I64Or] : [Opcode.I32Add, Opcode.I32Mul, Opcode.I32Xor, Opcode.I32Or]));
                return type;
            default:
                Number(type, random.Next(256));
                Op(random.Pick<Opcode>(is64Bit ? [Opcode.I64Eq, Opcode.I64LtU, Opcode.I64GtS] : [Opcode.I32Eq, Opcode.I32LtU, Opcode.I32GtS]));
                return Types.I32;
        }
    }

    /// <summary>Vectors that the compiler can compute, or believes so: constants with zeros at their start, splats, what comes from before a branch.</summary>
    private void ConstantVector()
    {
        int local = NewLocal(Types.V128);
        PartlyZero();
        Op(Opcode.LocalSet, local);
        if (random.OneIn(2))
        {
            Condition();
            Statement(1);
            Close();
        }

        for (int i = random.Next(1, 3); i > 0; i--)
        {
            Instruction[] operators = choice.ByParameters(Types.V128);
            Instruction instruction = random.Pick(operators);
            foreach (Operand operand in instruction.Parameters)
            {
                if (operand != Operand.V128)
                {
                    Value(TypeOf(operand, Types.I32), 0);
                }
                else if (random.OneIn(2))
                {
                    Op(Opcode.LocalGet, local);
                }
                else
                {
                    PartlyZero();
                }
            }

            Op(instruction.Opcode);
            FixedImmediate(instruction);
            if (NanResults.MayBeNan(instruction))
            {
                CanonicalizeNan(instruction, Types.V128);
            }

            Op(Opcode.LocalSet, local);
        }
    }

    private void PartlyZero()
    {
        switch (random.Next(4))
        {
            case 0:
                SimpleValue(0);
                Op(random.Pick<Opcode>([Opcode.I8x16Splat, Opcode.I16x8Splat, Opcode.I32x4Splat]));
                break;
            case 1:
                Int32((int)random.EdgeInteger(32));
                Op(random.Pick<Opcode>([Opcode.I8x16Splat, Opcode.I16x8Splat, Opcode.I32x4Splat]));
                break;
            default:
                byte[] bytes = EdgeFloats.Vector(random);
                bytes.AsSpan(0, random.Pick<int>([0, 1, 2, 4, 8])).Clear();
                Op(Opcode.V128Const);
                code.Bytes(bytes);
                break;
        }
    }
}
