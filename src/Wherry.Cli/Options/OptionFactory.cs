using System.CommandLine;
using System.CommandLine.Parsing;

namespace Wherry.Cli.Options;

/// <summary>Makes options whose values are read by functions that say in their FormatException what is wrong.</summary>
internal static class OptionFactory
{
    public static Option<bool> Switch(string name, string description, params string[] aliases) =>
        new(name, aliases) { Description = description, Arity = ArgumentArity.Zero };

    public static Option<T?> Single<T>(string name, string valueName, string description, Func<string, T> parse, params string[] aliases) =>
        new(name, aliases)
        {
            Description = description,
            HelpName = valueName,
            Arity = ArgumentArity.ExactlyOne,
            CustomParser = result =>
            {
                TryParse(result, result.Tokens[0].Value, parse, out T? value);
                return value;
            },
        };

    /// <summary>An option that may be given several times.</summary>
    public static Option<T[]> Repeated<T>(string name, string valueName, string description, Func<string, T> parse, params string[] aliases) =>
        new(name, aliases)
        {
            Description = description + " May be given several times.",
            HelpName = valueName,
            Arity = ArgumentArity.OneOrMore,
            CustomParser = result =>
            {
                var values = new List<T>(result.Tokens.Count);
                foreach (Token token in result.Tokens)
                {
                    if (TryParse(result, token.Value, parse, out T? value))
                    {
                        values.Add(value!);
                    }
                }

                return [.. values];
            },
        };

    public static Option<BoundsChecks?> BoundsChecks() => Single<BoundsChecks?>(
        "--bounds-checks",
        "guard|explicit",
        "How accesses to memory are confined: by guard pages (where the system allows, the default) or by a comparison before each.",
        text => text switch
        {
            "guard" => Wherry.BoundsChecks.Guard,
            "explicit" => Wherry.BoundsChecks.Explicit,
            _ => throw new FormatException($"--bounds-checks '{text}' is neither guard nor explicit."),
        });

    private static bool TryParse<T>(ArgumentResult result, string text, Func<string, T> parse, out T? value)
    {
        try
        {
            value = parse(text);
            return true;
        }
        catch (FormatException exception)
        {
            result.AddError(exception.Message);
            value = default;
            return false;
        }
    }
}
