using System.CommandLine;

namespace Wherry.Cli.Options;

/// <summary>
/// Finds where the command's own options end: at the module. What follows belongs to the guest byte for byte, so the parser never sees it.
/// </summary>
internal static class GuestArguments
{
    private static readonly string[] Help = ["-h", "--help", "-?", "/?", "/h"];

    /// <summary>
    /// The index of the module's path in <paramref name="arguments"/>, or their count if there is none. All before it are options and their values, which
    /// the parser reads.
    /// </summary>
    /// <exception cref="CommandException">There is no such option.</exception>
    public static int FindModule(ReadOnlySpan<string> arguments, IList<Option> options)
    {
        for (int i = 0; i < arguments.Length; i++)
        {
            string argument = arguments[i];
            if (argument == "--")
            {
                return i + 1;
            }

            if (argument.Length < 2 || argument[0] != '-')
            {
                return i;
            }

            if (Array.IndexOf(Help, argument) >= 0)
            {
                continue;
            }

            int end = argument.AsSpan().IndexOfAny('=', ':');
            string name = end < 0 ? argument : argument[..end];
            Option? option = Find(name, options);
            if (option is null && argument[1] != '-' && Find(argument[..2], options) is { } attached && attached.Arity.MinimumNumberOfValues > 0)
            {
                // A short option with its value: -p8080.
                continue;
            }

            if (option is null)
            {
                throw CommandException.Usage($"there is no option {name}. See wherry run --help.");
            }

            if (end >= 0 && option.Arity.MaximumNumberOfValues == 0)
            {
                throw CommandException.Usage($"{name} takes no value. See wherry run --help.");
            }

            if (end < 0 && option.Arity.MinimumNumberOfValues > 0)
            {
                i++;
            }
        }

        return arguments.Length;
    }

    private static Option? Find(string name, IList<Option> options)
    {
        foreach (Option option in options)
        {
            if (option.Name == name || option.Aliases.Contains(name))
            {
                return option;
            }
        }

        return null;
    }
}
