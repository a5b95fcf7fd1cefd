namespace Wherry.Compilation.Outlining;

/// <summary>
/// How much code was written, in the measures by which RyuJIT decides that a method is too large to be optimized. It does not optimize methods beyond
/// any of these limits: the code is some times slower.
/// </summary>
/// <param name="Bytes">Of IL.</param>
/// <param name="Instructions">Of IL.</param>
/// <param name="References">To arguments and locals.</param>
/// <param name="Blocks">Basic blocks, at most.</param>
internal readonly record struct CodeSize(int Bytes, int Instructions, int References, int Blocks)
{
    private const double MaximumBytes = 60_000;
    private const double MaximumInstructions = 20_000;
    private const double MaximumReferences = 8_000;
    private const double MaximumBlocks = 2_000;

    /// <summary>The part of the limits that it takes: beyond 1 the JIT does not optimize.</summary>
    public double Share => Math.Max(
        Math.Max(Bytes / MaximumBytes, Instructions / MaximumInstructions),
        Math.Max(References / MaximumReferences, Blocks / MaximumBlocks));

    public static CodeSize operator +(CodeSize left, CodeSize right) => new(
        left.Bytes + right.Bytes, left.Instructions + right.Instructions, left.References + right.References, left.Blocks + right.Blocks);

    public static CodeSize operator -(CodeSize left, CodeSize right) => new(
        left.Bytes - right.Bytes, left.Instructions - right.Instructions, left.References - right.References, left.Blocks - right.Blocks);
}
