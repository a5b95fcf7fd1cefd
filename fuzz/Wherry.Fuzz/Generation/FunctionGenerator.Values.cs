using Wherry.Instructions;
using Wherry.Text;

namespace Wherry.Fuzz.Generation;

/// <summary>Values of a type, and what becomes of them.</summary>
internal sealed partial class FunctionGenerator
{
    private void Values(EncodedType[] types, int depth)
    {
        foreach (EncodedType type in types)
        {
            Value(type, depth);
        }
    }

    /// <summary>Puts a value of a type on the stack.</summary>
    private void Value(EncodedType type, int depth)
    {
        if (type.IsReference)
        {
            ReferenceValue(type, depth);
            return;
        }

        if (depth <= 0 || code.Length > maximumSize)
        {
            LeafValue(type);
            return;
        }

        switch (random.Next(16))
        {
            case 0 or 1 or 2:
                LeafValue(type);
                break;
            case 3:
                Value(type, depth - 1);
                Value(type, depth - 1);
                Value(Types.I32, depth - 1);
                SelectOp(type);
                break;
            case 4:
                Value(Types.I32, depth - 1);
                OpenIf([type]);
                Value(type, depth - 1);
                Else();
                Value(type, depth - 1);
                Close();
                break;
            case 5:
                int local = FindLocal(type);
                if (local < 0)
                {
                    goto default;
                }

                Value(type, depth - 1);
                Op(Opcode.LocalTee, local);
                break;
            case 6:
                int kept = FindLocal(type);
                if (kept < 0)
                {
                    goto default;
                }

                OldAndNew(type, kept, depth - 1);
                break;
            default:
                _ = TryFixed(choice.PickFor(type, random), depth - 1);
                break;
        }
    }

    /// <summary>A local's value, which is still on the stack when a branch, taken or not, goes past where the local is set; then one of the two.</summary>
    private void OldAndNew(EncodedType type, int local, int depth)
    {
        Op(Opcode.LocalGet, local);
        if (random.OneIn(2))
        {
            Value(Types.I32, depth);
            OpenIf([type]);
            Value(type, depth);
            Op(Opcode.LocalTee, local);
            Else();
            Value(type, depth);
            Close();
        }
        else
        {
            Open(Opcode.Block, [], [type]);
            Value(type, depth);
            Value(Types.I32, depth);
            Op(Opcode.BrIf, 0);
            Op(Opcode.LocalSet, local);
            Value(type, depth);
            Close();
        }

        Value(Types.I32, depth);
        SelectOp(type);
    }

    private void LeafValue(EncodedType type)
    {
        int local = FindLocal(type);
        if (local >= 0 && !random.OneIn(3))
        {
            Op(Opcode.LocalGet, local);
            return;
        }

        int global = FindGlobal(type, toSet: false);
        if (global >= 0 && random.OneIn(4))
        {
            Op(Opcode.GlobalGet, global);
            return;
        }

        Constant(type);
    }

    private void Constant(EncodedType type)
    {
        Op(type.Code switch
        {
            0x7F => Opcode.I32Const,
            0x7E => Opcode.I64Const,
            0x7D => Opcode.F32Const,
            0x7C => Opcode.F64Const,
            _ => Opcode.V128Const,
        });
        FixedImmediate(InstructionTable.Get(type.Code switch
        {
            0x7F => Opcode.I32Const,
            0x7E => Opcode.I64Const,
            0x7D => Opcode.F32Const,
            0x7C => Opcode.F64Const,
            _ => Opcode.V128Const,
        }));
    }

    /// <summary>Cheap values: zeros and nulls, or new empty objects.</summary>
    private void Defaults(EncodedType[] types)
    {
        foreach (EncodedType type in types)
        {
            if (type.IsReference)
            {
                SimpleReference(type);
            }
            else
            {
                Constant(type);
            }
        }
    }

    private void SelectOp(EncodedType type)
    {
        if (type.IsReference || random.OneIn(2))
        {
            Op(Opcode.SelectTyped, 1);
            type.Write(code);
        }
        else
        {
            Op(Opcode.Select);
        }
    }

    /// <summary>A local of the type, or for a reference of a subtype, that may be read. -1 if there is none.</summary>
    private int FindLocal(EncodedType type)
    {
        int start = random.Next(locals.Count);
        for (int i = 0; i < locals.Count; i++)
        {
            int local = (start + i) % locals.Count;
            if (hidden.Contains(local))
            {
                continue;
            }

            EncodedType found = locals[local];
            if (found == type || (type.IsReference && found.Code == EncodedType.NullableReference && shape.IsSubtype(found, type)))
            {
                return local;
            }
        }

        return -1;
    }

    private int FindGlobal(EncodedType type, bool toSet)
    {
        int start = random.Next(shape.Globals.Count);
        for (int i = 0; i < shape.Globals.Count; i++)
        {
            int global = (start + i) % shape.Globals.Count;
            GlobalShape found = shape.Globals[global];

            // The first is the fuel, which no random number may fill up.
            if (global > 0 && (toSet ? found.IsMutable && shape.IsSubtype(type, found.Type) : shape.IsSubtype(found.Type, type)))
            {
                return global;
            }
        }

        return -1;
    }

    /// <summary>Takes values off the stack, the last first, to where they are compared in the end.</summary>
    private void Keep(EncodedType[] types)
    {
        for (int i = types.Length - 1; i >= 0; i--)
        {
            Keep(types[i]);
        }
    }

    private void Keep(EncodedType type)
    {
        int global = random.OneIn(4) ? FindGlobal(type, toSet: true) : -1;
        if (global >= 0)
        {
            Op(Opcode.GlobalSet, global);
            return;
        }

        if (random.OneIn(40) || type.Code == EncodedType.Reference)
        {
            int to = type.IsReference ? FindLocalFor(type) : -1;
            if (to >= 0)
            {
                Op(Opcode.LocalSet, to);
                return;
            }

            Op(Opcode.Drop);
            return;
        }

        int local = FindLocalFor(type);
        if (local < 0)
        {
            local = NewLocal(type);
        }

        Op(Opcode.LocalSet, local);
    }

    /// <summary>A local that may hold the type.</summary>
    private int FindLocalFor(EncodedType type)
    {
        int start = random.Next(locals.Count);
        for (int i = 0; i < locals.Count; i++)
        {
            int local = (start + i) % locals.Count;
            if (!hidden.Contains(local) && shape.IsSubtype(type, locals[local]))
            {
                return local;
            }
        }

        return -1;
    }

    /// <summary>Puts the one NaN in the place of any other, so that all engines go on with the same bits.</summary>
    private void CanonicalizeNan(Instruction instruction, EncodedType type)
    {
        int local = NewLocalOnce(type);
        Op(Opcode.LocalTee, local);
        bool isSingle = instruction.Name.StartsWith("f32", StringComparison.Ordinal);
        if (type == Types.V128)
        {
            Op(Opcode.V128Const);
            for (int i = 0; i < 16; i += isSingle ? 4 : 8)
            {
                if (isSingle)
                {
                    code.Fixed32(0x7FC0_0000);
                }
                else
                {
                    code.Fixed64(0x7FF8_0000_0000_0000);
                }
            }
        }
        else if (isSingle)
        {
            Op(Opcode.F32Const);
            code.Fixed32(0x7FC0_0000);
        }
        else
        {
            Op(Opcode.F64Const);
            code.Fixed64(0x7FF8_0000_0000_0000);
        }

        Op(Opcode.LocalGet, local);
        Op(Opcode.LocalGet, local);
        Op(type == Types.V128 ? (isSingle ? Opcode.F32x4Eq : Opcode.F64x2Eq) : isSingle ? Opcode.F32Eq : Opcode.F64Eq);
        Op(type == Types.V128 ? Opcode.V128Bitselect : Opcode.Select);
    }

    private readonly Dictionary<EncodedType, int> nanLocals = [];

    // Their NaNs are those of the processor.
    private readonly HashSet<int> hidden = [];

    private int NewLocalOnce(EncodedType type)
    {
        if (!nanLocals.TryGetValue(type, out int local))
        {
            local = NewLocal(type);
            nanLocals.Add(type, local);
            hidden.Add(local);
        }

        return local;
    }
}
