using System.Numerics;
using Wherry.Binary;
using Wherry.Instructions;

namespace Wherry.Compilation.Bounds;

/// <summary>Follows what a loop's round does to locals that hold 32-bit integers, and finds its loads and stores whose addresses are known.</summary>
internal sealed class LoopRound(ModuleDefinition definition, FuelCosts costs, WasmValueKind[] kinds)
{
    private readonly List<LinearValue?> _stack = [];
    private readonly List<OpenBlock> _open = [];

    // What locals hold that were set in this round; others hold what they did at its start.
    private Dictionary<int, LinearValue?> _locals = [];
    private bool _isUnreachable;
    private int _skipped;

    public List<LinearAccess> Accesses { get; } = [];

    /// <summary>What a round costs that goes back, without the code that only some rounds pass.</summary>
    public long Cost { get; private set; }

    private sealed record OpenBlock(bool IsIf, int Height, int Results, Dictionary<int, LinearValue?> Before)
    {
        public HashSet<int> Set { get; } = [];
    }

    /// <returns>Whether the loop is one of those that can be followed.</returns>
    public bool Read(int position, int end)
    {
        var reader = new InstructionReader(definition.Bytes.Span, position, end);
        bool isBack = false;
        while (reader.Next())
        {
            if (isBack)
            {
                // The way back is not the last instruction.
                return false;
            }

            if (_isUnreachable && Skip(reader.Opcode))
            {
                continue;
            }

            if (_open.Count == 0)
            {
                Cost += costs.Of(reader.Opcode);
            }

            isBack = reader.Opcode is Opcode.Br or Opcode.BrIf && reader.Index == _open.Count;
            if (isBack && _open.Count > 0 || !TryRead(ref reader))
            {
                return false;
            }
        }

        return isBack;
    }

    /// <summary>How far a round moves an address.</summary>
    public bool TryGetStep(LinearValue address, out int step)
    {
        step = 0;
        foreach ((int local, int factor) in address.Terms)
        {
            if (_locals.TryGetValue(local, out LinearValue? end))
            {
                if (end is null || end.Spread > 0 || !end.HasTermsOf(LinearValue.OfLocal(local)))
                {
                    return false;
                }

                step = unchecked(step + (factor * end.Constant));
            }
        }

        // The one that has no opposite.
        return step != int.MinValue;
    }

    private bool TryRead(ref InstructionReader reader)
    {
        switch (reader.Opcode)
        {
            case Opcode.Nop:
                return true;
            case Opcode.Block:
            case Opcode.If:
                return TryOpen(ref reader);
            case Opcode.Else:
                return TryElse();
            case Opcode.End:
                return TryEnd();
            case Opcode.BrIf:
                return TryPop(1) && !CarriesValues(reader.Index);
            case Opcode.Br:
                _isUnreachable = true;
                return !CarriesValues(reader.Index);
            case Opcode.Return:
            case Opcode.Unreachable:
                _isUnreachable = true;
                return true;
            case Opcode.LocalGet:
                _stack.Add(Get(reader.Index));
                return true;
            case Opcode.LocalSet:
                return TryPop(out LinearValue? value) && Set(reader.Index, value);
            case Opcode.LocalTee:
                return _stack.Count > Floor && Set(reader.Index, _stack[^1]);
            case Opcode.I32Const:
                _stack.Add(LinearValue.OfConstant((int)reader.Integer));
                return true;
            case Opcode.I32Add:
                return TryCombine((left, right) => left.Plus(right, 1));
            case Opcode.I32Sub:
                return TryCombine((left, right) => left.Plus(right, -1));
            case Opcode.I32Mul:
                return TryCombine((left, right) => right is { Spread: 0, Terms: [] } ? Scale(left, right.Constant) : left is { Spread: 0, Terms: [] } ? Scale(right, left.Constant) : null);
            case Opcode.I32Shl:
                return TryCombine((left, right) => right is { Spread: 0, Terms: [] } ? Scale(left, 1 << right.Constant) : null);
            case Opcode.I32And:
                return TryCombineAny((left, right) => Bounded(Least(left?.Maximum, right?.Maximum)));
            case Opcode.I32Or:
            case Opcode.I32Xor:
                return TryCombine((left, right) => Bounded(left.Maximum is { } first && right.Maximum is { } second ? BitsOf(first | second) : null));
            case Opcode.I32ShrU:
                return TryCombineAny((left, right) => Bounded(right is { Spread: 0, Terms: [] } ? (left?.Maximum ?? uint.MaxValue) >> right.Constant : null));
            case Opcode.I32RemU:
                return TryCombineAny((_, right) => Bounded(right is { Spread: 0, Terms: [], Constant: > 0 } ? (uint)right.Constant - 1 : null));
            case Opcode.Drop:
            case Opcode.GlobalSet:
                return TryPop(1);
            case Opcode.GlobalGet:
            case Opcode.MemorySize:
                _stack.Add(null);
                return true;
            case Opcode.Select:
            case Opcode.SelectTyped:
                return TryPop(3) && Push(1);
            default:
                return TryReadOther(ref reader);
        }
    }

    // Only what can neither call nor be waited in.
    private bool TryReadOther(ref InstructionReader reader)
    {
        Instruction instruction = reader.Instruction;
        bool isAccess = reader.Opcode is >= Opcode.I32Load and <= Opcode.I64Store32 or Opcode.V128Load or Opcode.V128Store;
        if (!instruction.HasFixedSignature || (!isAccess && !IsArithmetic(reader.Opcode)))
        {
            return false;
        }

        int index = _stack.Count - instruction.Parameters.Length;
        if (isAccess && index >= Floor && _stack[index] is { } address)
        {
            Accesses.Add(new LinearAccess(reader.Offset, reader.Memory, address, reader.MemoryOffset + (1UL << instruction.AccessLog2)));
        }

        return TryPop(instruction.Parameters.Length) && Push(instruction.Results.Length, MaximumOf(reader.Opcode));
    }

    private static LinearValue? MaximumOf(Opcode opcode) => opcode switch
    {
        Opcode.I32Load8U => LinearValue.AtMost(byte.MaxValue),
        Opcode.I32Load16U => LinearValue.AtMost(ushort.MaxValue),
        >= Opcode.I32Eqz and <= Opcode.F64Ge => LinearValue.AtMost(1),
        _ => null,
    };

    private static LinearValue? Bounded(uint? maximum) => maximum <= int.MaxValue ? LinearValue.AtMost(maximum.Value) : null;

    private static uint? Least(uint? first, uint? second) => first is null ? second : second is null ? first : Math.Min(first.Value, second.Value);

    /// <summary>The largest number that has no more bits.</summary>
    private static uint BitsOf(uint number) => number == 0 ? 0 : uint.MaxValue >> BitOperations.LeadingZeroCount(number);

    private static bool IsArithmetic(Opcode opcode) =>
        opcode is (>= Opcode.I32Const and <= Opcode.I64Extend32S) or (>= Opcode.I32TruncSatF32S and <= Opcode.I64TruncSatF64U) || (int)opcode is >= 0x300 and < 0x500;

    private bool TryOpen(ref InstructionReader reader)
    {
        if (reader.BlockType.Kind == BlockTypeKind.TypeIndex || (reader.Opcode == Opcode.If && !TryPop(1)))
        {
            return false;
        }

        _open.Add(new OpenBlock(reader.Opcode == Opcode.If, _stack.Count, reader.BlockType.Kind == BlockTypeKind.Empty ? 0 : 1, new Dictionary<int, LinearValue?>(_locals)));
        return true;
    }

    private bool TryElse()
    {
        OpenBlock block = _open[^1];
        if (!_isUnreachable && _stack.Count < block.Height + block.Results)
        {
            return false;
        }

        _stack.RemoveRange(block.Height, _stack.Count - block.Height);
        _locals = new Dictionary<int, LinearValue?>(block.Before);
        _isUnreachable = false;
        return true;
    }

    // What was set on any way through the block is not known behind it.
    private bool TryEnd()
    {
        OpenBlock block = _open[^1];
        if (!_isUnreachable && _stack.Count < block.Height + block.Results)
        {
            return false;
        }

        _open.RemoveAt(_open.Count - 1);
        _stack.RemoveRange(block.Height, _stack.Count - block.Height);
        _isUnreachable = false;
        _locals = new Dictionary<int, LinearValue?>(block.Before);
        foreach (int local in block.Set)
        {
            _ = Set(local, null);
        }

        return Push(block.Results);
    }

    // Values that a branch carries are not known behind the block anyway.
    private bool CarriesValues(int depth) => depth < _open.Count && _open[_open.Count - 1 - depth].Results > 0 && !_isUnreachable && _stack.Count <= Floor;

    private bool Skip(Opcode opcode)
    {
        switch (opcode)
        {
            case Opcode.Block:
            case Opcode.Loop:
            case Opcode.If:
            case Opcode.Try:
            case Opcode.TryTable:
                _skipped++;
                return true;
            case Opcode.End:
                return _skipped > 0 && _skipped-- > 0;
            case Opcode.Else:
                return _skipped > 0;
            default:
                return true;
        }
    }

    private int Floor => _open.Count == 0 ? 0 : _open[^1].Height;

    private LinearValue? Get(int local) =>
        _locals.TryGetValue(local, out LinearValue? value) ? value : kinds[local] == WasmValueKind.I32 ? LinearValue.OfLocal(local) : null;

    private bool Set(int local, LinearValue? value)
    {
        _locals[local] = value;
        if (_open.Count > 0)
        {
            _ = _open[^1].Set.Add(local);
        }

        return true;
    }

    private static LinearValue? Scale(LinearValue value, int factor) => LinearValue.OfConstant(0).Plus(value, factor);

    private bool TryCombine(Func<LinearValue, LinearValue, LinearValue?> combine) =>
        TryCombineAny((left, right) => left is null || right is null ? null : combine(left, right));

    private bool TryCombineAny(Func<LinearValue?, LinearValue?, LinearValue?> combine)
    {
        if (!TryPop(out LinearValue? right) || !TryPop(out LinearValue? left))
        {
            return false;
        }

        _stack.Add(combine(left, right));
        return true;
    }

    private bool TryPop(out LinearValue? value)
    {
        value = null;
        if (_stack.Count <= Floor)
        {
            return false;
        }

        value = _stack[^1];
        _stack.RemoveAt(_stack.Count - 1);
        return true;
    }

    private bool TryPop(int count)
    {
        if (_stack.Count - count < Floor)
        {
            return false;
        }

        _stack.RemoveRange(_stack.Count - count, count);
        return true;
    }

    private bool Push(int count, LinearValue? value = null)
    {
        for (int i = 0; i < count; i++)
        {
            _stack.Add(value);
        }

        return true;
    }
}
