using System.Reflection.Emit;
using Wherry.Instructions;

namespace Wherry.Compilation;

/// <content>
/// Loops that start by branching on a local, as Go's compiler writes each function whose calls may block: <c>loop block … block local.get $pc br_table …</c>.
/// Code in such a loop goes elsewhere by setting the local to a constant and branching to the loop. Where that is seen, the branch goes to the
/// block itself, past the table and its indirect jump, which processors predict badly. The loops of interpreters, which fetch what they branch on, get a dispatch of their own
/// at each branch back.
/// </content>
internal sealed partial class FunctionEmitter
{
    // Each label costs four bytes of IL, and an edge in the JIT's graph.
    private const int MaximumDispatchCost = 8_000;

    private ControlFrame? _dispatchLoop;
    private int _dispatchCost;
    private int _dispatchEnd = -1;
    private int _dispatchLocal;
    private int _dispatchLocalEnd = -1;

    // A head has no others in it: how deeply they would nest, and how much code they would be, would be the guest's choice.
    private bool _writesHead;

    /// <summary>The last local that was set to a constant, and where the instruction ended.</summary>
    private (int Local, int Value, int End) _constantSet = (-1, 0, -1);

    /// <summary>Follows the start of a loop as long as it has nothing but blocks and the reading of a local.</summary>
    private void TrackDispatch(ref InstructionReader reader)
    {
        if (_writesHead)
        {
            return;
        }

        switch (reader.Opcode)
        {
            case Opcode.Block when reader.Offset == _dispatchEnd && reader.BlockType.Kind == BlockTypeKind.Empty:
                _dispatchEnd = reader.Position;
                break;
            case Opcode.LocalGet when reader.Offset == _dispatchEnd:
                _dispatchLocal = reader.Index;
                _dispatchLocalEnd = reader.Position;
                break;
            case Opcode.BrTable:
                if (reader.Offset == _dispatchLocalEnd)
                {
                    RegisterDispatch(_dispatchLoop!, reader.Labels);
                }

                RegisterHead(ref reader);
                break;
            case Opcode.LocalSet:
                StackEntry value = _stack[_height - 1];
                _constantSet = value.Form == StackForm.Constant && value.Kind == WasmValueKind.I32 ? (reader.Index, (int)value.Bits, reader.Position) : (-1, 0, -1);
                break;
        }
    }

    private void StartDispatch(ControlFrame loop, int position)
    {
        if (loop.Parameters.Length == 0)
        {
            loop.BodyPosition = position;
            _dispatchLoop = loop;
            _dispatchEnd = position;
            _dispatchLocalEnd = -1;
            if (_canCopyCode)
            {
                loop.FirstBlock = _blockCount;
                loop.Head = DispatchHead.Find(_definition, position, _body.End);
            }
        }
    }

    private void ForgetDispatch()
    {
        _dispatchEnd = -1;
        _dispatchLocalEnd = -1;
        _constantSet = (-1, 0, -1);
    }

    private void RegisterDispatch(ControlFrame loop, ReadOnlySpan<int> depths)
    {
        var arms = new ControlFrame[depths.Length];
        for (int i = 0; i < arms.Length; i++)
        {
            arms[i] = _frames[_frames.Count - 1 - depths[i]];
            if (arms[i].CarriedKinds.Length > 0 || arms[i].TryDepth != loop.TryDepth)
            {
                return;
            }
        }

        foreach (ControlFrame arm in arms)
        {
            // Branches back may still come.
            arm.IsFuelWritten = false;
        }

        loop.Dispatch = arms;
        loop.DispatchLocal = _dispatchLocal;
    }

    /// <summary>Writes a branch to a loop as one to where the loop would go on.</summary>
    private bool TryEmitKnownDispatch(ref InstructionReader reader)
    {
        ControlFrame loop = _frames[_frames.Count - 1 - reader.Index];
        if (loop.Dispatch is not { } arms || loop.DispatchLocal != _constantSet.Local || reader.Offset != _constantSet.End || Crosses(loop))
        {
            return false;
        }

        ControlFrame arm = arms[(int)Math.Min((uint)_constantSet.Value, (uint)arms.Length - 1)];
        DropAllBelow(0);
        if (_isMetered)
        {
            // What the loop's head would have done.
            Pay();
            EmitMeterCheck();
            _owed = CostFrom(loop.BodyPosition);
            PayFor(arm);
        }
        else if (arm.IsEnded)
        {
            // The way back does not pass the loop's head.
            EmitSafepoint();
        }

        _il.Branch(OpCodes.Br, LabelOf(arm));
        return true;
    }

    private void RegisterHead(ref InstructionReader reader)
    {
        if (_dispatchLoop is { Head: { } head, HeadFrames: null } loop && head.End == reader.Position)
        {
            ControlFrame[] blocks = [.. _frames[(_frames.IndexOf(loop) + 1)..]];
            if (blocks.Length == head.OpenBlocks.Length && Array.TrueForAll(blocks, block => block.CarriedKinds.Length == 0 && block.Height == loop.Height))
            {
                loop.HeadFrames = blocks;
            }
        }
    }

    /// <summary>
    /// Writes a branch to a loop that starts with a dispatch as the dispatch itself: one jump less, and an indirect jump of its own, which processors predict better than one that all share.
    /// </summary>
    private bool TryEmitDispatch(int depth)
    {
        int loopIndex = _frames.Count - 1 - depth;
        ControlFrame loop = _frames[loopIndex];

        // What lies on the stack under an open block is used behind its end.
        if (_writesHead || loop.Head is not { } head || loop.HeadFrames is not { } blocks || Crosses(loop) || _frames[^1].Height > loop.Height)
        {
            return false;
        }

        int cost = head.LabelCount + head.OpenBlocks.Length + depth + ((head.End - head.Start) / 2);
        if (_dispatchCost + cost > MaximumDispatchCost)
        {
            return false;
        }

        _dispatchCost += cost;
        DropAllBelow(0);
        int height = _height;
        int blockCount = _blockCount;
        ControlFrame[] inner = [.. _frames[(loopIndex + 1)..]];
        _frames.RemoveRange(loopIndex + 1, depth);
        _height = loop.Height;

        // The way back does not pass the loop's head.
        EmitSafepoint();
        _writesHead = true;
        EmitHead(loop, head, blocks);
        _writesHead = false;
        _frames.RemoveRange(loopIndex + 1, _frames.Count - loopIndex - 1);
        _frames.AddRange(inner);
        _blockCount = blockCount;

        // What lay on the stack is never seen again.
        ResetStack(loop);
        while (_height < height)
        {
            Push(new StackEntry(StackForm.Constant, WasmValueKind.I32));
        }

        return true;
    }

    /// <summary>Writes the head of a loop once more, with the blocks that it opens as they were: its branches lead to the same places.</summary>
    private void EmitHead(ControlFrame loop, DispatchHead head, ControlFrame[] blocks)
    {
        int next = 0;
        _blockCount = loop.FirstBlock;
        var reader = new InstructionReader(_definition.Bytes.Span, head.Start, head.End);
        while (reader.Next())
        {
            if (_unreachable && Skip(reader.Opcode))
            {
                continue;
            }

            if (next < blocks.Length && reader.Offset == head.OpenBlocks[next])
            {
                _frames.Add(blocks[next++]);
                _blockCount++;
                continue;
            }

            _place = reader.Offset;
            Map?.Add(new CodePoint(_il.Size, _place, _inlinedCall, _onStack == 0));
            EmitInstruction(ref reader);
            _previous = reader.Opcode;
        }
    }
}
