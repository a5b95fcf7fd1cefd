namespace Wherry.Compose;

/// <summary>Whose line it is.</summary>
public enum LogSource
{
    /// <summary>The service's standard output.</summary>
    Output,

    /// <summary>The service's standard error.</summary>
    Error,

    /// <summary>Wherry's own, about the service.</summary>
    Wherry,
}

/// <summary>A line of a service.</summary>
/// <param name="Time">When it came.</param>
/// <param name="Service">The service's name.</param>
/// <param name="Replica">Which of its replicas, from 1.</param>
/// <param name="Source">Whose line it is.</param>
/// <param name="Text">The line, without what a terminal would obey.</param>
public sealed record LogLine(DateTimeOffset Time, string Service, int Replica, LogSource Source, string Text);
