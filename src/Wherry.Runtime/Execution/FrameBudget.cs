namespace Wherry.Execution;

/// <summary>
/// The stack of a store whose engine is deterministic, in the sizes of Wasm's frames: how deep calls go must not depend on how large the frames of native code are. Before
/// a call, compiled code writes here what is left to its callee.
/// </summary>
internal sealed class FrameBudget
{
    /// <summary>What the outermost call has.</summary>
    public const int Size = 4 << 20;

    /// <summary>What is left to the function that is called next.</summary>
    public nint Remaining = Size;

    private readonly Stack<nint> _entries = new();

    /// <summary>What a function's frame counts, with all that it calls: the runtime's own needs, its parameters and locals, and what stands for the temporaries of its code.</summary>
    /// <param name="variables">Parameters and locals.</param>
    /// <param name="vectors">How many of them are vectors.</param>
    /// <param name="codeSize">The bytes of its body.</param>
    public static int SizeOfFrame(int variables, int vectors, int codeSize) => 64 + (8 * (variables + vectors)) + (codeSize / 32);

    public void Enter() => _entries.Push(Remaining);

    public void Exit() => Remaining = _entries.Pop();
}
