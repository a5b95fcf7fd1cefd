using System.Reflection;
using System.Reflection.Emit;
using Wherry.Execution;
using Wherry.Instructions;

namespace Wherry.Compilation;

/// <content>
/// Exceptions (specification, 4.6.13), in today's form and the legacy one. A handler is a CLR filter that looks at the tag, so that traps and exceptions of
/// the host pass through; the code that a clause leads to stands behind the protected region. The IL stack is empty on both sides of it.
/// </content>
internal sealed partial class FunctionEmitter
{
    /// <summary>How many protected regions the code being written is in.</summary>
    private int _tryDepth;

    /// <summary>What has to be written behind everything else, since it was in a protected region where it can't be.</summary>
    private readonly List<Action> _deferred = [];

    private int _returnLabel = -1;
    private int[] _returned = [];

    private bool TryEmitException(ref InstructionReader reader)
    {
        switch (reader.Opcode)
        {
            case Opcode.Throw:
                EmitThrow(reader.Index);
                return true;
            case Opcode.ThrowRef:
                Load(1);
                Consume(1);
                _il.Call(ExceptionMethod(nameof(ExceptionInstructions.NonNull)));
                EmitThrowTop();
                _unreachable = true;
                return true;
            case Opcode.TryTable:
                EmitTry(Opcode.TryTable, reader.BlockType, reader.CatchClauses.ToArray(), reader.Position);
                return true;
            case Opcode.Try:
                EmitTry(Opcode.Try, reader.BlockType, _scan.LegacyClauses(_blockCount), reader.Position);
                return true;
            case Opcode.Catch:
            case Opcode.CatchAll:
                EmitLegacyCatch();
                return true;
            case Opcode.Delegate:
                EmitDelegate(reader.Index);
                return true;
            case Opcode.Rethrow:
                _il.LoadLocal(_frames[_frames.Count - 1 - reader.Index].Exception);
                EmitThrowTop();
                _unreachable = true;
                return true;
            default:
                return false;
        }
    }

    private static MethodInfo ExceptionMethod(string name) => RuntimeMembers.Method(typeof(ExceptionInstructions), name);

    private void EmitTry(Opcode opcode, BlockTypeImmediate type, CatchClause[] clauses, int position)
    {
        bool isTargeted = _scan.IsTargeted(_blockCount++);
        SpillRegion(copiesLocals: true);
        ControlFrame frame = PushFrame(opcode, type, isTargeted, partsRegion: true);
        frame.Label = _il.DefineLabel();
        frame.Carried = AllocateTemporaries(frame.Results);
        frame.Clauses = clauses;
        frame.IsProtected = clauses.Length > 0;
        if (frame.IsProtected)
        {
            frame.Exception = _il.DeclareLocal(typeof(WasmException));
            frame.ClauseLabels = Array.ConvertAll(clauses, _ => _il.DefineLabel());
            frame.IsRegion = NeedsRegion(position);
        }

        if (frame.IsRegion)
        {
            frame.Clause = _il.DeclareLocal(typeof(int));

            // Where a conditional branch leads to what follows it anyway and two regions begin there, RyuJIT ends the process. A store that is never read keeps them apart.
            _il.Int32(0);
            _il.StoreLocal(frame.Clause);
            _il.BeginTry();
            _tryDepth++;
        }
    }

    /// <summary>Whether an exception of the CLR may come out of a block: otherwise its handlers need no protected region, for whose sake the JIT would keep locals in memory.</summary>
    /// <param name="position">Where the block's first instruction starts.</param>
    private bool NeedsRegion(int position)
    {
        int depth = 1;
        var reader = new InstructionReader(_definition.Bytes.Span, position, _body.End);
        while (reader.Next())
        {
            switch (reader.Opcode)
            {
                case Opcode.Block:
                case Opcode.Loop:
                case Opcode.If:
                case Opcode.Try:
                case Opcode.TryTable:
                    depth++;
                    break;
                case Opcode.Catch:
                case Opcode.CatchAll:
                case Opcode.End:
                case Opcode.Delegate:
                    depth -= reader.Opcode is Opcode.End or Opcode.Delegate ? 1 : 0;
                    if (depth == 0 || (depth == 1 && reader.Opcode is Opcode.Catch or Opcode.CatchAll))
                    {
                        return false;
                    }

                    break;
                case Opcode.CallIndirect:
                case Opcode.CallRef:
                    return true;
                case Opcode.Throw:
                case Opcode.ThrowRef:
                case Opcode.Rethrow:
                    if (!_returnsExceptions)
                    {
                        return true;
                    }

                    break;
                case Opcode.Call:
                    if (_module.Layout.ThrowsOfClr(reader.Index))
                    {
                        return true;
                    }

                    break;
                default:
                    break;
            }
        }

        return false;
    }

    private void EmitThrow(int tag)
    {
        WasmValueKind[] kinds = Kinds(_definition.Tags[tag].Function!.Parameters.AsSpan());
        StackEntry[] values = PopAllForLater(kinds.Length);
        _unreachable = true;
        if (TryFindLocalHandler(tag) is { } label)
        {
            // The handler is in this function: no exception is needed to get there.
            foreach (StackEntry value in values)
            {
                Push(value);
            }

            EmitBranch(label);
            return;
        }

        _il.LoadArgument(_instance);
        _il.Int32(tag);
        _il.Int32(kinds.Length);
        _il.Call(ExceptionMethod(nameof(ExceptionInstructions.Create)));
        int exception = AllocateTemporary(WasmValueKind.Reference);
        _il.StoreLocal(exception);
        for (int i = 0; i < values.Length; i++)
        {
            EmitPayload(exception, kinds[i], i);
            EmitEntry(values[i], keeps: false);
            _il.OfType(OpCodes.Stobj, ClrTypes.Of(kinds[i]));
        }

        _il.LoadLocal(exception);
        EmitThrowTop();
        Release(exception, WasmValueKind.Reference);
    }

    /// <summary>Leaves the place of a value on the IL stack.</summary>
    private void EmitPayload(int exception, WasmValueKind kind, int index)
    {
        _il.LoadLocal(exception);
        _il.Int32(index);
        _il.Call(kind == WasmValueKind.Reference
            ? ExceptionMethod(nameof(ExceptionInstructions.Reference))
            : ExceptionMethod(nameof(ExceptionInstructions.Number)).MakeGenericMethod(ClrTypes.Of(kind)));
    }

    /// <summary>The label that an exception of a tag would get to without leaving this function, if that is certain and needs no reference to it.</summary>
    private int? TryFindLocalHandler(int tag)
    {
        for (int i = _frames.Count - 1; i >= 0; i--)
        {
            ControlFrame frame = _frames[i];
            if (!frame.IsProtected || frame.HandlersReached)
            {
                continue;
            }

            if (frame.Opcode != Opcode.TryTable)
            {
                return null;
            }

            foreach (CatchClause clause in frame.Clauses)
            {
                if (!clause.HasTag || clause.Tag == tag)
                {
                    // A function that is written in place of a call can't return for its caller.
                    bool leavesCaller = i < _functionFrame && _frames[i - 1 - clause.Label].Opcode == Opcode.Return;
                    return clause.HasReference || leavesCaller ? null : _frames.Count - i + clause.Label;
                }

                if (clause.Tag < _definition.ImportedTagCount && tag < _definition.ImportedTagCount)
                {
                    // Two imports may be the same tag.
                    return null;
                }
            }
        }

        return null;
    }

    /// <summary>Ends the protected region of the innermost frame: its filter, and the way to the clauses.</summary>
    private void EmitHandlers(ControlFrame frame)
    {
        if (!_unreachable)
        {
            PayFor(frame);
            StoreCarried(frame);
            _il.Branch(frame.IsRegion ? OpCodes.Leave : OpCodes.Br, frame.Label);
        }

        EmitRethrowPad(frame);
        ResetStack(frame);
        EmitPendingHandlers(frame);
        if (!frame.IsRegion)
        {
            frame.HandlersReached = true;
            return;
        }

        int caught = _il.DefineLabel();
        int decided = _il.DefineLabel();
        int missed = _il.DefineLabel();
        _il.BeginFilter();
        _il.OfType(OpCodes.Isinst, typeof(WasmException));
        _il.StoreLocal(frame.Exception);
        _il.LoadLocal(frame.Exception);
        _il.Branch(OpCodes.Brfalse, missed);
        for (int i = 0; i < frame.Clauses.Length; i++)
        {
            int next = _il.DefineLabel();
            if (frame.Clauses[i].HasTag)
            {
                _il.LoadLocal(frame.Exception);
                _il.LoadArgument(_instance);
                _il.Int32(frame.Clauses[i].Tag);
                _il.Call(ExceptionMethod(nameof(ExceptionInstructions.HasTag)));
                _il.Branch(OpCodes.Brfalse, next);
            }

            _il.Int32(i);
            _il.StoreLocal(frame.Clause);
            _il.Branch(OpCodes.Br, caught);
            _il.MarkLabel(next);
        }

        _il.MarkLabel(missed);
        _il.Int32(0);
        _il.Branch(OpCodes.Br, decided);
        _il.MarkLabel(caught);
        _il.Int32(1);
        _il.MarkLabel(decided);
        int dispatch = _il.DefineLabel();
        _il.BeginCatch();
        _il.Emit(OpCodes.Pop);
        _il.Branch(OpCodes.Leave, dispatch);
        _il.EndTry();
        _tryDepth--;
        frame.HandlersReached = true;
        _il.MarkLabel(dispatch);
        if (frame.ClauseLabels.Length > 1)
        {
            _il.LoadLocal(frame.Clause);
            _il.Switch(frame.ClauseLabels);
        }

        _il.Branch(OpCodes.Br, frame.ClauseLabels[^1]);
    }

    private void PushPayload(ControlFrame frame, CatchClause clause)
    {
        if (clause.HasTag)
        {
            WasmValueKind[] kinds = Kinds(_definition.Tags[clause.Tag].Function!.Parameters.AsSpan());
            for (int i = 0; i < kinds.Length; i++)
            {
                EmitPayload(frame.Exception, kinds[i], i);
                _il.OfType(OpCodes.Ldobj, ClrTypes.Of(kinds[i]));
                int value = AllocateTemporary(kinds[i]);
                _il.StoreLocal(value);
                Push(new StackEntry(StackForm.Temporary, kinds[i], Index: value));
            }
        }

        if (clause.HasReference)
        {
            int reference = AllocateTemporary(WasmValueKind.Reference);
            _il.LoadLocal(frame.Exception);
            _il.StoreLocal(reference);
            Push(new StackEntry(StackForm.Temporary, WasmValueKind.Reference, Index: reference));
        }
    }

    /// <summary>The end of a <c>try_table</c>: its clauses branch to blocks outside.</summary>
    private void EmitTryTableEnd(ControlFrame frame)
    {
        bool isEndReached = !_unreachable || frame.IsTargeted;
        if (!frame.IsProtected)
        {
            if (!_unreachable)
            {
                PayFor(frame);
                StoreCarried(frame);
            }

            ResetStack(frame);
            _frames.RemoveAt(_frames.Count - 1);
        }
        else
        {
            EmitHandlers(frame);
            _frames.RemoveAt(_frames.Count - 1);
            for (int i = 0; i < frame.Clauses.Length; i++)
            {
                _il.MarkLabel(frame.ClauseLabels[i]);
                ReloadFuel();
                PushPayload(frame, frame.Clauses[i]);
                EmitBranch(frame.Clauses[i].Label);
                ResetStack(frame);
            }
        }

        _il.MarkLabel(frame.Label);
        StartOwing(frame);
        _unreachable = !isEndReached;
        PushCarried(frame, frame.Results, isPinned: false);
    }

    private void EmitLegacyCatch()
    {
        ControlFrame frame = _frames[^1];
        if (!frame.HandlersReached)
        {
            frame.IsEndReached = !_unreachable || frame.IsTargeted;
            EmitHandlers(frame);
        }
        else
        {
            EmitLegacyCatchEnd(frame);
        }

        int clause = frame.ClausesReached++;
        _il.MarkLabel(frame.ClauseLabels[clause]);
        ReloadFuel();
        _unreachable = false;
        PushPayload(frame, frame.Clauses[clause]);
    }

    private void EmitLegacyCatchEnd(ControlFrame frame)
    {
        if (!_unreachable)
        {
            frame.IsEndReached = true;
            PayFor(frame);
            StoreCarried(frame);
            _il.Branch(OpCodes.Br, frame.Label);
        }

        ResetStack(frame);
    }

    private void EmitTryEnd(ControlFrame frame)
    {
        if (frame.Opcode == Opcode.TryTable)
        {
            EmitTryTableEnd(frame);
        }
        else
        {
            EmitLegacyTryEnd(frame);
        }
    }

    // If no handlers were reached there are none: it is a block.
    private void EmitLegacyTryEnd(ControlFrame frame)
    {
        EmitLegacyCatchEnd(frame);

        _frames.RemoveAt(_frames.Count - 1);
        _il.MarkLabel(frame.Label);
        StartOwing(frame);
        _unreachable = !frame.IsEndReached && !frame.IsTargeted;
        PushCarried(frame, frame.Results, isPinned: false);
    }

    /// <summary>The end of a legacy <c>try</c> that hands its exceptions to the handlers of an outer block, past those between.</summary>
    private void EmitDelegate(int depth)
    {
        ControlFrame frame = _frames[^1];
        frame.IsEndReached = !_unreachable || frame.IsTargeted;
        EmitHandlers(frame);
        _frames.RemoveAt(_frames.Count - 1);
        _il.MarkLabel(frame.ClauseLabels[0]);
        EmitThrowAt(depth, frame.Exception);
        _il.MarkLabel(frame.Label);
        StartOwing(frame);
        _unreachable = !frame.IsEndReached;
        PushCarried(frame, frame.Results, isPinned: false);
    }

    /// <summary>Throws so that the first handlers asked are those of a block, or of the first protected one around it.</summary>
    private void EmitThrowAt(int depth, int exception)
    {
        int target = _frames.Count - 1 - depth;
        while (target >= 0 && !(_frames[target].IsProtected && !_frames[target].HandlersReached))
        {
            target--;
        }

        int inner = _frames.Count - 1;
        while (inner >= 0 && !(_frames[inner].IsProtected && !_frames[inner].HandlersReached))
        {
            inner--;
        }

        if (_returnsExceptions)
        {
            _il.LoadLocal(exception);
            EmitStorePending();
            bool crosses = false;
            for (int i = target + 1; i <= inner; i++)
            {
                crosses |= _frames[i].IsRegion && !_frames[i].HandlersReached;
            }

            _il.Branch(crosses ? OpCodes.Leave : OpCodes.Br, PendingLabel(target));
            return;
        }

        if (inner == target)
        {
            _il.LoadLocal(exception);
            _il.Emit(OpCodes.Throw);
            return;
        }

        // Between here and there are handlers that must not see it: it is thrown from a place that they don't protect.
        int pad = _il.DefineLabel();
        _il.Branch(OpCodes.Leave, pad);
        void EmitPad()
        {
            _il.MarkLabel(pad);
            _il.LoadLocal(exception);
            _il.Emit(OpCodes.Throw);
        }

        if (target >= 0)
        {
            _frames[target].RethrowPads.Add(EmitPad);
        }
        else
        {
            _deferred.Add(EmitPad);
        }
    }

    /// <summary>A tail call is not protected by the handlers of its function: they are left first.</summary>
    private void EmitProtectedTailCall(int operands, Action call)
    {
        DropAllBelow(operands);
        StackEntry[] entries = PopAllForLater(operands);
        int label = _il.DefineLabel();
        _il.Branch(OpCodes.Leave, label);
        _deferred.Add(() =>
        {
            _il.MarkLabel(label);
            foreach (StackEntry entry in entries)
            {
                Push(entry);
            }

            call();
        });
    }

    private static void EmitRethrowPad(ControlFrame frame)
    {
        foreach (Action pad in frame.RethrowPads)
        {
            pad();
        }
    }

    /// <summary>An unconditional branch to a label of a frame, out of protected regions if need be.</summary>
    private void EmitJump(ControlFrame frame) => _il.Branch(Crosses(frame) ? OpCodes.Leave : OpCodes.Br, LabelOf(frame));

    /// <summary>Whether a branch to a frame leaves a protected region.</summary>
    private bool Crosses(ControlFrame frame) => frame.TryDepth < _tryDepth;

    /// <summary>Inside of a protected region a return goes through locals to the end of the function.</summary>
    private void EmitProtectedReturn()
    {
        int count = _type.Results.Length;
        if (_returnLabel < 0)
        {
            _returnLabel = _il.DefineLabel();
            _returned = AllocateTemporaries(Kinds(_type.Results.AsSpan()));
        }

        for (int i = count - 1; i >= 0; i--)
        {
            _il.StoreLocal(_returned[i]);
        }

        _il.Branch(OpCodes.Leave, _returnLabel);
    }

    /// <summary>Writes what was put off, and the common return of protected regions.</summary>
    private void EmitDeferred()
    {
        for (int i = 0; i < _deferred.Count; i++)
        {
            _deferred[i]();
        }

        EmitPendingReturn();
        if (_returnLabel >= 0)
        {
            _il.MarkLabel(_returnLabel);
            foreach (int local in _returned)
            {
                _il.LoadLocal(local);
            }

            if (_returned.Length > 1)
            {
                EmitTuple(ClrTypes.OfResults(_type.Results));
            }

            _il.Emit(OpCodes.Ret);
        }
    }
}
