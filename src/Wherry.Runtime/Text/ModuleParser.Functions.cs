namespace Wherry.Text;

// Functions: their locals, labels and names (specification, 6.6.7).
internal sealed partial class ModuleParser
{
    private readonly Dictionary<string, int> locals = [];
    private readonly List<(int Index, string Name)> localNames = [];
    private readonly List<(int Offset, int Hint)> hints = [];
    private readonly List<(int Index, string Name)> labelNames = [];
    private readonly ByteWriter functionLocalNames = new();
    private readonly ByteWriter functionLabelNames = new();
    private int functionsWithLocalNames;
    private int functionsWithLabelNames;
    private int functionsWithHints;
    private ByteWriter? functionHints;

    private int functionIndex;
    private int tableIndex;
    private int memoryIndex;
    private int globalIndex;
    private int tagIndex;

    private void ReadFunction()
    {
        at.TryIdentifier();
        if (ReadInlineImportExport(functions, 0, functionIndex))
        {
            return;
        }

        TypeUse type = ReadTypeUse(allowNames: true);
        encoder.Functions.Add().Unsigned(type.Index);

        locals.Clear();
        localNames.Clear();
        hints.Clear();
        labelNames.Clear();
        labelCount = 0;
        for (int i = 0; i < type.Names.Count; i++)
        {
            AddLocal(i, type.Names[i]);
        }

        var body = new ByteWriter();
        ReadLocals(body, type.ParameterCount);
        int codeOffset = body.Length;
        ReadExpression(body, codeOffset: 0);
        encoder.Codes.Add().Vector(body.Written);

        FinishFunction(codeOffset);
        functionIndex++;
    }

    private void AddLocal(int index, string? name)
    {
        if (name is null)
        {
            return;
        }

        if (!locals.TryAdd(name, index))
        {
            at.Fail(at.Current, $"duplicate local ${name}");
        }

        localNames.Add((index, name));
    }

    private void ReadLocals(ByteWriter body, int index)
    {
        var runs = new List<(int Count, EncodedType Type)>();
        while (at.TryOpen("local"u8))
        {
            if (at.TryIdentifier() is string name)
            {
                AddLocal(index++, name);
                Add(ReadValueType());
            }
            else
            {
                while (!at.Is(TokenKind.RightParenthesis))
                {
                    index++;
                    Add(ReadValueType());
                }
            }

            at.Close();
        }

        body.Unsigned(runs.Count);
        foreach ((int count, EncodedType type) in runs)
        {
            body.Unsigned(count);
            type.Write(body);
        }

        void Add(EncodedType type)
        {
            if (runs.Count > 0 && runs[^1].Type == type)
            {
                runs[^1] = (runs[^1].Count + 1, type);
            }
            else
            {
                runs.Add((1, type));
            }
        }
    }

    private int ResolveLocal()
    {
        if (!at.Is(TokenKind.Identifier))
        {
            return (int)at.Natural32();
        }

        Token token = at.Current;
        string name = at.TryIdentifier()!;
        return locals.TryGetValue(name, out int index) ? index : throw at.Source.Error(token, $"unknown local ${name}");
    }

    private void FinishFunction(int codeOffset)
    {
        if (hints.Count > 0)
        {
            functionsWithHints++;
            functionHints ??= new ByteWriter();
            functionHints.Unsigned(functionIndex);
            functionHints.Unsigned(hints.Count);
            hints.Sort();
            foreach ((int offset, int hint) in hints)
            {
                functionHints.Unsigned(offset);
                functionHints.Byte(1);
                functionHints.Byte((byte)hint);
            }
        }

        if (localNames.Count > 0)
        {
            functionsWithLocalNames++;
            functionLocalNames.Unsigned(functionIndex);
            WriteNameMap(functionLocalNames, localNames);
        }

        if (labelNames.Count > 0)
        {
            functionsWithLabelNames++;
            functionLabelNames.Unsigned(functionIndex);
            WriteNameMap(functionLabelNames, labelNames);
        }
    }

    private void WriteNames()
    {
        if (functionHints is not null)
        {
            var content = new ByteWriter();
            content.Unsigned(functionsWithHints);
            content.Bytes(functionHints.Written);
            encoder.BranchHints = content;
        }

        if (!options.EmitNames && !hasNameAnnotation)
        {
            return;
        }

        var names = new ByteWriter();
        if (moduleName is not null)
        {
            var name = new ByteWriter();
            name.Name(moduleName);
            names.Section(0, name.Written);
        }

        var fieldNames = new ByteWriter();
        int typesWithFieldNames = 0;
        for (int i = 0; i < typeEntries.Count; i++)
        {
            if (typeEntries[i].Fields.Names.Count > 0)
            {
                typesWithFieldNames++;
                fieldNames.Unsigned(i);
                WriteNameMap(fieldNames, typeEntries[i].Fields.Names);
            }
        }

        WriteNameSubsection(names, 1, functions.Names);
        WriteIndirectNames(names, 2, functionsWithLocalNames, functionLocalNames);
        WriteIndirectNames(names, 3, functionsWithLabelNames, functionLabelNames);
        WriteNameSubsection(names, 4, types.Names);
        WriteNameSubsection(names, 5, tables.Names);
        WriteNameSubsection(names, 6, memories.Names);
        WriteNameSubsection(names, 7, globals.Names);
        WriteNameSubsection(names, 8, elements.Names);
        WriteNameSubsection(names, 9, data.Names);
        WriteIndirectNames(names, 10, typesWithFieldNames, fieldNames);
        WriteNameSubsection(names, 11, tags.Names);
        if (names.Length > 0)
        {
            encoder.Names = names;
        }
    }

    private static void WriteNameSubsection(ByteWriter writer, byte id, IReadOnlyList<(int Index, string Name)> names)
    {
        if (names.Count > 0)
        {
            var content = new ByteWriter();
            WriteNameMap(content, names);
            writer.Section(id, content.Written);
        }
    }

    private static void WriteIndirectNames(ByteWriter writer, byte id, int count, ByteWriter maps)
    {
        if (count > 0)
        {
            var content = new ByteWriter();
            content.Unsigned(count);
            content.Bytes(maps.Written);
            writer.Section(id, content.Written);
        }
    }

    private static void WriteNameMap(ByteWriter writer, IReadOnlyList<(int Index, string Name)> names)
    {
        writer.Unsigned(names.Count);
        foreach ((int index, string name) in names)
        {
            writer.Unsigned(index);
            writer.Name(name);
        }
    }
}
