namespace Wherry.Wasi;

/// <summary>The transport that a network rule speaks of.</summary>
public enum NetworkProtocol
{
    /// <summary>Streams: TCP.</summary>
    Tcp,

    /// <summary>Datagrams: UDP.</summary>
    Udp,
}
