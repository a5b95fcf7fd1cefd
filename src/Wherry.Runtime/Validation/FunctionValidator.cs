using System.Diagnostics.CodeAnalysis;
using System.Runtime.CompilerServices;
using Wherry.Binary;
using Wherry.Instructions;

namespace Wherry.Validation;

/// <summary>
/// Validates function bodies and constant expressions, one after another, by the algorithm of the specification's appendix A.3: a stack of
/// operand types and a stack of blocks. Nothing is allocated per instruction; the stacks are kept from one body to the next.
/// </summary>
internal ref partial struct FunctionValidator
{
    private const int ListedLocals = 256;

    private static readonly OperandType[] None = [];

    private readonly ValidationContext _context;
    private readonly FeatureSet _features;
    private readonly ReadOnlySpan<byte> _bytes;
    private InstructionReader _reader;
    private WasmFeatures _used;
    private int _function;

    private OperandType[] _operands = new OperandType[64];
    private int _height;
    private ControlFrame[] _frames = new ControlFrame[16];
    private int _depth;
    private int _handlers;

    // The innermost frame's height and reachability, at hand.
    private int _floor;
    private bool _isUnreachable;

    // The first locals one by one, the others by their runs: a few bytes can declare 50,000 of them, in each of a million functions.
    private readonly OperandType[] _locals = new OperandType[ListedLocals];
    private int _localCount;
    private int _parameterCount;
    private (int End, OperandType Type)[] _runs = [];
    private int _runCount;

    // Locals without a default value: in which function each was last set, and those set in the open blocks, in order.
    private int[] _initialisedIn = [];
    private int[] _initialisedLog = [];
    private int _initialisedCount;
    private int _generation;

    public FunctionValidator(ValidationContext context, FeatureSet features)
    {
        _context = context;
        _features = features;
        _used = features.Used;
        _bytes = context.Module.Bytes.Span;
        _reader = new InstructionReader(_bytes, 0, 0);
    }

    /// <summary>Validates the body of a function that is not imported.</summary>
    /// <param name="function">Its index in the index space of functions.</param>
    public void ValidateBody(int function)
    {
        ModuleDefinition module = _context.Module;
        FunctionBody body = module.Bodies[function - module.ImportedFunctionCount];
        Signature signature = _context.Functions[function];
        _function = function;
        DeclareLocals(body, signature);
        _reader.MoveTo(_bytes, body.CodeOffset, body.End);
        Start(Opcode.Block, signature.Results);
        while (_depth > 0)
        {
            if (!_reader.Next())
            {
                MissingEnd(body.End);
            }

            ValidateInstruction();
        }

        if (_reader.Position != body.End)
        {
            MalformedModuleException.Throw(
                $"section size mismatch: {body.End - _reader.Position:N0} bytes follow the last end of {Where}", _reader.Position);
        }
    }

    private readonly void MissingEnd(int position)
    {
        // The suite's texts are those of a reader that does not stop at the end of the function but takes what follows for instructions.
        string error = position >= _bytes.Length ? "unexpected end of section or function: END opcode expected"
            : _bytes[position] == 0x0B ? "section size mismatch: END opcode expected"
            : "END opcode expected";
        MalformedModuleException.Throw($"{error}: {Where} ends with {_depth} blocks still open", position);
    }

    /// <summary>A place for messages: the function, if this is one.</summary>
    private readonly string Where => _function >= 0 ? _context.Module.DescribeFunction(_function) : "a constant expression";

    private void Start(Opcode opcode, OperandType[] results)
    {
        _height = 0;
        _depth = 0;
        _handlers = 0;
        _initialisedCount = 0;
        PushFrame(opcode, None, results);
    }

    private void DeclareLocals(FunctionBody body, Signature signature)
    {
        _localCount = 0;
        _runCount = 0;
        _parameterCount = signature.Parameters.Length;
        _generation++;
        if (_runs.Length < _parameterCount + body.Locals.Length)
        {
            _runs = new (int, OperandType)[Math.Max(64, _parameterCount + body.Locals.Length)];
        }

        foreach (OperandType type in signature.Parameters)
        {
            DeclareLocals(1, type);
        }

        bool needsInitialisation = false;
        foreach (LocalRun run in body.Locals)
        {
            OperandType type = _context.Pack(run.Type);
            needsInitialisation |= !type.IsDefaultable;
            DeclareLocals(run.Count, type);
        }

        if (needsInitialisation && _initialisedIn.Length < _localCount)
        {
            _initialisedIn = new int[_localCount];
            _initialisedLog = new int[_localCount];
        }
    }

    private void DeclareLocals(int count, OperandType type)
    {
        if (_localCount < ListedLocals)
        {
            _locals.AsSpan(_localCount, Math.Min(count, ListedLocals - _localCount)).SetAll(type);
        }

        _localCount += count;
        _runs[_runCount++] = (_localCount, type);
    }

    private void ValidateInstruction()
    {
        Instruction instruction = _reader.Instruction;
        if ((instruction.Feature & ~_used) != 0)
        {
            RequireFeature(instruction);
        }

        // Not in this switch: what has a fixed signature.
        switch (_reader.Opcode)
        {
            case Opcode.LocalGet:
                Push(LocalForReading(_reader.Index));
                break;
            case Opcode.LocalSet:
                SetLocal(_reader.Index);
                break;
            case Opcode.LocalTee:
                SetLocal(_reader.Index);
                Push(Local(_reader.Index));
                break;
            case Opcode.I32Const:
                Push(OperandType.I32);
                break;
            case Opcode.End:
                ValidateEnd();
                break;
            case Opcode.Unreachable:
                SetUnreachable();
                break;
            case Opcode.Drop:
                _ = Pop();
                break;
            case Opcode.Select:
                ValidateSelect();
                break;
            case Opcode.SelectTyped:
                ValidateTypedSelect();
                break;
            case Opcode.GlobalGet:
                Push(Global(_reader.Index).Type);
                break;
            case Opcode.GlobalSet:
                GlobalInfo global = Global(_reader.Index);
                if (!global.IsMutable)
                {
                    Invalid($"immutable global {_reader.Index} can't be set");
                }

                Pop(global.Type);
                break;
            case <= Opcode.TryTable:
                ValidateControl();
                break;
            case Opcode.TableGet or Opcode.TableSet:
            case >= Opcode.MemoryInit and <= Opcode.TableFill:
                ValidateBulk();
                break;
            case >= Opcode.RefNull and <= Opcode.BrOnNonNull:
                ValidateReference();
                break;
            case >= Opcode.StructNew and <= Opcode.BrOnCastDescEqFail:
                ValidateGarbageCollection();
                break;
            default:
                ValidateFixed(instruction);
                break;
        }
    }

    [MethodImpl(MethodImplOptions.NoInlining)]
    private void RequireFeature(Instruction instruction)
    {
        WasmFeatures feature = instruction.Opcode switch
        {
            // Both proposals have it.
            Opcode.Throw => WasmFeatures.ExceptionHandling | WasmFeatures.LegacyExceptions,
            _ => instruction.Feature,
        };
        Require(feature, $"The instruction {instruction.Name}");
        _used |= instruction.Feature;
    }

    private readonly void Require(WasmFeatures feature, string what) => _features.Require(feature, what, _reader.Offset);

    private void ValidateFixed(Instruction instruction)
    {
        OperandType address = OperandType.I32;
        switch (instruction.Immediate)
        {
            case Immediate.None:
                break;
            case Immediate.MemoryArgument:
            case Immediate.MemoryArgumentLane:
                address = MemoryArgument(instruction);
                break;
            case Immediate.Memory:
                address = Memory(_reader.Index);
                break;
            case Immediate.Lane:
                CheckLane(LanesOf(instruction.Opcode));
                break;
            case Immediate.Shuffle:
                CheckShuffle();
                break;
        }

        Operand[] parameters = instruction.Parameters;
        for (int i = parameters.Length - 1; i >= 0; i--)
        {
            Pop(Type(parameters[i], address));
        }

        foreach (Operand result in instruction.Results)
        {
            Push(Type(result, address));
        }
    }

    private static OperandType Type(Operand operand, OperandType address) =>
        operand == Operand.Address ? address : OperandType.Of((WasmValueKind)operand);

    private void ValidateSelect()
    {
        Pop(OperandType.I32);
        OperandType second = Pop();
        OperandType first = Pop();
        if ((!first.IsNumberOrVector && !first.IsBottom) || (!second.IsNumberOrVector && !second.IsBottom) || (first != second && !first.IsBottom && !second.IsBottom))
        {
            Invalid(
                $"type mismatch: select without a type needs two operands of one number or vector type, but stack has [{_context.Describe(first)} {_context.Describe(second)}]");
        }

        Push(first.IsBottom ? second : first);
    }

    private void ValidateTypedSelect()
    {
        if (_reader.ValueTypes.Length != 1)
        {
            Invalid($"invalid result arity: select gives one result, not {_reader.ValueTypes.Length}");
        }

        OperandType type = Resolve(_reader.ValueTypes[0]);
        Pop(OperandType.I32);
        Pop(type);
        Pop(type);
        Push(type);
    }

    private readonly OperandType Local(int index)
    {
        if ((uint)index >= (uint)_localCount)
        {
            Invalid($"unknown local {index}: the function has {_localCount}");
        }

        return index < ListedLocals ? _locals[index] : FindLocal(index);
    }

    private readonly OperandType FindLocal(int index)
    {
        // The first run that ends behind it.
        int low = 0;
        int high = _runCount - 1;
        while (low < high)
        {
            int middle = (low + high) / 2;
            if (_runs[middle].End > index)
            {
                high = middle;
            }
            else
            {
                low = middle + 1;
            }
        }

        return _runs[low].Type;
    }

    private readonly OperandType LocalForReading(int index)
    {
        OperandType type = Local(index);
        if (!type.IsDefaultable && index >= _parameterCount && _initialisedIn[index] != _generation)
        {
            Invalid($"uninitialized local {index} of type {_context.Describe(type)} is read before it is set");
        }

        return type;
    }

    private void SetLocal(int index)
    {
        OperandType type = Local(index);
        Pop(type);
        if (!type.IsDefaultable && index >= _parameterCount && _initialisedIn[index] != _generation)
        {
            _initialisedIn[index] = _generation;
            _initialisedLog[_initialisedCount++] = index;
        }
    }

    private readonly GlobalInfo Global(int index)
    {
        if ((uint)index >= (uint)_context.Globals.Length)
        {
            Invalid($"unknown global {index}: the module has {_context.Globals.Length}");
        }

        return _context.Globals[index];
    }

    /// <summary>A value type of an immediate.</summary>
    private OperandType Resolve(EncodedValueType type)
    {
        if (type.Kind != WasmValueKind.Reference)
        {
            if (type.Kind == WasmValueKind.V128)
            {
                _features.Require(type, _reader.Offset);
            }

            return OperandType.Of(type.Kind);
        }

        _features.Require(type, _reader.Offset);
        CheckHeapType(type.HeapType);
        return _context.Pack(type);
    }

    private readonly void CheckHeapType(EncodedHeapType type)
    {
        if (type.Kind == HeapTypeKind.Defined && type.TypeIndex >= _context.Signatures.Length)
        {
            Invalid($"unknown type {type.TypeIndex}: the module has {_context.Signatures.Length}");
        }
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private void Push(OperandType type)
    {
        OperandType[] operands = _operands;
        int height = _height;
        if ((uint)height >= (uint)operands.Length)
        {
            operands = GrowOperands();
        }

        operands[height] = type;
        _height = height + 1;
    }

    private OperandType[] GrowOperands()
    {
        if (_height >= _context.Limits.MaximumOperands)
        {
            Invalid($"too many operands: the limit is {_context.Limits.MaximumOperands:N0}");
        }

        Array.Resize(ref _operands, 2 * _operands.Length);
        return _operands;
    }

    private void Push(OperandType[] types)
    {
        foreach (OperandType type in types)
        {
            Push(type);
        }
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private void Pop(OperandType expected)
    {
        OperandType[] operands = _operands;
        int top = _height - 1;
        if (top >= _floor && (uint)top < (uint)operands.Length && operands[top] == expected)
        {
            _height = top;
        }
        else
        {
            _ = PopSlow(expected);
        }
    }

    /// <summary>Pops an operand that matches, and gives its own type.</summary>
    [MethodImpl(MethodImplOptions.NoInlining)]
    private OperandType PopSlow(OperandType expected)
    {
        if (_height == _floor)
        {
            if (!_isUnreachable)
            {
                Mismatch(_context.Describe(expected), string.Empty);
            }

            return OperandType.Bottom;
        }

        OperandType actual = _operands[--_height];
        if (!_context.Matches(actual, expected))
        {
            Mismatch(_context.Describe(expected), _context.Describe(actual));
        }

        return actual;
    }

    /// <summary>Pops an operand of any type.</summary>
    private OperandType Pop()
    {
        if (_height == _floor)
        {
            if (!_isUnreachable)
            {
                Mismatch("any", string.Empty);
            }

            return OperandType.Bottom;
        }

        return _operands[--_height];
    }

    private void Pop(OperandType[] types)
    {
        for (int i = types.Length - 1; i >= 0; i--)
        {
            Pop(types[i]);
        }
    }

    /// <summary>Pops an operand that must be a reference.</summary>
    private OperandType PopReference()
    {
        OperandType type = Pop();
        if (!type.IsReference && !type.IsBottom)
        {
            Mismatch("reference", _context.Describe(type));
        }

        return type;
    }

    [DoesNotReturn]
    private readonly void Mismatch(string expected, string actual) =>
        Invalid($"type mismatch: instruction requires [{expected}] but stack has [{actual}]");

    [DoesNotReturn]
    private readonly void Invalid(string message) =>
        InvalidModuleException.Throw($"{message}; {_reader.Instruction.Name} in {Where}", _reader.Offset);
}
