using Wherry.Binary;
using Wherry.Compilation;
using Wherry.Types;

namespace Wherry.Execution;

/// <summary>Makes an instance of a module from what it imports (specification, 4.7.2). Imports are checked before.</summary>
internal static unsafe class Instantiation
{
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
        guest.Elements = Array.ConvertAll(definition.Elements, segment => EvaluateElements(guest, segment, evaluator));
        guest.DroppedData = new bool[definition.Data.Length];
        CopyElements(guest, evaluator);
        CopyData(guest, evaluator);
        if (definition.Start is int start)
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
                values[i] = imported.Type.ValueType.Kind == WasmValueKind.V128 ? ConstantValue.OfVector(imported.Vector) : new ConstantValue(imported.Bits, imported.Reference);
                continue;
            }

            ConstantValue value = evaluator.Evaluate(definitions[i].Initializer!.Value);
            values[i] = value;
            if (guest.Code.GetCreatedGlobalField(i) is { } field)
            {
                field.SetValue(guest, Box(value, definitions[i].Type.ValueType.Kind));
            }
            else
            {
                var global = new Global(guest.Store, definitions[i].Type) { Bits = value.Bits, Reference = value.Reference };
                if (definitions[i].Type.ValueType.Kind == WasmValueKind.V128)
                {
                    value.GetVector(out global.Vector);
                }

                guest.Globals[i] = global;
            }
        }
    }

    private static object? Box(ConstantValue value, WasmValueKind kind) => kind switch
    {
        WasmValueKind.I32 => (int)value.Bits,
        WasmValueKind.I64 => value.Bits,
        WasmValueKind.F32 => BitConverter.Int32BitsToSingle((int)value.Bits),
        WasmValueKind.F64 => BitConverter.Int64BitsToDouble(value.Bits),
        WasmValueKind.V128 => value.BoxVector(),
        _ => value.Reference,
    };

    private static void CreateTables(GuestInstance guest, ResolvedImports imports, ConstantEvaluator evaluator)
    {
        TableDefinition[] definitions = guest.Code.Definition.Tables;
        guest.Tables = new Table[definitions.Length];
        for (int i = 0; i < definitions.Length; i++)
        {
            if (i < imports.Tables.Length)
            {
                guest.Tables[i] = imports.Tables[i];
                continue;
            }

            object? initial = definitions[i].Initializer is { } expression ? evaluator.Evaluate(expression).Reference : null;
            guest.Tables[i] = Table.Create(guest.Store, definitions[i].Type, initial);
        }

        if (guest.Tables.Length > 0)
        {
            guest.Table0 = guest.Tables[0];
        }
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
