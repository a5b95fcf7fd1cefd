namespace Wherry.Compose.Loading;

/// <summary>Collects what is wrong, so that one run tells all of it.</summary>
internal sealed class DiagnosticList
{
    private readonly List<ComposeDiagnostic> all = [];
    private readonly HashSet<ComposeDiagnostic> seen = [];

    /// <summary>By place.</summary>
    public IReadOnlyList<ComposeDiagnostic> All =>
        [.. all.OrderBy(diagnostic => diagnostic.Location.File, StringComparer.Ordinal).ThenBy(diagnostic => diagnostic.Location.Line).ThenBy(diagnostic => diagnostic.Location.Column)];

    public bool HasErrors => all.Exists(diagnostic => diagnostic.Severity == ComposeSeverity.Error);

    public void Error(SourceLocation location, string message) => Add(new ComposeDiagnostic(ComposeSeverity.Error, location, message));

    public void Warn(SourceLocation location, string message) => Add(new ComposeDiagnostic(ComposeSeverity.Warning, location, message));

    public void ThrowIfErrors()
    {
        if (HasErrors)
        {
            throw new ComposeFileException(All);
        }
    }

    // A service that is extended twice is read twice.
    private void Add(ComposeDiagnostic diagnostic)
    {
        if (seen.Add(diagnostic))
        {
            all.Add(diagnostic);
        }
    }
}
