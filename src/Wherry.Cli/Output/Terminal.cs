using System.Globalization;
using System.Text;

namespace Wherry.Cli.Output;

/// <summary>
/// What the command itself says, on standard error. Names come from guests and files, so each message loses whatever a terminal would obey.
/// </summary>
internal static class Terminal
{
    private static readonly Lock Gate = new();

    /// <summary>One message, after <c>wherry: </c>.</summary>
    public static void Error(string message) => Write(message, "\e[1;31m");

    /// <summary>Something worth knowing that is no error.</summary>
    public static void Note(string message) => Write(message, "\e[36m");

    /// <summary>Whether a stream may carry colours: it is a terminal, and NO_COLOR is not set.</summary>
    public static bool HasColors(bool redirected) =>
        !redirected && string.IsNullOrEmpty(Environment.GetEnvironmentVariable("NO_COLOR")) && Environment.GetEnvironmentVariable("TERM") != "dumb";

    /// <summary>The text without control characters and without marks that turn the direction of writing; line ends stay.</summary>
    public static string Clean(string text)
    {
        int first = text.AsSpan().IndexOfAnyExceptInRange(' ', '~');
        if (first < 0)
        {
            return text;
        }

        var clean = new StringBuilder(text.Length);
        foreach (Rune rune in text.EnumerateRunes())
        {
            if (rune.Value == '\n' || !IsObeyed(rune))
            {
                clean.Append(rune);
            }
        }

        return clean.ToString();
    }

    /// <summary>The same for a name, which has one line.</summary>
    public static string CleanName(string name) => Clean(name).Replace('\n', ' ');

    private static bool IsObeyed(Rune rune) =>
        Rune.GetUnicodeCategory(rune) is UnicodeCategory.Control or UnicodeCategory.Format or UnicodeCategory.Surrogate
            or UnicodeCategory.LineSeparator or UnicodeCategory.ParagraphSeparator or UnicodeCategory.PrivateUse;

    private static void Write(string message, string color)
    {
        string prefix = HasColors(Console.IsErrorRedirected) ? $"{color}wherry:\e[0m " : "wherry: ";
        byte[] line = Encoding.UTF8.GetBytes(prefix + Clean(message).TrimEnd() + "\n");
        lock (Gate)
        {
            try
            {
                // One write for each line, so that it is not torn by what the guest writes.
                using Stream error = Console.OpenStandardError();
                error.Write(line);
            }
            catch (Exception exception) when (exception is IOException or UnauthorizedAccessException)
            {
                // Nobody reads what the command has to say, or the stream was closed before it started.
            }
        }
    }
}
