namespace Wherry;

/// <summary>Code could not be compiled ahead of time, or precompiled code can't be run here.</summary>
public sealed class PrecompilationException : Exception
{
    internal PrecompilationException(string message)
        : base(message)
    {
    }
}
