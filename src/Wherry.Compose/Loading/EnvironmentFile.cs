using System.Text;
using Wherry.Compose.Yaml;

namespace Wherry.Compose.Loading;

/// <summary>Reads files of variables: <c>.env</c> and those that <c>env_file</c> names.</summary>
internal static class EnvironmentFile
{
    private const long MaximumBytes = 4 << 20;

    /// <summary>
    /// The variables of a file, later ones over earlier ones. Lines are NAME=VALUE, <c>export</c> may stand before; # begins a comment at the start of a line or
    /// after a space; single quotes keep what is in them, double quotes know \n, \t, \" and \\, and may go over several lines. Variables are expanded but in single
    /// quotes. A NAME alone passes the host's variable on.
    /// </summary>
    public static IReadOnlyList<KeyValuePair<string, string>> Read(string path, Func<string, string?> host, bool isRaw, DiagnosticList diagnostics)
    {
        var values = new OrderedDictionary<string, string>();
        string text;
        try
        {
            if (new FileInfo(path).Length > MaximumBytes)
            {
                diagnostics.Error(new SourceLocation(path, 0, 0), "the file is too large for a file of variables.");
                return [];
            }

            text = File.ReadAllText(path);
        }
        catch (Exception exception) when (exception is IOException or UnauthorizedAccessException)
        {
            diagnostics.Error(new SourceLocation(path, 0, 0), $"the file can't be read: {exception.Message}");
            return [];
        }

        string? Find(string name) => host(name) ?? values.GetValueOrDefault(name);
        var interpolation = new Interpolation(Find, diagnostics);
        string[] lines = text.ReplaceLineEndings("\n").Split('\n');
        for (int i = 0; i < lines.Length; i++)
        {
            var location = new SourceLocation(path, i + 1, 1);
            string line = lines[i].TrimStart();
            if (line.Length == 0 || line[0] == '#')
            {
                continue;
            }

            if (line.StartsWith("export ", StringComparison.Ordinal))
            {
                line = line[7..].TrimStart();
            }

            int separator = line.IndexOf('=', StringComparison.Ordinal);
            string name = (separator < 0 ? line : line[..separator]).Trim();
            if (name.Length == 0 || !IsName(name))
            {
                diagnostics.Error(location, $"\"{Shorten(line)}\" is not NAME=VALUE.");
                continue;
            }

            if (separator < 0)
            {
                if (host(name) is { } passed)
                {
                    values[name] = passed;
                }

                continue;
            }

            string value = line[(separator + 1)..];
            if (isRaw)
            {
                values[name] = value;
                continue;
            }

            value = value.TrimStart();
            if (value.Length > 0 && value[0] is '"' or '\'')
            {
                char quote = value[0];
                int end;
                while ((end = FindQuote(value, quote)) < 0 && i + 1 < lines.Length)
                {
                    value += "\n" + lines[++i];
                }

                if (end < 0)
                {
                    diagnostics.Error(location, $"the quote of {name}'s value is not closed.");
                    break;
                }

                string inner = value[1..end];
                values[name] = quote == '\'' ? inner : interpolation.Expand(Unescape(inner), location);
            }
            else
            {
                int comment = value.IndexOf(" #", StringComparison.Ordinal);
                values[name] = interpolation.Expand((comment < 0 ? value : value[..comment]).TrimEnd(), location);
            }
        }

        return [.. values];
    }

    private static int FindQuote(string value, char quote)
    {
        for (int i = 1; i < value.Length; i++)
        {
            if (value[i] == '\\' && quote == '"')
            {
                i++;
            }
            else if (value[i] == quote)
            {
                return i;
            }
        }

        return -1;
    }

    private static string Unescape(string text)
    {
        var result = new StringBuilder(text.Length);
        for (int i = 0; i < text.Length; i++)
        {
            if (text[i] != '\\' || i + 1 == text.Length)
            {
                result.Append(text[i]);
                continue;
            }

            result.Append(text[++i] switch
            {
                'n' => "\n",
                'r' => "\r",
                't' => "\t",
                '$' => "$$",
                '"' => "\"",
                '\\' => "\\",
                var other => "\\" + other,
            });
        }

        return result.ToString();
    }

    private static bool IsName(string name)
    {
        foreach (char character in name)
        {
            if (!char.IsLetterOrDigit(character) && character is not ('_' or '.' or '-' or '[' or ']'))
            {
                return false;
            }
        }

        return true;
    }

    private static string Shorten(string line) => line.Length <= 60 ? line : line[..60] + "…";
}
