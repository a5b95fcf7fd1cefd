using System.Globalization;

namespace Wherry.Compose.Running.Workloads;

/// <summary>How a helper or a container is started.</summary>
internal sealed record ProcessLaunch
{
    public required string Name { get; init; }

    /// <summary>The program and its arguments.</summary>
    public required IReadOnlyList<string> Command { get; init; }

    /// <summary>What starts it: a group of its own, and a signal when this process ends without having stopped it.</summary>
    public IReadOnlyList<string> Wrapper { get; init; } = [];

    /// <summary>What stands before a health check's command.</summary>
    public IReadOnlyList<string> CheckPrefix { get; init; } = [];

    /// <summary>What ends it for good when it had to be killed: a container is not this process's child. None if killing is enough.</summary>
    public IReadOnlyList<string> EndCommand { get; init; } = [];

    public required string Folder { get; init; }

    public int StopSignal { get; init; } = 15;

    public static ProcessLaunch OfProcess(ComposeService service, ComposeProject project) => new()
    {
        Name = service.Name,
        Command = [.. service.Process, .. service.Command ?? []],
        Wrapper = FindWrapper(),
        Folder = Path.GetFullPath(service.WorkingDirectory ?? ".", project.Folder),
        StopSignal = SignalNumber(service.StopSignal),
    };

    /// <summary>The command line of docker or podman.</summary>
    public static ProcessLaunch OfContainer(ComposeService service, ComposeProject project, GuestFolders folders, Func<int, System.Net.IPEndPoint?> hostPort, string engine)
    {
        string name = $"{project.Name}-{service.Name}-1";
        var command = new List<string>
        {
            engine, "run", "--rm", "--name", name, "--security-opt", "no-new-privileges", "--label", $"wherry.project={project.Name}", "--stop-signal", service.StopSignal,
        };
        if (service.Networks.Count == 0)
        {
            command.AddRange(["--network", "none"]);
        }

        foreach ((string variable, string value) in service.Environment)
        {
            command.AddRange(["-e", $"{variable}={value}"]);
        }

        foreach (ComposePort port in service.Ports)
        {
            string address = port.Address.AddressFamily == System.Net.Sockets.AddressFamily.InterNetworkV6 ? $"[{port.Address}]" : port.Address.ToString();
            int host = port.IsUdp ? port.First : hostPort(port.Target)?.Port ?? port.First;
            command.AddRange(["-p", string.Create(CultureInfo.InvariantCulture, $"{address}:{host}:{port.Target}{(port.IsUdp ? "/udp" : "")}")]);
        }

        foreach (int port in service.Expose.Where(port => service.Ports.All(published => published.Target != port)))
        {
            command.AddRange(["-p", string.Create(CultureInfo.InvariantCulture, $"127.0.0.1:{hostPort(port)?.Port}:{port}")]);
        }

        foreach (ComposeMount mount in service.Mounts)
        {
            command.AddRange(mount.Kind == ComposeMountKind.Temporary
                ? ["--tmpfs", mount.Target]
                : ["-v", $"{folders.Source(mount)}:{mount.Target}{(mount.IsReadOnly ? ":ro" : "")}"]);
        }

        foreach ((ComposeFile file, string path) in folders.Files())
        {
            command.AddRange(["-v", $"{path}:{file.Target}:ro"]);
        }

        if (service.MemoryBytes is { } bytes)
        {
            command.AddRange(["--memory", bytes.ToString(CultureInfo.InvariantCulture)]);
        }

        if (service.Cpus is { } cores)
        {
            command.AddRange(["--cpus", cores.ToString(CultureInfo.InvariantCulture)]);
        }

        if (service.WorkingDirectory is { } folder)
        {
            command.AddRange(["--workdir", folder]);
        }

        if (service.Entrypoint is [var entry, ..])
        {
            command.AddRange(["--entrypoint", entry]);
        }

        command.Add(service.Image!);
        command.AddRange(service.Entrypoint?.Skip(1) ?? []);
        command.AddRange(service.Command ?? []);
        return new ProcessLaunch
        {
            Name = service.Name,
            Command = command,
            Wrapper = FindWrapper(),
            CheckPrefix = [engine, "exec", name],
            EndCommand = [engine, "rm", "-f", name],
            Folder = project.Folder,
            StopSignal = SignalNumber(service.StopSignal),
        };
    }

    /// <summary>docker or podman, whichever there is.</summary>
    public static string? FindEngine() => Find("docker") is not null ? "docker" : Find("podman") is not null ? "podman" : null;

    private static List<string> FindWrapper()
    {
        var wrapper = new List<string>();
        if (Find("setpriv") is { } setpriv)
        {
            wrapper.AddRange([setpriv, "--pdeathsig", "TERM"]);
        }

        wrapper.Add(Find("setsid") ?? throw new IOException("there is no setsid (util-linux), by which a process gets a group of its own."));
        return wrapper;
    }

    private static string? Find(string program) =>
        $"{Environment.GetEnvironmentVariable("PATH")}:/usr/bin:/bin".Split(':', StringSplitOptions.RemoveEmptyEntries).Select(folder => Path.Combine(folder, program)).FirstOrDefault(File.Exists);

    private static int SignalNumber(string name) => name switch
    {
        "SIGHUP" => 1,
        "SIGINT" => 2,
        "SIGQUIT" => 3,
        "SIGKILL" => 9,
        "SIGUSR1" => 10,
        "SIGUSR2" => 12,
        _ => 15,
    };
}
