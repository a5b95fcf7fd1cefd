namespace Wherry;

/// <summary>The kinds of import and export (specification, 2.5.10).</summary>
public enum ExternalKind : byte
{
    /// <summary>Function.</summary>
    Function,

    /// <summary>Table.</summary>
    Table,

    /// <summary>Memory.</summary>
    Memory,

    /// <summary>Global.</summary>
    Global,

    /// <summary>Exception tag.</summary>
    Tag,
}

/// <summary>The type of a memory (specification, 2.3.12).</summary>
/// <param name="Minimum">Pages at the start.</param>
/// <param name="Maximum">Pages at most, or null.</param>
/// <param name="Is64Bit">Whether addresses are i64.</param>
/// <param name="IsShared">Whether threads may share it.</param>
/// <param name="PageSizeLog2">Base-2 logarithm of the page size: 16, or 0 with custom page sizes.</param>
public sealed record MemoryType(ulong Minimum, ulong? Maximum = null, bool Is64Bit = false, bool IsShared = false, int PageSizeLog2 = 16)
{
    /// <summary>The type of its addresses, sizes and offsets.</summary>
    public WasmValueType AddressType => Is64Bit ? WasmValueType.I64 : WasmValueType.I32;
}

/// <summary>The type of a table (specification, 2.3.13).</summary>
/// <param name="ElementType">The type of its elements, a reference.</param>
/// <param name="Minimum">Elements at the start.</param>
/// <param name="Maximum">Elements at most, or null.</param>
/// <param name="Is64Bit">Whether indices are i64.</param>
/// <param name="IsShared">Whether threads may share it.</param>
public sealed record TableType(WasmValueType ElementType, ulong Minimum, ulong? Maximum = null, bool Is64Bit = false, bool IsShared = false)
{
    /// <summary>The type of its indices and sizes.</summary>
    public WasmValueType AddressType => Is64Bit ? WasmValueType.I64 : WasmValueType.I32;

    /// <summary>
    /// Whether its elements stay the same array, since only growing makes another one. What is imported for it has that very size, and can't grow either (specification, matching of limits).
    /// </summary>
    internal bool IsOfFixedSize => Maximum == Minimum;
}

/// <summary>The type of a global (specification, 2.3.14).</summary>
/// <param name="ValueType">The type of its value.</param>
/// <param name="IsMutable">Whether it may be set.</param>
public sealed record GlobalType(WasmValueType ValueType, bool IsMutable);

/// <summary>The type of an exception tag (specification, 2.3.15).</summary>
/// <param name="FunctionType">The values that an exception carries, as parameters.</param>
public sealed record TagType(FunctionType FunctionType);
