namespace Wherry.Compilation.Outlining;

/// <summary>
/// A stretch of a function that becomes a method of its own. It gets the locals that it needs as parameters; it returns the function's result (if it
/// has a return), the locals that it changed and that are read later, and the number of the exit that it left by, if it has several.
/// </summary>
internal sealed class OutlinedRegion
{
    /// <summary>The exit at its end.</summary>
    public const int FallThrough = -1;

    /// <summary>The exit by which the function returns.</summary>
    public const int Return = 0;

    /// <summary>The number of the region in its function.</summary>
    public required int Number { get; init; }

    /// <summary>The offset in the module of its first instruction.</summary>
    public required int Start { get; init; }

    /// <summary>Where its last instruction ends.</summary>
    public required int End { get; init; }

    /// <summary>How many blocks of the function start before it.</summary>
    public required int FirstBlock { get; init; }

    /// <summary>How many start in it.</summary>
    public required int BlockCount { get; init; }

    /// <summary>How many blocks are open around it, with the function itself.</summary>
    public required int Depth { get; init; }

    /// <summary>The locals that it gets.</summary>
    public required int[] Inputs { get; init; }

    /// <summary>The locals that it gives back.</summary>
    public required int[] Outputs { get; init; }

    /// <summary>Where it goes on: <see cref="FallThrough"/>, or the depth of the block branched to, of which <see cref="Return"/> is the function.</summary>
    public required int[] Exits { get; init; }

    /// <summary>Its type: the inputs; the function's result if it returns one, the outputs, the number of the exit.</summary>
    public required FunctionType Type { get; init; }

    /// <summary>Whether the first result is the function's.</summary>
    public required bool ReturnsResult { get; init; }
}
