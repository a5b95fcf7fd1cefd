using System.Reflection;
using System.Reflection.Emit;
using Wherry.Compilation.Outlining;
using Wherry.Execution;
using Wherry.Instructions;

namespace Wherry.Compilation;

/// <content>Stretches of large functions as methods of their own: see <see cref="OutlinePlanner"/>.</content>
internal sealed partial class FunctionEmitter
{
    private readonly OutlinedRegion? _region;
    private readonly OutlinedRegion[] _outlined;
    private readonly Func<OutlinedRegion, MethodInfo?>? _getRegionMethod;
    private int _nextOutlined;

    private OutlinedRegion? FindOutlined(int offset)
    {
        while (_nextOutlined < _outlined.Length && _outlined[_nextOutlined].Start < offset)
        {
            // It can't be reached.
            _nextOutlined++;
        }

        return _nextOutlined < _outlined.Length && _outlined[_nextOutlined].Start == offset ? _outlined[_nextOutlined++] : null;
    }

    private void EmitRegion(OutlinedRegion region)
    {
        PushFunctionFrame();
        while (_frames.Count < region.Depth)
        {
            // A branch to a block around the region goes to the exit at the region's end.
            _frames.Add(new ControlFrame { Opcode = Opcode.Block, Parameters = [], Results = [], Height = 0, Region = 0, IsTargeted = true });
        }

        _blockCount = region.FirstBlock;
        EmitInstructions(region.Start, region.End);
        if (!_unreachable)
        {
            EmitRegionExit(OutlinedRegion.FallThrough);
        }

        for (int depth = 0; depth < _frames.Count; depth++)
        {
            if (_frames[depth].Label >= 0)
            {
                _il.MarkLabel(_frames[depth].Label);
                StartOwing(_frames[depth]);
                if (depth == OutlinedRegion.Return)
                {
                    FlushFuel();
                }

                EmitRegionExit(depth);
            }
        }

        EmitMeterStop();
    }

    /// <summary>Returns from a region's method. If the function returns a value by this exit, it is on the IL stack.</summary>
    private void EmitRegionExit(int exit)
    {
        OutlinedRegion region = _region!;
        WriteExact();
        if (region.ReturnsResult && exit != OutlinedRegion.Return)
        {
            EmitDefault(_type.Results[0].Kind);
        }

        foreach (int local in region.Outputs)
        {
            LoadVariable(local);
        }

        if (region.Exits.Length > 1)
        {
            _il.Int32(Array.IndexOf(region.Exits, exit));
        }

        if (region.Type.Results.Length > 1)
        {
            EmitTuple(ClrTypes.OfResults(region.Type.Results));
        }

        _il.Emit(OpCodes.Ret);
    }

    private void EmitRegionCall(OutlinedRegion region)
    {
        SpillRegion(copiesLocals: true);
        foreach (int local in region.Inputs)
        {
            LoadVariable(local);
        }

        WriteExact();
        EmitFrameBudget();
        _il.LoadArgument(_instance);
        _il.Call(_getRegionMethod!(region));
        ReloadFuel();
        _knownAccesses?.Forget();
        int firstResult = _height;
        switch (region.Type.Results.Length)
        {
            case 0:
                break;
            case 1:
                PushEvaluated(region.Type.Results[0].Kind);
                break;
            default:
                PushTuple(region.Type, returnsExceptions: false, mayWait: false);
                break;
        }

        StackEntry exit = region.Exits.Length > 1 ? Pop() : default;
        for (int i = region.Outputs.Length - 1; i >= 0; i--)
        {
            EmitEntryIfNeeded(Pop());
            StoreVariable(region.Outputs[i]);
        }

        StackEntry result = region.ReturnsResult ? KeepResult() : default;
        _height = firstResult;
        _blockCount += region.BlockCount;
        EmitRegionExits(region, exit, result);
    }

    private void EmitEntryIfNeeded(StackEntry entry)
    {
        if (!entry.IsOnStack)
        {
            EmitEntry(entry, keeps: false);
        }
    }

    private StackEntry KeepResult()
    {
        StackEntry result = _stack[_height - 1];
        return result.IsOnStack ? new StackEntry(StackForm.Temporary, result.Kind, Index: StoreTop()) : Pop();
    }

    /// <summary>Goes on where the region's method says.</summary>
    private void EmitRegionExits(OutlinedRegion region, StackEntry exit, StackEntry result)
    {
        int next = -1;
        int returns = -1;
        var payments = new List<(int Label, ControlFrame Frame)>();
        var labels = new int[region.Exits.Length];
        for (int i = 0; i < labels.Length; i++)
        {
            labels[i] = region.Exits[i] switch
            {
                OutlinedRegion.FallThrough => next = _il.DefineLabel(),
                OutlinedRegion.Return => returns = _il.DefineLabel(),
                int depth => ExitLabel(_frames[depth], payments),
            };
        }

        if (labels.Length == 0)
        {
            // It always traps.
            EmitTrap(nameof(Traps.Unreachable));
        }
        else if (labels.Length > 1)
        {
            EmitEntryIfNeeded(exit);
            if (labels.Length == 2)
            {
                _il.Branch(OpCodes.Brtrue, labels[1]);
            }
            else
            {
                // The first exit is the one left over.
                _il.Int32(1);
                _il.Emit(OpCodes.Sub);
                _il.Switch(labels[1..]);
            }
        }

        if (labels.Length > 0 && labels[0] != next && labels[0] != returns)
        {
            _il.Branch(OpCodes.Br, labels[0]);
        }
        else if (labels.Length > 0 && labels[0] == next && (returns >= 0 || payments.Count > 0))
        {
            _il.Branch(OpCodes.Br, next);
        }

        if (returns >= 0)
        {
            _il.MarkLabel(returns);
            if (region.ReturnsResult)
            {
                EmitEntryIfNeeded(result);
            }

            _il.Emit(OpCodes.Ret);
        }

        foreach ((int label, ControlFrame frame) in payments)
        {
            _il.MarkLabel(label);
            (_owed, _isFuelWritten) = (0, false);
            PayFor(frame);
            _il.Branch(OpCodes.Br, LabelOf(frame));
        }

        (_owed, _isFuelWritten) = (0, true);

        _unreachable = next < 0;
        if (next >= 0)
        {
            _il.MarkLabel(next);
        }
    }

    /// <summary>Where an exit leads, by way of a payment if more than nothing is owed there.</summary>
    private int ExitLabel(ControlFrame frame, List<(int Label, ControlFrame Frame)> payments)
    {
        if (!_isMetered || OwedAt(frame) == _owed)
        {
            PayFor(frame);
            return LabelOf(frame);
        }

        payments.Add((_il.DefineLabel(), frame));
        return payments[^1].Label;
    }
}
