using System.CommandLine;
using Wherry.Cli.Options;

namespace Wherry.Cli.Commands;

/// <summary><c>wherry wat2wasm</c> and <c>wherry wasm2wat</c>: from the text format to the binary format and back.</summary>
internal static class TextCommands
{
    public static Command CreateToBinary()
    {
        var input = new Argument<string>("app.wat") { Description = "The module in the text format; - for standard input.", Arity = ArgumentArity.ExactlyOne };
        var output = Output("The file to write; without it, the text's name with .wasm.");
        var noNames = OptionFactory.Switch("--no-names", "Leave out the names of functions, locals and all else.");
        var command = new Command("wat2wasm", "Translates a module from the text format to the binary format.") { input, output, noNames };
        command.SetAction(result =>
        {
            string path = result.GetValue(input)!;
            byte[] module = ModuleFile.Translate(path, ModuleFile.ReadBytes(path), emitNames: !result.GetValue(noNames));
            Write(result.GetValue(output) ?? (path == "-" ? "-" : Path.ChangeExtension(path, ".wasm")), module);
            return ExitCodes.Success;
        });
        return command;
    }

    public static Command CreateToText()
    {
        var input = new Argument<string>("app.wasm") { Description = "The module; - for standard input.", Arity = ArgumentArity.ExactlyOne };
        var output = Output("The file to write; without it, standard output.");
        var command = new Command("wasm2wat", "Prints a module in the text format. Reading the text gives the same module.") { input, output };
        command.SetAction(result =>
        {
            string path = result.GetValue(input)!;
            string text;
            try
            {
                text = WatConverter.ToText(ModuleFile.Read(path));
            }
            catch (MalformedModuleException exception)
            {
                throw CommandException.CannotRun($"{path}: {exception.Message}");
            }

            Write(result.GetValue(output) ?? "-", System.Text.Encoding.UTF8.GetBytes(text));
            return ExitCodes.Success;
        });
        return command;
    }

    private static Option<string?> Output(string description) =>
        new("--output", "-o") { Description = description + " - for standard output.", HelpName = "FILE", Arity = ArgumentArity.ExactlyOne };

    private static void Write(string path, byte[] bytes)
    {
        if (path == "-")
        {
            using Stream output = Console.OpenStandardOutput();
            output.Write(bytes);
            return;
        }

        try
        {
            File.WriteAllBytes(path, bytes);
        }
        catch (UnauthorizedAccessException)
        {
            throw CommandException.CannotRun(Directory.Exists(path) ? $"{path} can't be written: it is a folder." : $"{path} can't be written: permission denied.");
        }
        catch (DirectoryNotFoundException)
        {
            throw CommandException.CannotRun($"{path} can't be written: there is no folder {Path.GetDirectoryName(path)}.");
        }
        catch (IOException exception)
        {
            throw CommandException.CannotRun($"{path} can't be written: {exception.Message}");
        }
    }
}
