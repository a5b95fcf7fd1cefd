using System.Collections.Immutable;
using Wherry.Types;

namespace Wherry.Binary;

/// <summary>
/// A decoded module (specification, 2.5): indices resolved to types, code left as bytes. Each index space starts with the imports.
/// Immutable once decoded and validated.
/// </summary>
internal sealed class ModuleDefinition
{
    /// <summary>The whole module. Offsets everywhere are into it.</summary>
    public required ReadOnlyMemory<byte> Bytes { get; init; }

    public required DefinedType[] Types { get; init; }

    public required ImportDefinition[] Imports { get; init; }

    /// <summary>The types of all functions, imported ones first.</summary>
    public required DefinedType[] Functions { get; init; }

    public required TableDefinition[] Tables { get; init; }

    public required MemoryType[] Memories { get; init; }

    public required GlobalDefinition[] Globals { get; init; }

    /// <summary>The function types of all tags, imported ones first.</summary>
    public required DefinedType[] Tags { get; init; }

    public required ExportDefinition[] Exports { get; init; }

    public int? Start { get; init; }

    public required ElementSegment[] Elements { get; init; }

    public required DataSegment[] Data { get; init; }

    /// <summary>What the data count section says; null without one, and then code may not mention data segments.</summary>
    public int? DataCount { get; init; }

    /// <summary>The bodies of the functions that are not imported.</summary>
    public required FunctionBody[] Bodies { get; init; }

    public required CustomSection[] CustomSections { get; init; }

    public required int ImportedFunctionCount { get; init; }

    public required int ImportedTableCount { get; init; }

    public required int ImportedMemoryCount { get; init; }

    public required int ImportedGlobalCount { get; init; }

    public required int ImportedTagCount { get; init; }

    /// <summary>The proposals that the module was found to use.</summary>
    public WasmFeatures FeaturesUsed { get; set; }

    /// <summary>Functions that <c>ref.func</c> may name in code: they occur in exports, globals, elements (specification, 3.5.16, "refs").</summary>
    public required bool[] DeclaredFunctions { get; init; }

    /// <summary>Where definitions stand in the module, for messages.</summary>
    public required DefinitionOffsets Offsets { get; init; }

    /// <summary>The names of the name section, if the module has one.</summary>
    public NameSection Names => field ??= NameSection.Find(this);

    /// <summary>The most parameters or results that any of its function types has.</summary>
    public int LargestArity
    {
        get
        {
            // Threads that find it at the same time find the same.
            if (field == 0)
            {
                field = Compilation.WideTypes.FindLargest(this);
            }

            return field;
        }
    }

    /// <summary>A function for messages: its index, and its name if it has one.</summary>
    public string DescribeFunction(int index) => Names.GetFunctionName(index) is { } name ? $"function {index} <{name}>" : $"function {index}";
}

/// <summary>Where definitions stand in the module, imported ones included, for messages.</summary>
internal sealed class DefinitionOffsets
{
    public required int[] Types { get; init; }

    public required int[] Tables { get; init; }

    public required int[] Memories { get; init; }

    public required int[] Globals { get; init; }

    public required int[] Tags { get; init; }

    public required int[] Exports { get; init; }

    public required int[] Elements { get; init; }

    public required int[] Data { get; init; }

    public required int Start { get; init; }
}

/// <summary>An import. Exactly one of the type members is meaningful, by <see cref="Kind"/>.</summary>
/// <param name="Index">Its index in the index space of its kind.</param>
/// <param name="IsExact">Whether a function must have exactly the type, not a subtype (custom descriptors).</param>
internal sealed record ImportDefinition(string Module, string Name, ExternalKind Kind, int Index, int Offset, bool IsExact = false);

internal sealed record ExportDefinition(string Name, ExternalKind Kind, int Index);

/// <param name="Initializer">The value of each element at the start, or null for null references (and for imports).</param>
internal sealed record TableDefinition(TableType Type, ConstantExpression? Initializer);

/// <param name="Initializer">Null for imports.</param>
internal sealed record GlobalDefinition(GlobalType Type, ConstantExpression? Initializer);

/// <summary>A constant expression, as a range of the module's bytes; the range ends after its <c>end</c>.</summary>
internal readonly record struct ConstantExpression(int Offset, int Length);

internal enum SegmentMode : byte
{
    Active,
    Passive,
    Declarative,
}

/// <param name="Functions">Function indices, where the segment is a plain vector of them; otherwise empty.</param>
/// <param name="Expressions">One expression for each element, where it is not; otherwise empty.</param>
internal sealed record ElementSegment(
    SegmentMode Mode,
    WasmValueType Type,
    int TableIndex,
    ConstantExpression OffsetExpression,
    int[] Functions,
    ConstantExpression[] Expressions)
{
    public int Count => Functions.Length + Expressions.Length;
}

/// <param name="Offset">Where its bytes start in the module.</param>
internal sealed record DataSegment(SegmentMode Mode, int MemoryIndex, ConstantExpression OffsetExpression, int Offset, int Length);

/// <summary>The code of a function.</summary>
/// <param name="Offset">Where the body starts (its local declarations).</param>
/// <param name="CodeOffset">Where its first instruction starts.</param>
/// <param name="End">Where the body ends, after its last <c>end</c>.</param>
/// <param name="Locals">Runs of equal locals, without parameters.</param>
internal sealed record FunctionBody(int Offset, int CodeOffset, int End, LocalRun[] Locals);

internal readonly record struct LocalRun(int Count, WasmValueType Type);

/// <param name="Place">The id of the section that it follows (0 if none), for tools that write the module again.</param>
internal sealed record CustomSection(string Name, int Offset, int Length, int Place);
