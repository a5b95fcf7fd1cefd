namespace Wherry.Cli;

/// <summary>Ends the command with one message for a person and an exit code.</summary>
internal sealed class CommandException(int exitCode, string message) : Exception(message)
{
    public int ExitCode { get; } = exitCode;

    public static CommandException Usage(string message) => new(ExitCodes.Usage, message);

    public static CommandException CannotRun(string message) => new(ExitCodes.CannotRun, message);

    /// <summary>For what the system said when the command printed something.</summary>
    public static CommandException OfOutput(Exception exception) => new(
        ExitCodes.Failure, $"standard output can't be written: {(exception is IOException ? exception.Message.TrimEnd('.') : "it is closed")}.");

    /// <summary>For what nobody expected: a defect of Wherry.</summary>
    public static CommandException OfUnexpected(Exception exception, bool details) => CannotRun(
        $"an error in Wherry itself, please report it: {exception.GetType().Name}: {exception.Message}{(details ? $"\n{exception}" : "")}");
}
