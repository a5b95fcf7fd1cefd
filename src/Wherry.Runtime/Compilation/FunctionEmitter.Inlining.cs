using Wherry.Binary;
using Wherry.Compilation.Inlining;
using Wherry.Instructions;

namespace Wherry.Compilation;

/// <content>
/// Small functions, written in place of calls to them. A function that calls itself takes several steps of its recursion at once that way, and only the
/// call that remains looks at the stack.
/// </content>
internal sealed partial class FunctionEmitter
{
    private const int MaximumInlineDepth = 3;

    // In bytes of Wasm: what is small stays small, and large functions stay within what the JIT optimizes.
    private const int MaximumInlinedSize = 512;
    private const int MaximumCallerSize = 4_096;

    private InlinedCall? _inlinedCall;
    private int _inlinedSize;

    /// <summary>The frame of the function whose code is being written.</summary>
    private int _functionFrame;

    private bool CanInline => _region is null && HasRoomForInlined;

    /// <summary>Whether the function, or what is left of it without its regions, has code of others in it.</summary>
    private bool HasRoomForInlined => !IsReproducible && _body.End - _body.Offset <= MaximumCallerSize;

    /// <summary>Whether tail calls become code in their place too: not while instructions are counted, since a tail call looks at the count.</summary>
    private bool InlinesTailCalls => !_isMetered;

    private bool IsInlined(int callee, bool isTail) =>
        HasRoomForInlined && !MayWait(callee) && (isTail ? InlinesTailCalls && _module.Layout.InlineCandidates.ContainsForTail(callee) : _module.Layout.InlineCandidates.Contains(callee));

    /// <summary>Whether the next call to a function will be replaced by its code.</summary>
    private bool IsInlinedHere(int callee)
    {
        if (!CanInline || MayWait(callee) || _inlinedCall?.Depth == MaximumInlineDepth || !_module.Layout.InlineCandidates.Contains(callee))
        {
            return false;
        }

        FunctionBody body = _definition.Bodies[callee - _definition.ImportedFunctionCount];
        return _inlinedSize + body.End - body.CodeOffset <= MaximumInlinedSize;
    }

    /// <summary>Writes a function's code in place of a call to it, if that is worth it.</summary>
    /// <param name="callOffset">Where in the module the call is.</param>
    private bool TryEmitInlined(int callee, int callOffset)
    {
        if (!IsInlinedHere(callee))
        {
            return false;
        }

        FunctionBody body = _definition.Bodies[callee - _definition.ImportedFunctionCount];
        _inlinedSize += body.End - body.CodeOffset;
        EmitInlined(callee, body, callOffset, isTail: false);
        return true;
    }

    /// <summary>
    /// The same for a tail call. Functions that call each other in turn become loops so, since the JIT makes a loop of a tail call to the function that it compiles.
    /// </summary>
    private bool TryEmitInlinedTail(int callee, int callOffset)
    {
        int physical = PhysicalFunction();
        if (!CanInline || !InlinesTailCalls || _tryDepth > 0 || _inlinedCall?.Depth == MaximumInlineDepth || IsBeingWritten(callee) || MayWait(callee) || !_module.Layout.InlineCandidates.ContainsForTail(callee))
        {
            return false;
        }

        FunctionBody body = _definition.Bodies[callee - _definition.ImportedFunctionCount];
        if (_inlinedSize + body.End - body.CodeOffset > MaximumInlinedSize || !FitsIntoFrame(body, physical))
        {
            return false;
        }

        _inlinedSize += body.End - body.CodeOffset;
        EmitInlined(callee, body, callOffset, isTail: true);
        EmitBranch(_frames.Count - 1 - _functionFrame);
        return true;
    }

    /// <summary>The function that the method is for.</summary>
    private int PhysicalFunction()
    {
        int function = _function;
        for (InlinedCall? call = _inlinedCall; call is not null; call = call.Outer)
        {
            function = call.Caller;
        }

        return function;
    }

    private bool IsBeingWritten(int function)
    {
        bool found = function == _function;
        for (InlinedCall? call = _inlinedCall; call is not null; call = call.Outer)
        {
            found |= function == call.Caller;
        }

        return found;
    }

    // A tail call to what needs more stack for its parameters than the frame it takes the place of goes through a helper of the CLR, which is slow.
    private bool FitsIntoFrame(FunctionBody body, int physical)
    {
        int room = StackParameters(_definition.Functions[physical].Function!);
        var reader = new InstructionReader(_definition.Bytes.Span, body.CodeOffset, body.End);
        while (reader.Next())
        {
            if (reader.Opcode == Opcode.ReturnCall && reader.Index != physical && StackParameters(_definition.Functions[reader.Index].Function!) > room)
            {
                return false;
            }
        }

        return true;
    }

    // The instance comes last. Vectors are taken for twice as long, wherever they would be.
    private static int StackParameters(FunctionType type)
    {
        const int IntegerRegisters = 6;
        const int FloatRegisters = 8;
        int integers = 1;
        int floats = 0;
        int vectors = 0;
        foreach (WasmValueType parameter in type.Parameters)
        {
            switch (parameter.Kind)
            {
                case WasmValueKind.F32:
                case WasmValueKind.F64:
                    floats++;
                    break;
                case WasmValueKind.V128:
                    vectors++;
                    break;
                default:
                    integers++;
                    break;
            }
        }

        return Math.Max(0, integers - IntegerRegisters) + Math.Max(0, floats - FloatRegisters) + (2 * vectors);
    }

    private void EmitInlined(int callee, FunctionBody body, int callOffset, bool isTail)
    {
        FunctionType type = _definition.Functions[callee].Function!;
        int[] parameters = StoreParameters(type);
        SpillRegion();

        var caller = (_body, _type, _localKinds, _localTypes, _locals, _arguments, _rotatedLocals, _scan, _blockCount, _function);
        InlinedCall? outer = _inlinedCall;
        KnownAccesses? knownAccesses = _knownAccesses;
        int functionFrame = _functionFrame;
        _inlinedCall = new InlinedCall(callee, _function, callOffset, isTail, outer);
        _function = callee;
        _body = body;
        _type = type;
        _localKinds = ExpandLocals(type, body, local => local.Kind);
        _localTypes = ExpandLocals(type, body, local => local.HeapType.Defined);
        _rotatedLocals = new bool[_localKinds.Length];
        Array.Fill(_rotatedLocals, _hasRotations, 0, parameters.Length);
        _arguments = new int[_localKinds.Length];
        Array.Fill(_arguments, -1);
        _scan = FunctionScan.Scan(_definition, body, _localKinds.Length, null, []);
        _blockCount = 0;
        _locals = DeclareInlinedLocals(parameters);
        ForgetDispatch();

        var frame = new ControlFrame { Opcode = Opcode.Block, Parameters = [], Results = Kinds(type.Results.AsSpan()), Height = _height, Region = _height, IsTargeted = true, TryDepth = _tryDepth };
        frame.Label = _il.DefineLabel();
        frame.Carried = AllocateTemporaries(frame.Results);
        _functionFrame = _frames.Count;
        _frames.Add(frame);
        if (_isMetered)
        {
            _knownAccesses = new KnownAccesses(_localKinds.Length);
        }

        EmitInstructions(body.CodeOffset, body.End);

        (_body, _type, _localKinds, _localTypes, _locals, _arguments, _rotatedLocals, _scan, _blockCount, _function) = caller;
        _inlinedCall = outer;
        _knownAccesses = knownAccesses;
        _functionFrame = functionFrame;
        ForgetDispatch();
    }

    /// <summary>Sees to it that the prologue prepares what inlined functions need.</summary>
    private void ScanInlined()
    {
        if (!CanInline)
        {
            return;
        }

        ScanInlined(_module.Layout.InlineCandidates.Contains, scan => scan.Callees);
        if (InlinesTailCalls)
        {
            ScanInlined(_module.Layout.InlineCandidates.ContainsForTail, scan => scan.TailCallees);
        }
    }

    // Level by level, so that no function counts as too deep that is also called further out.
    private void ScanInlined(Predicate<int> isCandidate, Func<FunctionScan, HashSet<int>> callees)
    {
        var seen = new HashSet<int> { _function };
        List<FunctionScan> level = [_scan];
        for (int depth = 0; depth < MaximumInlineDepth && level.Count > 0; depth++)
        {
            List<FunctionScan> next = [];
            foreach (FunctionScan scan in level)
            {
                foreach (int callee in callees(scan))
                {
                    if (isCandidate(callee) && seen.Add(callee))
                    {
                        next.Add(IncludeInlined(callee));
                    }
                }
            }

            level = next;
        }
    }

    private FunctionScan IncludeInlined(int callee)
    {
        FunctionBody body = _definition.Bodies[callee - _definition.ImportedFunctionCount];
        var scan = FunctionScan.Scan(_definition, body, CountLocals(_definition.Functions[callee].Function!, body), null, []);
        _scan.Include(scan);
        return scan;
    }

    private int[] StoreParameters(FunctionType type)
    {
        int count = type.Parameters.Length;
        Load(count);
        var locals = new int[count];
        for (int i = count - 1; i >= 0; i--)
        {
            locals[i] = _il.DeclareLocal(ClrTypes.Of(type.Parameters[i].Kind));
            Pop();
            _il.StoreLocal(locals[i]);
        }

        return locals;
    }

    // The code may run again and again, and starts with cleared locals each time.
    private int[] DeclareInlinedLocals(int[] parameters)
    {
        var locals = new int[_localKinds.Length];
        parameters.CopyTo(locals, 0);
        for (int i = parameters.Length; i < locals.Length; i++)
        {
            locals[i] = _il.DeclareLocal(ClrTypes.Of(_localKinds[i]));
            if (_scan.ReadLocals[i])
            {
                EmitDefault(_localKinds[i]);
                _il.StoreLocal(locals[i]);
            }
        }

        return locals;
    }
}
