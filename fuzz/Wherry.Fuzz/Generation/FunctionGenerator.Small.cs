using Wherry.Instructions;
using Wherry.Text;

namespace Wherry.Fuzz.Generation;

/// <summary>Functions so small that the engine writes them in place of calls to them: nothing in them can fault.</summary>
internal sealed partial class FunctionGenerator
{
    private static readonly Opcode[] LongOperators =
        [Opcode.I64Add, Opcode.I64Sub, Opcode.I64Mul, Opcode.I64And, Opcode.I64Or, Opcode.I64Xor, Opcode.I64Shl, Opcode.I64ShrU, Opcode.I64Rotl];

    /// <param name="own">The function's index.</param>
    /// <param name="first">The first of the small functions.</param>
    public byte[] GenerateSmall(int own, int first)
    {
        labels.Add(new Label(signature.Results));
        int kind = random.Next(5);
        if (kind <= 1)
        {
            // It calls itself, or ends with a call of itself: for as long as there is fuel.
            BurnFuel(() =>
            {
                foreach (EncodedType type in signature.Results)
                {
                    SmallConstant(type);
                }

                Op(Opcode.Return);
            });
            if (kind == 1 && random.OneIn(2))
            {
                SimpleValueOfParameters();
                OpenIf([]);
                SmallValues(signature.Results, 0);
                Op(Opcode.Return);
                Close();
            }
        }

        if (random.OneIn(3))
        {
            locals.Add(Types.I32);
            SimpleValueOfParameters();
            Op(Opcode.LocalSet, locals.Count - 1);
        }

        if (random.OneIn(4))
        {
            GlobalShape global = shape.Globals[1];
            SmallValue(global.Type, 1);
            Op(Opcode.GlobalSet, 1);
        }

        if (kind == 2 && shape.Tags.Count > 0 && TagTypes(0).All(type => type == Types.I32 || type == Types.I64 || type == Types.F32 || type == Types.F64))
        {
            SimpleValueOfParameters();
            OpenIf([]);
            SmallValues(TagTypes(0), 0);
            Op(Opcode.Throw, 0);
            Close();
        }

        switch (kind)
        {
            case 0:
                SmallValues(signature.Parameters, 1);
                Op(Opcode.Call, own);
                if (random.OneIn(3))
                {
                    // Twice, as fib does.
                    DropAll(signature.Results);
                    SmallValues(signature.Parameters, 0);
                    Op(Opcode.Call, own);
                }

                break;
            case 1 when !shape.Options.IsPlain:
                SmallValues(signature.Parameters, 1);
                Op(Opcode.ReturnCall, own);
                break;
            case 3 when own > first:
                Signature called = shape.SignatureOf(first);
                SmallValues(called.Parameters, 0);
                Op(Opcode.Call, first);
                DropAll(called.Results);
                SmallValues(signature.Results, 1);
                break;
            default:
                SmallValues(signature.Results, 2);
                break;
        }

        Op(Opcode.End);
        return Finish();
    }

    private void DropAll(EncodedType[] types)
    {
        foreach (EncodedType _ in types)
        {
            Op(Opcode.Drop);
        }
    }

    private void SimpleValueOfParameters() => SmallValue(Types.I32, 1);

    private void SmallValues(EncodedType[] types, int depth)
    {
        foreach (EncodedType type in types)
        {
            SmallValue(type, depth);
        }
    }

    private void SmallValue(EncodedType type, int depth)
    {
        int local = FindLocal(type);
        if (depth <= 0 || (type != Types.I32 && type != Types.I64))
        {
            if (local >= 0 && !random.OneIn(4))
            {
                Op(Opcode.LocalGet, local);
            }
            else
            {
                SmallConstant(type);
            }

            return;
        }

        SmallValue(type, depth - 1);
        SmallValue(type, random.OneIn(2) ? 0 : depth - 1);
        Op(random.Pick(type == Types.I32 ? IntegerOperators : LongOperators));
    }

    private void SmallConstant(EncodedType type)
    {
        if (type == Types.I32 || type == Types.I64)
        {
            Number(type, random.Next(-64, 63));
        }
        else
        {
            Constant(type);
        }
    }
}
