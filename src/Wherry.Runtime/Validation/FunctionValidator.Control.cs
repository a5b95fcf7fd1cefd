using System.Diagnostics.CodeAnalysis;
using System.Runtime.CompilerServices;
using Wherry.Instructions;
using Wherry.Types;

namespace Wherry.Validation;

internal ref partial struct FunctionValidator
{
    private static readonly OperandType[][] SingleNumbers =
        [[OperandType.I32], [OperandType.I64], [OperandType.F32], [OperandType.F64], [OperandType.V128]];

    private void ValidateControl()
    {
        switch (_reader.Opcode)
        {
            case Opcode.Nop:
                break;
            case Opcode.Block:
            case Opcode.Loop:
            case Opcode.Try:
                EnterBlock(_reader.Opcode);
                break;
            case Opcode.If:
                EnterBlock(Opcode.If);
                break;
            case Opcode.Else:
                ValidateElse();
                break;
            case Opcode.TryTable:
                ValidateTryTable();
                break;
            case Opcode.Catch:
                Signature tag = Tag(_reader.Index);
                LeaveTryBody();
                EnterHandler(Opcode.Catch, tag.Parameters);
                break;
            case Opcode.CatchAll:
                LeaveTryBody();
                EnterHandler(Opcode.CatchAll, None);
                break;
            case Opcode.Delegate:
                ValidateDelegate();
                break;
            case Opcode.Rethrow:
                ValidateRethrow();
                break;
            case Opcode.Throw:
                Pop(Tag(_reader.Index).Parameters);
                SetUnreachable();
                break;
            case Opcode.ThrowRef:
                Pop(OperandType.Reference(HeapTypeKind.Exn, isNullable: true));
                SetUnreachable();
                break;
            case Opcode.Br:
                Pop(LabelTypes(_reader.Index));
                SetUnreachable();
                break;
            case Opcode.BrIf:
                Pop(OperandType.I32);
                PopAndPush(LabelTypes(_reader.Index));
                break;
            case Opcode.BrTable:
                ValidateBrTable();
                break;
            case Opcode.Return:
                Pop(_frames[0].Results);
                SetUnreachable();
                break;
            default:
                ValidateCall();
                break;
        }
    }

    private void ValidateCall()
    {
        Signature signature;
        switch (_reader.Opcode)
        {
            case Opcode.Call:
            case Opcode.ReturnCall:
                signature = Function(_reader.Index);
                break;
            case Opcode.CallIndirect:
            case Opcode.ReturnCallIndirect:
                signature = FunctionType(_reader.Index);
                TableInfo table = Table(_reader.Index2);
                if (_reader.Index2 != 0)
                {
                    Require(WasmFeatures.ReferenceTypes, "A call through a table other than the first");
                }

                if (!_context.Matches(table.Element, OperandType.Reference(HeapTypeKind.Func, isNullable: true)))
                {
                    Invalid($"type mismatch: table {_reader.Index2} holds {_context.Describe(table.Element)}, not functions");
                }

                Pop(table.Address);
                break;
            default:
                signature = FunctionType(_reader.Index);
                Pop(OperandType.Defined(signature.TypeIndex, isNullable: true));
                break;
        }

        Pop(signature.Parameters);
        if (_reader.Opcode is Opcode.ReturnCall or Opcode.ReturnCallIndirect or Opcode.ReturnCallRef)
        {
            CheckTailCall(signature);
            SetUnreachable();
        }
        else
        {
            Push(signature.Results);
        }
    }

    private readonly void CheckTailCall(Signature callee)
    {
        OperandType[] own = _frames[0].Results;
        bool matches = own.Length == callee.Results.Length;
        for (int i = 0; matches && i < own.Length; i++)
        {
            matches = _context.Matches(callee.Results[i], own[i]);
        }

        if (!matches)
        {
            Invalid($"type mismatch: the function returns {Describe(own)}, the function that it calls last {Describe(callee.Results)}");
        }
    }

    private void EnterBlock(Opcode opcode)
    {
        BlockSignature(_reader.BlockType, out OperandType[] parameters, out OperandType[] results);
        if (opcode == Opcode.If)
        {
            Pop(OperandType.I32);
        }

        Pop(parameters);
        PushFrame(opcode, parameters, results);
        Push(parameters);
    }

    private void BlockSignature(BlockTypeImmediate type, out OperandType[] parameters, out OperandType[] results)
    {
        parameters = None;
        results = None;
        switch (type.Kind)
        {
            case BlockTypeKind.Value:
                results = type.ValueType.Kind == WasmValueKind.Reference ? [Resolve(type.ValueType)] : SingleNumbers[(int)type.ValueType.Kind];
                if (type.ValueType.Kind == WasmValueKind.V128)
                {
                    _ = Resolve(type.ValueType);
                }

                break;
            case BlockTypeKind.TypeIndex:
                Require(WasmFeatures.MultiValue, "A block with parameters or several results");
                Signature signature = FunctionType(type.TypeIndex);
                parameters = signature.Parameters;
                results = signature.Results;
                break;
        }
    }

    private void ValidateTryTable()
    {
        BlockSignature(_reader.BlockType, out OperandType[] parameters, out OperandType[] results);
        foreach (CatchClause clause in _reader.CatchClauses)
        {
            OperandType[] label = LabelTypes(clause.Label);
            OperandType[] carried = clause.HasTag ? Tag(clause.Tag).Parameters : None;
            int count = carried.Length + (clause.HasReference ? 1 : 0);
            bool matches = label.Length == count;
            for (int i = 0; matches && i < count; i++)
            {
                OperandType type = i < carried.Length ? carried[i] : OperandType.Reference(HeapTypeKind.Exn, isNullable: false);
                matches = _context.Matches(type, label[i]);
            }

            if (!matches)
            {
                string reference = clause.HasReference ? " and (ref exn)" : string.Empty;
                Invalid($"type mismatch: a catch clause carries {Describe(carried)}{reference}, its label {clause.Label} takes {Describe(label)}");
            }
        }

        Pop(parameters);
        PushFrame(Opcode.TryTable, parameters, results);
        Push(parameters);
    }

    private void ValidateElse()
    {
        ref ControlFrame frame = ref _frames[_depth - 1];
        if (frame.Opcode != Opcode.If)
        {
            MalformedModuleException.Throw($"END opcode expected: else without if in {Where}", _reader.Offset);
        }

        OperandType[] parameters = frame.Parameters;
        OperandType[] results = frame.Results;
        PopFrame();
        PushFrame(Opcode.Else, parameters, results);
        Push(parameters);
    }

    /// <summary>At a catch: what came before it must have given the results of the whole block.</summary>
    private void LeaveTryBody()
    {
        if (_frames[_depth - 1].Opcode is not (Opcode.Try or Opcode.Catch))
        {
            MalformedModuleException.Throw($"END opcode expected: {_reader.Instruction.Name} without try in {Where}", _reader.Offset);
        }
    }

    private void EnterHandler(Opcode opcode, OperandType[] values)
    {
        OperandType[] results = _frames[_depth - 1].Results;
        PopFrame();
        PushFrame(opcode, None, results);
        Push(values);
    }

    private void ValidateDelegate()
    {
        if (_frames[_depth - 1].Opcode != Opcode.Try)
        {
            MalformedModuleException.Throw($"END opcode expected: delegate without try in {Where}", _reader.Offset);
        }

        OperandType[] results = _frames[_depth - 1].Results;
        PopFrame();
        if (_reader.Index >= _depth)
        {
            UnknownLabel(_reader.Index);
        }

        Push(results);
    }

    private void ValidateRethrow()
    {
        if (_reader.Index >= _depth)
        {
            UnknownLabel(_reader.Index);
        }

        if (_frames[_depth - 1 - _reader.Index].Opcode is not (Opcode.Catch or Opcode.CatchAll))
        {
            Invalid($"invalid rethrow label {_reader.Index}: it is not that of a catch block");
        }

        SetUnreachable();
    }

    private void ValidateBrTable()
    {
        Pop(OperandType.I32);
        ReadOnlySpan<int> labels = _reader.Labels;
        OperandType[] standard = LabelTypes(labels[^1]);
        OperandType[]? last = null;
        for (int i = 0; i < labels.Length - 1; i++)
        {
            OperandType[] types = LabelTypes(labels[i]);
            if (ReferenceEquals(types, last))
            {
                continue;
            }

            last = types;
            if (types.Length != standard.Length)
            {
                Invalid($"type mismatch: label {labels[i]} takes {Describe(types)}, the default label {Describe(standard)}");
            }

            if (!ReferenceEquals(types, standard))
            {
                CheckTop(types);
            }
        }

        Pop(standard);
        SetUnreachable();
    }

    /// <summary>Checks the operands on top of the stack, and leaves them there.</summary>
    private readonly void CheckTop(OperandType[] types)
    {
        for (int i = 1; i <= types.Length; i++)
        {
            int index = _height - i;
            OperandType expected = types[^i];
            if (index < _floor)
            {
                if (!_isUnreachable)
                {
                    Mismatch(_context.Describe(expected), string.Empty);
                }

                return;
            }

            if (!_context.Matches(_operands[index], expected))
            {
                Mismatch(_context.Describe(expected), _context.Describe(_operands[index]));
            }
        }
    }

    private void PopAndPush(OperandType[] types)
    {
        if (types.Length == 0)
        {
            return;
        }

        Pop(types);
        Push(types);
    }

    private void ValidateEnd()
    {
        ref ControlFrame frame = ref _frames[_depth - 1];
        OperandType[] results = frame.Results;
        if (frame.Opcode == Opcode.If)
        {
            // As if an empty else followed, which gives its parameters.
            OperandType[] parameters = frame.Parameters;
            bool matches = parameters.Length == results.Length;
            for (int i = 0; matches && i < parameters.Length; i++)
            {
                matches = _context.Matches(parameters[i], results[i]);
            }

            if (!matches)
            {
                Invalid($"type mismatch: an if without else takes {Describe(parameters)}, and so can't give {Describe(results)}");
            }
        }

        PopFrame();
        if (_depth > 0)
        {
            Push(results);
        }
    }

    private void PushFrame(Opcode opcode, OperandType[] parameters, OperandType[] results)
    {
        if (_depth == _frames.Length)
        {
            Array.Resize(ref _frames, 2 * _frames.Length);
        }

        if (_depth > _context.Limits.MaximumNesting)
        {
            Invalid($"blocks are nested too deeply: the limit is {_context.Limits.MaximumNesting:N0}");
        }

        if (opcode is Opcode.Try or Opcode.TryTable && ++_handlers > _context.Limits.MaximumNestedHandlers)
        {
            Invalid($"exception handlers are nested too deeply: the limit is {_context.Limits.MaximumNestedHandlers:N0}");
        }

        _frames[_depth++] = new ControlFrame
        {
            Opcode = opcode,
            Height = _height,
            InitialisedCount = _initialisedCount,
            Parameters = parameters,
            Results = results,
        };
        _floor = _height;
        _isUnreachable = false;
    }

    /// <summary>Leaves the innermost block: its results must be on the stack, and nothing else.</summary>
    private void PopFrame()
    {
        ref ControlFrame frame = ref _frames[_depth - 1];
        OperandType[] results = frame.Results;
        for (int i = results.Length - 1; i >= 0; i--)
        {
            Pop(results[i]);
        }

        if (_height != _floor)
        {
            Surplus(results);
        }

        while (_initialisedCount > frame.InitialisedCount)
        {
            _initialisedIn[_initialisedLog[--_initialisedCount]] = 0;
        }

        if (frame.Opcode is Opcode.Try or Opcode.TryTable)
        {
            _handlers--;
        }

        if (--_depth > 0)
        {
            ref ControlFrame outer = ref _frames[_depth - 1];
            _floor = outer.Height;
            _isUnreachable = outer.IsUnreachable;
        }
    }

    private void SetUnreachable()
    {
        _height = _floor;
        _isUnreachable = true;
        _frames[_depth - 1].IsUnreachable = true;
    }

    private readonly OperandType[] LabelTypes(int label)
    {
        if ((uint)label >= (uint)_depth)
        {
            UnknownLabel(label);
        }

        return _frames[_depth - 1 - label].LabelTypes;
    }

    private readonly Signature Function(int index)
    {
        if ((uint)index >= (uint)_context.Functions.Length)
        {
            Invalid($"unknown function {index}: the module has {_context.Functions.Length}");
        }

        return _context.Functions[index];
    }

    private readonly Signature Tag(int index)
    {
        if ((uint)index >= (uint)_context.Tags.Length)
        {
            Invalid($"unknown tag {index}: the module has {_context.Tags.Length}");
        }

        return _context.Tags[index];
    }

    private readonly Signature FunctionType(int index)
    {
        DefinedType type = DefinedType(index);
        if (type.Kind != CompositeKind.Function)
        {
            Invalid($"type mismatch: type {index} is not a function type, but {type}");
        }

        return _context.Signatures[index]!;
    }

    private readonly DefinedType DefinedType(int index)
    {
        if ((uint)index >= (uint)_context.Signatures.Length)
        {
            Invalid($"unknown type {index}: the module has {_context.Signatures.Length}");
        }

        return _context.Module.Types[index];
    }

    private readonly string Describe(OperandType[] types)
    {
        ValidationContext context = _context;
        return $"[{string.Join(' ', types.Select(type => context.Describe(type)))}]";
    }

    [DoesNotReturn]
    private readonly void Surplus(OperandType[] results)
    {
        // The results were popped: the stack still shows them above.
        OperandType[] stack = _operands.AsSpan(_floor, Math.Min(_height + results.Length, _operands.Length) - _floor).ToArray();
        Invalid($"type mismatch: block requires {Describe(results)} but stack has {Describe(stack)}");
    }

    [DoesNotReturn]
    private readonly void UnknownLabel(int label) => Invalid($"unknown label {label}: {_depth} are open here");
}
