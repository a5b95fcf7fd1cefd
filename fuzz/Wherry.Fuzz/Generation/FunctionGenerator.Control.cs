using Wherry.Instructions;
using Wherry.Text;

namespace Wherry.Fuzz.Generation;

/// <summary>Blocks, branches and calls.</summary>
internal sealed partial class FunctionGenerator
{
    private void TrySpecial(Opcode opcode, int depth)
    {
        switch (opcode)
        {
            case Opcode.MemorySize or Opcode.MemoryGrow or Opcode.MemoryFill or Opcode.MemoryCopy or Opcode.MemoryInit:
                TryMemory(opcode, depth);
                break;
            case Opcode.TableGet or Opcode.TableSet or Opcode.TableSize or Opcode.TableGrow or Opcode.TableFill or Opcode.TableCopy or Opcode.TableInit:
                TryTable(opcode, depth);
                break;
            case Opcode.Block or Opcode.Loop or Opcode.If or Opcode.Br or Opcode.BrIf or Opcode.BrTable or Opcode.Return or Opcode.Unreachable:
                TryControl(opcode, depth);
                break;
            case Opcode.Call or Opcode.CallIndirect or Opcode.CallRef or Opcode.ReturnCall or Opcode.ReturnCallIndirect or Opcode.ReturnCallRef:
                TryCall(opcode, depth);
                break;
            case Opcode.Drop or Opcode.Select or Opcode.SelectTyped or Opcode.LocalGet or Opcode.LocalSet or Opcode.LocalTee or Opcode.GlobalGet or Opcode.GlobalSet:
                TryVariable(opcode, depth);
                break;
            case Opcode.Try or Opcode.TryTable or Opcode.Throw or Opcode.ThrowRef:
                TryException(opcode, depth);
                break;
            default:
                TryReference(opcode, depth);
                break;
        }
    }

    private void TryVariable(Opcode opcode, int depth)
    {
        EncodedType type = PickType();
        switch (opcode)
        {
            case Opcode.Drop:
                Value(type, depth);
                Op(opcode);
                break;
            case Opcode.Select or Opcode.SelectTyped:
                type = opcode == Opcode.Select ? PickNumber() : type;
                Value(type, depth);
                Value(type, depth);
                Value(Types.I32, depth);
                Op(opcode);
                if (opcode == Opcode.SelectTyped)
                {
                    code.Byte(1);
                    type.Write(code);
                }

                Keep(type);
                break;
            case Opcode.GlobalGet or Opcode.GlobalSet:
                int global = random.Next(1, shape.Globals.Count - 1);
                GlobalShape found = shape.Globals[global];
                if (opcode == Opcode.GlobalGet)
                {
                    Op(opcode, global);
                    Keep(found.Type);
                }
                else if (found.IsMutable)
                {
                    Value(found.Type, depth);
                    Op(opcode, global);
                }

                break;
            default:
                int local = random.Next(locals.Count);
                if (locals[local].Heap == Heaps.Exn || hidden.Contains(local))
                {
                    break;
                }

                if (opcode != Opcode.LocalGet)
                {
                    Value(locals[local], depth);
                    Op(opcode, local);
                }
                else if (locals[local].Code != EncodedType.Reference || local < signature.Parameters.Length)
                {
                    Op(opcode, local);
                }
                else
                {
                    break;
                }

                if (opcode != Opcode.LocalSet)
                {
                    Keep(locals[local]);
                }

                break;
        }
    }

    private EncodedType PickNumber() => random.Pick<EncodedType>([Types.I32, Types.I64, Types.F32, Types.F64, Types.V128]);

    private EncodedType PickType() => random.Next(3) switch
    {
        0 when shape.Options.HasGarbageCollection => random.Pick<EncodedType>(
            [Types.Any, Types.Eq, Types.Func, Types.Extern, Types.Null(random.Pick(shape.Aggregates).Index), Types.NonNull(random.Pick(shape.Aggregates).Index)]),
        0 => random.OneIn(2) ? Types.Func : Types.Extern,
        _ => PickNumber(),
    };

    private void Open(Opcode opcode, EncodedType[] parameters, EncodedType[] results)
    {
        Op(opcode);
        BlockType(parameters, results);
        labels.Add(new Label(opcode == Opcode.Loop ? parameters : results, opcode == Opcode.Loop));
    }

    private void OpenIf(EncodedType[] results) => Open(Opcode.If, [], results);

    private void BlockType(EncodedType[] parameters, EncodedType[] results)
    {
        if (parameters.Length == 0 && results.Length == 0)
        {
            code.Byte(0x40);
        }
        else if (parameters.Length == 0 && results.Length == 1 && !random.OneIn(8))
        {
            results[0].Write(code);
        }
        else
        {
            code.Signed(shape.FirstSignature + shape.AddSignature(parameters, results));
        }
    }

    private void Else() => Op(Opcode.Else);

    private void Close()
    {
        Op(Opcode.End);
        labels.RemoveAt(labels.Count - 1);
    }

    private EncodedType[] PickTypes(int most)
    {
        var types = new EncodedType[random.Next(most + 1)];
        for (int i = 0; i < types.Length; i++)
        {
            types[i] = PickType();
        }

        return types;
    }

    private void TryControl(Opcode opcode, int depth)
    {
        EncodedType[] results = PickTypes(2);
        EncodedType[] parameters = random.OneIn(3) ? PickTypes(2) : [];
        switch (opcode)
        {
            case Opcode.Block:
                Values(parameters, depth);
                Open(opcode, parameters, results);
                Keep(parameters);
                Statements(depth);
                Values(results, depth);
                Close();
                Keep(results);
                break;
            case Opcode.If:
                Values(parameters, depth);
                Value(Types.I32, depth);
                Open(opcode, parameters, results);
                Keep(parameters);
                Statements(depth);
                Values(results, depth);
                if (results.Length > 0 || parameters.Length > 0 || random.OneIn(2))
                {
                    Else();
                    Keep(parameters);
                    Values(results, depth);
                }

                Close();
                Keep(results);
                break;
            case Opcode.Loop:
                TryLoop(parameters, results, depth);
                break;
            case Opcode.Br:
                Open(Opcode.Block, [], results);
                Statements(depth);
                Values(results, depth);
                Op(opcode, 0);
                Close();
                Keep(results);
                BranchOut(depth);
                break;
            case Opcode.BrIf:
                Open(Opcode.Block, [], results);
                Values(results, depth);
                Value(Types.I32, depth);
                Op(opcode, 0);
                Keep(results);
                Values(results, depth);
                Close();
                Keep(results);
                break;
            case Opcode.BrTable:
                TryBranchTable(results, depth);
                break;
            case Opcode.Return:
                Value(Types.I32, depth);
                Int32(3);
                Op(Opcode.I32And);
                Op(Opcode.I32Eqz);
                OpenIf([]);
                KeepLocals();
                Values(signature.Results, depth);
                Op(opcode);
                Close();
                break;
            default:
                // Never executed, mostly.
                Value(Types.I32, depth);
                Int32(IsCareful() ? unchecked((int)0x80000001) : 1);
                Op(Opcode.I32Eq);
                OpenIf([]);
                Op(opcode);
                Close();
                break;
        }
    }

    /// <summary>Now and then, out of what is open.</summary>
    private void BranchOut(int depth)
    {
        int level = random.Next(labels.Count);
        EncodedType[] types = labels[labels.Count - 1 - level].Types;
        Value(Types.I32, depth);
        Int32(7);
        Op(Opcode.I32And);
        Op(Opcode.I32Eqz);
        OpenIf([]);
        Values(types, depth);
        Op(Opcode.Br, level + 1);
        Close();
    }

    private void TryLoop(EncodedType[] parameters, EncodedType[] results, int depth)
    {
        Open(Opcode.Block, [], results);
        Values(parameters, depth);
        Open(Opcode.Loop, parameters, results);
        Keep(parameters);
        BurnFuel(() =>
        {
            Defaults(results);
            Op(Opcode.Br, 2);
        });
        Statements(depth);
        Values(parameters, depth);
        Value(Types.I32, depth);
        Int32(random.OneIn(2) ? 1 : 7);
        Op(Opcode.I32And);
        Op(Opcode.BrIf, 0);
        Keep(parameters);
        Values(results, depth);
        Close();
        Close();
        Keep(results);
    }

    private void TryBranchTable(EncodedType[] results, int depth)
    {
        int count = random.Next(1, 4);
        Open(Opcode.Block, [], results);
        for (int i = 0; i < count; i++)
        {
            Open(Opcode.Block, [], results);
        }

        Values(results, depth);
        Value(Types.I32, depth);
        if (!random.OneIn(4))
        {
            Int32(7);
            Op(Opcode.I32And);
        }

        Op(Opcode.BrTable);
        int targets = random.Next(0, 6);
        code.Unsigned(targets);
        for (int i = 0; i <= targets; i++)
        {
            code.Unsigned(random.Next(count + 1));
        }

        for (int i = 0; i < count; i++)
        {
            Close();
            Statement(depth);
            Keep(results);
            Values(results, depth);
        }

        Close();
        Keep(results);
    }

    private void TryCall(Opcode opcode, int depth)
    {
        bool isTail = opcode is Opcode.ReturnCall or Opcode.ReturnCallIndirect or Opcode.ReturnCallRef;
        int[] candidates = [.. Enumerable.Range(0, shape.Functions.Count).Where(function => !isTail || shape.SignatureOf(function).Results.SequenceEqual(signature.Results))];
        if (candidates.Length == 0 || (isTail && isInProtectedCode && random.OneIn(2)))
        {
            return;
        }

        int callee = random.Pick(candidates);
        Signature called = shape.SignatureOf(callee);
        if (isTail)
        {
            Value(Types.I32, depth);
            Int32(3);
            Op(Opcode.I32And);
            Op(Opcode.I32Eqz);
            OpenIf([]);
            KeepLocals();
        }

        Values(called.Parameters, depth);
        switch (opcode)
        {
            case Opcode.Call or Opcode.ReturnCall:
                Op(opcode, callee);
                break;
            case Opcode.CallIndirect or Opcode.ReturnCallIndirect:
                // The last of the tables of functions has each at its own place, and nobody writes to it.
                int table = IsCareful() ? shape.Tables.Count - 1 : 0;
                EncodedType address = shape.Tables[table].Address;
                Number(address, callee);
                if (!IsCareful())
                {
                    Value(address, depth);
                    Mask(address, 15);
                    Op(address == Types.I64 ? Opcode.I64Xor : Opcode.I32Xor);
                }

                Op(opcode, shape.FirstSignature + shape.Functions[callee], table);
                break;
            default:
                ReferenceValue(IsCareful() ? Types.NonNull(shape.FirstSignature + shape.Functions[callee]) : Types.Null(shape.FirstSignature + shape.Functions[callee]), depth);
                Op(opcode, shape.FirstSignature + shape.Functions[callee]);
                break;
        }

        if (isTail)
        {
            Close();
        }
        else
        {
            Keep(called.Results);
        }
    }
}
