using System.Collections.Immutable;
using System.Net;

namespace Wherry.Wasi;

/// <summary>What a guest may do with the network. Nothing, unless it is given here.</summary>
public sealed record NetworkPolicy
{
    /// <summary>No network: sockets can be made, but neither bound, nor connected, nor can a name be looked up.</summary>
    public static NetworkPolicy None { get; } = new();

    /// <summary>All that the host itself can do.</summary>
    public static NetworkPolicy Host { get; } = new() { AllowsEverything = true };

    /// <summary>Whether the guest has the host's network, without any check.</summary>
    public bool AllowsEverything { get; init; }

    /// <summary>The ports that the guest may bind, and where the host listens for them.</summary>
    public ImmutableArray<PublishedPort> PublishedPorts
    {
        get => field.IsDefault ? [] : field;
        init
        {
            field = value.IsDefault ? [] : value;
            for (int i = 0; i < field.Length; i++)
            {
                for (int other = 0; other < i; other++)
                {
                    if (field[i].GuestPort == field[other].GuestPort && field[i].Protocol == field[other].Protocol)
                    {
                        throw new ArgumentException($"The guest's port {field[i].GuestPort} is published twice ({field[other]} and {field[i]}).", nameof(value));
                    }
                }
            }
        }
    }

    /// <summary>The hosts that the guest may connect to, and whose names it may look up.</summary>
    public ImmutableArray<ConnectRule> ConnectRules { get => field.IsDefault ? [] : field; init; }

    /// <summary>Asked for what the rules above do not allow; a true answer allows it.</summary>
    public Func<NetworkRequest, bool>? Predicate { get; init; }

    /// <summary>Called when the host begins to listen for the guest, with the address and the port that it listens on.</summary>
    public Action<ListeningPort>? Listening { get; init; }

    /// <summary>
    /// Called once for each distinct thing that was refused, with a line for people: what was tried, and the option of the
    /// command line that would allow it.
    /// </summary>
    public Action<string>? Denied { get; init; }
}

/// <summary>Where the host listens for the guest.</summary>
/// <param name="EndPoint">The host's address and port.</param>
/// <param name="GuestPort">The port that the guest bound; zero for a socket that it found open.</param>
/// <param name="Protocol">TCP or UDP.</param>
public sealed record ListeningPort(IPEndPoint EndPoint, int GuestPort, NetworkProtocol Protocol);
