using System.Diagnostics.CodeAnalysis;
using System.Net;

namespace Wherry.Wasi;

/// <summary>Reads the address of a listening socket that the guest finds open when it starts.</summary>
public static class ListenAddress
{
    /// <summary>Reads <c>ADDRESS:PORT</c>.</summary>
    /// <exception cref="FormatException">The text is something else; the message says what is wrong.</exception>
    public static IPEndPoint Parse(string text) =>
        TryParse(text, out IPEndPoint? result, out string? error) ? result : throw new FormatException(error);

    /// <summary>Reads <c>ADDRESS:PORT</c>, or says what is wrong.</summary>
    public static bool TryParse(string text, [NotNullWhen(true)] out IPEndPoint? result, [NotNullWhen(false)] out string? error)
    {
        ArgumentNullException.ThrowIfNull(text);
        result = null;
        int port = 0;
        IPAddress? address = null;
        if (NetworkSpecification.TryTakeHost(text, out string host, out string? rest, out string? detail))
        {
            if (!NetworkSpecification.TryParseAddress(host == "localhost" ? "127.0.0.1" : host, out address))
            {
                detail = $"\"{host}\" is not an IP address";
            }
            else if (rest is null)
            {
                detail = "the port is missing";
            }
            else
            {
                NetworkSpecification.TryParsePort(rest, zeroAllowed: true, out port, out detail);
            }
        }

        if (detail is not null)
        {
            error = $"\"{text}\" can't be listened on: {detail}. The form is ADDRESS:PORT, an IPv6 address in brackets.";
            return false;
        }

        error = null;
        result = new IPEndPoint(address!, port);
        return true;
    }
}
