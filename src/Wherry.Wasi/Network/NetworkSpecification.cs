using System.Diagnostics.CodeAnalysis;
using System.Globalization;
using System.Net;
using System.Net.Sockets;

namespace Wherry.Wasi;

/// <summary>Splits what people write for addresses and ports: "[::1]:8080", "0.0.0.0:80", "example.com:443".</summary>
internal static class NetworkSpecification
{
    public static bool TryParsePort(ReadOnlySpan<char> text, bool zeroAllowed, out int port, [NotNullWhen(false)] out string? error)
    {
        error = null;
        if (int.TryParse(text, NumberStyles.None, CultureInfo.InvariantCulture, out port) && port <= 65535 && (zeroAllowed || port > 0))
        {
            return true;
        }

        error = $"\"{text}\" is not a port: a number from {(zeroAllowed ? 0 : 1)} to 65535 is";
        return false;
    }

    /// <summary>
    /// Takes "[v6]" or what precedes the first colon from the front of the text. The rest starts after that colon, and is
    /// null when nothing follows.
    /// </summary>
    public static bool TryTakeHost(string text, out string host, out string? rest, [NotNullWhen(false)] out string? error)
    {
        host = text;
        rest = null;
        error = null;
        if (text.StartsWith('['))
        {
            int end = text.IndexOf(']', StringComparison.Ordinal);
            if (end < 0)
            {
                error = "the bracket of the IPv6 address is not closed";
                return false;
            }

            host = text[1..end];
            if (!IPAddress.TryParse(host, out IPAddress? address) || address.AddressFamily != AddressFamily.InterNetworkV6)
            {
                error = $"\"{host}\" is not an IPv6 address";
                return false;
            }

            if (end + 1 == text.Length)
            {
                return true;
            }

            if (text[end + 1] != ':')
            {
                error = "a colon must follow the IPv6 address";
                return false;
            }

            rest = text[(end + 2)..];
            return true;
        }

        int colon = text.IndexOf(':', StringComparison.Ordinal);
        if (colon >= 0)
        {
            host = text[..colon];
            rest = text[(colon + 1)..];
        }

        return true;
    }

    /// <summary>
    /// Reads a dotted IPv4 or an IPv6 address. .NET takes more: the old shorthands ("1", "0x7f.1"), and brackets with a port behind, which it drops.
    /// </summary>
    public static bool TryParseAddress(string text, [NotNullWhen(true)] out IPAddress? address)
    {
        address = null;
        if (text.Contains('[', StringComparison.Ordinal) || !IPAddress.TryParse(text, out IPAddress? parsed))
        {
            return false;
        }

        if (parsed.AddressFamily == AddressFamily.InterNetwork && text.AsSpan().Count('.') != 3)
        {
            return false;
        }

        address = parsed;
        return true;
    }

    public static string Format(IPAddress address) =>
        address.AddressFamily == AddressFamily.InterNetworkV6 ? $"[{address}]" : address.ToString();
}
