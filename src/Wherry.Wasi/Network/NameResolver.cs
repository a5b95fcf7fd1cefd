using System.Net;
using System.Net.Sockets;

namespace Wherry.Wasi.Network;

/// <summary>Asks the host's resolver for the addresses of a name. Tests put another in its place.</summary>
internal class NameResolver
{
    public static NameResolver System { get; } = new();

    /// <summary>The addresses, IPv4 first, since not every guest can use the others.</summary>
    /// <exception cref="SocketException">There are none, or the resolver failed.</exception>
    public virtual async ValueTask<IPAddress[]> ResolveAsync(string name, CancellationToken cancellationToken)
    {
        if (IsLocalhost(name))
        {
            // As RFC 6761 has it; no server is asked, and no hosts file is needed.
            return [IPAddress.Loopback, IPAddress.IPv6Loopback];
        }

        IPAddress[] addresses = await Dns.GetHostAddressesAsync(name, cancellationToken).ConfigureAwait(false);
        return [.. addresses.OrderBy(static address => address.AddressFamily == AddressFamily.InterNetwork ? 0 : 1)];
    }

    public static bool IsLocalhost(string name) => name == "localhost" || name.EndsWith(".localhost", StringComparison.Ordinal);
}
