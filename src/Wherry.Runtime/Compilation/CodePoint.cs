using Wherry.Compilation.Inlining;

namespace Wherry.Compilation;

/// <summary>Where an instruction's IL starts.</summary>
/// <param name="IlOffset">In the method.</param>
/// <param name="WasmOffset">The instruction's offset in the module.</param>
/// <param name="Call">The call in whose place the code was written, if it is not the method's own.</param>
/// <param name="StartsStatement">Whether nothing lies on the IL stack there: the JIT knows no places but those.</param>
internal readonly record struct CodePoint(int IlOffset, int WasmOffset, InlinedCall? Call, bool StartsStatement = false);
