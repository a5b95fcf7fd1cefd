using System.Net;
using System.Net.Sockets;
using Wherry.Wasi.Abi;
using Wherry.Wasi.Sockets;
using SocketAddress = Wherry.Wasi.Sockets.SocketAddress;

namespace Wherry.Wasi.Network;

/// <summary>What a bind was granted: where the host binds.</summary>
internal readonly record struct BindGrant(SocketAddress Host, SocketBinding Binding, PublishedPort? Published);

/// <summary>Holds what a guest does on the network against its <see cref="NetworkPolicy"/>.</summary>
/// <remarks>
/// The addresses of a name are asked for when they are needed and kept for a short time. Those that the guest itself was given by a look-up
/// are kept longer: a name may have more addresses than one answer tells, and the guest connects to the one that it got.
/// </remarks>
internal sealed class NetworkGuard(NetworkPolicy policy, NameResolver resolver, TimeProvider timeProvider)
{
    private const int MaximumMessages = 1000;
    private static readonly TimeSpan AnswerLifetime = TimeSpan.FromSeconds(30);
    private static readonly TimeSpan LookedUpLifetime = TimeSpan.FromMinutes(10);

    private readonly Lock gate = new();
    private readonly Dictionary<string, Dictionary<SocketAddress, long>> known = [];
    private readonly Dictionary<string, long> answered = [];
    private readonly HashSet<string> told = [];

    public NetworkPolicy Policy { get; } = policy;

    /// <summary>Where the host binds a socket that the guest binds to <paramref name="guest"/>.</summary>
    public Errno Bind(NetworkProtocol protocol, in SocketAddress guest, out BindGrant grant)
    {
        if (Policy.AllowsEverything)
        {
            grant = new BindGrant(guest, SocketBinding.Granted, null);
            return Errno.Success;
        }

        foreach (PublishedPort published in Policy.PublishedPorts)
        {
            if (published.GuestPort == guest.Port && published.Protocol == protocol)
            {
                grant = new BindGrant(SocketAddress.From(published.Address, (ushort)published.Port), SocketBinding.Granted, published);
                return Errno.Success;
            }
        }

        if (Ask(NetworkOperation.Bind, protocol, guest))
        {
            grant = new BindGrant(guest, SocketBinding.Granted, null);
            return Errno.Success;
        }

        if (guest.Port == 0 && !Policy.ConnectRules.IsEmpty)
        {
            // What a client does before it connects or sends. Nobody reaches it: it can't listen, and datagrams from strangers are dropped.
            grant = new BindGrant(SocketAddress.Any(guest.IsIpv6, 0), SocketBinding.Ephemeral, null);
            return Errno.Success;
        }

        grant = default;
        DenyBind(protocol, guest.Port);
        return Errno.Notcapable;
    }

    /// <summary>Whether a port of the guest is one of the host's.</summary>
    public bool IsPublished(NetworkProtocol protocol, int guestPort) => Policy.PublishedPorts.Any(published => published.GuestPort == guestPort && published.Protocol == protocol);

    /// <summary>Whether there are hosts that the guest may connect or send to.</summary>
    public bool MayReachOthers => Policy.AllowsEverything || !Policy.ConnectRules.IsEmpty || Policy.Predicate is not null;

    /// <summary>Tells the person that the guest wants to be reached at a port.</summary>
    public void DenyBind(NetworkProtocol protocol, ushort port)
    {
        string suffix = protocol == NetworkProtocol.Udp ? "/udp" : "";
        Tell(port == 0
            ? $"The guest may not listen on a port that the system picks ({Name(protocol)}); with a port of its own, -p PORT{suffix} would allow it."
            : $"The guest may not bind port {port} ({Name(protocol)}); -p {port}{suffix} would allow it.");
    }

    /// <summary>Tells the person why a published port can't be had.</summary>
    public void TellBindFailed(PublishedPort published, Errno errno)
    {
        string address = $"{NetworkSpecification.Format(published.Address)}:{published.Port}";
        string suffix = published.Protocol == NetworkProtocol.Udp ? "/udp" : "";
        string where = published.Address.Equals(IPAddress.Loopback) ? "" : $"{NetworkSpecification.Format(published.Address)}:";
        Tell(errno switch
        {
            Errno.Addrinuse => $"The host can't listen on {address}: another program has the port. Take another one with -p {where}PORT:{published.GuestPort}{suffix}.",
            Errno.Acces => $"The host can't listen on {address}: this user may not take that port. Take one above 1023 with -p {where}PORT:{published.GuestPort}{suffix}.",
            Errno.Addrnotavail => $"The host can't listen on {address}: this machine has no such address.",
            _ => $"The host can't listen on {address} (error {errno}).",
        });
    }

    /// <summary>Tells the embedder where the host listens.</summary>
    public void TellListening(in SocketAddress host, int guestPort, NetworkProtocol protocol) =>
        Policy.Listening?.Invoke(new ListeningPort(host.ToEndPoint(), guestPort, protocol));

    /// <summary>Whether the guest may connect or send to an address. It completes at once unless a name must be looked up.</summary>
    public ValueTask<Errno> ConnectAsync(NetworkProtocol protocol, in SocketAddress target, CancellationToken cancellationToken)
    {
        if (Policy.AllowsEverything)
        {
            return new ValueTask<Errno>(Errno.Success);
        }

        SocketAddress address = target.Normalize();
        return IsAllowedByAddress(address, out bool namesMatter) || (namesMatter && IsKnown(address))
            ? new ValueTask<Errno>(Errno.Success)
            : ConnectSlowlyAsync(protocol, address, namesMatter, cancellationToken);
    }

    /// <summary>Whether a datagram from this address may be taken by a socket that is not published.</summary>
    public bool IsAllowedSource(in SocketAddress source)
    {
        SocketAddress address = source.Normalize();
        return IsAllowedByAddress(address, out bool namesMatter) || (namesMatter && IsKnown(address));
    }

    /// <summary>Whether the guest may ask for the addresses of a name.</summary>
    public bool MayResolve(string name)
    {
        if (Policy.AllowsEverything)
        {
            return true;
        }

        name = ConnectRule.NormalizeName(name);
        bool isLocalhost = NameResolver.IsLocalhost(name);
        if (isLocalhost && !Policy.PublishedPorts.IsEmpty)
        {
            // Servers bind it. Its addresses are no secret.
            return true;
        }

        foreach (ConnectRule rule in Policy.ConnectRules)
        {
            if (rule.Host == name
                || (rule.IsAny && !isLocalhost)
                || (isLocalhost && (rule.IsLocalhost || (rule.Address is not null && SocketAddress.From(rule.Address, 0).Normalize().IsLoopback))))
            {
                return true;
            }
        }

        if (Policy.Predicate is not null && Policy.Predicate(new NetworkRequest(NetworkOperation.Resolve, NetworkProtocol.Tcp, null, name)))
        {
            return true;
        }

        Tell($"The guest may not look up \"{Clean(name)}\"; --connect {Clean(name)} would allow it.");
        return false;
    }

    /// <summary>Looks a name up for the guest, which may then connect to the addresses that it got.</summary>
    /// <exception cref="SocketException">There are none, or the resolver failed.</exception>
    public ValueTask<IPAddress[]> ResolveAsync(string name, CancellationToken cancellationToken) => ResolveAsync(name, resolver, cancellationToken);

    /// <summary>The same with another resolver: by whom the guest's turn is not held.</summary>
    /// <exception cref="SocketException">There are none, or the resolver failed.</exception>
    public async ValueTask<IPAddress[]> ResolveAsync(string name, NameResolver resolver, CancellationToken cancellationToken)
    {
        name = ConnectRule.NormalizeName(name);
        IPAddress[] addresses = await resolver.ResolveAsync(name, cancellationToken).ConfigureAwait(false);
        Learn(name, addresses, LookedUpLifetime);
        return addresses;
    }

    private async ValueTask<Errno> ConnectSlowlyAsync(NetworkProtocol protocol, SocketAddress address, bool namesMatter, CancellationToken cancellationToken)
    {
        if (namesMatter)
        {
            foreach (ConnectRule rule in Policy.ConnectRules)
            {
                if (IsName(rule) && (rule.Port is null || rule.Port == address.Port) && NeedsAnswer(rule.Host))
                {
                    try
                    {
                        IPAddress[] addresses = await resolver.ResolveAsync(rule.Host, cancellationToken).ConfigureAwait(false);
                        Learn(rule.Host, addresses, AnswerLifetime);
                    }
                    catch (SocketException)
                    {
                        // A name that has no address now allows none.
                        Learn(rule.Host, [], AnswerLifetime);
                    }
                }
            }

            if (IsKnown(address))
            {
                return Errno.Success;
            }
        }

        if (Ask(NetworkOperation.Connect, protocol, address))
        {
            return Errno.Success;
        }

        string target = address.ToString();
        string verb = protocol == NetworkProtocol.Tcp ? "connect" : "send";
        Tell($"The guest may not {verb} to {target} ({Name(protocol)}); --connect {NameOf(address) ?? target} would allow it.");
        return Errno.Notcapable;
    }

    /// <summary>Holds a normalized address against the rules that need no look-up.</summary>
    private bool IsAllowedByAddress(in SocketAddress address, out bool namesMatter)
    {
        bool isNear = address.IsLoopback || address.IsLinkLocal;
        namesMatter = false;
        foreach (ConnectRule rule in Policy.ConnectRules)
        {
            if (rule.Port is { } port && port != address.Port)
            {
                continue;
            }

            if (rule.Address is not null
                ? SocketAddress.From(rule.Address, 0).Normalize().HasAddressOf(address)
                : rule.IsAny ? !isNear : rule.IsLocalhost && address.IsLoopback)
            {
                return true;
            }

            namesMatter |= !isNear && IsName(rule);
        }

        return false;
    }

    private static bool IsName(ConnectRule rule) => rule.Address is null && !rule.IsAny && !rule.IsLocalhost;

    /// <summary>Whether a name that may be connected to at this port has the address, as far as is known.</summary>
    private bool IsKnown(in SocketAddress address)
    {
        long now = timeProvider.GetTimestamp();
        SocketAddress key = address.WithPort(0);
        lock (gate)
        {
            foreach (ConnectRule rule in Policy.ConnectRules)
            {
                if ((rule.Port is null || rule.Port == address.Port)
                    && known.TryGetValue(rule.Host, out Dictionary<SocketAddress, long>? addresses)
                    && addresses.TryGetValue(key, out long until)
                    && until > now)
                {
                    return true;
                }
            }
        }

        return false;
    }

    private bool NeedsAnswer(string name)
    {
        lock (gate)
        {
            return !answered.TryGetValue(name, out long until) || until <= timeProvider.GetTimestamp();
        }
    }

    private void Learn(string name, IPAddress[] addresses, TimeSpan lifetime)
    {
        long now = timeProvider.GetTimestamp();
        long until = now + (long)(lifetime.TotalSeconds * timeProvider.TimestampFrequency);
        lock (gate)
        {
            if (known.Count >= MaximumMessages)
            {
                // Under "*" a guest may look up any number of names.
                known.Clear();
            }

            if (!known.TryGetValue(name, out Dictionary<SocketAddress, long>? all) || all.Count >= MaximumMessages)
            {
                known[name] = all = [];
            }

            foreach (IPAddress address in addresses)
            {
                SocketAddress key = SocketAddress.From(address, 0).Normalize();
                all[key] = all.TryGetValue(key, out long other) ? Math.Max(other, until) : until;
            }

            answered[name] = now + (long)(AnswerLifetime.TotalSeconds * timeProvider.TimestampFrequency);
            if (answered.Count > MaximumMessages)
            {
                answered.Clear();
            }
        }
    }

    /// <summary>What people call an address that the guest may connect to.</summary>
    public string Describe(in SocketAddress target)
    {
        SocketAddress address = target.Normalize();
        string text = NameOf(address) is { } name ? name[..name.LastIndexOf(':')] : NetworkSpecification.Format(address.ToIPAddress());
        return Clean(text);
    }

    /// <summary>The name and port that the guest looked the address up by, for the advice; not for addresses that a name never allows.</summary>
    private string? NameOf(in SocketAddress address)
    {
        if (address.IsLoopback)
        {
            return $"localhost:{address.Port}";
        }

        if (address.IsLinkLocal)
        {
            return null;
        }

        lock (gate)
        {
            foreach ((string name, Dictionary<SocketAddress, long> addresses) in known)
            {
                if (addresses.ContainsKey(address.WithPort(0)))
                {
                    return $"{name}:{address.Port}";
                }
            }
        }

        return null;
    }

    private bool Ask(NetworkOperation operation, NetworkProtocol protocol, in SocketAddress address) =>
        Policy.Predicate is { } predicate && predicate(new NetworkRequest(operation, protocol, address.ToEndPoint(), null));

    private void Tell(string message)
    {
        if (Policy.Denied is not { } denied)
        {
            return;
        }

        lock (gate)
        {
            if (told.Count >= MaximumMessages || !told.Add(message))
            {
                return;
            }
        }

        denied(message);
    }

    private static string Name(NetworkProtocol protocol) => protocol == NetworkProtocol.Tcp ? "TCP" : "UDP";

    /// <summary>A name comes from the guest: nothing that a terminal could take for a command passes.</summary>
    private static string Clean(string name) =>
        string.Create(Math.Min(name.Length, 253), name, static (span, text) =>
        {
            for (int i = 0; i < span.Length; i++)
            {
                char character = text[i];
                span[i] = char.IsAsciiLetterOrDigit(character) || character is '.' or '-' or '_' or ':' ? character : '?';
            }
        });
}
