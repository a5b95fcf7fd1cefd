using Wherry.Binary;

namespace Wherry.Instructions;

/// <summary>The three ways to spell the type of a block (specification, 5.4.1).</summary>
internal enum BlockTypeKind : byte
{
    /// <summary>No parameters, no results.</summary>
    Empty,

    /// <summary>No parameters, one result.</summary>
    Value,

    /// <summary>The parameters and results of a function type.</summary>
    TypeIndex,
}

/// <summary>The type of a block.</summary>
/// <param name="Kind">Which of the others is meaningful.</param>
/// <param name="ValueType">For <see cref="BlockTypeKind.Value"/>.</param>
/// <param name="TypeIndex">For <see cref="BlockTypeKind.TypeIndex"/>.</param>
internal readonly record struct BlockTypeImmediate(BlockTypeKind Kind, EncodedValueType ValueType = default, int TypeIndex = 0);

/// <summary>The kinds of clause in a <c>try_table</c>, by their binary code.</summary>
internal enum CatchKind : byte
{
    Catch,
    CatchReference,
    CatchAll,
    CatchAllReference,
}

/// <summary>A clause of a <c>try_table</c>.</summary>
/// <param name="Kind">What it catches.</param>
/// <param name="Tag">The tag index, for the two kinds that have one.</param>
/// <param name="Label">Where it branches, counted from outside the <c>try_table</c>.</param>
internal readonly record struct CatchClause(CatchKind Kind, int Tag, int Label)
{
    public bool HasTag => Kind is CatchKind.Catch or CatchKind.CatchReference;

    public bool HasReference => Kind is CatchKind.CatchReference or CatchKind.CatchAllReference;
}
