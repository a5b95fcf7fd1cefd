namespace Wherry.Spec.Tests.Wast;

/// <summary>Counts the assertions in a script by its characters alone, so that a mistake in the script parser can't hide one.</summary>
internal static class AssertionCounter
{
    public static int Count(string text)
    {
        int count = 0;
        int comments = 0;
        for (int i = 0; i < text.Length; i++)
        {
            if (text.AsSpan(i).StartsWith("(;"))
            {
                comments++;
                i++;
            }
            else if (comments > 0)
            {
                if (text.AsSpan(i).StartsWith(";)"))
                {
                    comments--;
                    i++;
                }
            }
            else if (text.AsSpan(i).StartsWith(";;"))
            {
                while (i < text.Length && text[i] is not ('\n' or '\r'))
                {
                    i++;
                }
            }
            else if (text[i] == '"')
            {
                for (i++; text[i] != '"'; i++)
                {
                    i += text[i] == '\\' ? 1 : 0;
                }
            }
            else if (text[i] == '(' && text.AsSpan(i + 1).TrimStart().StartsWith("assert_"))
            {
                count++;
            }
        }

        return count;
    }
}
