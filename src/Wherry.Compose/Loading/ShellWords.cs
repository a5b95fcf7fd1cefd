using System.Text;

namespace Wherry.Compose.Loading;

/// <summary>Splits a command that is written as one text into words, as a shell does: by spaces, with quotes and backslashes.</summary>
internal static class ShellWords
{
    /// <exception cref="FormatException">A quote is not closed.</exception>
    public static IReadOnlyList<string> Split(string text)
    {
        var words = new List<string>();
        var word = new StringBuilder();
        bool isOpen = false;
        for (int i = 0; i < text.Length; i++)
        {
            char character = text[i];
            switch (character)
            {
                case ' ' or '\t' or '\n' or '\r':
                    if (isOpen)
                    {
                        words.Add(word.ToString());
                        word.Clear();
                        isOpen = false;
                    }

                    continue;
                case '\'':
                    int end = text.IndexOf('\'', i + 1);
                    if (end < 0)
                    {
                        throw new FormatException($"the quote in \"{text}\" is not closed.");
                    }

                    word.Append(text, i + 1, end - i - 1);
                    i = end;
                    break;
                case '"':
                    i = ReadDoubleQuoted(text, i, word);
                    break;
                case '\\' when i + 1 < text.Length:
                    word.Append(text[++i]);
                    break;
                default:
                    word.Append(character);
                    break;
            }

            isOpen = true;
        }

        if (isOpen)
        {
            words.Add(word.ToString());
        }

        return words;
    }

    private static int ReadDoubleQuoted(string text, int start, StringBuilder word)
    {
        for (int i = start + 1; i < text.Length; i++)
        {
            switch (text[i])
            {
                case '"':
                    return i;
                case '\\' when i + 1 < text.Length && text[i + 1] is '"' or '\\' or '$' or '`':
                    word.Append(text[++i]);
                    break;
                default:
                    word.Append(text[i]);
                    break;
            }
        }

        throw new FormatException($"the quote in \"{text}\" is not closed.");
    }
}
