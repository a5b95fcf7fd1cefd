using Wherry.Instructions;
using Wherry.Text;

namespace Wherry.Fuzz.Generation;

/// <summary>
/// Makes modules that run nearly every instruction: a shape picked at random, functions by <see cref="FunctionGenerator"/>, and around each function an exported one
/// that takes and gives integers alone, so that floats, vectors and references are compared to the bit, whatever the host's language makes of them.
/// </summary>
internal static class ModuleGenerator
{
    private const int Data = 16;

    public static byte[] Generate(ulong seed, bool isPlain, bool isBeyondV8)
    {
        var random = new Randomness(seed);
        GeneratorOptions options = GeneratorOptions.Pick(random, isPlain, isBeyondV8);
        Shape shape = CreateShape(random, options);
        var choice = new InstructionChoice(options);
        List<byte[]> bodies = [];
        for (int function = 0; function < shape.Functions.Count; function++)
        {
            bool isLarge = random.OneIn(150);
            var generator = new FunctionGenerator(random, shape, shape.SignatureOf(function), choice, isLarge);
            bodies.Add(function >= shape.FirstSmall ? generator.GenerateSmall(function, shape.FirstSmall) : generator.Generate(isLarge ? 200 : random.Next(5, 11)));
        }

        List<int> signatures = [.. shape.Functions];
        shape.HashFunction = signatures.Count;
        if (options.HasGarbageCollection)
        {
            signatures.Add(shape.AddSignature([Types.Any], [Types.I64]));
            bodies.Add(WrapperWriter.Hash(shape));
        }

        int firstWrapper = signatures.Count;
        for (int function = 0; function < shape.Functions.Count; function++)
        {
            (EncodedType[] parameters, EncodedType[] results) = WrapperWriter.SignatureFor(shape.SignatureOf(function));
            signatures.Add(shape.AddSignature(parameters, results));
            bodies.Add(WrapperWriter.Write(shape, function));
        }

        return Assemble(random, shape, signatures, bodies, firstWrapper);
    }

    private static Shape CreateShape(Randomness random, GeneratorOptions options)
    {
        var shape = new Shape { Options = options };
        if (options.HasGarbageCollection)
        {
            AddAggregates(random, shape);
        }

        EncodedType[] all = options.HasGarbageCollection
            ? [Types.I32, Types.I64, Types.F32, Types.F64, Types.V128, Types.Func, Types.Extern, Types.Any, Types.Eq, Types.Null(0), Types.NonNull(0), Types.Null(1)]
            : [Types.I32, Types.I64, Types.F32, Types.F64, Types.V128, Types.Func, Types.Extern];
        EncodedType[] Pick(int most) => [.. Enumerable.Range(0, random.Next(most + 1)).Select(_ => random.Pick(all))];
        int functions = random.Next(1, 3);
        for (int i = 0; i < functions; i++)
        {
            shape.Functions.Add(shape.AddSignature(Pick(4), i > 0 && random.OneIn(3) ? shape.SignatureOf(0).Results : Pick(random.OneIn(6) ? 6 : 2)));
        }

        AddSmall(random, shape);
        shape.HashFunction = shape.Functions.Count;
        shape.Globals.Add(new GlobalShape(Types.I32, true));
        shape.Globals.Add(new GlobalShape(Types.I64, true));
        foreach (EncodedType type in all)
        {
            if (type.Code != EncodedType.Reference)
            {
                shape.Globals.Add(new GlobalShape(type, !random.OneIn(5)));
            }
        }

        shape.Memories.Add(new MemoryShape(options.Is64Bit, options.HasThreads, options.HasSmallPages));
        if (!options.IsPlain && random.OneIn(2))
        {
            shape.Memories.Add(new MemoryShape(random.OneIn(3), false, false));
        }

        shape.Tables.Add(new TableShape(Types.Func, options.Is64Bit));
        shape.Tables.Add(new TableShape(Types.Func, false));
        shape.Tables.Add(new TableShape(options.HasGarbageCollection ? Types.Any : Types.Extern, false));
        shape.Tables.Add(new TableShape(Types.Func, !options.IsPlain && random.OneIn(3)));
        if (options.HasExceptions)
        {
            for (int i = random.Next(1, 3); i > 0; i--)
            {
                shape.Tags.Add(shape.AddSignature(Pick(3), []));
            }
        }

        // Active, several passive ones, one to be dropped, a declarative one is added.
        shape.Elements.AddRange([Types.Func, Types.Func, Types.Func, Types.Func]);
        shape.DataCount = 4;
        return shape;
    }

    private static void AddSmall(Randomness random, Shape shape)
    {
        shape.FirstSmall = shape.Functions.Count;
        EncodedType[] numbers = [Types.I32, Types.I32, Types.I64, Types.F64];
        EncodedType[] Pick(int least, int most) => [.. Enumerable.Range(0, random.Next(least, most)).Select(_ => random.Pick(numbers))];
        for (int i = random.Next(3); i > 0; i--)
        {
            EncodedType[] results = shape.SignatureOf(0).Results;
            bool isForTail = Array.TrueForAll(results, type => Array.IndexOf(numbers, type) >= 0) && random.OneIn(2);
            shape.Functions.Add(shape.AddSignature(Pick(0, random.OneIn(6) ? 8 : 3), isForTail ? results : Pick(1, 2)));
        }
    }

    private static void AddAggregates(Randomness random, Shape shape)
    {
        EncodedType[] fields = [Types.I8, Types.I16, Types.I32, Types.I64, Types.F32, Types.F64, Types.V128, Types.Any, Types.Eq, Types.Func, Types.Extern, Types.Null(0), Types.Null(3)];
        List<Field> own = [];
        for (int i = 0; i < 3; i++)
        {
            for (int count = random.Next(1, random.OneIn(10) ? 20 : 5); count > 0; count--)
            {
                own.Add(new Field(random.Pick(fields), !random.OneIn(5)));
            }

            shape.Aggregates.Add(new Aggregate(i, false, [.. own], i - 1));
        }

        foreach (EncodedType type in fields)
        {
            if (type == Types.Func || !random.OneIn(4))
            {
                shape.Aggregates.Add(new Aggregate(shape.Aggregates.Count, true, [new Field(type, true)], -1));
            }
        }
    }

    private static byte[] Assemble(Randomness random, Shape shape, List<int> signatures, List<byte[]> bodies, int firstWrapper)
    {
        var module = new ByteWriter();
        module.Bytes([0x00, 0x61, 0x73, 0x6D, 1, 0, 0, 0]);
        void Section(byte id, Action<ByteWriter> write)
        {
            var content = new ByteWriter();
            write(content);
            module.Section(id, content.Written);
        }

        Section(1, section => WriteTypes(section, shape));
        Section(3, section => Write(section, signatures, type => section.Unsigned(shape.FirstSignature + type)));
        Section(4, section => Write(section, shape.Tables, table =>
        {
            table.Type.Write(section);
            section.Byte((byte)(table.Is64Bit ? 5 : 1));
            section.Unsigned(20);

            // What can't grow, the engine reads in another way.
            section.Unsigned(random.OneIn(3) ? 20 : 30);
        }));
        Section(5, section => Write(section, shape.Memories, memory => WriteMemory(section, memory)));
        if (shape.Tags.Count > 0)
        {
            Section(13, section => Write(section, shape.Tags, tag =>
            {
                section.Byte(0);
                section.Unsigned(shape.FirstSignature + tag);
            }));
        }

        Section(6, section => Write(section, shape.Globals, global => WriteGlobal(section, global, random)));
        Section(7, section => WriteExports(section, shape, firstWrapper));
        Section(9, section => WriteElements(section, shape, random));
        Section(12, section => section.Unsigned(shape.DataCount));
        Section(10, section => Write(section, bodies, body => section.Bytes(body)));
        Section(11, section => WriteData(section, shape, random));
        return module.Written.ToArray();
    }

    private static void Write<T>(ByteWriter section, IReadOnlyCollection<T> items, Action<T> write)
    {
        section.Unsigned(items.Count);
        foreach (T item in items)
        {
            write(item);
        }
    }

    private static void WriteTypes(ByteWriter section, Shape shape)
    {
        section.Unsigned((shape.Aggregates.Count > 0 ? 1 : 0) + shape.Signatures.Count);
        if (shape.Aggregates.Count > 0)
        {
            section.Byte(0x4E);
            section.Unsigned(shape.Aggregates.Count);
            foreach (Aggregate aggregate in shape.Aggregates)
            {
                if (!aggregate.IsArray)
                {
                    section.Byte(0x50);
                    section.Unsigned(aggregate.Super >= 0 ? 1 : 0);
                    if (aggregate.Super >= 0)
                    {
                        section.Unsigned(aggregate.Super);
                    }

                    section.Byte(0x5F);
                    section.Unsigned(aggregate.Fields.Length);
                }
                else
                {
                    section.Byte(0x5E);
                }

                foreach (Field field in aggregate.Fields)
                {
                    field.Type.Write(section);
                    section.Byte((byte)(field.IsMutable ? 1 : 0));
                }
            }
        }

        foreach (Signature signature in shape.Signatures)
        {
            section.Byte(0x60);
            Write(section, signature.Parameters, type => type.Write(section));
            Write(section, signature.Results, type => type.Write(section));
        }
    }

    private static void WriteMemory(ByteWriter section, MemoryShape memory)
    {
        section.Byte((byte)(1 | (memory.IsShared ? 2 : 0) | (memory.Is64Bit ? 4 : 0) | (memory.HasSmallPages ? 8 : 0)));
        section.Unsigned(memory.HasSmallPages ? 65536 : 1);
        section.Unsigned(memory.HasSmallPages ? 65539 : 3);
        if (memory.HasSmallPages)
        {
            section.Unsigned(0);
        }
    }

    private static void WriteGlobal(ByteWriter section, GlobalShape global, Randomness random)
    {
        global.Type.Write(section);
        section.Byte((byte)(global.IsMutable ? 1 : 0));
        switch (global.Type.Code)
        {
            case 0x7F:
                section.Byte(0x41);
                section.Signed((int)random.EdgeInteger(32));
                break;
            case 0x7E:
                section.Byte(0x42);
                section.Signed((long)random.EdgeInteger(64));
                break;
            case 0x7D:
                section.Byte(0x43);
                section.Fixed32(EdgeFloats.Single(random));
                break;
            case 0x7C:
                section.Byte(0x44);
                section.Fixed64(EdgeFloats.Double(random));
                break;
            case 0x7B:
                section.Byte(0xFD);
                section.Byte(0x0C);
                section.Bytes(EdgeFloats.Vector(random));
                break;
            default:
                section.Byte(0xD0);
                section.Signed(global.Type.Heap);
                break;
        }

        section.Byte(0x0B);
    }

    private static void WriteExports(ByteWriter section, Shape shape, int firstWrapper)
    {
        List<(string Name, byte Kind, int Index)> exports = [];
        for (int i = 0; i < shape.Functions.Count; i++)
        {
            exports.Add(($"f{i}", 0, firstWrapper + i));
        }

        for (int i = 0; i < shape.Tables.Count; i++)
        {
            exports.Add(($"t{i}", 1, i));
        }

        for (int i = 0; i < shape.Memories.Count; i++)
        {
            exports.Add(($"m{i}", 2, i));
        }

        for (int i = 0; i < shape.Globals.Count; i++)
        {
            exports.Add(($"g{i}", 3, i));
        }

        for (int i = 0; i < shape.Tags.Count; i++)
        {
            exports.Add(($"e{i}", 4, i));
        }

        Write(section, exports, export =>
        {
            section.Name(export.Name);
            section.Byte(export.Kind);
            section.Unsigned(export.Index);
        });
    }

    private static void WriteElements(ByteWriter section, Shape shape, Randomness random)
    {
        int functions = shape.Functions.Count;
        section.Unsigned(shape.Elements.Count + 3);

        // The first: active, from table 0's start.
        section.Byte(0);
        WriteStart(section, shape.Tables[0].Is64Bit);
        WriteFunctions(section, Enumerable.Range(0, functions));
        for (int i = 1; i < shape.Elements.Count; i++)
        {
            section.Byte(1);
            section.Byte(0);
            WriteFunctions(section, Enumerable.Range(0, random.Next(4, 8)).Select(_ => random.Next(functions)));
        }

        // Tables 1 and the last; and what ref.func may name.
        foreach (int table in (int[])[1, shape.Tables.Count - 1])
        {
            section.Byte(2);
            section.Unsigned(table);
            WriteStart(section, shape.Tables[table].Is64Bit);
            section.Byte(0);
            WriteFunctions(section, Enumerable.Range(0, functions));
        }

        section.Byte(3);
        section.Byte(0);
        WriteFunctions(section, Enumerable.Range(0, functions));
    }

    private static void WriteStart(ByteWriter section, bool is64Bit)
    {
        section.Byte((byte)(is64Bit ? 0x42 : 0x41));
        section.Byte(0);
        section.Byte(0x0B);
    }

    private static void WriteFunctions(ByteWriter section, IEnumerable<int> functions) => Write(section, [.. functions], section.Unsigned);

    private static void WriteData(ByteWriter section, Shape shape, Randomness random)
    {
        section.Unsigned(shape.DataCount);
        section.Byte(0);
        WriteStart(section, shape.Memories[0].Is64Bit);
        section.Vector(random.Bytes(200));
        for (int i = 1; i < shape.DataCount; i++)
        {
            section.Byte(1);
            section.Vector(random.Bytes(Data * random.Next(2, 4)));
        }
    }
}
