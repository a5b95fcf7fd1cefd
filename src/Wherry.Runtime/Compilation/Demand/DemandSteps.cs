using System.Numerics;
using System.Runtime.InteropServices;
using System.Runtime.Intrinsics;
using Wherry.Binary;
using Wherry.Instructions;

namespace Wherry.Compilation.Demand;

/// <summary>A function's instructions as steps of <see cref="LoadDemand"/>.</summary>
internal sealed class DemandSteps
{
    private const int AllBytes = 16;

    private readonly ModuleDefinition _definition;
    private readonly Func<int, bool, bool> _isInlined;
    private readonly List<DemandStep> _steps = [];
    private readonly List<int> _branchTables = [];
    private readonly List<Open> _open = [];

    // What is known of the operands that were pushed last.
    private readonly List<Known> _known = [];

    private DemandSteps(ModuleDefinition definition, Func<int, bool, bool> isInlined)
    {
        _definition = definition;
        _isInlined = isInlined;
    }

    private enum KnownForm : byte
    {
        Nothing,
        Constant,
        Local,
    }

    public int Count => _steps.Count;

    public bool HasLoads { get; private set; }

    /// <summary>How many values a branch to each block carries, by the order in which blocks start. The function itself is the first.</summary>
    public List<int> Blocks { get; } = [];

    public DemandStep this[int index] => _steps[index];

    public ReadOnlySpan<DemandStep> AsSpan() => CollectionsMarshal.AsSpan(_steps);

    public static DemandSteps Read(ModuleDefinition definition, FunctionBody body, int resultCount, Func<int, bool, bool> isInlined)
    {
        var steps = new DemandSteps(definition, isInlined);
        steps._steps.Capacity = ((body.End - body.CodeOffset) / 2) + 2;
        steps.OpenBlock(Opcode.Block, 0, resultCount);
        steps._steps.Add(new DemandStep(DemandEffect.BlockStart, 0, 0, resultCount, body.CodeOffset));
        var reader = new InstructionReader(definition.Bytes.Span, body.CodeOffset, body.End);
        while (reader.Next())
        {
            steps.Add(ref reader);
        }

        // What the function returns is needed.
        steps._steps.Add(new DemandStep(DemandEffect.All, 0, resultCount, 0, body.End));
        return steps;
    }

    /// <summary>The blocks that a br_table names, the default one last.</summary>
    public ReadOnlySpan<int> GetBranchTable(int start) => CollectionsMarshal.AsSpan(_branchTables).Slice(start + 1, _branchTables[start]);

    private void Add(ref InstructionReader reader)
    {
        switch (reader.Opcode)
        {
            case Opcode.Nop:
                break;
            case Opcode.LocalGet:
                Step(ref reader, DemandEffect.Get, reader.Index, 0, 1);
                _known[^1] = new Known(KnownForm.Local, reader.Index);
                break;
            case Opcode.LocalSet:
                Step(ref reader, DemandEffect.Set, reader.Index, 1, 0);
                ForgetLocal(reader.Index);
                break;
            case Opcode.LocalTee:
                Step(ref reader, DemandEffect.Tee, reader.Index, 1, 1);
                ForgetLocal(reader.Index);
                break;
            case Opcode.I32Const:
            case Opcode.I64Const:
                Step(ref reader, DemandEffect.None, 0, 0, 1);
                _known[^1] = new Known(KnownForm.Constant, reader.Integer);
                break;
            case Opcode.V128Const:
                Step(ref reader, DemandEffect.None, 0, 0, 1);
                if (reader.Vector == Vector128<byte>.Zero || reader.Vector == Vector128<byte>.AllBitsSet)
                {
                    _known[^1] = new Known(KnownForm.Constant, 0);
                }

                break;
            case Opcode.GlobalGet:
                Step(ref reader, DemandEffect.None, 0, 0, 1);
                break;
            case Opcode.GlobalSet:
                Step(ref reader, DemandEffect.All, 0, 1, 0);
                break;
            case Opcode.Drop:
                Step(ref reader, DemandEffect.None, 0, 1, 0);
                break;
            case Opcode.Select:
            case Opcode.SelectTyped:
                // Of two values of which one is chosen by a constant, the other is dead.
                Step(ref reader, IsConstant(1) ? DemandEffect.None : DemandEffect.Select, 0, 3, 1);
                break;
            case Opcode.Call when _isInlined(reader.Index, false):
                // It may need less of its operands than a call.
                FunctionType inlined = _definition.Functions[reader.Index].Function!;
                Step(ref reader, DemandEffect.None, 0, inlined.Parameters.Length, inlined.Results.Length);
                break;
            case Opcode.Call:
                Call(ref reader, _definition.Functions[reader.Index].Function!, 0);
                break;
            case Opcode.CallIndirect:
            case Opcode.CallRef:
                Call(ref reader, _definition.Types[reader.Index].Function!, 1);
                break;
            case Opcode.ReturnCall when _isInlined(reader.Index, true):
                Step(ref reader, DemandEffect.None, 0, _definition.Functions[reader.Index].Function!.Parameters.Length, 0);
                Leave(ref reader, 0);
                break;
            case Opcode.ReturnCall:
                Leave(ref reader, _definition.Functions[reader.Index].Function!.Parameters.Length);
                break;
            case Opcode.ReturnCallIndirect:
            case Opcode.ReturnCallRef:
                Leave(ref reader, _definition.Types[reader.Index].Function!.Parameters.Length + 1);
                break;
            case Opcode.Return:
                Leave(ref reader, Blocks[0]);
                break;
            case Opcode.Unreachable:
            case Opcode.Throw:
            case Opcode.ThrowRef:
            case Opcode.Rethrow:
                Leave(ref reader, 0);
                break;
            default:
                if (!TryAddControl(ref reader))
                {
                    AddOperation(ref reader);
                }

                break;
        }
    }

    private bool TryAddControl(ref InstructionReader reader)
    {
        switch (reader.Opcode)
        {
            case Opcode.Block:
            case Opcode.Loop:
            case Opcode.Try:
            case Opcode.TryTable:
                StartBlock(ref reader, reader.Opcode == Opcode.Loop ? DemandEffect.LoopStart : DemandEffect.BlockStart);
                return true;
            case Opcode.If:
                AddIf(ref reader);
                return true;
            case Opcode.Else:
            case Opcode.Catch:
            case Opcode.CatchAll:
                _known.Clear();
                Step(ref reader, DemandEffect.Else, _open[^1].Block, 0, 0);
                return true;
            case Opcode.End:
            case Opcode.Delegate:
                Open open = _open[^1];
                _open.RemoveAt(_open.Count - 1);
                _known.Clear();
                Step(ref reader, open.Opcode == Opcode.Loop ? DemandEffect.LoopEnd : DemandEffect.End, open.Block, 0, open.Results);
                _known.Clear();
                return true;
            case Opcode.Br:
                Step(ref reader, DemandEffect.Branch, Target(reader.Index), 0, 0);
                _known.Clear();
                return true;
            case Opcode.BrIf:
                AddBranchIf(ref reader);
                return true;
            case Opcode.BrTable:
                Step(ref reader, DemandEffect.BranchTable, _branchTables.Count, 0, 0);
                _branchTables.Add(reader.Labels.Length);
                foreach (int label in reader.Labels)
                {
                    _branchTables.Add(Target(label));
                }

                _known.Clear();
                return true;
            default:
                return false;
        }
    }

    private void AddIf(ref InstructionReader reader)
    {
        DemandEffect effect = DemandEffect.IfStart;
        if (IsConstant(1))
        {
            effect = _known[^1].Value != 0 ? DemandEffect.BlockStart : DemandEffect.SkippedIfStart;
        }
        else if (NextIs(ref reader, Opcode.End) || NextIs(ref reader, Opcode.Else))
        {
            // Nobody needs to know which of two empty branches is taken.
            effect = DemandEffect.SkippedIfStart;
        }

        if (effect != DemandEffect.IfStart)
        {
            Step(ref reader, DemandEffect.None, 0, 1, 0);
        }

        StartBlock(ref reader, effect);
    }

    private void AddBranchIf(ref InstructionReader reader)
    {
        bool isConstant = IsConstant(1);
        bool isTaken = isConstant && _known[^1].Value != 0;
        bool isNeedless = reader.Index == 0 && _open[^1].Opcode != Opcode.Loop && NextIs(ref reader, Opcode.End);
        _known.Clear();
        if (isTaken)
        {
            Step(ref reader, DemandEffect.None, 0, 1, 0);
            Step(ref reader, DemandEffect.Branch, Target(reader.Index), 0, 0);
        }
        else if (isConstant || isNeedless)
        {
            Step(ref reader, DemandEffect.None, 0, 1, 0);
        }
        else
        {
            Step(ref reader, DemandEffect.BranchIf, Target(reader.Index), 0, 0);
        }
    }

    private void AddOperation(ref InstructionReader reader)
    {
        Instruction instruction = reader.Instruction;
        if (!instruction.HasFixedSignature)
        {
            _known.Clear();
            Step(ref reader, DemandEffect.Unknown, 0, 0, 0);
            return;
        }

        (DemandEffect effect, int operand) = Classify(ref reader);
        HasLoads |= effect == DemandEffect.Load;
        Step(ref reader, effect, operand, instruction.Parameters.Length, instruction.Results.Length);
    }

    private (DemandEffect Effect, int Operand) Classify(ref InstructionReader reader)
    {
        Instruction instruction = reader.Instruction;
        switch (reader.Opcode)
        {
            case >= Opcode.I32Store and <= Opcode.I64Store32:
            case Opcode.V128Store:
                return (DemandEffect.Store, 1 << instruction.AccessLog2);
            case >= Opcode.I32Eqz and <= Opcode.F64Ge:
                return (IsKnownComparison(reader.Opcode) ? DemandEffect.None : DemandEffect.AllIfNeeded, 0);
            case Opcode.I32Add or Opcode.I64Add or Opcode.I32Shl or Opcode.I64Shl:
                return (DemandEffect.Low, AllBytes);
            case Opcode.I32Sub or Opcode.I64Sub or Opcode.I32Xor or Opcode.I64Xor:
                return (IsSameLocalTwice() ? DemandEffect.None : DemandEffect.Low, AllBytes);
            case Opcode.I32Mul or Opcode.I64Mul or Opcode.I32Or or Opcode.I64Or:
                return FindConstant() is 0 or -1 ? (DemandEffect.Part, 0) : (DemandEffect.Low, AllBytes);
            case Opcode.I32And or Opcode.I64And:
                return FindConstant() is not long mask ? (DemandEffect.Part, 0) : (DemandEffect.Low, CountBytes(mask));
            case Opcode.I32RemU or Opcode.I64RemU when IsConstant(1):
                return (DemandEffect.Low, CountBytes(_known[^1].Value - 1));
            case Opcode.I32WrapI64 or Opcode.I64Extend32S or Opcode.I64ExtendI32S or Opcode.I64ExtendI32U:
                return (DemandEffect.Low, 4);
            case Opcode.I32Extend8S or Opcode.I64Extend8S:
                return (DemandEffect.Low, 1);
            case Opcode.I32Extend16S or Opcode.I64Extend16S:
                return (DemandEffect.Low, 2);
            case Opcode.I8x16Splat:
                return (DemandEffect.Low, 1);
            case Opcode.I16x8Splat:
                return (DemandEffect.Low, 2);
            case Opcode.I32x4Splat or Opcode.I64x2Splat or Opcode.F32x4Splat or Opcode.F64x2Splat:
                return (DemandEffect.Low, AllBytes);
            case >= Opcode.I32ReinterpretF32 and <= Opcode.F64ReinterpretI64:
                return (DemandEffect.Low, AllBytes);
        }

        if (instruction.AccessLog2 >= 0 && instruction.Results.Length == 1 && ((instruction.Feature & WasmFeatures.Threads) == 0 || instruction.Parameters.Length == 1))
        {
            // No atomic access reaches beyond the memory's end in part, but one that nobody needs may be left out as any other. Those that write are not.
            return (DemandEffect.Load, 1 << instruction.AccessLog2);
        }

        if (instruction.Immediate == Immediate.MemoryArgumentLane)
        {
            return (DemandEffect.Store, 1);
        }

        if (instruction.Results.Length == 0 || instruction.AccessLog2 >= 0 || instruction.Parameters is [Operand.Address, ..])
        {
            return (DemandEffect.All, 0);
        }

        return (IsOnLanesOfVectors(reader.Opcode) || FindConstantVector(instruction) || IsSameLocalTwice() ? DemandEffect.Part : DemandEffect.AllIfNeeded, 0);
    }

    // What may be done with a part of the operands' lanes. The arithmetic of relaxed and plain SIMD on all lanes is not among them.
    private static bool IsOnLanesOfVectors(Opcode opcode) =>
        opcode is >= Opcode.I8x16Shuffle and <= Opcode.F64x2ReplaceLane
        || InstructionTable.Get(opcode) is { Parameters: [Operand.V128, ..], Name: var name }
            && (name.Contains("_low_", StringComparison.Ordinal) || name.Contains("_high_", StringComparison.Ordinal) || name.EndsWith("_zero", StringComparison.Ordinal)
                || name.Contains("promote", StringComparison.Ordinal) || name.Contains("narrow", StringComparison.Ordinal));

    private bool FindConstantVector(Instruction instruction)
    {
        for (int i = 1; i <= instruction.Parameters.Length; i++)
        {
            if (IsConstant(i) && instruction.Parameters[^i] == Operand.V128)
            {
                return true;
            }
        }

        return false;
    }

    // eqz eq ne lt_s lt_u gt_s gt_u le_s le_u ge_s ge_u
    private bool IsKnownComparison(Opcode opcode)
    {
        if (opcode is Opcode.I32Eqz or Opcode.I64Eqz or >= Opcode.F32Eq)
        {
            return false;
        }

        if (IsSameLocalTwice())
        {
            return true;
        }

        bool is64Bit = opcode > Opcode.I64Eqz;
        int relation = opcode - (is64Bit ? Opcode.I64Eq : Opcode.I32Eq);
        long constant;
        if (IsConstant(1))
        {
            constant = _known[^1].Value;
        }
        else if (IsConstant(2))
        {
            constant = _known[^2].Value;
            relation = relation switch { 2 or 3 => relation + 2, 4 or 5 => relation - 2, 6 or 7 => relation + 2, 8 or 9 => relation - 2, _ => relation };
        }
        else
        {
            return false;
        }

        long least = is64Bit ? long.MinValue : int.MinValue;
        return relation switch
        {
            2 or 8 => constant == least,
            3 or 9 => constant == 0,
            4 or 6 => constant == ~least,
            5 or 7 => constant == -1,
            _ => false,
        };
    }

    private bool IsSameLocalTwice() =>
        _known.Count >= 2 && _known[^1].Form == KnownForm.Local && _known[^1] == _known[^2];

    private bool IsConstant(int fromTop) => _known.Count >= fromTop && _known[^fromTop].Form == KnownForm.Constant;

    private long? FindConstant() => IsConstant(1) ? _known[^1].Value : IsConstant(2) ? _known[^2].Value : null;

    private static int CountBytes(long mask) => mask < 0 ? AllBytes : (int)BitOperations.RoundUpToPowerOf2((uint)(64 - BitOperations.LeadingZeroCount((ulong)mask) + 7) / 8);

    private static bool NextIs(ref InstructionReader reader, Opcode opcode)
    {
        InstructionReader next = reader;
        return next.Next() && next.Opcode == opcode;
    }

    private int Target(int depth) => _open[_open.Count - 1 - depth].Block;

    private void Call(ref InstructionReader reader, FunctionType type, int more) =>
        Step(ref reader, DemandEffect.All, 0, type.Parameters.Length + more, type.Results.Length);

    private void Leave(ref InstructionReader reader, int operands)
    {
        _known.Clear();
        _steps.Add(new DemandStep(DemandEffect.Leave, 0, operands, 0, reader.Offset));
    }

    private void StartBlock(ref InstructionReader reader, DemandEffect effect)
    {
        (int parameters, int results) = reader.BlockType.Kind switch
        {
            BlockTypeKind.Empty => (0, 0),
            BlockTypeKind.Value => (0, 1),
            _ => (_definition.Types[reader.BlockType.TypeIndex].Function!.Parameters.Length, _definition.Types[reader.BlockType.TypeIndex].Function!.Results.Length),
        };
        _known.Clear();
        _steps.Add(new DemandStep(effect, OpenBlock(reader.Opcode, parameters, results), parameters, results, reader.Offset));
    }

    private int OpenBlock(Opcode opcode, int parameters, int results)
    {
        _open.Add(new Open(opcode, Blocks.Count, results));
        Blocks.Add(opcode == Opcode.Loop ? parameters : results);
        return Blocks.Count - 1;
    }

    private void Step(ref InstructionReader reader, DemandEffect effect, int operand, int pops, int pushes)
    {
        _steps.Add(new DemandStep(effect, operand, pops, pushes, reader.Offset));
        CollectionsMarshal.SetCount(_known, Math.Max(0, _known.Count - pops));
        for (int i = 0; i < pushes; i++)
        {
            _known.Add(default);
        }
    }

    private void ForgetLocal(int local)
    {
        foreach (ref Known known in CollectionsMarshal.AsSpan(_known))
        {
            if (known.Form == KnownForm.Local && known.Value == local)
            {
                known = default;
            }
        }
    }

    private readonly record struct Known(KnownForm Form, long Value);

    private readonly record struct Open(Opcode Opcode, int Block, int Results);
}
