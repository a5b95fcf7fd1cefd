using System.Diagnostics.CodeAnalysis;
using System.Net;

namespace Wherry.Wasi;

/// <summary>A host that the guest may connect to, and to which it may send datagrams: a name, an IP address or <c>*</c>.</summary>
/// <remarks>
/// A name stands for the addresses that the host's resolver gives for it. Loopback and link-local addresses are meant only
/// by <c>localhost</c> (all of loopback) and by the literal address, never by <c>*</c> or by another name.
/// </remarks>
public sealed record ConnectRule
{
    /// <summary>Creates a rule.</summary>
    /// <param name="host">A name, an IP address or <c>*</c>.</param>
    /// <param name="port">The only port that may be connected to; all of them when null.</param>
    public ConnectRule(string host, int? port = null)
    {
        ArgumentException.ThrowIfNullOrEmpty(host);
        if (port is { } number)
        {
            ArgumentOutOfRangeException.ThrowIfLessThan(number, 1, nameof(port));
            ArgumentOutOfRangeException.ThrowIfGreaterThan(number, 65535, nameof(port));
        }

        Host = NormalizeName(host);
        Port = port;
        if (NetworkSpecification.TryParseAddress(Host, out IPAddress? address))
        {
            Address = address;
        }
    }

    /// <summary>The name, the IP address or <c>*</c>; names in lower case.</summary>
    public string Host { get; }

    /// <summary>The only port that may be connected to; null for all.</summary>
    public int? Port { get; }

    /// <summary>Whether every host is meant, but those of loopback and link-local addresses.</summary>
    public bool IsAny => Host == "*";

    internal IPAddress? Address { get; }

    internal bool IsLocalhost => Host == "localhost";

    /// <summary>Reads <c>HOST[:PORT]</c>.</summary>
    /// <exception cref="FormatException">The text is something else; the message says what is wrong.</exception>
    public static ConnectRule Parse(string text) =>
        TryParse(text, out ConnectRule? result, out string? error) ? result : throw new FormatException(error);

    /// <summary>Reads <c>HOST[:PORT]</c>, or says what is wrong.</summary>
    public static bool TryParse(string text, [NotNullWhen(true)] out ConnectRule? result, [NotNullWhen(false)] out string? error)
    {
        ArgumentNullException.ThrowIfNull(text);
        result = null;
        string? detail;
        string host;
        int? port = null;
        if (NetworkSpecification.TryParseAddress(text, out IPAddress? bare) && text.Contains(':', StringComparison.Ordinal))
        {
            host = bare.ToString();
            detail = null;
        }
        else if (NetworkSpecification.TryTakeHost(text, out host, out string? rest, out detail))
        {
            if (rest is not null and not "*")
            {
                port = NetworkSpecification.TryParsePort(rest, zeroAllowed: false, out int number, out detail) ? number : null;
            }

            if (detail is null && !IsHost(host))
            {
                detail = host.Length == 0 ? "the host is missing" : $"\"{host}\" is neither a name, an IP address nor *";
            }
        }

        if (detail is not null)
        {
            error = $"\"{text}\" can't be connected to: {detail}. The form is HOST[:PORT], * for any host, an IPv6 address in brackets.";
            return false;
        }

        error = null;
        result = new ConnectRule(host, port);
        return true;
    }

    /// <summary>The form that <see cref="Parse"/> reads.</summary>
    public override string ToString()
    {
        string host = Address is null ? Host : NetworkSpecification.Format(Address);
        return Port is { } port ? $"{host}:{port}" : host;
    }

    internal static string NormalizeName(string name) => name.TrimEnd('.').ToLowerInvariant();

    private static bool IsHost(string host)
    {
        if (host == "*" || NetworkSpecification.TryParseAddress(host, out _))
        {
            return true;
        }

        if (host.Length is 0 or > 253)
        {
            return false;
        }

        foreach (char character in host)
        {
            if (!char.IsLetterOrDigit(character) && character is not ('.' or '-' or '_'))
            {
                return false;
            }
        }

        return true;
    }
}
