namespace Wherry.Instructions;

/// <summary>What follows an opcode in the binary format (specification, 5.4).</summary>
internal enum Immediate : byte
{
    None,
    BlockType,
    Label,
    LabelVector,
    Function,
    Type,

    /// <summary>A type index, then a table index (<c>call_indirect</c>).</summary>
    TypeTable,
    Tag,
    Local,
    Global,
    Table,

    /// <summary>Destination table, source table.</summary>
    TableTable,

    /// <summary>Element segment, then table (<c>table.init</c>).</summary>
    ElementTable,
    Element,

    /// <summary>Alignment with an optional memory index, then the offset.</summary>
    MemoryArgument,

    /// <summary>A memory argument, then one byte for the lane.</summary>
    MemoryArgumentLane,
    Memory,

    /// <summary>Destination memory, source memory.</summary>
    MemoryMemory,

    /// <summary>Data segment, then memory (<c>memory.init</c>).</summary>
    DataMemory,
    Data,
    Lane,
    I32,
    I64,
    F32,
    F64,
    V128,

    /// <summary>Sixteen lane indices of one byte each.</summary>
    Shuffle,

    /// <summary>A vector of value types (the typed <c>select</c>).</summary>
    ValueTypes,
    HeapType,

    /// <summary>A flag byte (bit 0: source nullable, bit 1: target nullable), a label, two heap types.</summary>
    BranchOnCast,

    /// <summary>A type index, then a field index.</summary>
    TypeField,

    /// <summary>A type index, then a data segment.</summary>
    TypeData,

    /// <summary>A type index, then an element segment.</summary>
    TypeElement,

    /// <summary>Destination type, source type (<c>array.copy</c>).</summary>
    TypeType,

    /// <summary>A type index, then a count (<c>array.new_fixed</c>).</summary>
    TypeCount,

    /// <summary>A block type, then a vector of catch clauses.</summary>
    TryTable,

    /// <summary>One zero byte (<c>atomic.fence</c>).</summary>
    Fence,
}
