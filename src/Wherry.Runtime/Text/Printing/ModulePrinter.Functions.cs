using Wherry.Binary;
using Wherry.Instructions;

namespace Wherry.Text.Printing;

// Functions and their instructions, one plain instruction a line.
internal sealed partial class ModulePrinter
{
    // Identifiers of the open blocks, null where a block has none.
    private readonly List<string?> labels = [];

    private void PrintFunctions()
    {
        ByteReader reader = Open(10, out int count);
        if (count != CountOf(3))
        {
            MalformedModuleException.Throw("function and code section have inconsistent lengths", reader.Position);
        }

        for (int i = 0; i < count; i++)
        {
            int length = reader.ReadLength("a function");
            int start = reader.Position;
            reader.ReadBytes(length);
            PrintFunction(counts[0] + i, Reader(start, start + length));
        }
    }

    private void PrintFunction(int index, ByteReader reader)
    {
        int type = functionTypeIndices[index];
        EncodedValueType[] parameters = FunctionType(type)?.Parameters ?? [];
        int start = reader.Position;
        var runs = new List<(int Count, EncodedValueType Type)>();
        int runCount = reader.ReadCount();
        long localCount = parameters.Length;
        for (int i = 0; i < runCount; i++)
        {
            int offset = reader.Position;
            int length = reader.ReadIndex();
            runs.Add((length, TypeEncoding.ReadValueType(ref reader)));
            localCount += length;
            if (localCount > ModuleLimits.Default.MaximumLocals)
            {
                MalformedModuleException.Throw("too many locals", offset);
            }
        }

        var locals = new NameTable((int)localCount, local => names.GetLocalName(index, local));
        output.Line();
        output.Append($"(func {functions.Declaration(index)} (type {types.Reference(type)})");
        if (FunctionType(type) is FunctionTypeText signature)
        {
            PrintNamed("param", 0, parameters, locals);
            PrintTypeList(" (result", signature.Results);
        }

        output.Indent++;
        int next = parameters.Length;
        foreach ((int length, EncodedValueType local) in runs)
        {
            if (length > 0)
            {
                output.Line();
                EncodedValueType[] same = new EncodedValueType[length];
                Array.Fill(same, local);
                PrintNamed("local", next, same, locals);
                next += length;
            }
        }

        PrintBody(index, new InstructionReader(bytes.Span, reader.Position, reader.End), start, locals);
        output.Append(")");
        output.Indent = 1;
    }

    /// <summary>Parameters or locals: named ones one by one, the others together.</summary>
    private void PrintNamed(string keyword, int first, EncodedValueType[] list, NameTable locals)
    {
        for (int i = 0; i < list.Length;)
        {
            if (locals.Identifier(first + i) is string name)
            {
                output.Append($" ({keyword} {name} {TypeText(list[i])})");
                i++;
                continue;
            }

            output.Append($" ({keyword}");
            for (; i < list.Length && locals.Identifier(first + i) is null; i++)
            {
                output.Append($" {TypeText(list[i])}");
            }

            output.Append(")");
        }
    }

    private void PrintBody(int function, InstructionReader code, int start, NameTable locals)
    {
        labels.Clear();
        int nextLabel = 0;
        while (code.Next())
        {
            Opcode opcode = code.Opcode;
            if (opcode is Opcode.End or Opcode.Delegate && labels.Count == 0)
            {
                if (code.Next() || opcode == Opcode.Delegate)
                {
                    MalformedModuleException.Throw("unexpected content after the end of a function", code.Offset);
                }

                return;
            }

            if (opcode is Opcode.End or Opcode.Delegate or Opcode.Else or Opcode.Catch or Opcode.CatchAll)
            {
                output.Indent = Math.Max(output.Indent - 1, 1);
            }

            output.Line();
            if (opcode is Opcode.If or Opcode.BrIf && branchHints.TryGetValue((function, code.Offset - start), out int hint))
            {
                placedHints++;
                output.Append($"(@metadata.code.branch_hint \"\\0{hint}\") ");
            }

            if (opcode is Opcode.Block or Opcode.Loop or Opcode.If or Opcode.Try or Opcode.TryTable)
            {
                string? label = names.GetLabelName(function, nextLabel++);
                PrintBlock(ref code, label is { Length: > 0 } ? TextOutput.Identifier(label) : null);
                continue;
            }

            if (opcode is Opcode.End or Opcode.Delegate)
            {
                labels.RemoveAt(labels.Count - 1);
            }

            PrintInstruction(ref code, locals);
            if (opcode is Opcode.Else or Opcode.Catch or Opcode.CatchAll)
            {
                output.Indent++;
            }
        }

        MalformedModuleException.Throw("END opcode expected", code.Position);
    }

    private void PrintBlock(ref InstructionReader code, string? label)
    {
        output.Append(code.Instruction.Name);
        if (label is not null)
        {
            output.Append($" {label}");
        }

        PrintBlockType(code.BlockType);
        if (code.Opcode == Opcode.TryTable)
        {
            foreach (CatchClause clause in code.CatchClauses)
            {
                string keyword = clause.Kind switch
                {
                    CatchKind.Catch => "catch",
                    CatchKind.CatchReference => "catch_ref",
                    CatchKind.CatchAll => "catch_all",
                    _ => "catch_all_ref",
                };
                output.Append($" ({keyword}{(clause.HasTag ? " " + tags.Reference(clause.Tag) : "")} {Label(clause.Label)})");
            }
        }

        labels.Add(label);
        output.Indent++;
    }

    private void PrintBlockType(BlockTypeImmediate type)
    {
        if (type.Kind == BlockTypeKind.Value)
        {
            output.Append($" (result {TypeText(type.ValueType)})");
        }
        else if (type.Kind == BlockTypeKind.TypeIndex)
        {
            output.Append(" ");
            PrintTypeUse(type.TypeIndex);
        }
    }

    /// <summary>A label by its identifier, if that means the right block from here, else by its number.</summary>
    private string Label(int depth)
    {
        const int Far = 64;
        int index = labels.Count - 1 - depth;
        if (index >= 0 && depth < Far && labels[index] is string name && labels.LastIndexOf(name) == index)
        {
            return name;
        }

        return depth.ToString(System.Globalization.CultureInfo.InvariantCulture);
    }

    private void PrintInstruction(ref InstructionReader code, NameTable locals)
    {
        Instruction instruction = code.Instruction;

        // The table tells casts to nullable types by name; in the text the type says it.
        bool isNullable = instruction.Name.EndsWith(" null", StringComparison.Ordinal);
        output.Append(isNullable ? instruction.Name[..^5] : instruction.Name);
        switch (instruction.Immediate)
        {
            case Immediate.None or Immediate.Fence:
                return;
            case Immediate.BlockType or Immediate.TryTable:
                PrintBlockType(code.BlockType);
                return;
            case Immediate.LabelVector:
                foreach (int label in code.Labels)
                {
                    output.Append(" ").Append(Label(label));
                }

                return;
            case Immediate.MemoryArgument or Immediate.MemoryArgumentLane:
                PrintOptional(memories, code.Memory);
                output.MemoryArgument(code.MemoryOffset, code.AlignmentLog2, instruction.AccessLog2);
                if (instruction.Immediate == Immediate.MemoryArgumentLane)
                {
                    output.Append(" ").Append(code.Lane);
                }

                return;
            case Immediate.Lane:
                output.Append(" ").Append(code.Lane);
                return;
            case Immediate.I32 or Immediate.I64:
                output.Append(" ").Append(code.Integer);
                return;
            case Immediate.F32:
                output.Append(" ").Float32((uint)code.Bits);
                return;
            case Immediate.F64:
                output.Append(" ").Float64(code.Bits);
                return;
            case Immediate.V128:
                output.Vector(code.Vector);
                return;
            case Immediate.Shuffle:
                for (int i = 0; i < 16; i++)
                {
                    output.Append(" ").Append(code.Vector[i]);
                }

                return;
            case Immediate.ValueTypes:
                output.Append(" (result");
                foreach (EncodedValueType type in code.ValueTypes)
                {
                    output.Append($" {TypeText(type)}");
                }

                output.Append(")");
                return;
            case Immediate.HeapType:
                PrintHeapType(code.Opcode, code.HeapType, isNullable);
                return;
            case Immediate.BranchOnCast:
                output.Append($" {Label(code.Index)} {TypeText(code.CastSource)} {TypeText(code.CastTarget)}");
                return;
            default:
                PrintIndices(instruction.Immediate, code.Index, code.Index2, locals);
                return;
        }
    }

    private void PrintHeapType(Opcode opcode, EncodedHeapType type, bool isNullable) =>
        output.Append(opcode == Opcode.RefNull ? $" {HeapText(type)}" : $" (ref {(isNullable ? "null " : "")}{HeapText(type)})");

    private void PrintOptional(NameTable space, int index)
    {
        if (index != 0)
        {
            output.Append(" ").Append(space.Reference(index));
        }
    }

    private void PrintIndices(Immediate immediate, int first, int second, NameTable locals)
    {
        switch (immediate)
        {
            case Immediate.Table:
                PrintOptional(tables, first);
                return;
            case Immediate.Memory:
                PrintOptional(memories, first);
                return;
            case Immediate.TypeTable:
                PrintOptional(tables, second);
                output.Append(" ");
                PrintTypeUse(first);
                return;
            case Immediate.TableTable:
                PrintPair(tables, first, second);
                return;
            case Immediate.MemoryMemory:
                PrintPair(memories, first, second);
                return;
            case Immediate.ElementTable:
                PrintOptional(tables, second);
                output.Append(" ").Append(elements.Reference(first));
                return;
            case Immediate.DataMemory:
                PrintOptional(memories, second);
                output.Append(" ").Append(data.Reference(first));
                return;
        }

        output.Append(" ").Append(immediate switch
        {
            Immediate.Label => Label(first),
            Immediate.Function => functions.Reference(first),
            Immediate.Type => types.Reference(first),
            Immediate.Tag => tags.Reference(first),
            Immediate.Local => locals.Reference(first),
            Immediate.Global => globals.Reference(first),
            Immediate.Element => elements.Reference(first),
            Immediate.Data => data.Reference(first),
            Immediate.TypeField => $"{types.Reference(first)} {(first < fields.Length ? fields[first].Reference(second) : $"{second}")}",
            Immediate.TypeData => $"{types.Reference(first)} {data.Reference(second)}",
            Immediate.TypeElement => $"{types.Reference(first)} {elements.Reference(second)}",
            Immediate.TypeType => $"{types.Reference(first)} {types.Reference(second)}",
            Immediate.TypeCount => $"{types.Reference(first)} {second}",
            _ => throw new InvalidOperationException($"no way to print {immediate}"),
        });
    }

    private void PrintPair(NameTable space, int first, int second)
    {
        if (first != 0 || second != 0)
        {
            output.Append($" {space.Reference(first)} {space.Reference(second)}");
        }
    }
}
