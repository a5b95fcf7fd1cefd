using System.Reflection;
using System.Reflection.Emit;
using Wherry.Compilation.Outlining;
using Wherry.Compilation.Suspension;
using Wherry.Execution.Suspension;

namespace Wherry.Compilation;

/// <content>
/// Functions that a wait can leave. Behind each call from which a wait can be reached the code looks at a field of the instance. If the callee was left, the function keeps what it needs and
/// returns too. Entered again, its check of the stack fails (the limit is out of reach then, so that the way in costs nothing), and it takes back what it kept, calls the function that was left above it, and goes on
/// behind the call. All that stands at the end of the method.
/// </content>
internal sealed partial class FunctionEmitter
{
    // Liveness takes time and memory by the product of locals and places.
    private const long MaximumLivenessBits = 1 << 24;

    private readonly bool _suspends;
    private readonly List<SuspensionPoint> _suspensionPoints = [];
    private LocalLiveness? _suspensionLiveness;
    private int _rewind = -1;
    private int _suspendableCode = -1;
    private int _suspensionBlocks = -1;

    /// <summary>Where the instruction behind a call starts.</summary>
    private int _callEnd;

    /// <summary>Whether a wait can be reached from a function that is called.</summary>
    private bool MayWait(int callee) => _suspends && _module.Suspension!.Plan.Reaches(callee);

    private bool MayWaitByReference(int typeIndex) => _suspends && _module.Suspension!.Plan.ReachesByReference(typeIndex);

    /// <summary>Before a call from which a wait can be reached, with its arguments on the IL stack: leaves the code to call in a local. Code that can't be left is counted while it runs.</summary>
    private void EmitSuspendableCode(Action loadCallee)
    {
        if (_suspendableCode < 0)
        {
            _suspendableCode = _il.DeclareLocal(typeof(nint));
            _suspensionBlocks = _il.DeclareLocal(typeof(int));
        }

        _il.LoadArgument(_instance);
        _il.LoadField(RuntimeMembers.SuspensionBlocks);
        _il.StoreLocal(_suspensionBlocks);
        loadCallee();
        _il.StoreLocal(_suspendableCode);
    }

    /// <summary>A call of the module's own function.</summary>
    private void EmitSuspendableCall(int index, FunctionType type, bool isTail)
    {
        EmitSuspendableCode(() =>
        {
            _il.LoadArgument(_instance);
            _il.Int32(index);
            _il.Call(SuspensionMethod(nameof(SuspensionInstructions.EnterFunction)));
        });
        _il.LoadArgument(_instance);
        _il.LoadLocal(_suspendableCode);
        if (isTail)
        {
            // What was counted for it is undone by the caller of this function.
            _il.Emit(OpCodes.Tailcall);
        }

        _il.CallIndirect(ClrTypes.OfResults(type.Results), ClrTypes.OfParameters(type));
        if (!isTail)
        {
            EmitUncount();
        }
    }

    private void EmitUncount()
    {
        _il.LoadArgument(_instance);
        _il.LoadLocal(_suspensionBlocks);
        _il.StoreField(RuntimeMembers.SuspensionBlocks);
    }

    private void PrepareSuspension()
    {
        if (!_suspends)
        {
            return;
        }

        var places = new List<int>();
        if (_module.Suspension!.WaitsAtEachCall)
        {
            places.Add(_body.CodeOffset);
        }

        var reader = new Instructions.InstructionReader(_definition.Bytes.Span, _body.CodeOffset, _body.End);
        while (reader.Next())
        {
            if (_module.Suspension.Plan.Reaches(ref reader))
            {
                places.Add(reader.Position);
            }
        }

        if (places.Count > 0)
        {
            _rewind = _il.DefineLabel();
            if ((long)places.Count * _localKinds.Length <= MaximumLivenessBits)
            {
                _suspensionLiveness = LocalLiveness.Analyze(_definition, _body, _localKinds.Length, places);
            }
        }
    }

    /// <summary>Where the check of the stack fails: goes on if the function is entered again.</summary>
    private void EmitRewindCheck()
    {
        if (_rewind >= 0)
        {
            _il.LoadArgument(_instance);
            _il.LoadField(RuntimeMembers.SuspensionState);
            _il.Int32(GuestSuspension.Rewinding);
            _il.Branch(OpCodes.Beq, _rewind);
        }
    }

    /// <summary>At the start, for tests: a wait.</summary>
    private void EmitWaitAtEntry()
    {
        if (_suspends && _module.Suspension!.WaitsAtEachCall)
        {
            _callEnd = _body.CodeOffset;
            _il.LoadArgument(_instance);
            _il.Call(SuspensionMethod(nameof(SuspensionInstructions.Wait)));
            EmitSuspensionCheck(isPoint: true, typeof(void), -1);
        }
    }

    /// <summary>After a call, whose results are stored: leaves the function if the callee was left. Nothing is on the IL stack.</summary>
    private void EmitSuspensionCheck(bool isPoint, Type resultType, int result)
    {
        if (!isPoint)
        {
            return;
        }

        var point = new SuspensionPoint(FindSuspendedValues(), _il.DefineLabel(), _il.DefineLabel(), resultType, result);
        _suspensionPoints.Add(point);
        _il.MarkLabel(point.Resume);
        _il.LoadArgument(_instance);
        _il.LoadField(RuntimeMembers.SuspensionState);
        _il.Branch(OpCodes.Brtrue, point.Leave);
    }

    // What is on the stack, and the locals that are read later.
    private SuspendedValue[] FindSuspendedValues()
    {
        var values = new HashSet<SuspendedValue>();
        for (int i = 0; i < _height; i++)
        {
            StackEntry entry = _stack[i];
            if (entry.Form == StackForm.Temporary)
            {
                _ = values.Add(new SuspendedValue(entry.Kind, entry.Index, IsArgument: false));
            }
            else if (entry.Form == StackForm.Local)
            {
                _ = values.Add(SuspendedVariable(entry.Index));
            }
        }

        LocalSet? live = _suspensionLiveness?.At(_callEnd);
        for (int i = 0; i < _localKinds.Length; i++)
        {
            if (live is not null ? live[i] : (_scan.UsedLocals[i] && _scan.ReadLocals[i]))
            {
                _ = values.Add(SuspendedVariable(i));
            }
        }

        return [.. values];
    }

    private SuspendedValue SuspendedVariable(int local) =>
        _arguments[local] >= 0 ? new SuspendedValue(_localKinds[local], _arguments[local], IsArgument: true) : new SuspendedValue(_localKinds[local], _locals[local], IsArgument: false);

    /// <summary>At the function's end.</summary>
    private void EmitSuspension()
    {
        if (_suspensionPoints.Count == 0)
        {
            if (_rewind >= 0)
            {
                // Every call was in code that can't be reached.
                _il.MarkLabel(_rewind);
                EmitTrap(nameof(Execution.Traps.Unreachable));
            }

            return;
        }

        int place = _il.DeclareLocal(typeof(nint));
        for (int i = 0; i < _suspensionPoints.Count; i++)
        {
            EmitLeave(_suspensionPoints[i], i, place);
        }

        _il.MarkLabel(_rewind);
        LoadMemoryBases();
        LoadSafepointBase();
        LoadFixedElements();
        _il.LoadArgument(_instance);
        _il.Call(SuspensionMethod(nameof(SuspensionInstructions.Restore)));
        _il.StoreLocal(place);
        _il.LoadArgument(_instance);
        _il.Call(SuspensionMethod(nameof(SuspensionInstructions.GetPoint)));
        int[] labels = [.. _suspensionPoints.Select(_ => _il.DefineLabel())];
        _il.Switch(labels);
        EmitTrap(nameof(Execution.Traps.Unreachable));
        for (int i = 0; i < labels.Length; i++)
        {
            _il.MarkLabel(labels[i]);
            EmitReentry(_suspensionPoints[i], place);
        }
    }

    private static MethodInfo SuspensionMethod(string name) => RuntimeMembers.Method(typeof(SuspensionInstructions), name);

    private void EmitLeave(SuspensionPoint point, int number, int place)
    {
        _il.MarkLabel(point.Leave);
        (int numbers, int references) = SizeOf(point.Values);
        _il.LoadArgument(_instance);
        _il.Int32(_function);
        _il.Int32(number);
        _il.Int32(numbers);
        _il.Int32(references);
        _il.Call(SuspensionMethod(nameof(SuspensionInstructions.Save)));
        _il.StoreLocal(place);
        int offset = 0;
        int reference = 0;
        foreach (SuspendedValue value in point.Values)
        {
            if (value.Kind == WasmValueKind.Reference)
            {
                LoadSuspended(value);
                _il.LoadArgument(_instance);
                _il.Int32(reference++);
                _il.Call(SuspensionMethod(nameof(SuspensionInstructions.SaveReference)));
                continue;
            }

            LoadPlace(place, offset);
            LoadSuspended(value);
            EmitUnaligned(OpCodes.Stobj, value.Kind);
            offset += SizeOf(value.Kind);
        }

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

    private void EmitReentry(SuspensionPoint point, int place)
    {
        int offset = 0;
        int reference = 0;
        foreach (SuspendedValue value in point.Values)
        {
            if (value.Kind == WasmValueKind.Reference)
            {
                _il.LoadArgument(_instance);
                _il.Int32(reference++);
                _il.Call(SuspensionMethod(nameof(SuspensionInstructions.RestoreReference)));
            }
            else
            {
                LoadPlace(place, offset);
                EmitUnaligned(OpCodes.Ldobj, value.Kind);
                offset += SizeOf(value.Kind);
            }

            if (value.IsArgument)
            {
                _il.StoreArgument(value.Index);
            }
            else
            {
                _il.StoreLocal(value.Index);
            }
        }

        _il.LoadArgument(_instance);
        _il.Call(SuspensionMethod(nameof(SuspensionInstructions.NextTarget)));
        _il.LoadArgument(_instance);
        _il.Call(SuspensionMethod(nameof(SuspensionInstructions.NextCode)));
        _il.CallIndirect(point.ResultType, [typeof(object)]);
        if (point.Result >= 0)
        {
            _il.StoreLocal(point.Result);
        }

        // As when it was left: the callee may have counted what this function's own call, which is skipped here, would have taken back.
        _il.LoadArgument(_instance);
        _il.Int32(0);
        _il.StoreField(RuntimeMembers.SuspensionBlocks);
        _il.Branch(OpCodes.Br, point.Resume);
    }

    private void LoadPlace(int place, int offset)
    {
        _il.LoadLocal(place);
        if (offset > 0)
        {
            _il.Int32(offset);
            _il.Emit(OpCodes.Add);
        }
    }

    private void LoadSuspended(SuspendedValue value)
    {
        if (value.IsArgument)
        {
            _il.LoadArgument(value.Index);
        }
        else
        {
            _il.LoadLocal(value.Index);
        }
    }

    private void EmitUnaligned(OpCode code, WasmValueKind kind)
    {
        _il.Unaligned(1);
        _il.OfType(code, ClrTypes.Of(kind));
    }

    private static int SizeOf(WasmValueKind kind) => kind switch
    {
        WasmValueKind.I32 or WasmValueKind.F32 => 4,
        WasmValueKind.I64 or WasmValueKind.F64 => 8,
        WasmValueKind.V128 => 16,
        _ => 0,
    };

    private static (int Numbers, int References) SizeOf(SuspendedValue[] values)
    {
        int numbers = 0;
        int references = 0;
        foreach (SuspendedValue value in values)
        {
            numbers += SizeOf(value.Kind);
            references += value.Kind == WasmValueKind.Reference ? 1 : 0;
        }

        return (numbers, references);
    }
}
