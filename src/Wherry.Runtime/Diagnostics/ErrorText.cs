using System.Diagnostics.CodeAnalysis;
using System.Text;

namespace Wherry.Diagnostics;

/// <summary>Makes what a guest chose fit to be shown: names may be as long as the module, or hold a terminal's escapes.</summary>
internal static class ErrorText
{
    /// <summary>Longest text of an error, but for its place.</summary>
    public const int MaximumMessage = 500;

    /// <summary>Longest name within one.</summary>
    public const int MaximumName = 256;

    /// <summary>The text, cut if it is too long, without control characters.</summary>
    [return: NotNullIfNotNull(nameof(text))]
    public static string? Clean(string? text, int maximum = MaximumName)
    {
        if (text is null || (text.Length <= maximum && !text.Any(char.IsControl)))
        {
            return text;
        }

        var clean = new StringBuilder();
        foreach (char character in text.AsSpan(0, Math.Min(text.Length, maximum)))
        {
            _ = clean.Append(char.IsControl(character) ? '\uFFFD' : character);
        }

        return text.Length > maximum ? clean.Append('…').ToString() : clean.ToString();
    }
}
