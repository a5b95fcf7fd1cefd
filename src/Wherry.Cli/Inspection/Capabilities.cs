namespace Wherry.Cli.Inspection;

/// <summary>Something of the host that a module can ask for, judged by what it imports.</summary>
/// <param name="Advice">How it is given on the command line; empty for what every guest has.</param>
/// <param name="Imports">The imports that show it.</param>
internal sealed record Capability(string Name, string Advice, IReadOnlyList<string> Imports);

/// <summary>Finds the capabilities behind a module's imports.</summary>
internal static class Capabilities
{
    private const string Wasi = "wasi_snapshot_preview1";
    private const string ThreadModule = "wasi";
    private const string ThreadSpawn = "thread-spawn";

    private static readonly (string Name, string Advice, string[] Functions)[] Known =
    [
        ("files", "--dir GUEST:HOST", ["path_", "fd_readdir", "fd_allocate", "fd_pread", "fd_pwrite", "fd_filestat_set"]),
        ("network: listen", "-p PORT or --tcplisten ADDRESS:PORT", ["sock_bind", "sock_listen", "sock_accept"]),
        ("network: connect", "--connect HOST:PORT", ["sock_connect", "sock_send_to"]),
        ("network: names", "--connect HOST", ["sock_getaddrinfo"]),
        ("arguments", "", ["args_"]),
        ("environment", "--env NAME=VALUE", ["environ_"]),
        ("standard streams", "", ["fd_read", "fd_write"]),
        ("clocks", "", ["clock_"]),
        ("randomness", "", ["random_"]),
        ("waiting", "", ["poll_oneoff", "epoll_oneoff"]),
    ];

    public static List<Capability> Find(IEnumerable<ModuleImport> imports)
    {
        ModuleImport[] all = [.. imports];
        var found = new List<Capability>();
        foreach ((string name, string advice, string[] functions) in Known)
        {
            string[] shown = [.. all.Where(import => import.Module == Wasi && functions.Any(function => Matches(import.Name, function))).Select(import => import.Name).Distinct()];
            if (shown.Length > 0)
            {
                found.Add(new Capability(name, advice, shown));
            }
        }

        bool hasThreads = all.Any(IsThreads);
        if (hasThreads)
        {
            found.Add(new Capability("threads", "always there; --threads COUNT bounds them", [ThreadSpawn]));
        }

        // A guest with threads gets the memories that they share by itself.
        foreach (IGrouping<string, ModuleImport> others in all.Where(import => import.Module != Wasi && !IsThreads(import) && !(hasThreads && import.Type.Memory is { IsShared: true })).GroupBy(import => import.Module))
        {
            found.Add(new Capability($"module {others.Key}", $"--module {others.Key}:FILE", [.. others.Select(import => import.Name)]));
        }

        return found;
    }

    private static bool IsThreads(ModuleImport import) => import is { Module: ThreadModule, Name: ThreadSpawn };

    // A name that ends in "_" stands for all that start with it; versions of a function (sock_bind_v2) count as the function.
    private static bool Matches(string import, string function) =>
        import == function || import == function + "_v2" || ((function.EndsWith('_') || function == "fd_filestat_set") && import.StartsWith(function, StringComparison.Ordinal));
}
