using System.Net;

namespace Wherry.Wasi;

/// <summary>What a guest tries to do with the network.</summary>
public enum NetworkOperation
{
    /// <summary>Binding a socket to an address and a port, to be reached there.</summary>
    Bind,

    /// <summary>Opening a connection, or sending a datagram.</summary>
    Connect,

    /// <summary>Asking for the addresses of a name.</summary>
    Resolve,
}

/// <summary>One question to <see cref="NetworkPolicy.Predicate"/>: may the guest do this?</summary>
/// <param name="Operation">What the guest tries.</param>
/// <param name="Protocol">By which transport.</param>
/// <param name="EndPoint">The address and port, normalized (no IPv4-mapped address); null for a name look-up.</param>
/// <param name="Host">The name that is looked up; null for anything else.</param>
public sealed record NetworkRequest(NetworkOperation Operation, NetworkProtocol Protocol, IPEndPoint? EndPoint, string? Host);
