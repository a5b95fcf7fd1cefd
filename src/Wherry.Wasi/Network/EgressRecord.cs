using System.Collections.Immutable;

namespace Wherry.Wasi.Network;

/// <summary>A place that a guest has connected to, or sent datagrams to.</summary>
/// <param name="Host">The service's name, or the name by which the guest may reach or has looked up the address, or the address.</param>
/// <param name="Port">The port.</param>
/// <param name="Protocol">TCP or UDP.</param>
/// <param name="IsInside">Whether it is a service of the project.</param>
/// <param name="Count">How many connections were begun; for UDP, how many sockets have sent there; one that has sent to many other places since is counted again.</param>
internal sealed record EgressEntry(string Host, int Port, NetworkProtocol Protocol, bool IsInside, long Count);

/// <summary>Where a guest has connected to, by name and port. Any thread may add and read.</summary>
internal sealed class EgressRecord
{
    /// <summary>A guest that may connect anywhere could fill any memory.</summary>
    public const int MostEntries = 1000;

    private readonly Lock gate = new();
    private readonly Dictionary<(string Host, int Port, NetworkProtocol Protocol, bool IsInside), long> counts = [];

    /// <summary>How many were left out, since there were too many places.</summary>
    public long Overflow { get; private set; }

    /// <summary>The places, those with the most connections first.</summary>
    public ImmutableArray<EgressEntry> Entries
    {
        get
        {
            lock (gate)
            {
                return
                [
                    .. counts.Select(pair => new EgressEntry(pair.Key.Host, pair.Key.Port, pair.Key.Protocol, pair.Key.IsInside, pair.Value))
                        .OrderByDescending(entry => entry.Count).ThenBy(entry => entry.Host, StringComparer.Ordinal).ThenBy(entry => entry.Port),
                ];
            }
        }
    }

    public void Add(string host, int port, NetworkProtocol protocol, bool isInside)
    {
        lock (gate)
        {
            (string Host, int Port, NetworkProtocol Protocol, bool IsInside) key = (host, port, protocol, isInside);
            if (counts.TryGetValue(key, out long count))
            {
                counts[key] = count + 1;
            }
            else if (counts.Count < MostEntries)
            {
                counts[key] = 1;
            }
            else
            {
                Overflow++;
            }
        }
    }
}
