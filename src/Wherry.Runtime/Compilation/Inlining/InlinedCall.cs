namespace Wherry.Compilation.Inlining;

/// <summary>A call in whose place the code of its callee was written.</summary>
/// <param name="Callee">The function that is called.</param>
/// <param name="Caller">The function that has the call.</param>
/// <param name="Offset">Where in the module the call is.</param>
/// <param name="IsTail">Whether it is a tail call: the caller is then no part of the guest's stack.</param>
/// <param name="Outer">The call in whose place the caller's own code was written, if it was.</param>
internal sealed record InlinedCall(int Callee, int Caller, int Offset, bool IsTail, InlinedCall? Outer)
{
    /// <summary>How many calls this one is in, itself included.</summary>
    public int Depth { get; } = (Outer?.Depth ?? 0) + 1;
}
