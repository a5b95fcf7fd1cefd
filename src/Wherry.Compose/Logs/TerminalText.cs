using System.Globalization;
using System.Text;

namespace Wherry.Compose.Logs;

/// <summary>Removes what a terminal would obey: guests write what they like.</summary>
internal static class TerminalText
{
    /// <summary>A line without escape sequences and other control characters; tabs stay.</summary>
    public static string Clean(string line)
    {
        int first = 0;
        while (first < line.Length && IsPlain(line[first]))
        {
            first++;
        }

        if (first == line.Length)
        {
            return line;
        }

        var clean = new StringBuilder(line.Length);
        for (int i = 0; i < line.Length;)
        {
            char character = line[i];
            if (character == '\e')
            {
                i = SkipSequence(line, i + 1);
            }
            else if (Rune.TryGetRuneAt(line, i, out Rune rune))
            {
                if (!IsObeyed(rune))
                {
                    clean.Append(line, i, rune.Utf16SequenceLength);
                }

                i += rune.Utf16SequenceLength;
            }
            else
            {
                clean.Append('\uFFFD');
                i++;
            }
        }

        return clean.ToString();
    }

    private static bool IsPlain(char character) => character is '\t' or (>= ' ' and < '\u007F');

    private static bool IsObeyed(Rune rune) => rune.Value != '\t'
        && Rune.GetUnicodeCategory(rune) is UnicodeCategory.Control or UnicodeCategory.Format or UnicodeCategory.LineSeparator or UnicodeCategory.ParagraphSeparator or UnicodeCategory.PrivateUse;

    /// <summary>Where what follows an escape ends (ECMA-48): a control sequence, a string up to its terminator, or one character.</summary>
    private static int SkipSequence(string line, int start)
    {
        if (start == line.Length)
        {
            return start;
        }

        switch (line[start])
        {
            case '[':
                int end = start + 1;
                while (end < line.Length && line[end] is >= ' ' and <= '?')
                {
                    end++;
                }

                return Math.Min(end + 1, line.Length);
            case ']' or 'P' or 'X' or '^' or '_':
                for (int i = start + 1; i < line.Length; i++)
                {
                    if (line[i] == '\a' || (line[i] == '\\' && line[i - 1] == '\e'))
                    {
                        return i + 1;
                    }
                }

                return line.Length;
            case >= ' ' and <= '/':
                return Math.Min(start + 2, line.Length);
            default:
                return start + 1;
        }
    }
}
