namespace Wherry.Compilation.Suspension;

/// <summary>
/// A guest's trial of functions of which nothing is known: what it enters for the first time from code that can be left is entered as such code too, once. So it finds the functions that never return, like a program's
/// main loop, which are never entered again once they are known.
/// </summary>
/// <param name="module">The functions' module.</param>
internal sealed class WaitTrial(ModuleSuspension module)
{
    /// <summary>Each may have to be compiled for it.</summary>
    private const int MostFunctions = 64;

    private readonly HashSet<int> _tried = [];

    public bool TryTake(ModuleSuspension owner, int function) => owner == module && _tried.Count < MostFunctions && _tried.Add(function);
}
