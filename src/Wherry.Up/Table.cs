using Wherry.Compose.Logs;

namespace Wherry.Up;

/// <summary>A table of plain text, with columns as wide as they need.</summary>
internal static class Table
{
    public static void Print(string[] head, IEnumerable<string[]> rows)
    {
        string[][] all = [head, .. rows.Select(row => Array.ConvertAll(row, TerminalText.Clean))];
        int[] widths = [.. head.Select((_, column) => all.Max(row => row[column].Length))];
        foreach (string[] row in all)
        {
            Console.Out.WriteLine(string.Join("  ", row.Select((cell, column) => cell.PadRight(widths[column]))).TrimEnd());
        }
    }
}
