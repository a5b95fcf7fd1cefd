namespace Wherry.Compose;

/// <summary>
/// What has passed over connections from one client to one service since the project was started. Connections of published ports and between guests are seen, and those of guests to helpers and containers; not
/// those that helpers and containers get from elsewhere.
/// </summary>
/// <param name="From">The service that connected; null for what came from outside of the project.</param>
/// <param name="To">The service that was connected to.</param>
/// <param name="OpenConnections">Connections that are open.</param>
/// <param name="Connections">Connections that were made.</param>
/// <param name="BytesReceived">Bytes that the service was sent.</param>
/// <param name="BytesSent">Bytes that the service sent.</param>
/// <param name="RequestsByClass">HTTP/1 requests that were answered: with 1xx, 2xx, 3xx, 4xx, 5xx. 1xx stands for connections that became others' (101).</param>
/// <param name="RequestsByDuration">The same by the time that they took, up to each of <see cref="DurationBounds"/>, and the last for all that took longer.</param>
/// <param name="RequestTime">The time that all of them took, from a request's first byte at the service to the last byte of its response.</param>
public sealed record TrafficStatus(
    string? From,
    string To,
    long OpenConnections,
    long Connections,
    long BytesReceived,
    long BytesSent,
    IReadOnlyList<long> RequestsByClass,
    IReadOnlyList<long> RequestsByDuration,
    TimeSpan RequestTime)
{
    internal const int StatusClasses = 5;

    /// <summary>The bounds of <see cref="RequestsByDuration"/>, in seconds.</summary>
    public static IReadOnlyList<double> DurationBounds { get; } = [0.0001, 0.00025, 0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10];

    /// <summary>HTTP/1 requests that were answered.</summary>
    public long Requests => RequestsByClass.Sum();
}
