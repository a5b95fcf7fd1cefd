using System.Buffers.Text;
using System.Security.Cryptography;
using System.Text;

namespace Wherry.Up.Dashboard;

/// <summary>
/// Who may use the dashboard. A link has a code, which works once and not for long; whoever brings it gets a token, which the browser keeps in a cookie that no script can read. Only digests are kept of
/// either.
/// </summary>
internal sealed class DashboardSessions(TimeProvider time)
{
    private const int SecretBytes = 32;
    private const int MostCodes = 16;
    private const int MostSessions = 32;

    /// <summary>How long a link works.</summary>
    public static readonly TimeSpan CodeLifetime = TimeSpan.FromMinutes(10);

    private readonly Lock gate = new();
    private readonly List<(byte[] Digest, DateTimeOffset End)> codes = [];
    private readonly List<byte[]> sessions = [];

    /// <summary>A new code for a link.</summary>
    public string NewCode()
    {
        string code = NewSecret();
        lock (gate)
        {
            if (codes.Count == MostCodes)
            {
                codes.RemoveAt(0);
            }

            codes.Add((Digest(code), time.GetUtcNow() + CodeLifetime));
        }

        return code;
    }

    /// <summary>Takes a code for a token; null if it was taken before, is too old, or never was one.</summary>
    public string? TryOpen(string code)
    {
        byte[] digest = Digest(code);
        lock (gate)
        {
            codes.RemoveAll(each => each.End < time.GetUtcNow());
            int index = codes.FindIndex(each => CryptographicOperations.FixedTimeEquals(each.Digest, digest));
            if (index < 0)
            {
                return null;
            }

            codes.RemoveAt(index);
            if (sessions.Count == MostSessions)
            {
                sessions.RemoveAt(0);
            }

            string token = NewSecret();
            sessions.Add(Digest(token));
            return token;
        }
    }

    /// <summary>Whether a token is one that was given.</summary>
    public bool IsOpen(string? token)
    {
        if (string.IsNullOrEmpty(token))
        {
            return false;
        }

        byte[] digest = Digest(token);
        lock (gate)
        {
            return sessions.Exists(session => CryptographicOperations.FixedTimeEquals(session, digest));
        }
    }

    private static string NewSecret() => Base64Url.EncodeToString(RandomNumberGenerator.GetBytes(SecretBytes));

    private static byte[] Digest(string secret) => SHA256.HashData(Encoding.UTF8.GetBytes(secret));
}
