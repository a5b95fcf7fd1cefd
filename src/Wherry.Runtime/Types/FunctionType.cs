using System.Collections.Immutable;
using Wherry.Types;

namespace Wherry;

/// <summary>The parameters and results of a function (specification, 2.3.8).</summary>
public sealed class FunctionType : IEquatable<FunctionType>
{
    /// <summary>A function type.</summary>
    public FunctionType(IEnumerable<WasmValueType> parameters, IEnumerable<WasmValueType> results)
    {
        Parameters = [.. parameters];
        Results = [.. results];
    }

    internal FunctionType(ImmutableArray<WasmValueType> parameters, ImmutableArray<WasmValueType> results)
    {
        Parameters = parameters;
        Results = results;
    }

    /// <summary>The parameter types.</summary>
    public ImmutableArray<WasmValueType> Parameters { get; }

    /// <summary>The result types.</summary>
    public ImmutableArray<WasmValueType> Results { get; }

    /// <inheritdoc/>
    public bool Equals(FunctionType? other) =>
        other is not null && Parameters.AsSpan().SequenceEqual(other.Parameters.AsSpan()) && Results.AsSpan().SequenceEqual(other.Results.AsSpan());

    /// <inheritdoc/>
    public override bool Equals(object? obj) => Equals(obj as FunctionType);

    /// <inheritdoc/>
    public override int GetHashCode()
    {
        var hash = default(HashCode);
        foreach (WasmValueType type in Parameters)
        {
            hash.Add(type);
        }

        hash.Add(-1);
        foreach (WasmValueType type in Results)
        {
            hash.Add(type);
        }

        return hash.ToHashCode();
    }

    /// <summary>For example <c>(i32, i32) -> (i64)</c>.</summary>
    public override string ToString() => $"({string.Join(", ", Parameters)}) -> ({string.Join(", ", Results)})";
}
