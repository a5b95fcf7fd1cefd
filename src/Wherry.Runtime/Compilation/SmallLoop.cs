namespace Wherry.Compilation;

/// <summary>The body of a loop without other loops and calls.</summary>
/// <param name="End">Where its <c>end</c> is in the module.</param>
/// <param name="Instructions">How many instructions it has.</param>
/// <param name="Branches">How many branches, with those back to its start.</param>
internal readonly record struct SmallLoop(int End, int Instructions, int Branches);
