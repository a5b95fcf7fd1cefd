using Wherry.Types;

namespace Wherry.Compilation;

/// <summary>Where an operand is while a function is emitted.</summary>
internal enum StackForm : byte
{
    /// <summary>On the IL stack.</summary>
    Evaluated,

    /// <summary>On the IL stack as the two operands of a comparison that is yet to be written: a branch may take it over.</summary>
    Comparison,

    /// <summary>A constant that is yet to be loaded.</summary>
    Constant,

    /// <summary>A local of the function that is yet to be loaded.</summary>
    Local,

    /// <summary>In a local of the emitter's own.</summary>
    Temporary,
}

/// <summary>An operand as the emitter sees it.</summary>
/// <param name="Form">Where it is.</param>
/// <param name="Kind">Its type.</param>
/// <param name="Bits">Of a constant.</param>
/// <param name="Index">Of a local or temporary.</param>
/// <param name="Depth">How deep the expression is that computes it.</param>
/// <param name="Comparison">For <see cref="StackForm.Comparison"/>.</param>
/// <param name="Origin">A number for the value that it is, or that it is <paramref name="Distance"/> above: see <see cref="KnownAccesses"/>. 0 if none.</param>
/// <param name="Distance">Never negative.</param>
/// <param name="IsPinned">Whether the temporary is still somebody else's.</param>
/// <param name="IsRotation">Whether it may be the result of a rotation: see <see cref="FunctionEmitter"/>'s comparisons.</param>
/// <param name="Type">Of a reference: the struct or array type that it is known to be of, if not null; nothing if none is known.</param>
internal readonly record struct StackEntry(
    StackForm Form,
    WasmValueKind Kind,
    long Bits = 0,
    int Index = 0,
    int Depth = 1,
    Comparison Comparison = default,
    bool IsPinned = false,
    bool IsRotation = false,
    int Origin = 0,
    int Distance = 0,
    DefinedType? Type = null)
{
    public bool IsOnStack => Form is StackForm.Evaluated or StackForm.Comparison;
}

/// <summary>The comparisons that IL can branch on.</summary>
internal enum ComparisonOperator : byte
{
    Equal,
    NotEqual,
    Less,
    LessOrEqual,
    Greater,
    GreaterOrEqual,
}

/// <summary>A comparison of two numbers.</summary>
/// <param name="IsUnsigned">For integers.</param>
/// <param name="IsFloat">Whether a NaN may take part.</param>
/// <param name="IsNegated">For floats: the opposite of the comparison, true if a NaN takes part.</param>
internal readonly record struct Comparison(ComparisonOperator Operator, bool IsUnsigned, bool IsFloat, bool IsNegated = false)
{
    /// <summary>The opposite.</summary>
    public Comparison Negate() => IsFloat
        ? this with { IsNegated = !IsNegated }
        : this with
        {
            Operator = Operator switch
            {
                ComparisonOperator.Equal => ComparisonOperator.NotEqual,
                ComparisonOperator.NotEqual => ComparisonOperator.Equal,
                ComparisonOperator.Less => ComparisonOperator.GreaterOrEqual,
                ComparisonOperator.LessOrEqual => ComparisonOperator.Greater,
                ComparisonOperator.Greater => ComparisonOperator.LessOrEqual,
                _ => ComparisonOperator.Less,
            },
        };
}
