using System.CommandLine;
using System.CommandLine.Parsing;
using Wherry.Aot;
using Wherry.Cli.Commands;
using Wherry.Cli.Inspection;
using Wherry.Cli.Options;
using Wherry.Cli.Output;
using Wherry.Cli.Precompilation;
using Wherry.Cli.Preinitialization;
using Wherry.Cli.Running;

namespace Wherry.Cli;

/// <summary>The command <c>wherry</c>: finds the subcommand, parses its options, runs it, and turns what goes wrong into one message.</summary>
internal static class WherryCommand
{
    public static int Run(string[] arguments)
    {
        try
        {
            return arguments is ["run", ..] ? RunModule(arguments)
                : arguments is [var command, ..] && ComposeCommands.IsOne(command) ? ComposeCommands.HandOver(arguments)
                : RunOther(arguments);
        }
        catch (CommandException exception)
        {
            Terminal.Error(exception.Message);
            return exception.ExitCode;
        }
        catch (OutOfMemoryException)
        {
            Terminal.Error("there is not enough memory.");
            return ExitCodes.CannotRun;
        }
        catch (Exception exception) when (exception is IOException or UnauthorizedAccessException)
        {
            // Files are read and written where what goes wrong is told with their names: what is left is what the command itself prints.
            Terminal.Error(CommandException.OfOutput(exception).Message);
            return ExitCodes.Failure;
        }
        catch (Exception exception)
        {
            Terminal.Error(CommandException.OfUnexpected(exception, details: false).Message);
            return ExitCodes.CannotRun;
        }
    }

    private static int RunModule(string[] arguments)
    {
        // Most command lines have no options: then nothing has to be known of them.
        if (arguments.Length > 1 && (arguments[1].Length < 2 || arguments[1][0] != '-'))
        {
            Prepare(arguments[1]);
            var guestArguments = new string[arguments.Length - 2];
            Array.Copy(arguments, 2, guestArguments, 0, guestArguments.Length);
            return GuestRunner.Run(new RunOptions { ModulePath = arguments[1], GuestArguments = guestArguments, UsesCache = true });
        }

        return RunWithOptions(arguments);
    }

    private static void Prepare(string modulePath)
    {
        UserFolders.EnvironmentStays = OperatingSystem.IsLinux();
        StartUp.Begin(modulePath);
    }

    private static int RunWithOptions(string[] arguments)
    {
        var commandLine = new RunCommandLine();
        int module = 1 + GuestArguments.FindModule(arguments.AsSpan(1), commandLine.Find, out bool asksForHelp);
        if (asksForHelp)
        {
            return RunOther(["run", "--help"]);
        }

        if (module < arguments.Length)
        {
            Prepare(arguments[module]);
        }

        // A ParseResult, by a type that does not load the parser.
        object? values = commandLine.HasValues ? ReadValues(commandLine, arguments[..Math.Min(module, arguments.Length)]) : null;
        if (module >= arguments.Length)
        {
            throw CommandException.Usage("which module? It is missing. See wherry run --help.");
        }

        foreach (string remark in commandLine.Remarks)
        {
            Terminal.Note(remark);
        }

        string[] guestArguments = arguments[(module + 1)..];
        return GuestRunner.Run(values is null ? commandLine.Bind(arguments[module], guestArguments) : BindValues(commandLine, values, arguments[module], guestArguments));
    }

#pragma warning disable CA1859 // Not ParseResult: its type is what must not be loaded where there are no values.
    private static object ReadValues(RunCommandLine commandLine, string[] arguments)
#pragma warning restore CA1859
    {
        ParseResult result = commandLine.ToGivenCommand().Parse(arguments[^1] == "--" ? arguments[..^1] : arguments, Settings.Parser);
        ThrowIfWrong(result, "run");
        return result;
    }

    private static RunOptions BindValues(RunCommandLine commandLine, object values, string module, string[] guestArguments) =>
        commandLine.Bind((ParseResult)values, module, guestArguments);

    private static int RunOther(string[] arguments)
    {
        var root = new RootCommand("Runs WebAssembly microservices: modules with WASI preview 1 and sockets, sandboxed.")
        {
            new RunCommandLine().ToCommand(),
            CompileCommand.Create(),
            CacheCommand.Create(),
            PreinitCommand.Create(),
            InspectCommand.Create(),
            ValidateCommand.Create(),
            TextCommands.CreateToBinary(),
            TextCommands.CreateToText(),
            WastCommand.Create(),
        };
        foreach (Command command in ComposeCommands.Create())
        {
            root.Subcommands.Add(command);
        }

        root.Directives.Clear();
        if (arguments.Length == 0)
        {
            throw CommandException.Usage($"which command? There are {string.Join(", ", root.Subcommands.Select(command => command.Name))}; see wherry --help.");
        }

        ParseResult result = root.Parse(arguments, Settings.Parser);
        if (result.Errors.Count > 0 && arguments is [var first, ..] && !first.StartsWith('-') && root.Subcommands.All(command => command.Name != first))
        {
            throw CommandException.Usage(File.Exists(first)
                ? $"'{first}' is not a command. To run the module: wherry run {first}"
                : $"'{first}' is not a command. There are {string.Join(", ", root.Subcommands.Select(command => command.Name))}; see wherry --help.");
        }

        ThrowIfWrong(result, result.CommandResult.Command == root ? "" : result.CommandResult.Command.Name);
        return result.Invoke(Settings.Invocation);
    }

    private static void ThrowIfWrong(ParseResult result, string command)
    {
        if (result.Errors.Count == 0)
        {
            return;
        }

        string help = $" See wherry {command}{(command.Length > 0 ? " " : "")}--help.";
        string first = result.Errors[0].Message;
        if (result.UnmatchedTokens is [var unknown, ..] && unknown.StartsWith('-'))
        {
            first = $"there is no option {unknown}.";
        }
        else if (first.StartsWith("Required argument missing for command", StringComparison.Ordinal))
        {
            first = command == "wast" ? "which script or folder? It is missing." : "which module? It is missing.";
        }
        else if (first.StartsWith("Required argument missing for option: ", StringComparison.Ordinal))
        {
            first = $"{first["Required argument missing for option: ".Length..].Trim('\'', '.')} needs a value.";
        }
        else if (result.Errors[0].SymbolResult is OptionResult { Tokens.Count: > 1, Option: { Arity.MaximumNumberOfValues: 1 } option })
        {
            first = $"{option.Name} can be given once only.";
        }

        throw CommandException.Usage(first + help);
    }

    // Apart, so that the parser is loaded only where it is used.
    private static class Settings
    {
        // No response files: "@x" is a name like any other.
        public static readonly ParserConfiguration Parser = new() { ResponseFileTokenReplacer = null };

        public static readonly InvocationConfiguration Invocation = new() { EnableDefaultExceptionHandler = false, ProcessTerminationTimeout = null };
    }
}
