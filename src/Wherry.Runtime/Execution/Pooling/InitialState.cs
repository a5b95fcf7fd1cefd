using Wherry.Binary;
using Wherry.Compilation;
using Wherry.Diagnostics;
using Wherry.Instructions;

namespace Wherry.Execution.Pooling;

/// <summary>What a module's constants say of a new instance: its globals, where its segments go, and what of its tables can be shared.</summary>
internal sealed class InitialState
{
    private readonly ModuleDefinition _definition;

    /// <exception cref="TrapException">A segment does not fit.</exception>
    public InitialState(CompiledModule code)
    {
        _definition = code.Definition;
        Globals = new ConstantValue[_definition.Globals.Length];
        var evaluator = new ConstantEvaluator(code.CreateInstance(), Globals);
        HasSimpleGlobals = EvaluateGlobals(evaluator);
        Elements = Array.ConvertAll(_definition.Elements, segment => segment.Mode == SegmentMode.Active ? Evaluate(evaluator, segment.OffsetExpression, _definition.Tables[segment.TableIndex].Type.Is64Bit) : 0);
        Data = Array.ConvertAll(_definition.Data, segment => segment.Mode == SegmentMode.Active ? Evaluate(evaluator, segment.OffsetExpression, _definition.Memories[segment.MemoryIndex].Is64Bit) : 0);
        CheckSegments();
        HasConstantTables = Array.TrueForAll(_definition.Tables, static table => table.Initializer is null)
            && Array.TrueForAll(code.Layout.IsOwnTable, static isOwn => isOwn)
            && Array.TrueForAll(_definition.Elements, segment => segment.Mode == SegmentMode.Declarative || (segment.Mode == SegmentMode.Active && Array.TrueForAll(segment.Expressions, IsFunctionOrNull)))
            && !ChangesTables();
    }

    /// <summary>The globals' values, as far as they are numbers or null.</summary>
    public ConstantValue[] Globals { get; }

    /// <summary>Whether all globals' values are numbers or null.</summary>
    public bool HasSimpleGlobals { get; }

    /// <summary>Whether no instance can change a table, read one but by call_indirect, or show one to others.</summary>
    public bool HasConstantTables { get; }

    /// <summary>Where each active element segment goes.</summary>
    public ulong[] Elements { get; }

    /// <summary>Where each active data segment goes.</summary>
    public ulong[] Data { get; }

    /// <summary>The function that an element's expression names, or -1 for null.</summary>
    public static int GetFunction(ModuleDefinition definition, ConstantExpression expression)
    {
        var reader = new InstructionReader(definition.Bytes.Span, expression.Offset, expression.Offset + expression.Length);
        _ = reader.Next();
        return reader.Opcode == Opcode.RefFunc ? reader.Index : -1;
    }

    private bool EvaluateGlobals(ConstantEvaluator evaluator)
    {
        bool areSimple = true;
        var isSimple = new bool[Globals.Length];
        for (int i = 0; i < Globals.Length; i++)
        {
            // Imported globals are of one store, and not pooled.
            ConstantExpression expression = _definition.Globals[i].Initializer!.Value;
            isSimple[i] = IsSimple(expression, isSimple);
            areSimple &= isSimple[i];
            if (isSimple[i])
            {
                Globals[i] = evaluator.Evaluate(expression);
            }
        }

        return areSimple;
    }

    private bool IsSimple(ConstantExpression expression, bool[] isSimple)
    {
        var reader = new InstructionReader(_definition.Bytes.Span, expression.Offset, expression.Offset + expression.Length);
        while (reader.Next())
        {
            switch (reader.Opcode)
            {
                case Opcode.I32Const or Opcode.I64Const or Opcode.F32Const or Opcode.F64Const or Opcode.V128Const or Opcode.RefNull or Opcode.End:
                case Opcode.I32Add or Opcode.I32Sub or Opcode.I32Mul or Opcode.I64Add or Opcode.I64Sub or Opcode.I64Mul:
                case Opcode.GlobalGet when isSimple[reader.Index]:
                    continue;
                default:
                    return false;
            }
        }

        return true;
    }

    private bool IsFunctionOrNull(ConstantExpression expression)
    {
        var reader = new InstructionReader(_definition.Bytes.Span, expression.Offset, expression.Offset + expression.Length);
        return reader.Next() && reader.Opcode is Opcode.RefFunc or Opcode.RefNull && reader.Next() && reader.Opcode == Opcode.End;
    }

    private static ulong Evaluate(ConstantEvaluator evaluator, ConstantExpression expression, bool is64Bit)
    {
        long value = evaluator.Evaluate(expression).Bits;
        return is64Bit ? (ulong)value : (uint)value;
    }

    private void CheckSegments()
    {
        for (int i = 0; i < Elements.Length; i++)
        {
            ElementSegment segment = _definition.Elements[i];
            if (segment.Mode == SegmentMode.Active && MemoryInstructions.IsOutside(Elements[i], (ulong)segment.Count, _definition.Tables[segment.TableIndex].Type.Minimum))
            {
                throw TrapTranslator.Create(TrapKind.TableOutOfBounds, $"element segment {i} does not fit into its table");
            }
        }

        for (int i = 0; i < Data.Length; i++)
        {
            DataSegment segment = _definition.Data[i];
            MemoryType? memory = segment.Mode == SegmentMode.Active && segment.MemoryIndex >= _definition.ImportedMemoryCount ? _definition.Memories[segment.MemoryIndex] : null;
            if (memory is not null && MemoryInstructions.IsOutside(Data[i], (ulong)segment.Length, memory.Minimum << memory.PageSizeLog2))
            {
                throw TrapTranslator.Create(TrapKind.MemoryOutOfBounds, $"data segment {i} does not fit into its memory");
            }
        }
    }

    private bool ChangesTables()
    {
        if (_definition.Tables.Length == 0)
        {
            return false;
        }

        foreach (FunctionBody body in _definition.Bodies)
        {
            var reader = new InstructionReader(_definition.Bytes.Span, body.CodeOffset, body.End);
            while (reader.Next())
            {
                if (reader.Opcode is Opcode.TableGet or Opcode.TableSet or Opcode.TableGrow or Opcode.TableFill or Opcode.TableCopy or Opcode.TableInit or Opcode.ArrayNewElem or Opcode.ArrayInitElem)
                {
                    return true;
                }
            }
        }

        return false;
    }
}
