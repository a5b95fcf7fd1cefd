namespace Wherry;

/// <summary>Thrown by a host function to end the guest on purpose, as <c>proc_exit</c> does. It passes through the guest to the caller.</summary>
public sealed class GuestExitException : Exception
{
    /// <summary>Ends the guest with an exit code.</summary>
    public GuestExitException(int exitCode)
        : base($"The guest exited with code {exitCode}.") => ExitCode = exitCode;

    /// <summary>The guest's exit code.</summary>
    public int ExitCode { get; }
}
