using System.Reflection.Emit;
using Wherry.Compilation.Bounds;
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

    /// <summary>The same for loops, while instructions are counted too.</summary>
    private readonly bool _canCopyLoops;

    /// <summary>Starts a loop, and writes all copies of its body but the last, if it is one to unroll.</summary>
    private bool TryEmitUnrolled(int block, BlockTypeImmediate type, int position)
    {
        if (!_canCopyLoops || type.Kind != BlockTypeKind.Empty || !_scan.TryGetSmallLoop(block, out SmallLoop loop))
        {
            return false;
        }

        // Where all ways of execution do the same to the unit of fuel, each round looks at it.
        int copies = !(_isMetered && _module.Options.IsReproducible) && loop.Instructions <= MaximumUnrolledBody && loop.Branches <= MaximumUnrolledBranches ? Math.Min(MaximumUnrolling, MaximumUnrolledLoop / loop.Instructions) : 1;
        LoopAccesses? accesses = FindBoundedAccesses(loop, position);
        int added = (accesses is null ? copies - 1 : copies) * loop.Instructions;
        if (added == 0 || _unrolledSize + added > MaximumUnrolledSize)
        {
            return false;
        }

        _unrolledSize += added;
        int firstBlock = _blockCount;
        int place = _place;
        var exit = new ControlFrame { Opcode = Opcode.Block, Parameters = [], Results = [], Height = _height, Region = Region, IsTargeted = true };
        int head = _il.DefineLabel();
        if (accesses is not null)
        {
            EmitBounded(accesses, copies, type, position, loop.End, exit, head);
            _place = place;
        }

        StartRound(head);
        for (int copy = 1; copy < copies && accesses is null; copy++)
        {
            EmitCopy(type, position, loop.End, exit, _il.DefineLabel());
        }

        _blockCount = firstBlock;
        ControlFrame last = PushFrame(Opcode.Loop, type, isTargeted: true, partsRegion: true);
        last.Label = head;
        last.Exit = exit.Label >= 0 ? exit : null;
        return true;
    }

    /// <summary>The head of a loop.</summary>
    private void StartRound(int head)
    {
        Pay();
        _isFuelWritten = false;
        _il.MarkLabel(head);
        EmitSafepoint();
    }

    /// <summary>Writes a loop's body once.</summary>
    /// <param name="exit">What comes behind the loop.</param>
    /// <param name="next">Where it goes on with the next round.</param>
    /// <param name="isLast">Whether that is the loop's head, rather than behind the copy.</param>
    private void EmitCopy(BlockTypeImmediate type, int position, int end, ControlFrame exit, int next, bool isLast = false)
    {
        int firstBlock = _blockCount;
        ControlFrame frame = PushFrame(Opcode.Loop, type, isTargeted: true, partsRegion: true, isCopy: !isLast);
        frame.Label = next;
        EmitInstructions(position, end);
        if (!_unreachable)
        {
            PayFor(exit);
            _il.Branch(OpCodes.Br, LabelOf(exit));
        }

        ResetStack(frame);
        _frames.RemoveAt(_frames.Count - 1);
        _blockCount = firstBlock;
        _unreachable = false;
        _knownAccesses?.Restart();
        if (!isLast)
        {
            _il.MarkLabel(next);
            StartOwing(frame);
        }
    }

    private void EndUnrolled(ControlFrame loop)
    {
        if (loop.Exit is { } exit)
        {
            if (!_unreachable)
            {
                PayFor(exit);
            }

            _il.MarkLabel(exit.Label);
            StartOwing(exit);
            _unreachable = false;
        }
    }
}
