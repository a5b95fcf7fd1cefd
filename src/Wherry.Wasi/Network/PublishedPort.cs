using System.Diagnostics.CodeAnalysis;
using System.Net;

namespace Wherry.Wasi;

/// <summary>A port of the guest that is reached from outside: the guest binds <see cref="GuestPort"/> on whatever address it
/// likes, and the host listens on <see cref="Address"/> and <see cref="Port"/>.</summary>
public sealed record PublishedPort
{
    /// <summary>Creates a published port.</summary>
    /// <param name="port">The host's port; zero lets the system pick one.</param>
    /// <param name="guestPort">The port that the guest binds; the same as <paramref name="port"/> unless given.</param>
    /// <param name="address">Where the host listens; 127.0.0.1 unless given.</param>
    /// <param name="protocol">TCP or UDP.</param>
    public PublishedPort(int port, int? guestPort = null, IPAddress? address = null, NetworkProtocol protocol = NetworkProtocol.Tcp)
    {
        ArgumentOutOfRangeException.ThrowIfNegative(port);
        ArgumentOutOfRangeException.ThrowIfGreaterThan(port, 65535);
        ArgumentOutOfRangeException.ThrowIfNegative(guestPort ?? 0, nameof(guestPort));
        ArgumentOutOfRangeException.ThrowIfGreaterThan(guestPort ?? 0, 65535, nameof(guestPort));
        Port = port;
        GuestPort = guestPort ?? port;
        Address = address ?? IPAddress.Loopback;
        Protocol = protocol;
    }

    /// <summary>Where the host listens.</summary>
    public IPAddress Address { get; }

    /// <summary>The host's port; zero lets the system pick one.</summary>
    public int Port { get; }

    /// <summary>The port that the guest binds.</summary>
    public int GuestPort { get; }

    /// <summary>TCP or UDP.</summary>
    public NetworkProtocol Protocol { get; }

    /// <summary>Reads <c>[ADDRESS:]PORT[:GUESTPORT][/udp]</c>.</summary>
    /// <exception cref="FormatException">The text is something else; the message says what is wrong.</exception>
    public static PublishedPort Parse(string text) =>
        TryParse(text, out PublishedPort? result, out string? error) ? result : throw new FormatException(error);

    /// <summary>Reads <c>[ADDRESS:]PORT[:GUESTPORT][/udp]</c>, or says what is wrong.</summary>
    public static bool TryParse(string text, [NotNullWhen(true)] out PublishedPort? result, [NotNullWhen(false)] out string? error)
    {
        ArgumentNullException.ThrowIfNull(text);
        result = null;
        if (!TryParseParts(text, out PublishedPort? parsed, out string? detail))
        {
            error = $"\"{text}\" can't be published: {detail}. The form is [ADDRESS:]PORT[:GUESTPORT][/udp], an IPv6 address in brackets.";
            return false;
        }

        result = parsed;
        error = null;
        return true;
    }

    private static bool TryParseParts(string text, [NotNullWhen(true)] out PublishedPort? result, [NotNullWhen(false)] out string? error)
    {
        result = null;
        NetworkProtocol protocol = NetworkProtocol.Tcp;
        string body = text;
        int slash = text.IndexOf('/', StringComparison.Ordinal);
        if (slash >= 0)
        {
            body = text[..slash];
            switch (text[(slash + 1)..])
            {
                case "tcp":
                    break;
                case "udp":
                    protocol = NetworkProtocol.Udp;
                    break;
                case var other:
                    error = $"the protocol is \"tcp\" or \"udp\", not \"{other}\"";
                    return false;
            }
        }

        if (!NetworkSpecification.TryTakeHost(body, out string first, out string? rest, out error))
        {
            return false;
        }

        IPAddress address = IPAddress.Loopback;
        string ports = body;
        if (body.StartsWith('[') || first.Contains('.', StringComparison.Ordinal) || first == "localhost")
        {
            if (first == "localhost")
            {
                first = "127.0.0.1";
            }

            if (!NetworkSpecification.TryParseAddress(first, out IPAddress? parsed))
            {
                error = $"\"{first}\" is not an IP address";
                return false;
            }

            if (rest is null)
            {
                error = "the port is missing";
                return false;
            }

            address = parsed;
            ports = rest;
        }

        string[] parts = ports.Split(':');
        if (parts.Length > 2)
        {
            error = parts.Length > 3 || ports.Contains("::", StringComparison.Ordinal)
                ? "it has too many colons"
                : $"\"{parts[0]}\" is not an IP address";
            return false;
        }

        if (!NetworkSpecification.TryParsePort(parts[0], zeroAllowed: true, out int port, out error))
        {
            return false;
        }

        int guestPort = port;
        if (parts.Length == 2 && !NetworkSpecification.TryParsePort(parts[1], zeroAllowed: false, out guestPort, out error))
        {
            return false;
        }

        result = new PublishedPort(port, guestPort, address, protocol);
        return true;
    }

    /// <summary>The form that <see cref="Parse"/> reads.</summary>
    public override string ToString() =>
        $"{NetworkSpecification.Format(Address)}:{Port}:{GuestPort}{(Protocol == NetworkProtocol.Udp ? "/udp" : "")}";
}
