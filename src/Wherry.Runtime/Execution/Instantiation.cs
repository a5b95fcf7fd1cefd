using System.Runtime.CompilerServices;
using Wherry.Binary;
using Wherry.Compilation;
using Wherry.Execution.Pooling;

namespace Wherry.Execution;

/// <summary>Makes an instance of a module from what it imports (specification, 4.7.2). Imports are checked before.</summary>
internal static unsafe class Instantiation
{
    private static readonly ResolvedImports s_noImports = new([], [], [], [], []);

    /// <summary>Fills an instance: its state, tables, memories, globals and segments.</summary>
    /// <exception cref="GuestTrapException">A segment does not fit. What was written before stays written.</exception>
    public static void Instantiate(Instance instance, ResolvedImports imports)
    {
        CompiledModule code = instance.Module.Code;
        ModuleDefinition definition = code.Definition;
        GuestInstance guest = code.CreateInstance();
        instance.Guest = guest;
        guest.Instance = instance;
        guest.Store = instance.Store;
        instance.Store.Register(guest);
        guest.Heap = instance.Store.Heap;
        guest.PendingException = instance.Store.PendingException;
        guest.Meter = instance.Store.Meter;
        guest.SampleRequest = instance.Store.SampleRequest;
        guest.FrameBudget = instance.Store.FrameBudget;
        guest.SafepointBase = instance.Store.SafepointPage + GuestInstance.SafepointDistance;
        guest.ImportedFunctions = imports.Functions;
        guest.Memories = CreateMemories(definition, imports, instance.Store);
        if (guest.Memories.Length > 0)
        {
            guest.Memory0 = guest.Memories[0];
            guest.Memory0Base = guest.Memory0.Base;
            guest.Memory0ProbeBase = guest.Memory0.ProbeBase;
            if (!guest.Memory0.Type.IsShared)
            {
                guest.SafepointBase = guest.Memory0.SafepointPage + GuestInstance.SafepointDistance;
            }
        }

        guest.Tags = CreateTags(definition, imports, instance.Store);
        var values = new ConstantValue[definition.Globals.Length];
        var evaluator = new ConstantEvaluator(guest, values);
        CreateGlobals(guest, imports, values, evaluator);
        CreateTables(guest, imports, evaluator);
        guest.DroppedData = new bool[definition.Data.Length];
        CopyElements(guest, evaluator);
        CopyData(guest, evaluator);
        Start(guest);
    }

    /// <summary>Makes what a template could not, and runs the start function. The module imports nothing but functions and memories.</summary>
    /// <param name="initial">The module's constants.</param>
    /// <param name="hasTables">Whether the tables are there.</param>
    /// <param name="hasImage">Whether the data of a memory is there.</param>
    /// <exception cref="GuestTrapException">The start function trapped.</exception>
    public static void Complete(GuestInstance guest, InitialState initial, bool hasTables, Func<int, bool> hasImage)
    {
        ModuleDefinition definition = guest.Code.Definition;
        guest.Tags = CreateTags(definition, s_noImports, guest.Store);
        ConstantValue[] values = initial.HasSimpleGlobals ? initial.Globals : new ConstantValue[definition.Globals.Length];
        var evaluator = new ConstantEvaluator(guest, values);
        if (!initial.HasSimpleGlobals)
        {
            CreateGlobals(guest, s_noImports, values, evaluator);
        }

        if (!hasTables)
        {
            CreateTables(guest, s_noImports, evaluator);
            CopyElements(guest, evaluator);
        }

        for (int i = 0; i < definition.Data.Length; i++)
        {
            DataSegment segment = definition.Data[i];
            if (segment.Mode == SegmentMode.Active && !hasImage(segment.MemoryIndex))
            {
                // The template has it for dropped.
                Memory memory = guest.Memories[segment.MemoryIndex];
                if (!memory.TryGetSpan(initial.Data[i], (ulong)segment.Length, out Span<byte> span))
                {
                    throw Traps.MemoryOutOfBounds(memory, initial.Data[i]);
                }

                definition.Bytes.Span.Slice(segment.Offset, segment.Length).CopyTo(span);
            }
        }

        Start(guest);
    }

    /// <summary>A global that others see.</summary>
    [MethodImpl(MethodImplOptions.NoInlining)]
    public static Global CreateGlobal(Store store, GlobalType type, ConstantValue value)
    {
        var global = new Global(store, type) { Bits = value.Bits, Reference = value.Reference };
        if (type.ValueType.Kind == WasmValueKind.V128)
        {
            value.GetVector(out global.Vector!.Value);
        }

        return global;
    }

    /// <summary>A value as a global's field holds it.</summary>
    public static object? Box(ConstantValue value, WasmValueKind kind) => kind switch
    {
        WasmValueKind.I32 => (int)value.Bits,
        WasmValueKind.I64 => value.Bits,
        WasmValueKind.F32 => BitConverter.Int32BitsToSingle((int)value.Bits),
        WasmValueKind.F64 => BitConverter.Int64BitsToDouble(value.Bits),
        WasmValueKind.V128 => value.BoxVector(),
        _ => value.Reference,
    };

    private static void Start(GuestInstance guest)
    {
        if (guest.Code.Definition.Start is int start)
        {
            _ = guest.GetFunction(start).Invoke([]);
        }
    }

    private static Memory[] CreateMemories(ModuleDefinition definition, ResolvedImports imports, Store store)
    {
        var memories = new Memory[definition.Memories.Length];
        for (int i = 0; i < memories.Length; i++)
        {
            memories[i] = i < imports.Memories.Length ? imports.Memories[i] : Memory.Create(store, definition.Memories[i]);
            memories[i].BeginUse(store);
        }

        return memories;
    }

    private static Tag[] CreateTags(ModuleDefinition definition, ResolvedImports imports, Store store)
    {
        var tags = new Tag[definition.Tags.Length];
        for (int i = 0; i < tags.Length; i++)
        {
            tags[i] = i < imports.Tags.Length ? imports.Tags[i] : new Tag(store, definition.Tags[i]);
        }

        return tags;
    }

    private static void CreateGlobals(GuestInstance guest, ResolvedImports imports, ConstantValue[] values, ConstantEvaluator evaluator)
    {
        GlobalDefinition[] definitions = guest.Code.Definition.Globals;
        guest.Globals = new Global[definitions.Length];
        for (int i = 0; i < definitions.Length; i++)
        {
            if (i < imports.Globals.Length)
            {
                Global imported = imports.Globals[i];
                guest.Globals[i] = imported;
                values[i] = ValueOf(imported);
                continue;
            }

            ConstantValue value = evaluator.Evaluate(definitions[i].Initializer!.Value);
            values[i] = value;
            if (definitions[i].Type.ValueType is { IsReference: false, Kind: not WasmValueKind.V128 } && guest.Code.TrySetNumber(guest, i, value.Bits))
            {
                continue;
            }

            if (guest.Code.GetCreatedGlobalField(i) is { } field)
            {
                field.SetValue(guest, Box(value, definitions[i].Type.ValueType.Kind));
            }
            else
            {
                guest.Globals[i] = CreateGlobal(guest.Store, definitions[i].Type, value);
            }
        }
    }

    // Apart, as is making a global: a method that has to do with vectors is left to the JIT, and their types are loaded for it.
    [MethodImpl(MethodImplOptions.NoInlining)]
    private static ConstantValue ValueOf(Global global) => global.Vector is { } vector ? ConstantValue.OfVector(vector.Value) : new ConstantValue(global.Bits, global.Reference);

    private static void CreateTables(GuestInstance guest, ResolvedImports imports, ConstantEvaluator evaluator)
    {
        TableDefinition[] definitions = guest.Code.Definition.Tables;
        var tables = new Table[definitions.Length];
        for (int i = 0; i < definitions.Length; i++)
        {
            if (i < imports.Tables.Length)
            {
                tables[i] = imports.Tables[i];
                continue;
            }

            object? initial = definitions[i].Initializer is { } expression ? evaluator.Evaluate(expression).Reference : null;
            tables[i] = Table.Create(guest.Store, definitions[i].Type, initial);
        }

        guest.SetTables(tables);
    }

    private static object?[] EvaluateElements(GuestInstance guest, ElementSegment segment, ConstantEvaluator evaluator)
    {
        if (segment.Mode == SegmentMode.Declarative)
        {
            return [];
        }

        return segment.Functions.Length > 0
            ? Array.ConvertAll<int, object?>(segment.Functions, guest.GetReference)
            : Array.ConvertAll(segment.Expressions, expression => evaluator.Evaluate(expression).Reference);
    }

    private static void CopyElements(GuestInstance guest, ConstantEvaluator evaluator)
    {
        ElementSegment[] segments = guest.Code.Definition.Elements;
        guest.Elements = Array.ConvertAll(segments, segment => EvaluateElements(guest, segment, evaluator));
        for (int i = 0; i < segments.Length; i++)
        {
            if (segments[i].Mode != SegmentMode.Active)
            {
                continue;
            }

            int table = segments[i].TableIndex;
            ulong offset = Unsigned(evaluator.Evaluate(segments[i].OffsetExpression), guest.Code.Definition.Tables[table].Type.Is64Bit);
            TableInstructions.Init(offset, 0, (ulong)segments[i].Count, guest, table, i);
            TableInstructions.DropElements(guest, i);
        }
    }

    private static void CopyData(GuestInstance guest, ConstantEvaluator evaluator)
    {
        DataSegment[] segments = guest.Code.Definition.Data;
        for (int i = 0; i < segments.Length; i++)
        {
            if (segments[i].Mode != SegmentMode.Active)
            {
                continue;
            }

            int memory = segments[i].MemoryIndex;
            ulong offset = Unsigned(evaluator.Evaluate(segments[i].OffsetExpression), guest.Code.Definition.Memories[memory].Is64Bit);
            MemoryInstructions.Init(offset, 0, (ulong)segments[i].Length, guest, memory, i);
            MemoryInstructions.DropData(guest, i);
        }
    }

    private static ulong Unsigned(ConstantValue value, bool is64Bit) => is64Bit ? (ulong)value.Bits : (uint)value.Bits;
}
