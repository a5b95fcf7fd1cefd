namespace Wherry.Text.Scripts;

/// <summary>What came of a script.</summary>
/// <param name="File">Its path, as it was given.</param>
/// <param name="Group">The part of the suite that it belongs to.</param>
/// <param name="Passed">Assertions that held.</param>
/// <param name="Failures">Assertions that did not hold, and other directives that failed.</param>
internal sealed record ScriptResult(string File, string Group, int Passed, IReadOnlyList<ScriptFailure> Failures)
{
    /// <summary>Assertions that were run.</summary>
    public int Assertions => Passed + Failures.Count(failure => failure.IsAssertion);

    public int Failed => Failures.Count;
}

/// <param name="Line">The line of the directive.</param>
/// <param name="Directive">What was asserted or done.</param>
/// <param name="Reason">Why it failed.</param>
internal sealed record ScriptFailure(int Line, string Directive, string Reason, bool IsAssertion);
