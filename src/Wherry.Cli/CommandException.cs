namespace Wherry.Cli;

/// <summary>Ends the command with one message for a person and an exit code.</summary>
internal sealed class CommandException(int exitCode, string message) : Exception(message)
{
    public int ExitCode { get; } = exitCode;

    public static CommandException Usage(string message) => new(ExitCodes.Usage, message);

    public static CommandException CannotRun(string message) => new(ExitCodes.CannotRun, message);
}
