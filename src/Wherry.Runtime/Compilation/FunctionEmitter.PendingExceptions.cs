using System.Reflection.Emit;
using Wherry.Execution;

namespace Wherry.Compilation;

/// <content>
/// Exceptions that functions return: the thrower leaves the exception in <see cref="PendingException"/> and returns anything, and each caller looks there after the call. A throw through a
/// few frames takes some nanoseconds so, and microseconds as an exception of the CLR. What host functions and modules without tags throw is still one, for the filters of
/// protected regions.
/// </content>
internal sealed partial class FunctionEmitter
{
    private int _pendingReturn = -1;

    /// <summary>Throws the exception on top of the IL stack.</summary>
    private void EmitThrowTop()
    {
        if (!_returnsExceptions)
        {
            _il.Emit(OpCodes.Throw);
            return;
        }

        EmitStorePending();
        DropAllBelow(0);
        _il.Branch(OpCodes.Br, PendingLabel(_frames.Count - 1));
    }

    private void EmitStorePending()
    {
        int exception = AllocateTemporary(WasmValueKind.Reference);
        _il.StoreLocal(exception);
        _il.LoadArgument(_instance);
        _il.LoadField(RuntimeMembers.PendingException);
        _il.LoadLocal(exception);
        _il.StoreField(RuntimeMembers.PendingExceptionValue);
        Release(exception, WasmValueKind.Reference);
    }

    /// <summary>After a call: goes on to the handlers, if the callee returned an exception. Nothing is on the IL stack.</summary>
    private void EmitPendingCheck(bool returnsExceptions)
    {
        if (returnsExceptions)
        {
            EmitLoadPending();
            _il.Branch(OpCodes.Brtrue, PendingLabel(_frames.Count - 1));
        }
    }

    private void EmitLoadPending()
    {
        _il.LoadArgument(_instance);
        _il.LoadField(RuntimeMembers.PendingException);
        _il.LoadField(RuntimeMembers.PendingExceptionValue);
    }

    /// <summary>Where a returned exception goes: to the first protected region from a frame outwards, or out of the function.</summary>
    private int PendingLabel(int from)
    {
        for (int i = from; i >= 0; i--)
        {
            ControlFrame frame = _frames[i];
            if (frame.IsProtected && !frame.HandlersReached)
            {
                return frame.PendingLabel >= 0 ? frame.PendingLabel : frame.PendingLabel = _il.DefineLabel();
            }
        }

        return _pendingReturn >= 0 ? _pendingReturn : _pendingReturn = _il.DefineLabel();
    }

    /// <summary>At the end of a protected region: looks for the handler of a returned exception.</summary>
    private void EmitPendingHandlers(ControlFrame frame)
    {
        if (frame.PendingLabel < 0)
        {
            return;
        }

        OpCode branch = frame.IsRegion ? OpCodes.Leave : OpCodes.Br;
        _il.MarkLabel(frame.PendingLabel);
        EmitLoadPending();
        _il.StoreLocal(frame.Exception);
        for (int i = 0; i < frame.Clauses.Length; i++)
        {
            int next = -1;
            if (frame.Clauses[i].HasTag)
            {
                next = _il.DefineLabel();
                _il.LoadLocal(frame.Exception);
                _il.LoadArgument(_instance);
                _il.Int32(frame.Clauses[i].Tag);
                _il.Call(ExceptionMethod(nameof(ExceptionInstructions.HasTag)));
                _il.Branch(OpCodes.Brfalse, next);
            }

            _il.LoadArgument(_instance);
            _il.LoadField(RuntimeMembers.PendingException);
            _il.Emit(OpCodes.Ldnull);
            _il.StoreField(RuntimeMembers.PendingExceptionValue);
            _il.Branch(branch, frame.ClauseLabels[i]);
            if (next < 0)
            {
                return;
            }

            _il.MarkLabel(next);
        }

        _il.Branch(branch, PendingLabel(_frames.IndexOf(frame) - 1));
    }

    /// <summary>Where the function returns with an exception: the values that it returns are not looked at.</summary>
    private void EmitPendingReturn()
    {
        if (_pendingReturn < 0)
        {
            return;
        }

        _il.MarkLabel(_pendingReturn);
        foreach (WasmValueType result in _type.Results)
        {
            EmitDefault(result.Kind);
        }

        if (_type.Results.Length > 1)
        {
            EmitTuple(ClrTypes.OfResults(_type.Results));
        }

        _il.Emit(OpCodes.Ret);
    }
}
