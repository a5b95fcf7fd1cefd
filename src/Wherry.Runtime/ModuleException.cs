using Wherry.Diagnostics;

namespace Wherry;

/// <summary>The bytes of a module can't be used: see <see cref="MalformedModuleException"/> and <see cref="InvalidModuleException"/>.</summary>
public abstract class ModuleException : Exception
{
    private protected ModuleException(string message, long offset, Exception? innerException = null)
        : base($"{ErrorText.Clean(message, ErrorText.MaximumMessage)} (at offset 0x{offset:x})", innerException) => Offset = offset;

    /// <summary>Where in the module's bytes the error was found.</summary>
    public long Offset { get; }
}
