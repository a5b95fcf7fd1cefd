namespace Wherry.Compilation.Bounds;

/// <summary>What accesses of a loop's round reach, of which all addresses differ by constants.</summary>
/// <param name="Memory">The index of their memory.</param>
/// <param name="Base">The lowest address, when a round starts.</param>
/// <param name="Step">How far each round moves it.</param>
/// <param name="Extent">How many bytes it takes from there to the end of the furthest access.</param>
internal sealed record AddressRange(int Memory, LinearValue Base, int Step, ulong Extent);
