using System.Globalization;
using System.Net;
using Wherry.Compose.Yaml;
using Wherry.Wasi;

namespace Wherry.Compose.Loading;

/// <summary>Reads services from their canonical form, and tells what is wrong with them.</summary>
internal sealed class ServiceReader(YamlMapping root, Func<string, string?> host, DiagnosticList diagnostics)
{
    private const double FewestCores = 0.001;

    private static readonly Keys Extension = new(["module", "static", "process", "connect", "start", "idle", "http"]);
    private static readonly Keys PortKeys = new(["name", "mode", "host_ip", "target", "published", "protocol", "app_protocol"]);
    private static readonly Keys MountKeys = new(["type", "source", "target", "read_only", "consistency", "bind", "volume", "tmpfs", "image"]);
    private static readonly Keys FileKeys = new(["source", "target", "uid", "gid", "mode"]);
    private static readonly Keys DependencyKeys = new(["condition", "required", "restart"]);
    private static readonly Keys EnvironmentFileKeys = new(["path", "required", "format"]);
    private static readonly Keys NetworkKeys = new(
        ["aliases"],
        new[] { "interface_name", "ipv4_address", "ipv6_address", "link_local_ips", "mac_address", "driver_opts", "priority", "gw_priority" }
            .Select(key => KeyValuePair.Create(key, "services reach each other by name; addresses are Wherry's affair.")));

    private static readonly Keys DeployKeys = new(
        ["replicas", "resources", "restart_policy", "labels", "mode"],
        new[] { "endpoint_mode", "rollback_config", "update_config", "placement" }.Select(key => KeyValuePair.Create(key, "there is one machine.")));

    private readonly ValueReader values = new(diagnostics);

    public ComposeService? Read(YamlEntry entry)
    {
        string what = $"services.{entry.Key}";
        if (entry.Key.Length == 0 || !entry.Key.All(c => char.IsAsciiLetterOrDigit(c) || c is '.' or '_' or '-'))
        {
            diagnostics.Error(entry.KeyLocation, $"\"{entry.Key}\" can't be a service's name: letters, digits, dots, dashes and underscores can.");
            return null;
        }

        if (entry.Value is not YamlMapping service)
        {
            diagnostics.Error(entry.Value.Location, $"{what} is a mapping (image: …), not {entry.Value.Kind}.");
            return null;
        }

        Keys.Service.Check(service, what, diagnostics);
        RefuseWaysOut(service, what);
        YamlMapping extension = values.Mapping(service, "x-wherry", $"{what}.x-wherry") ?? new YamlMapping([], entry.KeyLocation);
        Extension.Check(extension, $"{what}.x-wherry", diagnostics);
        ComposeService read = ReadKind(new ComposeService { Name = entry.Key, Location = entry.KeyLocation, Kind = ComposeServiceKind.Guest }, service, extension, what);
        YamlMapping deploy = values.Mapping(service, "deploy", $"{what}.deploy") ?? new YamlMapping([], entry.KeyLocation);
        DeployKeys.Check(deploy, $"{what}.deploy", diagnostics);
        YamlMapping resources = values.Mapping(deploy, "resources", $"{what}.deploy.resources") ?? new YamlMapping([], entry.KeyLocation);
        YamlMapping limits = values.Mapping(resources, "limits", $"{what}.deploy.resources.limits") ?? new YamlMapping([], entry.KeyLocation);
        var files = new List<ComposeFile>();
        ReadFiles(files, service, "secrets", "/run/secrets/", what);
        ReadFiles(files, service, "configs", "/", what);
        read = read with
        {
            Command = OptionalTexts(service, "command", $"{what}.command"),
            Entrypoint = OptionalTexts(service, "entrypoint", $"{what}.entrypoint"),
            Environment = ReadEnvironment(service, what),
            WorkingDirectory = values.Text(service, "working_dir", $"{what}.working_dir"),
            Ports = ReadPorts(service, what),
            Expose = ReadExpose(service, what),
            Mounts = ReadMounts(service, what),
            Files = files,
            DependsOn = ReadDependencies(service, entry.Key, what),
            Restart = ReadRestart(service, deploy, what),
            HealthCheck = new HealthCheckReader(values, diagnostics).Read(service, what, read.Kind),
            Networks = ReadNetworks(service, what),
            Replicas = values.Count(deploy, "replicas", $"{what}.deploy.replicas", 100_000) ?? values.Count(service, "scale", $"{what}.scale", 100_000) ?? 1,
            Cpus = ReadCores(limits, $"{what}.deploy.resources.limits.cpus") ?? ReadCores(service, $"{what}.cpus"),
            MemoryBytes = values.Size(limits, "memory", $"{what}.deploy.resources.limits.memory") ?? values.Size(service, "mem_limit", $"{what}.mem_limit"),
            StopGracePeriod = values.Duration(service, "stop_grace_period", $"{what}.stop_grace_period") ?? read.StopGracePeriod,
            StopSignal = ReadSignal(service, what),
            Connect = ReadConnect(extension, what, read.Kind),
            IsHttp = ReadHttp(extension, what, read.Kind),
        };
        read = new DemandReader(values, diagnostics).Read(read, extension, what);
        CheckReplicas(read, service, what);
        CheckContainer(read, what);
        return read;
    }

    private bool ReadHttp(YamlMapping extension, string what, ComposeServiceKind kind)
    {
        bool isHttp = values.Truth(extension, "http", $"{what}.x-wherry.http");
        if (isHttp && kind != ComposeServiceKind.Guest)
        {
            diagnostics.Warn(extension["http"]!.Location, $"{what}.x-wherry.http has no effect: only guests' requests get a trace's header.");
        }

        return isHttp && kind == ComposeServiceKind.Guest;
    }

    /// <summary>As elsewhere, 0 is no limit.</summary>
    private double? ReadCores(YamlMapping parent, string what)
    {
        double? cores = values.Number(parent, "cpus", what);
        if (cores is > 0 and < FewestCores)
        {
            diagnostics.Error(parent["cpus"]!.Location, string.Create(CultureInfo.InvariantCulture, $"{what} is {FewestCores} at least."));
        }

        return cores is 0 ? null : cores;
    }

    private void CheckReplicas(ComposeService service, YamlMapping source, string what)
    {
        if (service.Cpus is not null && service.Kind is ComposeServiceKind.Process or ComposeServiceKind.Static)
        {
            diagnostics.Warn((source["cpus"] ?? source["deploy"]!).Location, $"the limit of processors of {what} has no effect: only guests and containers are kept to one.");
        }

        if (service.Kind != ComposeServiceKind.Guest)
        {
            // Who reaches it inside the project does so through the one port of the host.
            foreach (ComposePort again in service.Ports.GroupBy(port => (port.Target, port.IsUdp)).SelectMany(same => same.Skip(1)))
            {
                diagnostics.Error(again.Location, $"{what}.ports: port {again.Target} can be published once: only guests' ports can be at several of the host's.");
            }
        }

        if (service.Kind != ComposeServiceKind.Guest && service.Replicas > 1)
        {
            diagnostics.Error((source["scale"] ?? source["deploy"]!).Location, $"{what} can't have {service.Replicas} replicas: only guests have more than one.");
        }
    }

    /// <summary>Who has the engine's socket has the machine. Other ways to it, such as a folder above it, are the file's affair.</summary>
    private void CheckContainer(ComposeService service, string what)
    {
        foreach (ComposeMount mount in service.Mounts.Where(mount => service.Kind == ComposeServiceKind.Container && mount.Kind == ComposeMountKind.Bind))
        {
            if (Path.GetFileName(mount.Source!.TrimEnd('/')) is "docker.sock" or "podman.sock")
            {
                diagnostics.Error(mount.Location, $"{what}.volumes: {mount.Source} is refused: no service controls the engine that runs it. Remove it.");
            }
        }
    }

    /// <summary>What would lead out of the sandbox is an error, for containers too.</summary>
    private void RefuseWaysOut(YamlMapping service, string what)
    {
        foreach ((string key, string reason) in (ReadOnlySpan<(string, string)>)
        [
            ("privileged", "it would give the service the whole machine"), ("devices", "no service gets devices of the host"), ("gpus", "no service gets devices of the host"),
            ("cap_add", "no service gets capabilities"), ("use_api_socket", "no service controls the engine that runs it"),
        ])
        {
            if (service[key] is { IsNull: false } node && node is not YamlScalar { Value: "false" } and not YamlSequence { Items.Count: 0 })
            {
                diagnostics.Error(service.Find(key)!.KeyLocation, $"{what}.{key} is refused: {reason}. Remove it.");
            }
        }

        foreach (string key in (ReadOnlySpan<string>)["network_mode", "pid", "ipc", "uts", "userns_mode", "cgroup"])
        {
            if (values.Text(service, key, $"{what}.{key}") is { } mode && mode is not "private" and not "none" and not "bridge" and not "")
            {
                string advice = key == "network_mode" ? " Publish ports with ports:, and give hosts that it may reach with x-wherry: connect: [HOST:PORT]" : " Remove it.";
                diagnostics.Error(service[key]!.Location, $"{what}.{key}: {mode} is refused: it would let the service out of its own namespace.{advice}");
            }
        }
    }

    private ComposeService ReadKind(ComposeService service, YamlMapping source, YamlMapping extension, string what)
    {
        string? image = values.Text(source, "image", $"{what}.image");
        string? platform = values.Text(source, "platform", $"{what}.platform");
        string? module = values.Text(extension, "module", $"{what}.x-wherry.module");
        string? site = values.Text(extension, "static", $"{what}.x-wherry.static");
        IReadOnlyList<string> process = values.Texts(extension, "process", $"{what}.x-wherry.process");
        service = service with { Image = image };
        int ways = (module is null ? 0 : 1) + (site is null ? 0 : 1) + (process.Count == 0 ? 0 : 1);
        if (ways > 1)
        {
            diagnostics.Error(extension.Location, $"{what}.x-wherry has more than one of module, static and process. Keep one.");
        }
        else if (process.Count > 0)
        {
            return service with { Kind = ComposeServiceKind.Process, Process = process };
        }
        else if (site is not null)
        {
            CheckExists(extension["static"]!, site, isFolder: true, what);
            return service with { Kind = ComposeServiceKind.Static, StaticFolder = site };
        }
        else if (module is not null || (image is not null && Canonical.IsModulePath(image)))
        {
            CheckExists(module is not null ? extension["module"]! : source["image"]!, module ?? image!, isFolder: false, what);
            return service with { ModulePath = module ?? image };
        }
        else if (platform is "wasi/wasm" or "wasi/wasm32" or "wasm")
        {
            YamlNode place = source["image"] ?? source["platform"]!;
            diagnostics.Error(
                place.Location,
                image is null
                    ? $"{what} has the platform {platform}, but no module. Name it: image: ./app.wasm"
                    : $"{what}: the image {image} is in a registry, which is not read. Name the module's file: image: ./app.wasm, or x-wherry: module: ./app.wasm");
        }
        else if (image is ['-', ..])
        {
            diagnostics.Error(source["image"]!.Location, $"{what}: \"{image}\" can't be an image's name: docker would take it for an option.");
        }
        else if (image is not null)
        {
            return service with { Kind = ComposeServiceKind.Container };
        }
        else
        {
            diagnostics.Error(
                service.Location, $"{what} has nothing to run. Write image: ./app.wasm for a module, or x-wherry: with static: FOLDER or process: [PROGRAM, ARGUMENTS …]");
        }

        return service;
    }

    private void CheckExists(YamlNode node, string path, bool isFolder, string what)
    {
        if (isFolder ? !Directory.Exists(path) : !File.Exists(path))
        {
            string other = isFolder && File.Exists(path) ? "is a file" : !isFolder && Directory.Exists(path) ? "is a folder" : "is not there";
            diagnostics.Error(node.Location, $"{what}: {path} {other}. {(isFolder ? "Name the folder with the site's files." : "Build the module, or name its file.")}");
        }
    }

    private IReadOnlyList<string>? OptionalTexts(YamlMapping parent, string key, string what) =>
        parent[key] is null or { IsNull: true } ? null : values.Texts(parent, key, what);

    private List<KeyValuePair<string, string>> ReadEnvironment(YamlMapping service, string what)
    {
        var variables = new OrderedDictionary<string, string>();
        foreach (YamlNode item in values.Items(service, "env_file", $"{what}.env_file"))
        {
            if (item is not YamlMapping file || values.Text(file, "path", $"{what}.env_file.path") is not { } path)
            {
                diagnostics.Error(item.Location, $"{what}.env_file names files: env_file: ./app.env");
                continue;
            }

            EnvironmentFileKeys.Check(file, $"{what}.env_file", diagnostics);
            string? format = values.Text(file, "format", $"{what}.env_file.format");
            if (format is not null and not "raw")
            {
                diagnostics.Error(file["format"]!.Location, $"{what}.env_file.format is raw, or absent, not \"{format}\".");
            }

            if (!File.Exists(path))
            {
                if (values.Truth(file, "required", $"{what}.env_file.required", otherwise: true))
                {
                    diagnostics.Error(file["path"]!.Location, $"{what}: the file of variables {path} is not there. If that is no error, write - path: FILE and below it required: false");
                }

                continue;
            }

            foreach ((string name, string value) in EnvironmentFile.Read(path, host, format == "raw", diagnostics))
            {
                variables[name] = value;
            }
        }

        foreach (YamlEntry entry in values.Mapping(service, "environment", $"{what}.environment")?.Entries ?? [])
        {
            if (entry.Key.Length == 0 || entry.Key.Contains('=', StringComparison.Ordinal) || entry.Value is not YamlScalar value)
            {
                diagnostics.Error(entry.KeyLocation, $"{what}.environment has NAME: VALUE, or a list of NAME=VALUE; this is neither.");
            }
            else if (!value.IsNullText)
            {
                variables[entry.Key] = value.Value;
            }
            else if (host(entry.Key) is { } passed)
            {
                variables[entry.Key] = passed;
            }
            else
            {
                variables.Remove(entry.Key);
            }
        }

        return [.. variables];
    }

    private List<ComposePort> ReadPorts(YamlMapping service, string what)
    {
        what = $"{what}.ports";
        var ports = new List<ComposePort>();
        foreach (YamlNode item in values.Items(service, "ports", what))
        {
            if (item is not YamlMapping port)
            {
                diagnostics.Error(item.Location, $"{what} has ports such as \"8080:80\", or mappings with target: and published:");
                continue;
            }

            PortKeys.Check(port, what, diagnostics);
            string? protocol = values.Text(port, "protocol", $"{what}.protocol");
            if (protocol is not null and not "tcp" and not "udp")
            {
                diagnostics.Error(port["protocol"]!.Location, $"{what}: the protocol is tcp or udp, not \"{protocol}\".");
                continue;
            }

            if (values.Count(port, "target", $"{what}.target", 65535) is not { } target || target == 0)
            {
                if (port["target"] is null or YamlScalar { Value: "0" })
                {
                    diagnostics.Error(port.Location, $"{what}: the service's own port is missing: target: 80");
                }

                continue;
            }

            IPAddress address = IPAddress.Loopback;
            if (values.Text(port, "host_ip", $"{what}.host_ip") is { } text && !IPAddress.TryParse(text, out address!))
            {
                diagnostics.Error(port["host_ip"]!.Location, $"{what}.host_ip: \"{text}\" is not an IP address.");
                continue;
            }

            try
            {
                (int first, int last) = values.Text(port, "published", $"{what}.published") is { Length: > 0 } published ? Canonical.ParseRange(published) : (0, 0);
                ports.Add(new ComposePort(target, first, last, address, protocol == "udp", port.Location));
            }
            catch (FormatException exception)
            {
                diagnostics.Error(port["published"]!.Location, $"{what}.published: {exception.Message}");
            }
        }

        return ports;
    }

    private List<int> ReadExpose(YamlMapping service, string what)
    {
        var ports = new List<int>();
        foreach (YamlNode item in values.Items(service, "expose", $"{what}.expose"))
        {
            string text = (item as YamlScalar)?.Value ?? "";
            try
            {
                (int first, int last) = Canonical.ParseRange(text.EndsWith("/tcp", StringComparison.Ordinal) ? text[..^4] : text);
                ports.AddRange(Enumerable.Range(first, Math.Min(last - first + 1, 1000)));
            }
            catch (FormatException exception)
            {
                diagnostics.Error(item.Location, $"{what}.expose: {exception.Message}");
            }
        }

        return ports;
    }

    private List<ComposeMount> ReadMounts(YamlMapping service, string what)
    {
        what = $"{what}.volumes";
        var mounts = new List<ComposeMount>();
        foreach (YamlNode item in values.Items(service, "volumes", what))
        {
            if (item is not YamlMapping mount)
            {
                diagnostics.Error(item.Location, $"{what} has volumes such as ./data:/data, or mappings with type:, source: and target:");
                continue;
            }

            MountKeys.Check(mount, what, diagnostics);
            string? source = values.Text(mount, "source", $"{what}.source");
            string? target = values.Text(mount, "target", $"{what}.target");
            string? type = values.Text(mount, "type", $"{what}.type");
            bool isReadOnly = values.Truth(mount, "read_only", $"{what}.read_only");
            if (target is null || !target.StartsWith('/'))
            {
                diagnostics.Error(mount["target"]?.Location ?? mount.Location, $"{what}: the target is a path that begins with a slash{(target is null ? "" : $", not \"{target}\"")}.");
                continue;
            }

            bool creates = values.Mapping(mount, "bind", $"{what}.bind") is not { } bind || values.Truth(bind, "create_host_path", $"{what}.bind.create_host_path", otherwise: true);
            switch (type)
            {
                case "bind" when source is not null:
                    if (!creates && !Directory.Exists(source) && !File.Exists(source))
                    {
                        diagnostics.Error(mount["source"]!.Location, $"{what}: {source} is not there.");
                    }

                    mounts.Add(new ComposeMount(ComposeMountKind.Bind, source, target, isReadOnly, creates, mount.Location));
                    break;
                case "volume":
                    if (source is not null && (root["volumes"] as YamlMapping)?.Find(source) is null)
                    {
                        diagnostics.Error(
                            mount["source"]!.Location, $"{what}: there is no volume \"{source}\". Declare it (volumes: at the left margin, and below it {source}:), or write ./{source} for a folder.");
                    }

                    mounts.Add(new ComposeMount(ComposeMountKind.Volume, source, target, isReadOnly, true, mount.Location));
                    break;
                case "tmpfs":
                    mounts.Add(new ComposeMount(ComposeMountKind.Temporary, null, target, isReadOnly, true, mount.Location));
                    break;
                case "bind":
                    diagnostics.Error(mount.Location, $"{what}: the source of a bind mount is missing: source: ./data");
                    break;
                default:
                    diagnostics.Error(mount["type"]?.Location ?? mount.Location, $"{what}: the type is bind, volume or tmpfs{(type is null ? "" : $", not \"{type}\"")}.");
                    break;
            }
        }

        foreach (YamlNode item in values.Items(service, "tmpfs", "tmpfs"))
        {
            // Options such as :size=64m follow the path.
            if (item is YamlScalar path && path.Value.Split(':')[0] is { } target && target.StartsWith('/'))
            {
                mounts.Add(new ComposeMount(ComposeMountKind.Temporary, null, target, false, true, item.Location));
            }
            else
            {
                diagnostics.Error(item.Location, "tmpfs is a path that begins with a slash, or a list of them.");
            }
        }

        foreach (IGrouping<string, ComposeMount> same in mounts.GroupBy(mount => mount.Target.TrimEnd('/')).Where(group => group.Count() > 1))
        {
            diagnostics.Error(same.Last().Location, $"{what}: two volumes have the target {same.Key}.");
        }

        return mounts;
    }

    private void ReadFiles(List<ComposeFile> files, YamlMapping service, string key, string folder, string what)
    {
        what = $"{what}.{key}";
        foreach (YamlNode item in values.Items(service, key, what))
        {
            if (item is not YamlMapping mapping || values.Text(mapping, "source", $"{what}.source") is not { } source)
            {
                diagnostics.Error(item.Location, $"{what} has names, or mappings with source: and target:");
                continue;
            }

            FileKeys.Check(mapping, what, diagnostics);
            if ((root[key] as YamlMapping)?[source] is not YamlMapping declared)
            {
                diagnostics.Error(item.Location, $"{what}: there is no \"{source}\" among the {key} at the left margin. Declare it there: {source}: with file: ./FILE or environment: NAME");
                continue;
            }

            string target = values.Text(mapping, "target", $"{what}.target") ?? source;
            target = target.StartsWith('/') ? target : folder + target;
            string? path = values.Text(declared, "file", $"{key}.{source}.file");
            string? content = values.Text(declared, "content", $"{key}.{source}.content");
            string? variable = values.Text(declared, "environment", $"{key}.{source}.environment");
            if (path is not null && !File.Exists(path))
            {
                diagnostics.Error(declared["file"]!.Location, $"{key}.{source}: {path} is not there.");
            }
            else if (variable is not null && (content = host(variable)) is null)
            {
                diagnostics.Error(declared["environment"]!.Location, $"{key}.{source}: the variable {variable} is not set. Set it in the environment or in the file .env.");
            }
            else if (path is null && content is null)
            {
                diagnostics.Error(declared.Location, $"{key}.{source} has no content: write file: ./FILE, environment: NAME{(key == "configs" ? " or content: TEXT" : "")}. What is kept elsewhere (external) is not supported.");
            }

            files.Add(new ComposeFile(source, target, path, content, IsSecret: key == "secrets"));
        }
    }

    private List<ComposeDependency> ReadDependencies(YamlMapping service, string name, string what)
    {
        what = $"{what}.depends_on";
        var dependencies = new List<ComposeDependency>();
        foreach (YamlEntry entry in values.Mapping(service, "depends_on", what)?.Entries ?? [])
        {
            if (entry.Value is not YamlMapping mapping)
            {
                diagnostics.Error(entry.Value.Location, $"{what}.{entry.Key} has a condition: service_started, service_healthy or service_completed_successfully.");
                continue;
            }

            DependencyKeys.Check(mapping, what, diagnostics);
            if (entry.Key == name)
            {
                diagnostics.Error(entry.KeyLocation, $"{what}: {name} would wait for itself.");
                continue;
            }

            string? condition = values.Text(mapping, "condition", $"{what}.condition");
            ComposeDependencyCondition? read = condition switch
            {
                null or "service_started" => ComposeDependencyCondition.Started,
                "service_healthy" => ComposeDependencyCondition.Healthy,
                "service_completed_successfully" => ComposeDependencyCondition.Completed,
                _ => null,
            };
            if (read is null)
            {
                diagnostics.Error(mapping["condition"]!.Location, $"{what}: the condition is service_started, service_healthy or service_completed_successfully, not \"{condition}\".");
                continue;
            }

            dependencies.Add(new ComposeDependency(
                entry.Key,
                read.Value,
                values.Truth(mapping, "required", $"{what}.required", otherwise: true),
                values.Truth(mapping, "restart", $"{what}.restart")));
        }

        return dependencies;
    }

    private ComposeRestart ReadRestart(YamlMapping service, YamlMapping deploy, string what)
    {
        if (values.Mapping(deploy, "restart_policy", $"{what}.deploy.restart_policy") is { } policy)
        {
            string? condition = values.Text(policy, "condition", $"{what}.deploy.restart_policy.condition");
            ComposeRestartCondition? read = condition switch
            {
                null or "any" => ComposeRestartCondition.Always,
                "on-failure" => ComposeRestartCondition.OnFailure,
                "none" => ComposeRestartCondition.Never,
                _ => null,
            };
            if (read is null)
            {
                diagnostics.Error(policy["condition"]!.Location, $"{what}.deploy.restart_policy.condition is none, on-failure or any, not \"{condition}\".");
            }

            return new ComposeRestart(
                read ?? ComposeRestartCondition.Never,
                values.Count(policy, "max_attempts", $"{what}.deploy.restart_policy.max_attempts"),
                values.Duration(policy, "delay", $"{what}.deploy.restart_policy.delay"));
        }

        string? restart = values.Text(service, "restart", $"{what}.restart");
        switch (restart)
        {
            case null or "no" or "false" or "":
                return new ComposeRestart(ComposeRestartCondition.Never, null, null);
            case "always" or "unless-stopped":
                return new ComposeRestart(ComposeRestartCondition.Always, null, null);
            case "on-failure":
                return new ComposeRestart(ComposeRestartCondition.OnFailure, null, null);
        }

        if (restart.StartsWith("on-failure:", StringComparison.Ordinal)
            && int.TryParse(restart.AsSpan("on-failure:".Length), NumberStyles.None, CultureInfo.InvariantCulture, out int attempts))
        {
            return new ComposeRestart(ComposeRestartCondition.OnFailure, attempts, null);
        }

        diagnostics.Error(service["restart"]!.Location, $"{what}.restart is \"no\", always, on-failure, on-failure:TIMES or unless-stopped, not \"{restart}\".");
        return new ComposeRestart(ComposeRestartCondition.Never, null, null);
    }

    private Dictionary<string, IReadOnlyList<string>> ReadNetworks(YamlMapping service, string what)
    {
        what = $"{what}.networks";
        var networks = new Dictionary<string, IReadOnlyList<string>>();
        if (values.Text(service, "network_mode", "network_mode") == "none")
        {
            return networks;
        }

        foreach (YamlEntry entry in values.Mapping(service, "networks", what)?.Entries ?? [])
        {
            if (entry.Key != "default" && (root["networks"] as YamlMapping)?.Find(entry.Key) is null)
            {
                diagnostics.Error(entry.KeyLocation, $"{what}: there is no network \"{entry.Key}\". Declare it (networks: at the left margin, and below it {entry.Key}:).");
            }

            IReadOnlyList<string> aliases = [];
            if (entry.Value is YamlMapping mapping)
            {
                NetworkKeys.Check(mapping, what, diagnostics);
                aliases = values.Texts(mapping, "aliases", $"{what}.aliases");
            }

            networks[entry.Key] = aliases;
        }

        if (networks.Count == 0)
        {
            networks["default"] = [];
        }

        return networks;
    }

    private string ReadSignal(YamlMapping service, string what)
    {
        string signal = values.Text(service, "stop_signal", $"{what}.stop_signal") ?? "SIGTERM";
        signal = signal.StartsWith("SIG", StringComparison.Ordinal) ? signal : "SIG" + signal;
        if (signal is "SIGTERM" or "SIGINT" or "SIGQUIT" or "SIGHUP" or "SIGKILL" or "SIGUSR1" or "SIGUSR2")
        {
            return signal;
        }

        diagnostics.Error(service["stop_signal"]!.Location, $"{what}.stop_signal: {signal} is not known. There are SIGTERM, SIGINT, SIGQUIT, SIGHUP, SIGKILL, SIGUSR1 and SIGUSR2.");
        return "SIGTERM";
    }

    private IReadOnlyList<string> ReadConnect(YamlMapping extension, string what, ComposeServiceKind kind)
    {
        what = $"{what}.x-wherry.connect";
        IReadOnlyList<string> hosts = values.Texts(extension, "connect", what);
        foreach (string text in hosts)
        {
            if (!ConnectRule.TryParse(text, out _, out string? error))
            {
                diagnostics.Error(extension["connect"]!.Location, $"{what}: {error}");
            }
        }

        if (hosts.Count > 0 && kind != ComposeServiceKind.Guest)
        {
            diagnostics.Warn(extension["connect"]!.Location, $"{what} has no effect: only guests' connections are checked.");
        }

        return hosts;
    }
}
