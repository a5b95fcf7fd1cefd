using Wherry.Compilation.Inlining;

namespace Wherry.Diagnostics;

/// <summary>A place in a guest's code.</summary>
/// <param name="Module">The module.</param>
/// <param name="FunctionIndex">The function.</param>
/// <param name="Offset">The instruction's offset in the module, or -1 if it is not known.</param>
/// <param name="IsRegion">Whether the frame is that of a part of the function, which the function's own frame follows.</param>
/// <param name="Call">The call in whose place the function's code was written, so that it has no frame of its own; null if it has one.</param>
internal readonly record struct GuestLocation(Module Module, int FunctionIndex, int Offset, bool IsRegion = false, InlinedCall? Call = null);
