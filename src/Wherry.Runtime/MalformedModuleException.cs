using System.Diagnostics.CodeAnalysis;

namespace Wherry;

/// <summary>The bytes are not a module by the binary format (specification, 5).</summary>
public sealed class MalformedModuleException : ModuleException
{
    /// <summary>An error at a place in the module.</summary>
    public MalformedModuleException(string message, long offset)
        : base(message, offset)
    {
    }

    [DoesNotReturn]
    internal static void Throw(string message, long offset) => throw new MalformedModuleException(message, offset);
}
