using System.Diagnostics.CodeAnalysis;

namespace Wherry;

/// <summary>The module is well-formed, but breaks a rule of validation (specification, 3), goes beyond a limit, or needs a feature that is off.</summary>
public sealed class InvalidModuleException : ModuleException
{
    /// <summary>An error at a place in the module.</summary>
    public InvalidModuleException(string message, long offset)
        : base(message, offset)
    {
    }

    [DoesNotReturn]
    internal static void Throw(string message, long offset) => throw new InvalidModuleException(message, offset);
}
