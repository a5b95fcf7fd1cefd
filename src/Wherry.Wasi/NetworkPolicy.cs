namespace Wherry.Wasi;

/// <summary>What a guest may do on the network. Everything is refused unless a policy allows it.</summary>
public class NetworkPolicy
{
    /// <summary>Refuses everything.</summary>
    public static NetworkPolicy None { get; } = new();
}
