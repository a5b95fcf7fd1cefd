using System.Diagnostics;
using Wherry.Compilation;

namespace Wherry.Execution.Suspension;

/// <summary>Compiles the functions below a wait as code that can be left.</summary>
internal static class WaitLearner
{
    /// <param name="stack">The thread's stack.</param>
    public static void Learn(StackTrace stack)
    {
        foreach (StackFrame frame in stack.GetFrames())
        {
            // The innermost calls from the host come first; what is below them is another call's.
            if (frame.GetMethod() is { } method && CompiledModules.TryFind(method, out CompiledModule? module, out int function, out _))
            {
                module.Suspension?.Learn(function);
            }
        }
    }
}
