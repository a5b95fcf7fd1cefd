namespace Wherry;

/// <summary>
/// An array without elements, where start-up passes. What <c>[]</c> stands for is a class of the framework, which the JIT has to compile for each struct of ours; this one is compiled ahead of time
/// with them (docs/RATIONALE.md, "What starts is written for the first call").
/// </summary>
internal static class Empty<T>
{
#pragma warning disable CA1825 // That is what this is for.
    public static readonly T[] Array = new T[0];
#pragma warning restore CA1825
}
