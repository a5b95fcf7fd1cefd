using System.Reflection.Emit;
using Wherry.Binary;
using Wherry.Compilation.Demand;
using Wherry.Compilation.Outlining;
using Wherry.Execution;
using Wherry.Instructions;
using Wherry.Types;

namespace Wherry.Compilation;

/// <summary>
/// Writes one function as IL. Operands stay on the IL stack within a stretch of code and go through locals where branches part or join, so that
/// the IL stack is empty at each label. Constants and locals are loaded as late as possible. The validator has checked the code, so that
/// nothing is checked here; what can't be reached is skipped.
/// </summary>
internal sealed partial class FunctionEmitter
{
    // Many locals are cleared by the runtime at once; a few are cleared one by one, so that the JIT drops the needless ones.
    private const int MaximumLocalsClearedApart = 128;

    // Functions with large frames look further down than to where they stand.
    private const int LargeFrameLocals = 1_000;

    private readonly ICodeTarget _module;
    private readonly ModuleDefinition _definition;
    private readonly IlWriter _il;
    private FunctionBody _body;
    private FunctionType _type;
    private FunctionScan _scan;
    private readonly List<ControlFrame> _frames = [];
    private int[] _locals;
    private int[] _arguments;
    private WasmValueKind[] _localKinds;
    private DefinedType?[] _localTypes;
    private bool[] _rotatedLocals;

    /// <summary>Whether the code so far rotates something.</summary>
    private bool _hasRotations;
    private readonly int _instance;
    private readonly int[] _memoryBases;
    private readonly bool _returnsExceptions;
    private readonly HashSet<int>? _shortenedLoads;
    private int _safepoint = -1;
    private bool _readsSafepointBase;
    private int _blockCount;
    private int _function;
    private Opcode _previous;

    /// <summary>The offset of the current instruction. What traps tells it, where it can.</summary>
    private int _place;
    private bool _unreachable;
    private int _skipped;

    /// <param name="outline">What of the function is written, if not all of it.</param>
    /// <param name="suspends">Whether the function is written as one that a wait can leave.</param>
    public FunctionEmitter(ICodeTarget module, int functionIndex, IlWriter il, FunctionOutline? outline = null, bool suspends = false)
    {
        _module = module;
        _definition = module.Definition;
        _il = il;
        _region = outline?.Region;
        _outlined = outline is null || _region is not null ? [] : outline.Regions;
        _getRegionMethod = outline?.GetMethod;
        _function = functionIndex;
        _body = _definition.Bodies[functionIndex - _definition.ImportedFunctionCount];
        _type = _definition.Functions[functionIndex].Function!;
        _localKinds = ExpandLocals(_type, _body, type => type.Kind);
        _localTypes = ExpandLocals(_type, _body, type => type.HeapType.Defined);
        _locals = new int[_localKinds.Length];
        _rotatedLocals = new bool[_localKinds.Length];
        _arguments = new int[_localKinds.Length];
        _instance = (_region?.Type ?? _type).Parameters.Length;
        _scan = FunctionScan.Scan(_definition, _body, _locals.Length, _region, _outlined);
        _memoryBases = new int[_definition.Memories.Length];
        _returnsExceptions = module.Layout.ReturnsExceptions(functionIndex);
        _isMetered = module.Options.FuelCosts is not null;
        _canCopyLoops = !module.Options.OutlinesLargeFunctions || !MethodEmission.MayBeDivided(module, _body);
        _canCopyCode = !_isMetered && _canCopyLoops;
        _suspends = suspends;
        ScanInlined();
        if (_scan.HasLoads && module.Options.GuardsMemory)
        {
            HashSet<int>? Find() => LoadDemand.FindShortened(_definition, _body, _type.Results.Length, _locals.Length, IsInlined);
            _shortenedLoads = outline is null ? Find() : outline.Findings.GetShortenedLoads(Find);
        }
    }

    /// <summary>If given, gets the IL offset at which each instruction starts.</summary>
    public List<CodePoint>? Map { get; init; }

    /// <summary>If given, gets what is known before each instruction.</summary>
    public List<EmissionPoint>? Points { get; init; }

    /// <summary>Whether anything in it branches back.</summary>
    public bool HasLoops => _scan.HasLoops;

    /// <summary>Whether all locals must be zero at the start, rather than those that the code clears itself.</summary>
    public bool NeedsClearedLocals { get; private set; }

    /// <summary>Writes the function.</summary>
    /// <exception cref="FunctionTooLargeException">It does not fit into a method.</exception>
    public void Emit()
    {
        EmitPrologue();
        if (_region is not null)
        {
            EmitRegion(_region);
            return;
        }

        PushFunctionFrame();
        EmitInstructions(_body.CodeOffset, _body.End);
    }

    private void PushFunctionFrame() => _frames.Add(new ControlFrame
    {
        Opcode = Opcode.Return,
        Parameters = [],
        Results = Kinds(_type.Results.AsSpan()),
        Height = 0,
        Region = 0,
        IsTargeted = true,
    });

    private void EmitInstructions(int start, int end)
    {
        ReadOnlySpan<byte> bytes = _definition.Bytes.Span;
        var reader = new InstructionReader(bytes, start, end);
        while (reader.Next())
        {
            if (_unreachable && Skip(reader.Opcode))
            {
                continue;
            }

            _place = reader.Offset;
            Map?.Add(new CodePoint(_il.Size, _place, _inlinedCall, _onStack == 0));

            // Regions, and what they are found by, are the function's own: code of others that stands in it has other places.
            if (_inlinedCall is null && FindOutlined(reader.Offset) is { } region)
            {
                EmitRegionCall(region);
                reader.MoveTo(bytes, region.End, end);
                _previous = Opcode.Nop;
                continue;
            }

            if (_inlinedCall is null)
            {
                Points?.Add(new EmissionPoint(reader.Offset, _il.CodeSize, _frames.Count, _blockCount, _height == _frames[^1].Height, _unreachable));
            }

            if (_isMetered)
            {
                EmitMetered(ref reader);
            }
            else
            {
                EmitInstruction(ref reader);
            }

            _previous = reader.Opcode;
        }
    }

    private static int CountLocals(FunctionType type, FunctionBody body)
    {
        int count = type.Parameters.Length;
        foreach (LocalRun run in body.Locals)
        {
            count += run.Count;
        }

        return count;
    }

    private static T[] ExpandLocals<T>(FunctionType type, FunctionBody body, Func<WasmValueType, T> select)
    {
        var locals = new T[CountLocals(type, body)];
        int next = 0;
        foreach (WasmValueType parameter in type.Parameters)
        {
            locals[next++] = select(parameter);
        }

        foreach (LocalRun run in body.Locals)
        {
            locals.AsSpan(next, run.Count).Fill(select(run.Type));
            next += run.Count;
        }

        return locals;
    }

    private static WasmValueKind[] Kinds(ReadOnlySpan<WasmValueType> types)
    {
        if (types.IsEmpty)
        {
            return [];
        }

        var kinds = new WasmValueKind[types.Length];
        for (int i = 0; i < kinds.Length; i++)
        {
            kinds[i] = types[i].Kind;
        }

        return kinds;
    }

    /// <summary>Whether an instruction can't be reached. Keeps count of the blocks within.</summary>
    private bool Skip(Opcode opcode)
    {
        switch (opcode)
        {
            case Opcode.Block:
            case Opcode.Loop:
            case Opcode.If:
            case Opcode.Try:
            case Opcode.TryTable:
                _skipped++;
                _blockCount++;
                return true;
            case Opcode.End:
            case Opcode.Delegate:
                if (_skipped == 0)
                {
                    return false;
                }

                _skipped--;
                return true;
            case Opcode.Else:
            case Opcode.Catch:
            case Opcode.CatchAll:
                return _skipped != 0;
            default:
                return true;
        }
    }

    private void EmitPrologue()
    {
        AssignArguments();
        PrepareSuspension();
        if (_isMetered)
        {
            DeclareMeter();
        }

        int declared = 0;
        for (int i = 0; i < _locals.Length; i++)
        {
            declared += _arguments[i] < 0 && _scan.UsedLocals[i] ? 1 : 0;
        }

        NeedsClearedLocals = declared > MaximumLocalsClearedApart;
        bool checksStack = _rewind >= 0 || _scan.HasCalls || _scan.OnlyThrows || declared > LargeFrameLocals || (_scan.HasTailCalls && _isMetered);
        if (checksStack)
        {
            EmitStackCheck(declared);
        }

        EmitFrameCheck();

        for (int i = 0; i < _locals.Length; i++)
        {
            _locals[i] = -1;
            if (_arguments[i] < 0 && _scan.UsedLocals[i])
            {
                _locals[i] = _il.DeclareLocal(ClrTypes.Of(_localKinds[i]));
                if (!NeedsClearedLocals && _scan.ReadLocals[i])
                {
                    EmitDefault(_localKinds[i]);
                    _il.StoreLocal(_locals[i]);
                }
            }
        }

        EmitSamplePoll();
        EmitMemoryBases();
        EmitFixedElements();
        if (_isMetered)
        {
            EmitMeter();
        }
        else
        {
            bool isSafepoint = _scan.HasTailCalls && !checksStack;
            EmitSafepointBase(isSafepoint);
            if (isSafepoint)
            {
                // Without the address of a local, and without calls, the JIT makes no frame.
                EmitSafepoint();
            }
        }

        EmitWaitAtEntry();
    }

    private void AssignArguments()
    {
        _arguments.AsSpan().SetAll(-1);
        for (int i = 0; i < _instance; i++)
        {
            _arguments[_region?.Inputs[i] ?? i] = i;
        }
    }

    // The address of a local stands for the stack pointer. Interruption makes the limit unreachable, so that this is a safepoint too.
    private void EmitStackCheck(int localCount)
    {
        int marker = _il.DeclareLocal(typeof(int));
        int enough = _il.DefineLabel();
        _il.LoadLocalAddress(marker);
        _il.Emit(OpCodes.Conv_U);
        if (localCount > LargeFrameLocals)
        {
            _il.Int32(localCount * 16);
            _il.Emit(OpCodes.Conv_U);
            _il.Emit(OpCodes.Sub);
        }

        _il.LoadArgument(_instance);
        _il.LoadField(RuntimeMembers.StackLimit);
        _il.Branch(OpCodes.Bge_Un, enough);
        EmitRewindCheck();
        _il.LoadArgument(_instance);
        _il.Call(Trap(nameof(Traps.StackLimitReached)));
        _il.Emit(OpCodes.Throw);
        _il.MarkLabel(enough);
    }

    private void EmitDefault(WasmValueKind kind)
    {
        switch (kind)
        {
            case WasmValueKind.I32:
                _il.Int32(0);
                break;
            case WasmValueKind.I64:
                _il.Int64(0);
                break;
            case WasmValueKind.F32:
                _il.Single(0);
                break;
            case WasmValueKind.F64:
                _il.Double(0);
                break;
            case WasmValueKind.V128:
                EmitVectorConstant(default);
                break;
            default:
                _il.Emit(OpCodes.Ldnull);
                break;
        }
    }

    private void EmitTrap(string name)
    {
        _il.Int32(_place);
        _il.Call(Trap(name));
        _il.Emit(OpCodes.Throw);
    }

    private static System.Reflection.MethodInfo Trap(string name) => RuntimeMembers.Method(typeof(Traps), name);

    private void EmitInstruction(ref InstructionReader reader)
    {
        Opcode opcode = reader.Opcode;
        if (_height > 0 && _stack[_height - 1].Form == StackForm.Comparison && !TakesCondition(opcode))
        {
            // Its operands lie on the IL stack: whatever is loaded next would come between.
            MaterializeComparison();
        }

        bool isRotation = _hasRotations && reader.Instruction.HasFixedSignature && IsAnyRotation(reader.Instruction.Parameters.Length);
        if (TryEmitNumeric(opcode))
        {
            EmitCanonicalNaN(opcode);
            if (isRotation && _stack[_height - 1].Form != StackForm.Comparison)
            {
                NoteRotation();
            }

            return;
        }

        TrackDispatch(ref reader);

        switch (opcode)
        {
            case Opcode.Nop:
                break;
            case Opcode.Unreachable:
                EmitTrap(nameof(Traps.Unreachable));
                _unreachable = true;
                break;
            case Opcode.Drop:
                EmitDrop();
                break;
            case Opcode.Select:
            case Opcode.SelectTyped:
                EmitSelect();
                break;
            case Opcode.I32Const:
                Push(new StackEntry(StackForm.Constant, WasmValueKind.I32, reader.Integer));
                break;
            case Opcode.I64Const:
                Push(new StackEntry(StackForm.Constant, WasmValueKind.I64, reader.Integer));
                break;
            case Opcode.F32Const:
                Push(new StackEntry(StackForm.Constant, WasmValueKind.F32, (long)reader.Bits));
                break;
            case Opcode.F64Const:
                Push(new StackEntry(StackForm.Constant, WasmValueKind.F64, (long)reader.Bits));
                break;
            default:
                if (!TryEmitControl(ref reader) && !TryEmitVariable(ref reader) && !TryEmitMemory(ref reader) && !TryEmitReference(ref reader)
                    && !TryEmitGarbageCollection(ref reader) && !TryEmitBulk(ref reader) && !TryEmitVector(ref reader) && !TryEmitAtomic(ref reader)
                    && !TryEmitWideArithmetic(ref reader))
                {
                    throw new InvalidOperationException($"No code for {reader.Instruction.Name}.");
                }

                break;
        }
    }

    private static bool TakesCondition(Opcode opcode) =>
        opcode is Opcode.I32Eqz or Opcode.If or Opcode.BrIf or Opcode.Select or Opcode.SelectTyped or Opcode.Drop;

    private void EmitDrop()
    {
        StackEntry entry = Pop();
        if (entry.Form == StackForm.Comparison)
        {
            _il.Emit(OpCodes.Pop);
        }

        if (entry.IsOnStack)
        {
            _il.Emit(OpCodes.Pop);
        }
    }

    private void EmitSelect()
    {
        HideRotation();
        StackEntry second = _stack[_height - 2];
        StackEntry first = _stack[_height - 3];
        WasmValueKind kind = first.Kind;
        int result;
        int end = _il.DefineLabel();
        if (first.IsOnStack || second.IsOnStack)
        {
            // The values are computed before the condition, and under it.
            Load(1);
            int condition = StoreTop();
            Load(1);
            int other = StoreTop();
            Load(1);
            result = StoreTop();
            _il.LoadLocal(condition);
            _il.Branch(OpCodes.Brtrue, end);
            _il.LoadLocal(other);
            _il.StoreLocal(result);
            Release(condition, WasmValueKind.I32);
            Release(other, kind);
        }
        else
        {
            result = AllocateTemporary(kind);
            EmitEntry(first, keeps: false);
            _il.StoreLocal(result);
            StackEntry condition = Pop();
            if (!condition.IsOnStack)
            {
                EmitEntry(condition, keeps: false);
            }

            EmitBranchOn(condition.Form == StackForm.Comparison ? condition.Comparison : null, true, end);
            EmitEntry(second, keeps: false);
            _il.StoreLocal(result);
            _height -= 2;
        }

        _il.MarkLabel(end);
        Push(new StackEntry(StackForm.Temporary, kind, Index: result, IsRotation: first.IsRotation || second.IsRotation));
    }
}
