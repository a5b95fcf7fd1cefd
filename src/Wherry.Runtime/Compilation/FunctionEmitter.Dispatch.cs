using System.Reflection.Emit;
using Wherry.Instructions;

namespace Wherry.Compilation;

/// <content>
/// Loops that start by branching on a local, as Go's compiler writes each function whose calls may block: <c>loop block … block local.get $pc br_table …</c>.
/// Code in such a loop goes elsewhere by setting the local to a constant and branching to the loop. Where that is seen, the branch goes to the
/// block itself, past the table and its indirect jump, which processors predict badly.
/// </content>
internal sealed partial class FunctionEmitter
{
    private ControlFrame? _dispatchLoop;
    private int _dispatchEnd = -1;
    private int _dispatchLocal;
    private int _dispatchLocalEnd = -1;

    /// <summary>The last local that was set to a constant, and where the instruction ended.</summary>
    private (int Local, int Value, int End) _constantSet = (-1, 0, -1);

    /// <summary>Follows the start of a loop as long as it has nothing but blocks and the reading of a local.</summary>
    private void TrackDispatch(ref InstructionReader reader)
    {
        switch (reader.Opcode)
        {
            case Opcode.Block when reader.Offset == _dispatchEnd && reader.BlockType.Kind == BlockTypeKind.Empty:
                _dispatchEnd = reader.Position;
                break;
            case Opcode.LocalGet when reader.Offset == _dispatchEnd:
                _dispatchLocal = reader.Index;
                _dispatchLocalEnd = reader.Position;
                break;
            case Opcode.BrTable when reader.Offset == _dispatchLocalEnd:
                RegisterDispatch(_dispatchLoop!, reader.Labels);
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
}
