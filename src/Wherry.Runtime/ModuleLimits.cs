namespace Wherry;

/// <summary>
/// How large a module may be. What goes beyond is refused when the module is loaded, with an error that names the limit: nothing that a
/// module says of its own size is believed before these are checked.
/// </summary>
public sealed record ModuleLimits
{
    /// <summary>The limits of an engine unless told otherwise.</summary>
    public static ModuleLimits Default { get; } = new();

    /// <summary>Bytes of a whole module.</summary>
    public int MaximumModuleSize { get; init; } = 1 << 30;

    /// <summary>Type definitions.</summary>
    public int MaximumTypes { get; init; } = 100_000;

    /// <summary>How many supertypes may stand above a type.</summary>
    public int MaximumSubtypingDepth { get; init; } = 63;

    /// <summary>Functions, imported ones included.</summary>
    public int MaximumFunctions { get; init; } = 1_000_000;

    /// <summary>Bytes of one function's code.</summary>
    public int MaximumFunctionBodySize { get; init; } = 7_654_321;

    /// <summary>Locals of one function, its parameters included.</summary>
    public int MaximumLocals { get; init; } = 50_000;

    /// <summary>Blocks within blocks in one function.</summary>
    public int MaximumNesting { get; init; } = 100_000;

    /// <summary>Blocks with exception handlers within one another in one function.</summary>
    public int MaximumNestedHandlers { get; init; } = 250;

    /// <summary>Operands on the stack of one function at once.</summary>
    public int MaximumOperands { get; init; } = 1_000_000;

    /// <summary>Parameters of one function type.</summary>
    public int MaximumParameters { get; init; } = 1_000;

    /// <summary>Results of one function type.</summary>
    public int MaximumResults { get; init; } = 128;

    /// <summary>Fields of one struct type.</summary>
    public int MaximumFields { get; init; } = 10_000;

    /// <summary>Imports.</summary>
    public int MaximumImports { get; init; } = 1_000_000;

    /// <summary>Exports.</summary>
    public int MaximumExports { get; init; } = 1_000_000;

    /// <summary>Tables, imported ones included.</summary>
    public int MaximumTables { get; init; } = 100_000;

    /// <summary>Memories, imported ones included.</summary>
    public int MaximumMemories { get; init; } = 100;

    /// <summary>Globals, imported ones included.</summary>
    public int MaximumGlobals { get; init; } = 1_000_000;

    /// <summary>Exception tags, imported ones included.</summary>
    public int MaximumTags { get; init; } = 1_000_000;

    /// <summary>Element segments.</summary>
    public int MaximumElementSegments { get; init; } = 100_000;

    /// <summary>Elements of one segment.</summary>
    public int MaximumSegmentElements { get; init; } = 10_000_000;

    /// <summary>Data segments.</summary>
    public int MaximumDataSegments { get; init; } = 100_000;

    /// <summary>Bytes of one name.</summary>
    public int MaximumNameLength { get; init; } = 100_000;
}
