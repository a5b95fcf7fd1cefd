namespace Wherry;

/// <summary>A text (WAT or WAST) that is not well-formed. The message shows the place: the line with a caret under the offending character.</summary>
public sealed class TextFormatException : FormatException
{
    internal TextFormatException(string reason, string? sourceName, int line, int column, string excerpt)
        : base($"{reason}{Environment.NewLine}  at {sourceName ?? "text"}:{line}:{column}{Environment.NewLine}{excerpt}")
    {
        Reason = reason;
        SourceName = sourceName;
        Line = line;
        Column = column;
        Excerpt = excerpt;
    }

    /// <summary>What is wrong, without the place.</summary>
    public string Reason { get; }

    /// <summary>The file or other name of the text, if known.</summary>
    public string? SourceName { get; }

    /// <summary>The line, from 1.</summary>
    public int Line { get; }

    /// <summary>The column in characters, from 1.</summary>
    public int Column { get; }

    /// <summary>The line itself and, below it, a caret under the column. Long lines are cut around the place.</summary>
    public string Excerpt { get; }
}
