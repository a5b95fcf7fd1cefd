namespace Wherry.Cli.Options;

/// <summary>
/// Finds where the command's own options end: at the module. What follows belongs to the guest byte for byte, so the parser never sees it.
/// </summary>
internal static class GuestArguments
{
    /// <summary>
    /// The index of the module's path in <paramref name="arguments"/>, or their count if there is none. All before it are options, which are marked as given, and
    /// their values, which the parser reads.
    /// </summary>
    /// <param name="arguments">What follows <c>run</c>.</param>
    /// <param name="find">The option of a name, or null.</param>
    /// <param name="asksForHelp">Whether help is among the options.</param>
    /// <exception cref="CommandException">There is no such option.</exception>
    public static int FindModule(ReadOnlySpan<string> arguments, Func<string, RunOption?> find, out bool asksForHelp)
    {
        asksForHelp = false;
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

            if (argument is "-h" or "--help" or "-?")
            {
                asksForHelp = true;
                continue;
            }

            int end = argument.AsSpan().IndexOfAny('=', ':');
            string name = end < 0 ? argument : argument[..end];
            RunOption? option = find(name);
            if (option is null && argument[1] != '-' && find(argument[..2]) is { TakesValue: true } attached)
            {
                // A short option with its value: -p8080.
                attached.IsGiven = true;
                continue;
            }

            if (option is null)
            {
                throw CommandException.Usage($"there is no option {name}. See wherry run --help.");
            }

            if (end >= 0 && !option.TakesValue)
            {
                throw CommandException.Usage($"{name} takes no value. See wherry run --help.");
            }

            option.IsGiven = true;
            if (end < 0 && option.TakesValue)
            {
                i++;
            }
        }

        return arguments.Length;
    }
}
