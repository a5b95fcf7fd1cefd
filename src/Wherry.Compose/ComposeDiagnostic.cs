namespace Wherry.Compose;

/// <summary>How bad it is.</summary>
public enum ComposeSeverity
{
    /// <summary>The project runs, but something in the file has no effect.</summary>
    Warning,

    /// <summary>The project can't run.</summary>
    Error,
}

/// <summary>A place in a file.</summary>
/// <param name="File">The file's path, as it was given or found.</param>
/// <param name="Line">The line, from 1.</param>
/// <param name="Column">The column, from 1.</param>
public readonly record struct SourceLocation(string File, int Line, int Column)
{
    /// <inheritdoc/>
    public override string ToString() => Line == 0 ? File : $"{File}:{Line}:{Column}";
}

/// <summary>What a file has that is wrong or without effect: where, what, and what to write instead.</summary>
/// <param name="Severity">How bad it is.</param>
/// <param name="Location">Where.</param>
/// <param name="Message">What, and what to do.</param>
public sealed record ComposeDiagnostic(ComposeSeverity Severity, SourceLocation Location, string Message)
{
    /// <summary><c>file:line:column: error: message</c>.</summary>
    public override string ToString() => $"{Location}: {(Severity == ComposeSeverity.Error ? "error" : "warning")}: {Message}";
}

/// <summary>A project can't be read: all that is wrong, with places.</summary>
public sealed class ComposeFileException : Exception
{
    internal ComposeFileException(IReadOnlyList<ComposeDiagnostic> diagnostics)
        : base(string.Join('\n', diagnostics.Where(diagnostic => diagnostic.Severity == ComposeSeverity.Error)))
    {
        Diagnostics = diagnostics;
    }

    /// <summary>Errors and warnings, by place.</summary>
    public IReadOnlyList<ComposeDiagnostic> Diagnostics { get; }
}
