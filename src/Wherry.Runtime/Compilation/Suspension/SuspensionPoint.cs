namespace Wherry.Compilation.Suspension;

/// <summary>A call from which a function can be left, and at which it goes on.</summary>
/// <param name="Values">What the code behind the call needs.</param>
/// <param name="Leave">The label of the code that keeps the values and returns.</param>
/// <param name="Resume">The label behind the call, where its results are stored.</param>
/// <param name="ResultType">What the callee returns.</param>
/// <param name="Result">The emitter's local that gets it, or -1.</param>
internal sealed record SuspensionPoint(SuspendedValue[] Values, int Leave, int Resume, Type ResultType, int Result);

/// <summary>A local that is kept while its function waits.</summary>
/// <param name="Kind">Its type.</param>
/// <param name="Index">Its number in the method.</param>
/// <param name="IsArgument">Whether it is an argument.</param>
internal readonly record struct SuspendedValue(WasmValueKind Kind, int Index, bool IsArgument);
