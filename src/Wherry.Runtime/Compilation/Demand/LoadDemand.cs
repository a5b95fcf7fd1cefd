using System.Runtime.Intrinsics;
using Wherry.Binary;

namespace Wherry.Compilation.Demand;

/// <summary>
/// Finds the loads of which fewer bytes may be needed than they read. The JIT shortens such loads: of one whose result is dead it makes a probe for null, and one of which
/// the code takes the lower half becomes a smaller one. A load that reaches beyond the memory's last byte would then not trap. This goes backward over the code, with the number of
/// bytes that are needed of each local and operand, until nothing changes. What it doesn't know it takes for not needed, so that it finds too many loads rather than too few.
/// </summary>
internal sealed class LoadDemand
{
    /// <summary>All bytes, of whatever type.</summary>
    private const byte All = 16;

    // A few are enough for code that people write. Of what takes longer, all loads are taken to be shortened.
    private const int MaximumPasses = 30;
    private const long MaximumState = 1 << 26;

    private readonly DemandSteps _steps;
    private readonly byte[] _locals;
    private readonly byte[]?[] _labels;
    private readonly byte[]?[] _elses;
    private readonly byte[][] _carried;
    private readonly Stack<int> _bases = new();

    // All blocks' operands. Those of the current block start at the base: below it lie those of the blocks around it, from their ends.
    private byte[] _operands = new byte[64];
    private int _count;
    private int _base;

    private LoadDemand(DemandSteps steps, int localCount)
    {
        _steps = steps;
        _locals = new byte[localCount];
        _labels = new byte[steps.Blocks.Count][];
        _elses = new byte[steps.Blocks.Count][];
        _carried = new byte[steps.Blocks.Count][];
        for (int i = 0; i < _carried.Length; i++)
        {
            _carried[i] = new byte[steps.Blocks[i]];
        }
    }

    /// <param name="isInlined">Whether a function's code is written in place of calls to it, or of tail calls.</param>
    /// <returns>The offsets of such loads; null if there are none.</returns>
    public static HashSet<int>? FindShortened(ModuleDefinition definition, FunctionBody body, int resultCount, int localCount, Func<int, bool, bool> isInlined)
    {
        DemandSteps steps = DemandSteps.Read(definition, body, resultCount, isInlined);
        if (!steps.HasLoads)
        {
            return null;
        }

        var demand = new LoadDemand(steps, localCount);
        if ((long)localCount * steps.Blocks.Count > MaximumState)
        {
            return demand.FindLoads(_ => true);
        }

        var needed = new byte[steps.Count];
        int passes = 0;
        while (demand.Pass(needed))
        {
            if (++passes == MaximumPasses)
            {
                return demand.FindLoads(_ => true);
            }
        }

        return demand.FindLoads(step => needed[step] < steps[step].Operand);
    }

    private HashSet<int>? FindLoads(Predicate<int> isShortened)
    {
        HashSet<int>? found = null;
        for (int i = 0; i < _steps.Count; i++)
        {
            if (_steps[i].Effect == DemandEffect.Load && isShortened(i))
            {
                _ = (found ??= []).Add(_steps[i].Offset);
            }
        }

        return found;
    }

    /// <param name="needed">Gets what is needed of each load.</param>
    /// <returns>Whether more is needed at a loop's start than was known.</returns>
    private bool Pass(byte[] needed)
    {
        bool changed = false;
        Array.Clear(_locals);
        _bases.Clear();
        _count = 0;
        _base = 0;
        ReadOnlySpan<DemandStep> steps = _steps.AsSpan();
        for (int i = steps.Length - 1; i >= 0; i--)
        {
            ref readonly DemandStep step = ref steps[i];
            switch (step.Effect)
            {
                case DemandEffect.Get:
                    byte read = Pop();
                    _locals[step.Operand] = Math.Max(_locals[step.Operand], read);
                    break;
                case DemandEffect.Set:
                    Push(1, _locals[step.Operand]);
                    _locals[step.Operand] = 0;
                    break;
                case DemandEffect.Tee:
                    Push(1, Math.Max(Pop(), _locals[step.Operand]));
                    _locals[step.Operand] = 0;
                    break;
                case DemandEffect.All:
                    _ = PopMany(step.Pushes);
                    Push(step.Pops, All);
                    break;
                case DemandEffect.AllIfNeeded:
                    Push(step.Pops, PopMany(step.Pushes) > 0 ? All : (byte)0);
                    break;
                case DemandEffect.Low:
                    Push(step.Pops, Math.Min(PopMany(step.Pushes), (byte)step.Operand));
                    break;
                case DemandEffect.Part:
                    Push(step.Pops, Math.Min(PopMany(step.Pushes), (byte)1));
                    break;
                case DemandEffect.None:
                    _ = PopMany(step.Pushes);
                    Push(step.Pops, 0);
                    break;
                case DemandEffect.Store:
                    Push(1, All);
                    Push(1, (byte)step.Operand);
                    break;
                case DemandEffect.Load:
                    byte result = Pop();
                    needed[i] = result;
                    Push(1, All);
                    Push(step.Pops - 1, result);
                    break;
                case DemandEffect.Select:
                    byte selected = Pop();
                    Push(2, selected);
                    Push(1, selected > 0 ? All : (byte)0);
                    break;
                case DemandEffect.Unknown:
                    _count = _base;
                    break;
                default:
                    changed |= PassControl(in step);
                    break;
            }
        }

        return changed;
    }

    private bool PassControl(in DemandStep step)
    {
        switch (step.Effect)
        {
            case DemandEffect.End:
                StartBlock(step);
                _labels[step.Operand] ??= new byte[_locals.Length];
                _locals.CopyTo(_labels[step.Operand]!, 0);
                _operands.AsSpan(_base, _count - _base).CopyTo(_carried[step.Operand]);
                return false;
            case DemandEffect.LoopEnd:
                StartBlock(step);
                return false;
            case DemandEffect.BlockStart:
                EndBlock(step);
                return false;
            case DemandEffect.LoopStart:
                EndBlock(step);
                return RaiseLoop(step);
            case DemandEffect.Else:
                byte[] start = _elses[step.Operand] ??= new byte[_locals.Length];
                _locals.CopyTo(start, 0);
                GoTo(step.Operand);
                return false;
            case DemandEffect.IfStart:
                EndBlock(step);
                Raise(_locals, _elses[step.Operand] ?? _labels[step.Operand]);
                Push(1, All);
                return false;
            case DemandEffect.SkippedIfStart:
                EndBlock(step);
                Array.Clear(_locals);
                Raise(_locals, _elses[step.Operand] ?? _labels[step.Operand]);
                return false;
            case DemandEffect.Branch:
                GoTo(step.Operand);
                return false;
            case DemandEffect.BranchIf:
                BranchMaybe(step.Operand);
                Push(1, All);
                return false;
            case DemandEffect.BranchTable:
                PassBranchTable(step);
                return false;
            default:
                Array.Clear(_locals);
                _count = _base;
                Push(step.Pops, All);
                return false;
        }
    }

    private void PassBranchTable(in DemandStep step)
    {
        ReadOnlySpan<int> blocks = _steps.GetBranchTable(step.Operand);
        GoTo(blocks[^1]);
        foreach (int block in blocks[..^1])
        {
            BranchMaybe(block);
        }

        Push(1, All);
    }

    // What lies under a block's results waits until its start.
    private void StartBlock(in DemandStep step)
    {
        int results = Math.Min(step.Pushes, _count - _base);
        _bases.Push(_base);
        _base = _count - results;
        PushMissing(step.Pushes - results);
    }

    private void EndBlock(in DemandStep step)
    {
        int parameters = Math.Min(step.Pops, _count - _base);
        Array.Copy(_operands, _count - parameters, _operands, _base, parameters);
        _count = _base + parameters;
        PushMissing(step.Pops - parameters);
        _base = _bases.Pop();
    }

    // What is missing is not known to be needed. It lies under what is there.
    private void PushMissing(int count)
    {
        if (count > 0)
        {
            int present = _count - _base;
            Push(count, 0);
            Array.Copy(_operands, _base, _operands, _base + count, present);
            Array.Clear(_operands, _base, count);
        }
    }

    private bool RaiseLoop(in DemandStep step)
    {
        byte[] label = _labels[step.Operand] ??= new byte[_locals.Length];
        bool changed = Raise(label, _locals);
        byte[] carried = _carried[step.Operand];
        for (int i = 0; i < carried.Length; i++)
        {
            byte needed = _operands[_count - carried.Length + i];
            changed |= needed > carried[i];
            carried[i] = Math.Max(carried[i], needed);
        }

        return changed;
    }

    private void GoTo(int block)
    {
        if (_labels[block] is { } label)
        {
            label.CopyTo(_locals, 0);
        }
        else
        {
            Array.Clear(_locals);
        }

        _count = _base;
        byte[] carried = _carried[block];
        Push(carried.Length, 0);
        carried.CopyTo(_operands, _base);
    }

    private void BranchMaybe(int block)
    {
        Raise(_locals, _labels[block]);
        byte[] carried = _carried[block];
        for (int i = 1; i <= Math.Min(carried.Length, _count - _base); i++)
        {
            _operands[_count - i] = Math.Max(_operands[_count - i], carried[^i]);
        }
    }

    // Functions of some compilers have hundreds of locals and thousands of blocks.
    private static bool Raise(byte[] state, byte[]? other)
    {
        bool changed = false;
        if (other is not null)
        {
            int i = 0;
            for (; i <= state.Length - Vector128<byte>.Count; i += Vector128<byte>.Count)
            {
                Vector128<byte> before = Vector128.Create(state, i);
                Vector128<byte> raised = Vector128.Max(before, Vector128.Create(other, i));
                changed |= raised != before;
                raised.CopyTo(state, i);
            }

            for (; i < state.Length; i++)
            {
                if (other[i] > state[i])
                {
                    state[i] = other[i];
                    changed = true;
                }
            }
        }

        return changed;
    }

    // What is missing is not known to be needed.
    private byte Pop() => _count == _base ? (byte)0 : _operands[--_count];

    private byte PopMany(int count)
    {
        byte most = 0;
        for (int i = 0; i < count; i++)
        {
            most = Math.Max(most, Pop());
        }

        return most;
    }

    private void Push(int count, byte needed)
    {
        if (_count + count > _operands.Length)
        {
            Array.Resize(ref _operands, 2 * (_count + count));
        }

        for (int i = 0; i < count; i++)
        {
            _operands[_count++] = needed;
        }
    }
}
