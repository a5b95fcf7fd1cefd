using Wherry.Binary;
using Wherry.Instructions;

namespace Wherry.Compilation.Outlining;

/// <summary>
/// Which locals are read later, for each place of a function. It goes backward over the code until nothing changes: what is live at a block's end is known when the
/// branches to it are met, but for loops, whose label is at their start.
/// </summary>
internal sealed class LocalLiveness
{
    // A few are enough for code that people write; each loop in a loop can take one more.
    private const int MaximumPasses = 50;

    private readonly int _localCount;
    private readonly List<Step> _steps = [];
    private readonly List<int> _labelLists = [];
    private readonly List<LocalSet> _labels = [];
    private readonly List<LocalSet?> _elses = [];
    private readonly Dictionary<int, LocalSet> _places = [];

    private LocalLiveness(int localCount) => _localCount = localCount;

    private enum StepKind : byte
    {
        Read,
        Write,
        LoopStart,
        IfStart,
        Else,
        End,
        Branch,
        BranchIf,
        BranchTable,
        Leave,
    }

    /// <param name="places">The offsets that will be asked for, in order.</param>
    /// <returns>Null if it would take too long.</returns>
    public static LocalLiveness? Analyze(ModuleDefinition definition, FunctionBody body, int localCount, IReadOnlyList<int> places)
    {
        var liveness = new LocalLiveness(localCount);
        liveness.Read(definition.Bytes.Span, body);
        int passes = 0;
        while (liveness.Pass(null))
        {
            if (++passes == MaximumPasses)
            {
                return null;
            }
        }

        liveness.Pass(places);
        return liveness;
    }

    /// <summary>What is live before the instruction at an offset.</summary>
    public LocalSet At(int offset) => _places[offset];

    /// <summary>What is live where branches to a block go, by the order in which blocks start; the function itself is -1.</summary>
    public LocalSet AtLabel(int block) => _labels[block + 1];

    private void Read(ReadOnlySpan<byte> bytes, FunctionBody body)
    {
        var open = new List<(int Block, bool IsLoop)> { (0, false) };
        AddBlock();
        var reader = new InstructionReader(bytes, body.CodeOffset, body.End);
        while (reader.Next())
        {
            switch (reader.Opcode)
            {
                case Opcode.LocalGet:
                    Add(StepKind.Read, reader.Index, reader.Offset);
                    break;
                case Opcode.LocalSet:
                case Opcode.LocalTee:
                    Add(StepKind.Write, reader.Index, reader.Offset);
                    break;
                case Opcode.Block:
                    open.Add((AddBlock(), false));
                    break;
                case Opcode.Loop:
                    open.Add((AddBlock(), true));
                    Add(StepKind.LoopStart, open[^1].Block, reader.Offset);
                    break;
                case Opcode.If:
                    open.Add((AddBlock(), false));
                    Add(StepKind.IfStart, open[^1].Block, reader.Offset);
                    break;
                case Opcode.Else:
                    _elses[open[^1].Block] = new LocalSet(_localCount);
                    Add(StepKind.Else, open[^1].Block, reader.Offset);
                    break;
                case Opcode.End:
                    if (!open[^1].IsLoop)
                    {
                        Add(StepKind.End, open[^1].Block, reader.Offset);
                    }

                    open.RemoveAt(open.Count - 1);
                    break;
                case Opcode.Br:
                    Add(StepKind.Branch, open[open.Count - 1 - reader.Index].Block, reader.Offset);
                    break;
                case Opcode.BrIf:
                case Opcode.BrOnNull:
                case Opcode.BrOnNonNull:
                case Opcode.BrOnCast:
                case Opcode.BrOnCastFail:
                case Opcode.BrOnCastDescEq:
                case Opcode.BrOnCastDescEqFail:
                    Add(StepKind.BranchIf, open[open.Count - 1 - reader.Index].Block, reader.Offset);
                    break;
                case Opcode.BrTable:
                    Add(StepKind.BranchTable, _labelLists.Count, reader.Offset);
                    _labelLists.Add(reader.Labels.Length);
                    foreach (int label in reader.Labels)
                    {
                        _labelLists.Add(open[open.Count - 1 - label].Block);
                    }

                    break;
                case Opcode.Return:
                case Opcode.Unreachable:
                case Opcode.ReturnCall:
                case Opcode.ReturnCallIndirect:
                case Opcode.ReturnCallRef:
                case Opcode.Throw:
                case Opcode.ThrowRef:
                    Add(StepKind.Leave, 0, reader.Offset);
                    break;
            }
        }
    }

    private void Add(StepKind kind, int operand, int offset) => _steps.Add(new Step(kind, operand, offset));

    private int AddBlock()
    {
        _labels.Add(new LocalSet(_localCount));
        _elses.Add(null);
        return _labels.Count - 1;
    }

    /// <returns>Whether more is live at a loop's start than was known.</returns>
    private bool Pass(IReadOnlyList<int>? places)
    {
        bool changed = false;
        var live = new LocalSet(_localCount);
        int place = (places?.Count ?? 0) - 1;
        for (int i = _steps.Count - 1; i >= 0; i--)
        {
            Step step = _steps[i];

            // A place lies between the steps before and behind it.
            while (place >= 0 && places![place] > step.Offset)
            {
                Keep(places[place--], live);
            }

            switch (step.Kind)
            {
                case StepKind.Read:
                    live[step.Operand] = true;
                    break;
                case StepKind.Write:
                    live[step.Operand] = false;
                    break;
                case StepKind.LoopStart:
                    changed |= _labels[step.Operand].UnionWith(live);
                    break;
                case StepKind.IfStart:
                    live.UnionWith(_elses[step.Operand] ?? _labels[step.Operand]);
                    break;
                case StepKind.Else:
                    _elses[step.Operand]!.CopyFrom(live);
                    live.CopyFrom(_labels[step.Operand]);
                    break;
                case StepKind.End:
                    _labels[step.Operand].CopyFrom(live);
                    break;
                case StepKind.Branch:
                    live.CopyFrom(_labels[step.Operand]);
                    break;
                case StepKind.BranchIf:
                    live.UnionWith(_labels[step.Operand]);
                    break;
                case StepKind.BranchTable:
                    live.Clear();
                    int count = _labelLists[step.Operand];
                    for (int label = 1; label <= count; label++)
                    {
                        live.UnionWith(_labels[_labelLists[step.Operand + label]]);
                    }

                    break;
                case StepKind.Leave:
                    live.Clear();
                    break;
            }
        }

        while (place >= 0)
        {
            Keep(places![place--], live);
        }

        return changed;
    }

    private void Keep(int place, LocalSet live)
    {
        var kept = new LocalSet(_localCount);
        kept.CopyFrom(live);
        _places[place] = kept;
    }

    private readonly record struct Step(StepKind Kind, int Operand, int Offset);
}
