namespace Wherry.Compilation.Outlining;

/// <summary>What a trial run of the emitter saw before an instruction.</summary>
/// <param name="Offset">Where the instruction starts in the module.</param>
/// <param name="Size">What was written before.</param>
/// <param name="Depth">How many blocks are open, with the function itself.</param>
/// <param name="Block">How many blocks started before.</param>
/// <param name="IsEmpty">Whether the innermost block has no operands.</param>
/// <param name="IsUnreachable">Whether only a branch leads past here: the instruction is an <c>end</c> or <c>else</c>.</param>
internal readonly record struct EmissionPoint(int Offset, CodeSize Size, int Depth, int Block, bool IsEmpty, bool IsUnreachable);
