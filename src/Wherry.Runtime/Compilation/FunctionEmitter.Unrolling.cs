using System.Reflection.Emit;
using Wherry.Instructions;

namespace Wherry.Compilation;

/// <content>
/// Small loops are written several times over, one copy behind the other, each with its own branches out of the loop: there are fewer jumps, and one safepoint for all copies.
/// The JIT unrolls no loops whose rounds it can't count.
/// </content>
internal sealed partial class FunctionEmitter
{
    // In instructions of Wasm.
    private const int MaximumUnrolledBody = 72;
    private const int MaximumUnrolledLoop = 144;
    private const int MaximumUnrolling = 4;

    // Loops with more ways to go end soon, and their copies are only more code: Lua became slower by them.
    private const int MaximumUnrolledBranches = 2;

    // In all of a function: large ones would take longer to compile, and gain little.
    private const int MaximumUnrolledSize = 600;

    private int _unrolledSize;

    /// <summary>Whether code may be written more than once: not where that could make the function too large for the JIT to optimize.</summary>
    private readonly bool _canCopyCode;

    /// <summary>Starts a loop, and writes all copies of its body but the last, if it is one to unroll.</summary>
    private bool TryEmitUnrolled(int block, BlockTypeImmediate type, int position)
    {
        if (!_canCopyCode || type.Kind != BlockTypeKind.Empty
            || !_scan.TryGetSmallLoop(block, out SmallLoop loop) || loop.Instructions > MaximumUnrolledBody || loop.Branches > MaximumUnrolledBranches)
        {
            return false;
        }

        int copies = Math.Min(MaximumUnrolling, MaximumUnrolledLoop / loop.Instructions);
        int added = (copies - 1) * loop.Instructions;
        if (copies < 2 || _unrolledSize + added > MaximumUnrolledSize)
        {
            return false;
        }

        _unrolledSize += added;
        int head = _il.DefineLabel();
        int exit = _il.DefineLabel();
        bool isLeft = false;
        int firstBlock = _blockCount;
        _il.MarkLabel(head);
        EmitSafepoint();
        for (int copy = 1; copy < copies; copy++)
        {
            ControlFrame frame = PushFrame(Opcode.Loop, type, isTargeted: true, partsRegion: true);
            frame.Label = _il.DefineLabel();
            _blockCount = firstBlock;
            EmitInstructions(position, loop.End);
            if (!_unreachable)
            {
                _il.Branch(OpCodes.Br, exit);
                isLeft = true;
            }

            ResetStack(frame);
            _frames.RemoveAt(_frames.Count - 1);
            _il.MarkLabel(frame.Label);
            _unreachable = false;
        }

        _blockCount = firstBlock;
        ControlFrame last = PushFrame(Opcode.Loop, type, isTargeted: true, partsRegion: true);
        last.Label = head;
        last.ExitLabel = isLeft ? exit : -1;
        return true;
    }

    private void EndUnrolled(ControlFrame loop)
    {
        if (loop.ExitLabel >= 0)
        {
            _il.MarkLabel(loop.ExitLabel);
            _unreachable = false;
        }
    }
}
