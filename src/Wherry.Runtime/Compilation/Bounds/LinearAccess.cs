namespace Wherry.Compilation.Bounds;

/// <summary>An access of a loop's round to a memory.</summary>
/// <param name="Offset">Its place in the module.</param>
/// <param name="Memory">The index of the memory.</param>
/// <param name="Address">Its address without the constant offset, which is added without wrapping around.</param>
/// <param name="End">Where it ends, seen from the address.</param>
internal readonly record struct LinearAccess(int Offset, int Memory, LinearValue Address, ulong End);
