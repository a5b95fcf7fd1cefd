using Wherry.Instructions;
using Wherry.Text;

namespace Wherry.Fuzz.Generation;

/// <summary>Functions that call others with integers only: parameters are made of them, results turned into them.</summary>
internal static class WrapperWriter
{
    private const int Fuel = 40;

    public static (EncodedType[] Parameters, EncodedType[] Results) SignatureFor(Signature signature) =>
        ([.. signature.Parameters.SelectMany(ParameterParts)], [.. signature.Results.SelectMany(ResultParts)]);

    public static byte[] Write(Shape shape, int function)
    {
        Signature signature = shape.SignatureOf(function);
        var code = new ByteWriter();
        int parameter = 0;
        Op(code, Opcode.I32Const);
        code.Signed(Fuel);
        Op(code, Opcode.GlobalSet, 0);
        foreach (EncodedType type in signature.Parameters)
        {
            Op(code, Opcode.LocalGet, parameter++);
            if (type == Types.V128)
            {
                Op(code, Opcode.I64x2Splat);
                Op(code, Opcode.LocalGet, parameter++);
                Op(code, Opcode.I64x2ReplaceLane);
                code.Byte(1);
            }
            else
            {
                MakeParameter(code, type, shape);
            }
        }

        Op(code, Opcode.Call, function);

        // The last result is on top: all go to locals, and from there in order.
        int firstLocal = parameter;
        for (int i = signature.Results.Length - 1; i >= 0; i--)
        {
            Op(code, Opcode.LocalSet, firstLocal + i);
        }

        for (int i = 0; i < signature.Results.Length; i++)
        {
            MakeResult(code, signature.Results[i], firstLocal + i, shape);
        }

        Op(code, Opcode.End);
        return Body(signature.Results, code);
    }

    /// <summary>A number for a reference of any type: of integers the value, of arrays the length and an element, of structs the type and the fields that are integers.</summary>
    public static byte[] Hash(Shape shape)
    {
        var code = new ByteWriter();
        Op(code, Opcode.LocalGet, 0);
        Op(code, Opcode.RefIsNull);
        Op(code, Opcode.If);
        code.Byte(0x40);
        Number(code, 0);
        Op(code, Opcode.Return);
        Op(code, Opcode.End);
        Test(code, Heaps.I31, () =>
        {
            Cast(code, Heaps.I31);
            Op(code, Opcode.I31GetS);
            Op(code, Opcode.I64ExtendI32S);
        });
        foreach (Aggregate aggregate in shape.Aggregates.Where(aggregate => aggregate.IsArray && IsInteger(aggregate.Fields[0].Type)))
        {
            Test(code, aggregate.Index, () => HashArray(code, aggregate));
        }

        Test(code, Heaps.Array, () =>
        {
            Cast(code, Heaps.Array);
            Op(code, Opcode.ArrayLen);
            Op(code, Opcode.I64ExtendI32U);
            Number(code, 1L << 40);
            Op(code, Opcode.I64Or);
        });
        foreach (Aggregate aggregate in shape.Aggregates.Where(aggregate => !aggregate.IsArray).Reverse())
        {
            Test(code, aggregate.Index, () =>
            {
                Number(code, (2L << 40) + aggregate.Index);
                for (int i = 0; i < aggregate.Fields.Length; i++)
                {
                    EncodedType type = aggregate.Fields[i].Type;
                    if (IsInteger(type) && type != Types.I64)
                    {
                        Cast(code, aggregate.Index);
                        Op(code, type == Types.I32 ? Opcode.StructGet : i % 2 == 0 ? Opcode.StructGetS : Opcode.StructGetU, aggregate.Index);
                        code.Unsigned(i);
                        Op(code, Opcode.I64ExtendI32S);
                        Op(code, Opcode.I64Xor);
                    }
                    else if (type == Types.I64)
                    {
                        Cast(code, aggregate.Index);
                        Op(code, Opcode.StructGet, aggregate.Index);
                        code.Unsigned(i);
                        Op(code, Opcode.I64Xor);
                    }
                }
            });
        }

        Number(code, 3L << 40);
        Op(code, Opcode.End);
        return Body([], code);
    }

    private static bool IsInteger(EncodedType type) => type == Types.I8 || type == Types.I16 || type == Types.I32 || type == Types.I64;

    /// <summary>The length, and the element in the middle.</summary>
    private static void HashArray(ByteWriter code, Aggregate aggregate)
    {
        EncodedType type = aggregate.Fields[0].Type;
        Cast(code, Heaps.Array);
        Op(code, Opcode.ArrayLen);
        Op(code, Opcode.I64ExtendI32U);
        Number(code, 1L << 40);
        Op(code, Opcode.I64Or);
        Cast(code, Heaps.Array);
        Op(code, Opcode.ArrayLen);
        Op(code, Opcode.If);
        Types.I64.Write(code);
        Cast(code, aggregate.Index);
        Cast(code, Heaps.Array);
        Op(code, Opcode.ArrayLen);
        Op(code, Opcode.I32Const);
        code.Signed(1);
        Op(code, Opcode.I32ShrU);
        Op(code, type == Types.I32 || type == Types.I64 ? Opcode.ArrayGet : type == Types.I8 ? Opcode.ArrayGetU : Opcode.ArrayGetS, aggregate.Index);
        if (type != Types.I64)
        {
            Op(code, Opcode.I64ExtendI32S);
        }

        Op(code, Opcode.Else);
        Number(code, 0);
        Op(code, Opcode.End);
        Number(code, 8);
        Op(code, Opcode.I64Rotl);
        Op(code, Opcode.I64Xor);
    }

    private static void Test(ByteWriter code, int heap, Action then)
    {
        Op(code, Opcode.LocalGet, 0);
        Op(code, Opcode.RefTest);
        code.Signed(heap);
        Op(code, Opcode.If);
        code.Byte(0x40);
        then();
        Op(code, Opcode.Return);
        Op(code, Opcode.End);
    }

    private static void Cast(ByteWriter code, int heap)
    {
        Op(code, Opcode.LocalGet, 0);
        Op(code, Opcode.RefCast);
        code.Signed(heap);
    }

    private static byte[] Body(EncodedType[] locals, ByteWriter code)
    {
        var body = new ByteWriter();
        body.Unsigned(locals.Length);
        foreach (EncodedType type in locals)
        {
            body.Unsigned(1);

            // A local must have a value before it is set.
            (type.Code == EncodedType.Reference ? Types.Null(type.Heap) : type).Write(body);
        }

        body.Bytes(code.Written);
        var whole = new ByteWriter();
        whole.Vector(body.Written);
        return whole.Written.ToArray();
    }

    private static EncodedType[] ParameterParts(EncodedType type) =>
        type == Types.V128 ? [Types.I64, Types.I64]
        : type == Types.I64 || type == Types.F64 ? [Types.I64]
        : type == Types.Extern ? [Types.Extern]
        : [Types.I32];

    private static EncodedType[] ResultParts(EncodedType type) =>
        type == Types.V128 ? [Types.I64, Types.I64]
        : type == Types.I32 || type == Types.F32 ? [Types.I32]
        : [Types.I64];

    private static void MakeParameter(ByteWriter code, EncodedType type, Shape shape)
    {
        if (type == Types.F32)
        {
            Op(code, Opcode.F32ReinterpretI32);
        }
        else if (type == Types.F64)
        {
            Op(code, Opcode.F64ReinterpretI64);
        }
        else if (type == Types.Func)
        {
            // One of the functions of the last table.
            Op(code, Opcode.I32Const);
            code.Signed(15);
            Op(code, Opcode.I32And);
            if (shape.Tables[^1].Is64Bit)
            {
                Op(code, Opcode.I64ExtendI32U);
            }

            Op(code, Opcode.TableGet, shape.Tables.Count - 1);
        }
        else if (type == Types.Any || type == Types.Eq)
        {
            Op(code, Opcode.RefI31);
        }
        else if (type.Code == EncodedType.NullableReference && type.Heap >= 0)
        {
            // Null for 0.
            Op(code, Opcode.If);
            type.Write(code);
            Op(code, Opcode.StructNewDefault, type.Heap);
            Op(code, Opcode.Else);
            Op(code, Opcode.RefNull);
            code.Signed(type.Heap);
            Op(code, Opcode.End);
        }
        else if (type.Code == EncodedType.Reference)
        {
            Op(code, Opcode.Drop);
            Op(code, Opcode.StructNewDefault, type.Heap);
        }
    }

    private static void MakeResult(ByteWriter code, EncodedType type, int local, Shape shape)
    {
        Op(code, Opcode.LocalGet, local);
        if (type == Types.F32)
        {
            Op(code, Opcode.I32ReinterpretF32);
        }
        else if (type == Types.F64)
        {
            Op(code, Opcode.I64ReinterpretF64);
        }
        else if (type == Types.V128)
        {
            Op(code, Opcode.I64x2ExtractLane);
            code.Byte(0);
            Op(code, Opcode.LocalGet, local);
            Op(code, Opcode.I64x2ExtractLane);
            code.Byte(1);
        }
        else if (shape.IsOfAny(type))
        {
            Op(code, Opcode.Call, shape.HashFunction);
        }
        else if (type.IsReference)
        {
            Op(code, Opcode.RefIsNull);
            Op(code, Opcode.I64ExtendI32U);
        }
    }

    private static void Op(ByteWriter code, Opcode opcode)
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

    private static void Op(ByteWriter code, Opcode opcode, int index)
    {
        Op(code, opcode);
        code.Unsigned(index);
    }

    private static void Number(ByteWriter code, long value)
    {
        Op(code, Opcode.I64Const);
        code.Signed(value);
    }
}
