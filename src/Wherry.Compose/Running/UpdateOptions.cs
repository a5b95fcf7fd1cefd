namespace Wherry.Compose;

/// <summary>How long the parts of an update may take.</summary>
public sealed record UpdateOptions
{
    /// <summary>How long connections to the old version may take to end; then they are cut.</summary>
    public TimeSpan Drain { get; init; } = TimeSpan.FromSeconds(30);

    /// <summary>How long the new version may take to listen wherever the old one does, and to be healthy if there is a check; then the old one stays.</summary>
    public TimeSpan StartLimit { get; init; } = TimeSpan.FromSeconds(60);
}
