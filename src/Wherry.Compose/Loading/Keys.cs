using Wherry.Compose.Yaml;

namespace Wherry.Compose.Loading;

/// <summary>The names that a mapping may have; those without effect come with what to write instead.</summary>
internal sealed class Keys(IEnumerable<string> known, IEnumerable<KeyValuePair<string, string>>? withoutEffect = null)
{
    private readonly HashSet<string> known = [.. known];
    private readonly Dictionary<string, string> withoutEffect = new(withoutEffect ?? []);

    /// <summary>Of the specification's keys of a service, what is not supported, with advice.</summary>
    private static readonly Dictionary<string, string> Advice = new()
    {
        ["build"] = "images are not built. Build the module with its own tool (cargo, tinygo, clang …) and name it: image: ./app.wasm",
        ["runtime"] = "Wherry runs the module itself, whatever runtime is named. Remove it.",
        ["develop"] = "nothing is built or copied into running services. Remove it.",
        ["provider"] = "no other program provides services. Declare the service here, or let it run elsewhere and name it under x-wherry: connect: [HOST:PORT]",
        ["models"] = "there are no models.",
        ["post_start"] = "nothing can be executed in a guest. Make it a service of its own that depends on this one.",
        ["pre_stop"] = "nothing can be executed in a guest.",
        ["links"] = "services on a common network reach each other by their names. Remove it; other names go to networks: NAME: aliases:",
        ["external_links"] = "only the project's own services have names. Name others under x-wherry: connect: [HOST:PORT]",
        ["extra_hosts"] = "names outside of the project are those of the host's resolver: give the host under x-wherry: connect: [HOST:PORT]",
        ["dns"] = "names outside of the project are those of the host's resolver.",
        ["dns_opt"] = "names outside of the project are those of the host's resolver.",
        ["dns_search"] = "names outside of the project are those of the host's resolver.",
        ["logging"] = "logs go to the terminal and to wherry logs.",
        ["ulimits"] = "guests have limits of their own: deploy: resources: limits: memory:",
        ["user"] = "guests have no users; helpers run as the user who starts them.",
        ["mem_reservation"] = "memory is taken when it is needed.",
        ["hostname"] = "guests can't ask for a host name. Other names of a service go to networks: NAME: aliases:",
        ["container_name"] = "services are known by their names.",
        ["stdin_open"] = "services have no standard input.",
        ["tty"] = "services have no terminal.",
        ["shm_size"] = "guests have no shared memory files; a folder in memory is tmpfs: /PATH",
        ["volumes_from"] = "name the volumes in both services.",
        ["read_only"] = "guests change nothing but the folders that they are given; make those read-only with SOURCE:TARGET:ro",
        ["pids_limit"] = "guests have no processes.",
        ["sysctls"] = "guests have no kernel.",
        ["cap_drop"] = "guests have no capabilities of a kernel.",
        ["security_opt"] = "guests are always in their sandbox.",
        ["cpuset"] = "limit processors with deploy: resources: limits: cpus:",
        ["cpu_shares"] = "limit processors with deploy: resources: limits: cpus:",
        ["cpu_quota"] = "limit processors with deploy: resources: limits: cpus:",
        ["cpu_period"] = "limit processors with deploy: resources: limits: cpus:",
        ["cpu_count"] = "limit processors with deploy: resources: limits: cpus:",
        ["cpu_percent"] = "limit processors with deploy: resources: limits: cpus:",
    };

    private static readonly string[] Silent =
    [
        "blkio_config", "cgroup_parent", "cpu_rt_period", "cpu_rt_runtime", "credential_spec", "domainname", "group_add", "init", "isolation",
        "mac_address", "mem_swappiness", "memswap_limit", "oom_kill_disable", "oom_score_adj", "pull_policy", "pull_refresh_after", "storage_opt", "device_cgroup_rules",
    ];

    public static Keys Service { get; } = new(
        [
            "command", "configs", "cpus", "depends_on", "deploy", "entrypoint", "env_file", "environment", "expose", "extends", "healthcheck", "image", "mem_limit", "networks", "platform", "ports",
            "annotations", "attach", "label_file", "labels", "profiles", "restart", "scale", "secrets", "stop_grace_period", "stop_signal", "tmpfs", "volumes", "working_dir", "x-wherry",

            // Asked for by name: they would lead out of the sandbox.
            "cap_add", "cgroup", "devices", "gpus", "ipc", "network_mode", "pid", "privileged", "use_api_socket", "userns_mode", "uts",
        ],
        Advice.Concat(Silent.Select(key => KeyValuePair.Create(key, ""))));

    /// <summary>Tells unknown names and those without effect.</summary>
    public void Check(YamlMapping mapping, string what, DiagnosticList diagnostics)
    {
        foreach (YamlEntry entry in mapping.Entries)
        {
            if (known.Contains(entry.Key) || (entry.Key.StartsWith("x-", StringComparison.Ordinal) && entry.Key != "x-wherry"))
            {
                continue;
            }

            if (withoutEffect.TryGetValue(entry.Key, out string? advice))
            {
                diagnostics.Warn(entry.KeyLocation, $"{Name(what, entry.Key)} has no effect{(advice.Length > 0 ? $": {advice}" : ".")}");
            }
            else
            {
                string? near = Nearest(entry.Key);
                diagnostics.Error(entry.KeyLocation, $"{(what.Length > 0 ? what : "a Compose file")} has no \"{entry.Key}\"." + (near is null ? "" : $" Did you mean {near}?"));
            }
        }
    }

    private static string Name(string what, string key) => what.Length > 0 ? $"{key} of {what}" : key;

    private string? Nearest(string key) => known.Concat(withoutEffect.Keys)
        .Select(name => (Name: name, Distance: Distance(key, name)))
        .Where(candidate => candidate.Distance <= Math.Max(1, key.Length / 3))
        .OrderBy(candidate => candidate.Distance)
        .Select(candidate => candidate.Name)
        .FirstOrDefault();

    /// <summary>How many letters must be changed, added or removed.</summary>
    private static int Distance(string a, string b)
    {
        if (a.Length > 40)
        {
            return int.MaxValue;
        }

        int[] row = [.. Enumerable.Range(0, b.Length + 1)];
        for (int i = 1; i <= a.Length; i++)
        {
            int diagonal = row[0];
            row[0] = i;
            for (int j = 1; j <= b.Length; j++)
            {
                int above = row[j];
                row[j] = Math.Min(Math.Min(row[j], row[j - 1]) + 1, diagonal + (a[i - 1] == b[j - 1] ? 0 : 1));
                diagonal = above;
            }
        }

        return row[b.Length];
    }
}
