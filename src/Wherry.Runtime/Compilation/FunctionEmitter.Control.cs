using System.Reflection.Emit;
using Wherry.Compilation.Outlining;
using Wherry.Instructions;

namespace Wherry.Compilation;

/// <content>Blocks and branches.</content>
internal sealed partial class FunctionEmitter
{
    private bool TryEmitControl(ref InstructionReader reader)
    {
        switch (reader.Opcode)
        {
            case Opcode.Block:
                EmitBlock(reader.BlockType);
                return true;
            case Opcode.Loop:
                EmitLoop(reader.BlockType, reader.Position);
                return true;
            case Opcode.If:
                EmitIf(reader.BlockType);
                return true;
            case Opcode.Else:
                EmitElse();
                return true;
            case Opcode.End:
                EmitEnd();
                return true;
            case Opcode.Br:
                if (!TryEmitKnownDispatch(ref reader) && !TryEmitDispatch(reader.Index))
                {
                    EmitBranch(reader.Index);
                }

                _unreachable = true;
                return true;
            case Opcode.BrIf:
                EmitBranchIf(reader.Index);
                return true;
            case Opcode.BrTable:
                EmitBranchTable(reader.Labels);
                _unreachable = true;
                return true;
            case Opcode.Return:
                EmitBranch(_frames.Count - 1 - _functionFrame);
                _unreachable = true;
                return true;
            default:
                return TryEmitCall(ref reader) || TryEmitException(ref reader);
        }
    }

    private (WasmValueKind[] Parameters, WasmValueKind[] Results) Resolve(BlockTypeImmediate type)
    {
        switch (type.Kind)
        {
            case BlockTypeKind.Empty:
                return ([], []);
            case BlockTypeKind.Value:
                return ([], [type.ValueType.Kind]);
            default:
                FunctionType function = _definition.Types[type.TypeIndex].Function!;
                return (Kinds(function.Parameters.AsSpan()), Kinds(function.Results.AsSpan()));
        }
    }

    private ControlFrame PushFrame(Opcode opcode, BlockTypeImmediate type, bool isTargeted, bool partsRegion, bool isCopy = false)
    {
        (WasmValueKind[] parameters, WasmValueKind[] results) = Resolve(type);
        int height = _height - parameters.Length;
        var frame = new ControlFrame
        {
            Opcode = opcode,
            Parameters = parameters,
            Results = results,
            Height = height,
            Region = partsRegion ? height : Region,
            IsTargeted = isTargeted,
            TryDepth = _tryDepth,
            IsCopy = isCopy,
        };
        _frames.Add(frame);
        return frame;
    }

    private void EmitBlock(BlockTypeImmediate type)
    {
        bool isTargeted = _scan.IsTargeted(_blockCount++);
        if (isTargeted)
        {
            SpillRegion(copiesLocals: true);
        }

        ControlFrame frame = PushFrame(Opcode.Block, type, isTargeted, isTargeted);
        if (isTargeted)
        {
            frame.Label = _il.DefineLabel();
            frame.Carried = AllocateTemporaries(frame.Results);
        }
    }

    private void EmitLoop(BlockTypeImmediate type, int position)
    {
        int block = _blockCount++;
        if (!_scan.IsTargeted(block))
        {
            PushFrame(Opcode.Loop, type, isTargeted: false, partsRegion: false);
            return;
        }

        SpillRegion(copiesLocals: true);
        if (TryEmitUnrolled(block, type, position))
        {
            return;
        }

        ControlFrame frame = PushFrame(Opcode.Loop, type, isTargeted: true, partsRegion: true);
        frame.Carried = AllocateTemporaries(frame.Parameters);
        StoreCarried(frame);
        PushCarried(frame, frame.Parameters, isPinned: true);
        Pay();
        _isFuelWritten = false;
        frame.Label = _il.DefineLabel();
        _il.MarkLabel(frame.Label);
        EmitSafepoint();
        StartDispatch(frame, position);
    }

    private void EmitIf(BlockTypeImmediate type)
    {
        _blockCount++;
        Comparison? condition = PopConditionAlone(copiesLocals: true);
        ControlFrame frame = PushFrame(Opcode.If, type, isTargeted: true, partsRegion: true);
        for (int i = frame.Height; i < _height; i++)
        {
            _stack[i] = _stack[i] with { IsPinned = true };
        }

        frame.Operands = _stack[frame.Height.._height];
        frame.Label = _il.DefineLabel();
        frame.ElseLabel = _il.DefineLabel();
        frame.Carried = AllocateTemporaries(frame.Results);
        frame.AtElse = (_owed, _isFuelWritten);
        EmitBranchOn(condition, false, frame.ElseLabel);
    }

    private void EmitElse()
    {
        ControlFrame frame = _frames[^1];
        if (!_unreachable)
        {
            PayFor(frame);
            StoreCarried(frame);
            _il.Branch(OpCodes.Br, frame.Label);
        }

        ResetStack(frame);
        _il.MarkLabel(frame.ElseLabel);
        (_owed, _isFuelWritten) = frame.AtElse;
        frame.ElseLabel = -1;
        PushOperands(frame);
        _unreachable = false;
    }

    private void EmitEnd()
    {
        ControlFrame frame = _frames[^1];
        frame.IsEnded = true;
        if (frame.Opcode == Opcode.Return)
        {
            EmitFunctionEnd(frame);
            return;
        }

        if (frame.Opcode is Opcode.TryTable or Opcode.Try)
        {
            EmitTryEnd(frame);
            return;
        }

        if (frame.ElseLabel >= 0)
        {
            EmitMissingElse(frame);
        }

        if (frame.Opcode == Opcode.Loop || !frame.IsTargeted)
        {
            // Results stay where they are, and unreachable code goes on.
            if (_unreachable)
            {
                ResetStack(frame);
            }

            EndUnrolled(frame);
            _frames.RemoveAt(_frames.Count - 1);
            return;
        }

        if (!_unreachable)
        {
            PayFor(frame);
            StoreCarried(frame);
        }

        ResetStack(frame);
        _il.MarkLabel(frame.Label);
        StartOwing(frame);
        _unreachable = false;
        _frames.RemoveAt(_frames.Count - 1);
        PushCarried(frame, frame.Results, isPinned: false);
    }

    // An if without else passes its operands on.
    private void EmitMissingElse(ControlFrame frame)
    {
        frame.Owed ??= frame.AtElse.Owed;
        if (frame.Results.Length > 0 || frame.Owed != frame.AtElse.Owed)
        {
            if (!_unreachable)
            {
                PayFor(frame);
                StoreCarried(frame);
                _il.Branch(OpCodes.Br, frame.Label);
            }

            ResetStack(frame);
            _il.MarkLabel(frame.ElseLabel);
            PushOperands(frame);
            (_owed, _isFuelWritten) = frame.AtElse;
            _unreachable = false;
        }
        else
        {
            if (!_unreachable)
            {
                PayFor(frame);
            }

            frame.IsFuelWritten &= frame.AtElse.IsFuelWritten;
            _il.MarkLabel(frame.ElseLabel);
        }
    }

    private void EmitFunctionEnd(ControlFrame frame)
    {
        if (!_unreachable)
        {
            EmitReturn(isConditional: false);
        }

        if (frame.Label >= 0)
        {
            _il.MarkLabel(frame.Label);
            StartOwing(frame);
            FlushFuel();
            _il.Emit(OpCodes.Ret);
        }

        // What was put off starts from an empty stack, whatever lay on it where the code ended.
        ResetStack(frame);
        EmitDeferred();
        EmitSuspension();
        EmitMeterStop();
        _frames.RemoveAt(_frames.Count - 1);
    }

    private void PushOperands(ControlFrame frame)
    {
        foreach (StackEntry operand in frame.Operands)
        {
            Push(operand);
        }
    }

    private void PushCarried(ControlFrame frame, WasmValueKind[] kinds, bool isPinned)
    {
        for (int i = 0; i < kinds.Length; i++)
        {
            Push(new StackEntry(StackForm.Temporary, kinds[i], Index: frame.Carried[i], IsRotation: _hasRotations, IsPinned: isPinned));
        }
    }

    private int[] AllocateTemporaries(WasmValueKind[] kinds)
    {
        if (kinds.Length == 0)
        {
            return [];
        }

        var temporaries = new int[kinds.Length];
        for (int i = 0; i < kinds.Length; i++)
        {
            temporaries[i] = AllocateTemporary(kinds[i]);
        }

        return temporaries;
    }

    /// <summary>Forgets what lies above a block's start.</summary>
    private void ResetStack(ControlFrame frame)
    {
        while (_height > frame.Height)
        {
            Pop();
        }
    }

    /// <summary>Moves the topmost operands to where a branch to a block leaves them, and takes them off the stack.</summary>
    private void StoreCarried(ControlFrame frame)
    {
        int count = frame.Carried.Length;
        Load(count, loadsAhead: false);
        for (int i = count - 1; i >= 0; i--)
        {
            _il.StoreLocal(frame.Carried[i]);
            Pop();
        }
    }

    /// <summary>The same for operands that a branch not taken leaves where they are; none of them is on the IL stack.</summary>
    private void CopyCarried(ControlFrame frame)
    {
        int count = frame.Carried.Length;
        for (int i = _height - count; i < _height; i++)
        {
            EmitEntry(_stack[i], keeps: true);
        }

        for (int i = count - 1; i >= 0; i--)
        {
            _il.StoreLocal(frame.Carried[i]);
        }
    }

    private int LabelOf(ControlFrame frame)
    {
        if (frame.Label < 0)
        {
            frame.Label = _il.DefineLabel();
        }

        return frame.Label;
    }

    private void EmitBranch(int depth)
    {
        ControlFrame frame = _frames[_frames.Count - 1 - depth];
        if (frame.Opcode == Opcode.Return)
        {
            EmitReturn(isConditional: false);
            return;
        }

        PayFor(frame);
        DropAllBelow(frame.CarriedKinds.Length);
        StoreCarried(frame);
        EmitJump(frame);
    }

    private void EmitBranchIf(int depth)
    {
        ControlFrame frame = _frames[_frames.Count - 1 - depth];
        Comparison? condition = PopConditionAlone(copiesLocals: false);
        EmitBranchOnCondition(frame, condition, true);
    }

    /// <summary>A branch on what is on the IL stack, with all operands in locals.</summary>
    private void EmitBranchOnCondition(ControlFrame frame, Comparison? condition, bool expected)
    {
        if (frame.CarriedKinds.Length == 0 && !Crosses(frame))
        {
            PayFor(frame);
            EmitBranchOn(condition, expected, LabelOf(frame));
            return;
        }

        int skip = _il.DefineLabel();
        EmitBranchOn(condition, !expected, skip);
        EmitConditionalJump(frame);
        _il.MarkLabel(skip);
    }

    /// <summary>A branch at a place that is only reached under a condition: the operands stay.</summary>
    private void EmitConditionalJump(ControlFrame frame)
    {
        // What is owed stays as it is for the code that follows.
        (int owed, bool isFuelWritten) = (_owed, _isFuelWritten);
        if (frame.Opcode == Opcode.Return)
        {
            EmitReturn(isConditional: true);
        }
        else
        {
            PayFor(frame);
            CopyCarried(frame);
            EmitJump(frame);
        }

        (_owed, _isFuelWritten) = (owed, isFuelWritten);
    }

    private void EmitBranchTable(ReadOnlySpan<int> depths)
    {
        // The operands are copied once for each block that is named, between the switch and the block.
        HideRotation();
        StackEntry index = _stack[_height - 1];
        if (index.IsOnStack)
        {
            Load(1);
            if (IsAnyOnStack(_height - 1))
            {
                int temporary = StoreTop();
                SpillRegion();
                _il.LoadLocal(temporary);
            }
            else
            {
                Pop();
            }
        }
        else
        {
            Pop();
            SpillRegion();
            EmitEntry(index, keeps: false);
        }

        PayForTable(depths);
        var trampolines = new Dictionary<int, int>();
        var labels = new int[depths.Length - 1];
        for (int i = 0; i < labels.Length; i++)
        {
            labels[i] = ArmLabel(depths[i], trampolines);
        }

        int last = ArmLabel(depths[^1], trampolines);
        if (labels.Length == 0)
        {
            _il.Emit(OpCodes.Pop);
        }
        else
        {
            _il.Switch(labels);
        }

        _il.Branch(OpCodes.Br, last);
        foreach ((int depth, int label) in trampolines)
        {
            ControlFrame frame = _frames[_frames.Count - 1 - depth];
            _il.MarkLabel(label);
            EmitConditionalJump(frame);
        }
    }

    private int ArmLabel(int depth, Dictionary<int, int> trampolines)
    {
        ControlFrame frame = _frames[_frames.Count - 1 - depth];
        if (frame.CarriedKinds.Length == 0 && !Crosses(frame) && (!_isMetered || OwedAt(frame) == _owed))
        {
            PayFor(frame);
            return LabelOf(frame);
        }

        if (!trampolines.TryGetValue(depth, out int label))
        {
            label = _il.DefineLabel();
            trampolines.Add(depth, label);
        }

        return label;
    }

    /// <param name="isConditional">Whether the operands, all in locals, are needed again where the return is not taken.</param>
    private void EmitReturn(bool isConditional)
    {
        int count = _type.Results.Length;
        if (isConditional)
        {
            FlushFuel();
            for (int i = _height - count; i < _height; i++)
            {
                EmitEntry(_stack[i], keeps: true);
                if (_stack[i].IsRotation && _stack[i].Kind is WasmValueKind.I32 or WasmValueKind.I64)
                {
                    EmitHiding(_stack[i].Kind);
                }
            }
        }
        else
        {
            // The caller's code may be written around it.
            HideRotations(count);
            DropAllBelow(count);
            if (_isMetered)
            {
                SpillRegion();
                FlushFuel();
            }

            Load(count, loadsAhead: false);
        }

        if (_region is not null)
        {
            EmitRegionExit(OutlinedRegion.Return);
            return;
        }

        if (_tryDepth > 0)
        {
            EmitProtectedReturn();
            return;
        }

        if (count > 1)
        {
            EmitTuple(ClrTypes.OfResults(_type.Results));
        }

        _il.Emit(OpCodes.Ret);
    }
}
