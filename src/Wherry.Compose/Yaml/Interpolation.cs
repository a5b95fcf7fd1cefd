using System.Text;
using Wherry.Compose.Loading;

namespace Wherry.Compose.Yaml;

/// <summary>
/// Puts variables into values: <c>$NAME</c>, <c>${NAME}</c>, <c>${NAME:-default}</c>, <c>${NAME-default}</c>, <c>${NAME:?message}</c>,
/// <c>${NAME?message}</c>, <c>${NAME:+value}</c>, <c>${NAME+value}</c>, nested in each other; <c>$$</c> is a dollar sign.
/// </summary>
internal sealed class Interpolation(Func<string, string?> variables, DiagnosticList diagnostics)
{
    private const int MaximumDepth = 32;
    private const int MaximumLength = 1 << 20;

    private readonly HashSet<string> missing = [];

    /// <summary>A tree with all values expanded; names of mappings stay as they are.</summary>
    public YamlNode Apply(YamlNode node) => node switch
    {
        YamlScalar scalar => scalar.Value.Contains('$', StringComparison.Ordinal)
            ? new YamlScalar(Expand(scalar.Value, scalar.Location), scalar.Location, scalar.IsPlain, scalar.Tag)
            : scalar,
        YamlSequence sequence => new YamlSequence([.. sequence.Items.Select(Apply)], sequence.Location, sequence.Tag),
        YamlMapping mapping => new YamlMapping([.. mapping.Entries.Select(entry => entry with { Value = Apply(entry.Value) })], mapping.Location, mapping.Tag),
        _ => node,
    };

    /// <summary>A text with its variables expanded.</summary>
    public string Expand(string text, SourceLocation location)
    {
        try
        {
            return Expand(text, location, 0);
        }
        catch (FormatException exception)
        {
            diagnostics.Error(location, exception.Message);
            return text;
        }
    }

    private string Expand(string text, SourceLocation location, int depth)
    {
        if (depth > MaximumDepth)
        {
            throw new FormatException($"variables are nested more than {MaximumDepth} deep.");
        }

        var result = new StringBuilder();
        int position = 0;
        while (position < text.Length)
        {
            int dollar = text.IndexOf('$', position);
            if (dollar < 0 || dollar + 1 == text.Length)
            {
                break;
            }

            result.Append(text, position, dollar - position);
            char next = text[dollar + 1];
            if (next == '$')
            {
                result.Append('$');
                position = dollar + 2;
            }
            else if (next == '{')
            {
                int end = FindEnd(text, dollar + 2);
                result.Append(ExpandBraced(text[(dollar + 2)..end], location, depth));
                position = end + 1;
            }
            else
            {
                int length = NameLength(text.AsSpan(dollar + 1));
                result.Append(length == 0 ? "$" : Value(text.Substring(dollar + 1, length), location));
                position = dollar + 1 + length;
            }

            if (result.Length > MaximumLength)
            {
                throw new FormatException("the value becomes too long.");
            }
        }

        return result.Append(text, position, text.Length - position).ToString();
    }

    private string ExpandBraced(string body, SourceLocation location, int depth)
    {
        int length = NameLength(body);
        string name = body[..length];
        string rest = body[length..];
        if (length == 0)
        {
            throw new FormatException($"${{{body}}} does not begin with a variable's name. For a dollar sign write $$.");
        }

        if (rest.Length == 0)
        {
            return Value(name, location);
        }

        bool emptyCounts = rest[0] == ':';
        string operation = emptyCounts ? rest[1..] : rest;
        string? value = variables(name);
        bool isSet = emptyCounts ? !string.IsNullOrEmpty(value) : value is not null;
        return operation switch
        {
            ['-', .. var otherwise] => isSet ? value! : Expand(otherwise, location, depth + 1),
            ['+', .. var instead] => isSet ? Expand(instead, location, depth + 1) : "",
            ['?', .. var message] => isSet ? value! : throw new FormatException(Required(name, Expand(message, location, depth + 1))),
            _ => throw new FormatException($"${{{body}}} is not understood. After the name may come :-default, -default, :?message, ?message, :+value or +value; for a dollar sign write $$."),
        };
    }

    private static string Required(string name, string message) =>
        $"the variable {name} must be set{(message.Length > 0 ? $": {message}" : "")}. Set it in the environment or in the file .env.";

    private string Value(string name, SourceLocation location)
    {
        if (variables(name) is { } value)
        {
            return value;
        }

        if (missing.Add(name))
        {
            diagnostics.Warn(location, $"the variable {name} is not set, and counts as empty. Set it in the environment or in the file .env, or write ${{{name}:-default}}; for a dollar sign write $$.");
        }

        return "";
    }

    private static int FindEnd(string text, int start)
    {
        int depth = 1;
        for (int i = start; i < text.Length; i++)
        {
            if (text[i] == '$' && i + 1 < text.Length && text[i + 1] is '{' or '$')
            {
                depth += text[i + 1] == '{' ? 1 : 0;
                i++;
            }
            else if (text[i] == '}' && --depth == 0)
            {
                return i;
            }
        }

        throw new FormatException($"\"{text}\": the brace of ${{ is not closed. For a dollar sign write $$.");
    }

    private static int NameLength(ReadOnlySpan<char> text)
    {
        int length = 0;
        while (length < text.Length && (char.IsAsciiLetter(text[length]) || text[length] == '_' || (length > 0 && char.IsAsciiDigit(text[length]))))
        {
            length++;
        }

        return length;
    }
}
