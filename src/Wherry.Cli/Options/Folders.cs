using Wherry.Wasi;

namespace Wherry.Cli.Options;

/// <summary>Reads <c>--dir</c>: <c>guest:host[:readonly]</c>, or one folder under its own name.</summary>
internal static class Folders
{
    public static PreopenedDirectory Parse(string text)
    {
        bool isReadOnly = false;
        string rest = text;
        if (rest.EndsWith(":readonly", StringComparison.Ordinal))
        {
            isReadOnly = true;
            rest = rest[..^":readonly".Length];
        }
        else if (rest.EndsWith(":readwrite", StringComparison.Ordinal))
        {
            rest = rest[..^":readwrite".Length];
        }

        int colon = rest.IndexOf(':', StringComparison.Ordinal);
        string guest = colon < 0 ? rest : rest[..colon];
        string host = colon < 0 ? rest : rest[(colon + 1)..];
        if (guest.Length == 0 || host.Length == 0)
        {
            throw new FormatException($"--dir '{text}' is not GUEST:HOST, GUEST:HOST:readonly or one folder.");
        }

        if (!Directory.Exists(host))
        {
            throw new FormatException(File.Exists(host)
                ? $"--dir '{text}': {host} is a file, not a folder."
                : $"--dir '{text}': there is no folder {host}.");
        }

        return new PreopenedDirectory(guest, host, isReadOnly);
    }
}
