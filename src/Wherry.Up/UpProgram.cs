using System.CommandLine;
using Wherry.Cli;
using Wherry.Cli.Output;
using Wherry.Compose;
using Wherry.Up.Commands;

namespace Wherry.Up;

/// <summary>The commands of <c>wherry</c> that work on Compose files: parses, runs, and turns what goes wrong into messages.</summary>
internal static class UpProgram
{
    private static readonly ParserConfiguration Parser = new() { ResponseFileTokenReplacer = null };

    private static readonly InvocationConfiguration Invocation = new() { EnableDefaultExceptionHandler = false, ProcessTerminationTimeout = null };

    public static int Run(string[] arguments)
    {
        try
        {
            var root = new RootCommand("Runs the services of a Compose file in one process.")
            {
                UpCommand.Create(),
                ConfigCommand.Create(),
                UpdateCommand.Create(),
                EgressCommand.Create(),
            };
            foreach (Command command in ControlCommands.Create())
            {
                root.Subcommands.Add(command);
            }

            root.Directives.Clear();
            ParseResult result = root.Parse(arguments, Parser);
            if (result.Errors.Count > 0)
            {
                string help = $" See wherry {result.CommandResult.Command.Name} --help.";
                throw CommandException.Usage(result.UnmatchedTokens is [var unknown, ..] && unknown.StartsWith('-') ? $"there is no option {unknown}.{help}" : result.Errors[0].Message + help);
            }

            return result.Invoke(Invocation);
        }
        catch (CommandException exception)
        {
            Terminal.Error(exception.Message);
            return exception.ExitCode;
        }
        catch (ComposeFileException exception)
        {
            foreach (ComposeDiagnostic diagnostic in exception.Diagnostics)
            {
                Terminal.Error(diagnostic.ToString());
            }

            return ExitCodes.CannotRun;
        }
        catch (Exception exception) when (exception is IOException or UnauthorizedAccessException)
        {
            Terminal.Error(exception.Message);
            return ExitCodes.Failure;
        }
    }
}
