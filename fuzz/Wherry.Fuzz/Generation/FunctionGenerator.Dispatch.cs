using Wherry.Instructions;
using Wherry.Text;

namespace Wherry.Fuzz.Generation;

/// <summary>
/// Loops that begin by branching on something by a table, as those of interpreters and of Go's functions do: the engine writes such heads again at the branches back, and goes straight to where a constant
/// leads.
/// </summary>
internal sealed partial class FunctionGenerator
{
    private static readonly Opcode[] IntegerOperators =
    [
        Opcode.I32Add, Opcode.I32Sub, Opcode.I32Mul, Opcode.I32And, Opcode.I32Or, Opcode.I32Xor, Opcode.I32Shl, Opcode.I32ShrS, Opcode.I32ShrU, Opcode.I32Rotl,
        Opcode.I32Eq, Opcode.I32LtS, Opcode.I32LtU, Opcode.I32GeU,
    ];

    // Those whose arms are being written, the innermost last.
    private readonly List<Dispatcher> dispatchers = [];

    /// <summary>A loop that dispatches.</summary>
    /// <param name="Out">The place among the labels of the block around it.</param>
    /// <param name="Loop">That of the loop.</param>
    /// <param name="Selector">The local that it branches on, mostly.</param>
    /// <param name="Parameters">What the loop takes.</param>
    /// <param name="Results">What the block gives.</param>
    private sealed record Dispatcher(int Out, int Loop, int Selector, EncodedType[] Parameters, EncodedType[] Results);

    private int LevelOf(int place) => labels.Count - 1 - place;

    private void TryDispatch(int depth)
    {
        // As Go's compiler writes it: nothing but blocks and the local.
        bool isPlain = random.OneIn(3);
        EncodedType[] results = random.OneIn(2) ? [] : PickTypes(2);
        EncodedType[] parameters = !isPlain && random.OneIn(8) ? PickTypes(1) : [];
        EncodedType[] carried = !isPlain && random.OneIn(5) ? PickTypes(1) : [];
        EncodedType[] below = random.OneIn(3) ? PickTypes(2) : [];
        Values(below, depth);
        int selector = NewLocal(Types.I32);
        SimpleValue(1);
        Mask(Types.I32, 7);
        Op(Opcode.LocalSet, selector);
        Open(Opcode.Block, [], results);
        int outside = labels.Count - 1;
        Values(parameters, depth);
        Open(Opcode.Loop, parameters, results);
        var dispatcher = new Dispatcher(outside, labels.Count - 1, selector, parameters, results);
        dispatchers.Add(dispatcher);
        Keep(parameters);
        int arms = random.Next(1, 5);
        bool burns = !isPlain && random.OneIn(3);
        int burningArm = burns ? random.Next(arms + 1) : -1;
        for (int i = 0; i <= arms; i++)
        {
            if (i == burningArm)
            {
                BurnFuel(() => Leave(dispatcher));
            }

            if (!isPlain && random.OneIn(4))
            {
                HeadStatement(selector);
            }

            if (i < arms)
            {
                Open(Opcode.Block, [], carried);
            }
        }

        Values(carried, 1);
        if (isPlain)
        {
            Op(Opcode.LocalGet, selector);
        }
        else
        {
            Selector(selector);
        }

        Op(Opcode.BrTable);
        List<int> targets = [.. Enumerable.Range(0, arms)];
        if (carried.SequenceEqual(results))
        {
            targets.Add(LevelOf(dispatcher.Out));
        }

        if (burns && carried.SequenceEqual(parameters))
        {
            targets.Add(LevelOf(dispatcher.Loop));
        }

        int count = random.Next(1, 7);
        code.Unsigned(count);
        for (int i = 0; i <= count; i++)
        {
            code.Unsigned(i < arms && random.OneIn(2) ? i : random.Pick(targets));
        }

        for (int i = 0; i < arms; i++)
        {
            Close();
            Keep(carried);
            Arm(depth);
            Values(i == arms - 1 ? results : carried, 1);
        }

        dispatchers.RemoveAt(dispatchers.Count - 1);
        Close();
        Close();
        Keep(results);
        Keep(below);
    }

    /// <summary>What is done in one case, and where it goes from there.</summary>
    private void Arm(int depth)
    {
        if (random.OneIn(2))
        {
            Statement(depth);
        }

        Dispatcher dispatcher = dispatchers[random.OneIn(3) ? random.Next(dispatchers.Count) : dispatchers.Count - 1];
        switch (random.Next(9))
        {
            case 0 or 1:
                JumpBack(dispatcher);
                break;
            case 2:
                Condition();
                JumpBack(dispatcher);
                Close();
                break;
            case 3:
                // With operands under the block that is left, which are used behind it.
                EncodedType[] operands = [PickNumber(), .. PickTypes(1)];
                Values(operands, 1);
                Open(Opcode.Block, [], []);
                if (random.OneIn(2))
                {
                    Statement(depth);
                }

                SimpleValue(1);
                Op(Opcode.BrIf, 0);
                JumpBack(dispatcher);
                Close();
                Keep(operands);
                break;
            case 4:
                // With operands that nobody takes.
                Values(PickTypes(2), 1);
                JumpBack(dispatcher);
                break;
            case 5:
                BurnFuel(() => Leave(dispatcher));
                SetSelector(dispatcher.Selector);
                Values(dispatcher.Parameters, 1);
                SimpleValue(1);
                Op(Opcode.BrIf, LevelOf(dispatcher.Loop));
                Keep(dispatcher.Parameters);
                break;
            case 6 when dispatcher.Parameters.Length == 0:
                BurnFuel(() => Leave(dispatcher));
                SetSelector(dispatcher.Selector);
                Open(Opcode.Block, [], []);
                SimpleValue(1);
                Op(Opcode.BrTable, 3);
                foreach (int target in (int[])[0, LevelOf(dispatcher.Loop), 0, LevelOf(dispatcher.Loop)])
                {
                    code.Unsigned(target);
                }

                Close();
                break;
            case 7:
                Leave(dispatcher);
                break;
        }
    }

    private void Leave(Dispatcher dispatcher)
    {
        Defaults(dispatcher.Results);
        Op(Opcode.Br, LevelOf(dispatcher.Out));
    }

    private void JumpBack(Dispatcher dispatcher)
    {
        BurnFuel(() => Leave(dispatcher));
        SetSelector(dispatcher.Selector);
        if (random.OneIn(8))
        {
            // Something in between.
            HeadStatement(dispatcher.Selector, mayBranch: false);
        }

        Values(dispatcher.Parameters, 1);
        Op(Opcode.Br, LevelOf(dispatcher.Loop));
    }

    private void SetSelector(int selector)
    {
        switch (random.Next(10))
        {
            case 0 or 1 or 2 or 8 or 9:
                Int32(random.OneIn(8) ? (int)random.EdgeInteger(32) : random.Next(7));
                Op(Opcode.LocalSet, selector);
                break;
            case 3:
                Int32(random.Next(7));
                Op(Opcode.LocalTee, selector);
                Op(Opcode.Drop);
                break;
            case 4:
                Op(Opcode.LocalGet, selector);
                Int32(1);
                Op(Opcode.I32Add);
                Op(Opcode.LocalSet, selector);
                break;
            case 5:
                // Nothing is set: it goes the same way once more.
                break;
            default:
                SimpleValue(2);
                Mask(Types.I32, 7);
                Op(Opcode.LocalSet, selector);
                break;
        }
    }

    /// <summary>What is branched on.</summary>
    private void Selector(int selector)
    {
        int copy;
        switch (random.Next(12))
        {
            case 0:
                SimpleValue(2);
                Mask(Types.I32, 7);
                Op(Opcode.LocalTee, selector);
                break;
            case 1:
                Op(Opcode.LocalGet, selector);
                Mask(Types.I32, 3);
                break;
            case 2:
                Access(InstructionTable.Get(Opcode.I32Load8U), 0);
                Mask(Types.I32, 7);
                break;
            case 3:
                copy = NewLocal(Types.I32);
                Op(Opcode.LocalGet, selector);
                Op(Opcode.LocalSet, copy);
                Op(Opcode.LocalGet, copy);
                break;
            case 4:
                copy = NewLocal(Types.I64);
                Op(Opcode.LocalGet, selector);
                Op(Opcode.I64ExtendI32U);
                Op(Opcode.LocalTee, copy);
                Op(Opcode.I32WrapI64);
                break;
            case 5:
                Op(Opcode.LocalGet, selector);
                SimpleValue(1);
                SimpleValue(1);
                Op(Opcode.Select);
                break;
            case 6:
                // The old value is branched on, a new one is there for the next time.
                Op(Opcode.LocalGet, selector);
                Op(Opcode.LocalGet, selector);
                Int32(1);
                Op(Opcode.I32Add);
                Op(Opcode.LocalSet, selector);
                break;
            case 7:
                Open(Opcode.Block, [], [Types.I32]);
                Op(Opcode.LocalGet, selector);
                SimpleValue(1);
                Op(Opcode.BrIf, 0);
                Mask(Types.I32, 1);
                Close();
                break;
            default:
                Op(Opcode.LocalGet, selector);
                break;
        }
    }

    /// <summary>What may stand in a head that the engine writes again; the branches among it lead to other loops as well.</summary>
    private void HeadStatement(int selector, bool mayBranch = true)
    {
        switch (random.Next(mayBranch ? 8 : 4))
        {
            case 0 or 1:
                int local = FindLocal(Types.I32);
                SimpleValue(2);
                Op(Opcode.LocalSet, local < 0 ? selector : local);
                break;
            case 2:
                int global = FindGlobal(Types.I32, toSet: true);
                SimpleValue(1);
                Op(global < 0 ? Opcode.Drop : Opcode.GlobalSet);
                if (global >= 0)
                {
                    code.Unsigned(global);
                }

                break;
            case 3:
                Access(InstructionTable.Get(random.Pick<Opcode>([Opcode.I32Load, Opcode.I32Load16S, Opcode.I32Load8U])), 0);
                Op(Opcode.LocalSet, selector);
                break;
            case 4:
                Open(Opcode.Block, [], []);
                SimpleValue(1);
                Op(Opcode.BrIf, 0);
                SetSelector(selector);
                Close();
                break;
            case 5:
                Condition();
                SetSelector(selector);
                if (random.OneIn(2))
                {
                    Else();
                    HeadStatement(selector, mayBranch: false);
                }

                Close();
                break;
            case 6:
                Condition();
                JumpBack(random.Pick(dispatchers));
                Close();
                break;
            default:
                Dispatcher dispatcher = random.Pick(dispatchers);
                Values(dispatcher.Results, 0);
                SimpleValue(1);
                Int32(7);
                Op(Opcode.I32And);
                Op(Opcode.I32Eqz);
                Op(Opcode.BrIf, LevelOf(dispatcher.Out));
                Keep(dispatcher.Results);
                break;
        }
    }

    private void Condition()
    {
        SimpleValue(1);
        Int32(random.OneIn(2) ? 1 : 6);
        Op(Opcode.I32And);
        OpenIf([]);
    }

    /// <summary>An i32 of locals, globals, constants and simple operators.</summary>
    private void SimpleValue(int depth)
    {
        if (depth <= 0 || random.OneIn(3))
        {
            LeafValue(Types.I32);
            return;
        }

        SimpleValue(depth - 1);
        if (random.OneIn(6))
        {
            Op(Opcode.I32Eqz);
            return;
        }

        SimpleValue(depth - 1);
        Op(random.Pick(IntegerOperators));
    }
}
