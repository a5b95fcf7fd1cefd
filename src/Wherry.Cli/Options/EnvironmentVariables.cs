namespace Wherry.Cli.Options;

/// <summary>Reads <c>--env NAME=VALUE</c> and files of such lines.</summary>
internal static class EnvironmentVariables
{
    public static KeyValuePair<string, string> Parse(string text)
    {
        int equals = text.IndexOf('=', StringComparison.Ordinal);
        return equals > 0
            ? new(text[..equals], text[(equals + 1)..])
            : throw new FormatException($"--env '{text}' is not NAME=VALUE.");
    }

    /// <summary>
    /// One NAME=VALUE a line, taken as they stand; empty lines and lines that start with # are left out; a NAME alone passes on the variable of that
    /// name, if the command has it. As in Docker.
    /// </summary>
    public static KeyValuePair<string, string>[] ReadFile(string path)
    {
        if (Directory.Exists(path))
        {
            throw new FormatException($"--env-file {path} is a folder.");
        }

        string[] lines;
        try
        {
            lines = File.ReadAllLines(path);
        }
        catch (Exception exception) when (exception is IOException or UnauthorizedAccessException or ArgumentException)
        {
            throw new FormatException(exception is FileNotFoundException or DirectoryNotFoundException
                ? $"--env-file: no such file: {path}"
                : $"--env-file {path} can't be read: {exception.Message}");
        }

        var variables = new List<KeyValuePair<string, string>>();
        for (int i = 0; i < lines.Length; i++)
        {
            string line = lines[i].TrimStart();
            int equals = line.IndexOf('=', StringComparison.Ordinal);
            if (line.Length == 0 || line[0] == '#')
            {
                continue;
            }

            if (equals == 0 || line.AsSpan(0, equals < 0 ? line.Length : equals).Trim().ContainsAny(' ', '\t'))
            {
                throw new FormatException($"--env-file {path}, line {i + 1}: '{Shorten(line)}' is not NAME=VALUE.");
            }

            if (equals > 0)
            {
                variables.Add(new(line[..equals].TrimEnd(), line[(equals + 1)..]));
            }
            else if (Environment.GetEnvironmentVariable(line.TrimEnd()) is { } value)
            {
                variables.Add(new(line.TrimEnd(), value));
            }
        }

        return [.. variables];
    }

    /// <summary>The start of a line that may be anything, such as a whole program.</summary>
    private static string Shorten(string line)
    {
        const int shown = 60;
        return line.Length <= shown ? line : line[..shown] + "…";
    }
}
