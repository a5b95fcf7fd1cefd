using System.Globalization;
using System.Net;
using System.Net.Sockets;
using Wherry.Compose.Running.Workloads;
using Wherry.Wasi;
using Wherry.Wasi.Network.InProcess;

namespace Wherry.Compose.Running;

/// <summary>A service of a running project: its replicas, its ports, and its place on the network.</summary>
internal sealed partial class ServiceRunner : IAsyncDisposable
{
    private const int CannotRun = 126;

    private readonly ProjectRunner project;
    private readonly Lock gate = new();
    private readonly NetworkService? network;
    private readonly List<Replica> replicas = [];
    private readonly List<PortPublisher.Port> published = [];
    private readonly List<PublishedPort> udpPorts = [];

    /// <summary>Where others reach the ports of what is no guest.</summary>
    private readonly Dictionary<int, IPEndPoint> hostPorts = [];
    private readonly HashSet<int> told = [];
    private int wanted;
    private int version;

    public ServiceRunner(ProjectRunner project, ComposeService service)
    {
        this.project = project;
        Service = service;
        wanted = project.Options.Replicas.TryGetValue(service.Name, out int count) ? count : service.Replicas;
        network = service.Networks.Count > 0 ? project.Network.AddService(service.Name, service.Networks) : null;
        if (network is not null)
        {
            network.ListeningChanged += (_, _) => Changed.Set();
        }
    }

    /// <summary>What the replicas are started from; an update changes it.</summary>
    public ComposeService Service { get; private set; }

    /// <summary>How many replicas there are to be.</summary>
    public int WantedReplicas
    {
        get
        {
            lock (gate)
            {
                return wanted;
            }
        }
    }

    /// <summary>Set whenever a replica's state or health changes.</summary>
    public Pulse Changed { get; } = new();

    public IReadOnlyList<Replica> Replicas
    {
        get
        {
            lock (gate)
            {
                return [.. replicas];
            }
        }
    }

    /// <summary>Waits for what the service depends on, and starts its replicas, unless they are stopped meanwhile.</summary>
    /// <returns>False if it could not be started: the log says why.</returns>
    public async Task<bool> StartAsync(CancellationToken cancellationToken)
    {
        try
        {
            return await StartInTurnAsync(cancellationToken).ConfigureAwait(false);
        }
        catch (OperationCanceledException)
        {
            foreach (Replica replica in Replicas)
            {
                replica.GiveUp();
            }

            throw;
        }
        finally
        {
            if (Replicas is { Count: > 0 } all && all.All(replica => replica.IsStopped))
            {
                // Who stopped them may have done so before the ports were taken.
                GiveBackPorts();
            }
        }
    }

    private async Task<bool> StartInTurnAsync(CancellationToken cancellationToken)
    {
        Scale(wanted);
        foreach (Replica replica in Replicas.Where(replica => replica.State is ReplicaState.Created or ReplicaState.Exited))
        {
            replica.SetWaiting();
        }

        foreach (ComposeDependency dependency in Service.DependsOn)
        {
            if (project.Find(dependency.Service) is not { } other)
            {
                continue;
            }

            string? problem = await other.WaitForAsync(dependency.Condition, cancellationToken).ConfigureAwait(false);
            if (problem is not null)
            {
                Tell(1, $"{(dependency.IsRequired ? "it is not started" : "it is started nevertheless")}: {dependency.Service} {problem}");
                if (dependency.IsRequired)
                {
                    Fail();
                    return false;
                }
            }
        }

        try
        {
            cancellationToken.ThrowIfCancellationRequested();
            TakePorts();
            await PrepareDemandAsync().ConfigureAwait(false);
            await LoadModuleAsync().ConfigureAwait(false);
        }
        catch (Exception exception) when (exception is not OperationCanceledException && !cancellationToken.IsCancellationRequested)
        {
            bool isForeseen = exception is IOException or UnauthorizedAccessException or ModuleException or TextFormatException;
            Tell(1, isForeseen ? exception.Message : $"an error in Wherry itself, please report it: {exception}");
            Fail();
            return false;
        }

        // To load a module takes a while: who has ended or stopped the project meanwhile, or a replica, does not want it started.
        cancellationToken.ThrowIfCancellationRequested();
        foreach (Replica replica in Replicas)
        {
            replica.StartUnlessStopped();
        }

        return true;
    }

    /// <summary>Loads a guest's module while no replica keeps a thread for that.</summary>
    private async Task LoadModuleAsync()
    {
        if (Service.Kind != ComposeServiceKind.Guest || Service.StartsOnDemand)
        {
            return;
        }

        foreach (Replica replica in Replicas.Where(replica => replica.State == ReplicaState.Waiting))
        {
            replica.SetStarting();
        }

        try
        {
            await Task.Run(() => project.Modules.Get(Service)).ConfigureAwait(false);
        }
        catch (Exception)
        {
            // Whatever it is, the replicas find the same, and do what their policy says.
        }
    }

    /// <summary>Stops all replicas and gives the ports back.</summary>
    /// <param name="limit">How long they may take; null for the service's own time.</param>
    public async Task StopAsync(TimeSpan? limit = null)
    {
        await Task.WhenAll(Replicas.Select(replica => replica.StopAsync(limit ?? Service.StopGracePeriod))).ConfigureAwait(false);
        GiveBackPorts();
    }

    /// <summary>After all replicas have ended.</summary>
    public async ValueTask DisposeAsync()
    {
        // What an update has started ends with it.
        await updating.WaitAsync().ConfigureAwait(false);
        updating.Dispose();
    }

    public void Kill()
    {
        foreach (Replica replica in Replicas)
        {
            replica.Kill();
        }
    }

    /// <summary>Changes how many replicas there are; those beyond are stopped, new ones wait to be started.</summary>
    public void Scale(int count)
    {
        List<Replica> surplus = [];
        lock (gate)
        {
            wanted = count;
            while (replicas.Count < count)
            {
                replicas.Add(new Replica(this, replicas.Count + 1));
            }

            while (replicas.Count > count)
            {
                surplus.Add(replicas[^1]);
                replicas.RemoveAt(replicas.Count - 1);
            }
        }

        foreach (Replica replica in surplus)
        {
            _ = replica.StopAsync(Service.StopGracePeriod);
        }
    }

    /// <summary>Waits for a condition.</summary>
    /// <returns>Null when it holds; else why it will not.</returns>
    public async Task<string?> WaitForAsync(ComposeDependencyCondition condition, CancellationToken cancellationToken)
    {
        while (true)
        {
            Task change = Changed.Next;
            IReadOnlyList<Replica> all = Replicas;
            if (all.Count == 0 && wanted == 0)
            {
                return condition == ComposeDependencyCondition.Started ? null : "has no replicas";
            }

            switch (condition)
            {
                case ComposeDependencyCondition.Started when all.Count > 0 && all.All(replica => replica.State is ReplicaState.Running or ReplicaState.Idle || (replica.HasEnded && replica.ExitCode == 0)
                    || replica is { State: ReplicaState.Restarting or ReplicaState.Starting, HasRun: true }):
                case ComposeDependencyCondition.Healthy when all.Count > 0 && all.All(replica => replica.Health == ReplicaHealth.Healthy || replica.State == ReplicaState.Idle):
                case ComposeDependencyCondition.Completed when all.Count > 0 && all.All(replica => replica.HasEnded && replica.ExitCode == 0):
                    return null;
            }

            foreach (Replica replica in all)
            {
                if (replica.HasEnded && (condition == ComposeDependencyCondition.Healthy || replica.ExitCode != 0))
                {
                    return $"exited with code {(uint)(replica.ExitCode ?? 0)}";
                }

                if (condition == ComposeDependencyCondition.Healthy && replica.Health == ReplicaHealth.Unhealthy)
                {
                    return "is unhealthy";
                }
            }

            await change.WaitAsync(cancellationToken).ConfigureAwait(false);
        }
    }

    /// <summary>Waits until a replica has ended so often, without having been what others may wait for, that it won't be soon.</summary>
    /// <returns>Which, and what it ended with last.</returns>
    public async Task<string> WaitForCrashLoopAsync(CancellationToken cancellationToken)
    {
        const int Often = 8;
        while (true)
        {
            Task change = Changed.Next;
            foreach (Replica replica in Replicas)
            {
                if (replica.Restarts >= Often && !(Service.HealthCheck is null ? replica.HasRun : replica.HasBeenHealthy))
                {
                    return string.Create(CultureInfo.InvariantCulture, $"{Service.Name}-{replica.Number} keeps ending, with code {(uint)(replica.ExitCode ?? 0)}: see wherry logs {Service.Name}");
                }
            }

            await change.WaitAsync(cancellationToken).ConfigureAwait(false);
        }
    }

    /// <summary>Connects to one of its ports from this process.</summary>
    public async ValueTask<Stream> ConnectAsync(int port, CancellationToken cancellationToken)
    {
        while (true)
        {
            Task change = Changed.Next;
            if (Service.Kind == ComposeServiceKind.Guest)
            {
                NetworkService guests = network ?? throw new IOException($"{Service.Name} is on no network.");
                switch (guests.ConnectFromHost((ushort)port, out int handle))
                {
                    case Delivery.Taken:
                        return new NetworkStream(new Socket(new SafeSocketHandle(handle, ownsHandle: true)), ownsSocket: true);
                    case Delivery.Full:
                        throw new IOException($"{Service.Name} has not accepted the connections that wait for it.");
                }
            }
            else if (Replicas.Select(replica => replica.Workload).FirstOrDefault(workload => workload is { Running.IsCompleted: true, Ended.IsCompleted: false }) is { } running)
            {
                return await running.ConnectAsync(port, cancellationToken).ConfigureAwait(false);
            }

            if (Replicas is { Count: > 0 } && HasEnded)
            {
                throw new IOException($"{Service.Name} has ended.");
            }

            await change.WaitAsync(cancellationToken).ConfigureAwait(false);
        }
    }

    /// <summary>Whether it is being restarted: then its end is not for good.</summary>
    public bool IsRestarting { get; set; }

    /// <summary>Whether all replicas have ended for good.</summary>
    public bool HasEnded => !IsRestarting && Replicas.All(replica => replica.HasEnded);

    /// <summary>A replica's state or health is another one.</summary>
    public void OnChanged(bool hasEnded)
    {
        Changed.Set();
        if (hasEnded)
        {
            project.Ended.Set();
        }
    }

    public void Tell(int replica, string text) => project.Logs.Add(Service.Name, replica, LogSource.Wherry, text);

    public IEnumerable<ReplicaStatus> Describe()
    {
        string[] ports;
        lock (gate)
        {
            ports =
            [
                .. published.Select(port => string.Create(CultureInfo.InvariantCulture, $"{port.EndPoint}->{port.ServicePort}")),
                .. udpPorts.Select(port => string.Create(CultureInfo.InvariantCulture, $"{port.Address}:{port.Port}->{port.GuestPort}/udp")),
                .. Service.Ports.Where(port => !port.IsUdp && hostPorts.ContainsKey(port.Target))
                    .Select(port => string.Create(CultureInfo.InvariantCulture, $"{new IPEndPoint(port.Address, hostPorts[port.Target].Port)}->{port.Target}")),
            ];
        }

        return Replicas.Select(replica => replica.Describe(ports));
    }

    /// <summary>The workload of a replica's next run.</summary>
    public Workload CreateWorkload(Replica replica)
    {
        void Log(LogSource source, string text) => project.Logs.Add(Service.Name, replica.Number, source, text);
        GuestFolders folders = FoldersOf(Service, replica);
        switch (Service.Kind)
        {
            case ComposeServiceKind.Guest:
                return CreateGuest(Service, replica, isHeld: false);
            case ComposeServiceKind.Static:
                return new StaticWorkload(Service, StaticEndPoints(), project.Observer.Counters(null, Service.Name), Log);
            case ComposeServiceKind.Process:
                // Once for a run: health checks get them too, and files must not change under the helper.
                var variables = new Lazy<KeyValuePair<string, string>[]>(() => [.. Service.Environment, .. PortVariables(), .. folders.Variables()]);
                return new ProcessWorkload(ProcessLaunch.OfProcess(Service, project.Project), () => variables.Value, HostPort, Log);
            default:
                return new ProcessWorkload(
                    ProcessLaunch.OfContainer(Service, project.Project, folders, HostPort, ProcessLaunch.FindEngine() ?? throw new IOException("there is neither docker nor podman.")), () => [], HostPort, Log);
        }
    }

    private GuestFolders FoldersOf(ComposeService service, Replica replica) => new(
        service, project.Project, project.VolumeFolder, Path.Combine(project.TemporaryFolder, string.Create(CultureInfo.InvariantCulture, $"{service.Name}-{replica.Number}")), version);

    private GuestWorkload CreateGuest(ComposeService service, Replica replica, bool isHeld) => new(
        service, project.Modules, network, FoldersOf(service, replica), udpPorts, (source, text) => project.Logs.Add(service.Name, replica.Number, source, text), OnListening)
    {
        IsHeld = isHeld,
        Starts = project.Starts,
        Processors = project.Processors,
        Egress = replica.Egress,
    };

    private IPEndPoint? HostPort(int port)
    {
        lock (gate)
        {
            return hostPorts.GetValueOrDefault(port);
        }
    }

    private IEnumerable<KeyValuePair<string, string>> PortVariables()
    {
        lock (gate)
        {
            return [.. hostPorts.Select(pair => KeyValuePair.Create(
                string.Create(CultureInfo.InvariantCulture, $"WHERRY_PORT_{pair.Key}"), pair.Value.Port.ToString(CultureInfo.InvariantCulture)))];
        }
    }

    private List<IPEndPoint> StaticEndPoints()
    {
        lock (gate)
        {
            List<IPEndPoint> endPoints = [.. Service.Ports.Where(port => !port.IsUdp).Select(port => new IPEndPoint(port.Address, hostPorts[port.Target].Port)).Distinct()];
            foreach (IPEndPoint reached in hostPorts.Values)
            {
                if (!endPoints.Exists(endPoint => endPoint.Port == reached.Port
                    && (endPoint.Address.Equals(reached.Address) || endPoint.Address.Equals(IPAddress.Any) || endPoint.Address.Equals(IPAddress.IPv6Any))))
                {
                    endPoints.Add(reached);
                }
            }

            return endPoints;
        }
    }

    private void OnListening(int guestPort)
    {
        lock (gate)
        {
            foreach (PortPublisher.Port port in published.Where(port => port.ServicePort == guestPort && told.Add(guestPort)))
            {
                Tell(1, $"listening on {port.EndPoint}");
            }
        }
    }

    /// <summary>Takes the host's ports, so that one that is taken is known before anything runs.</summary>
    private void TakePorts()
    {
        lock (gate)
        {
            if (published.Count > 0 || hostPorts.Count > 0)
            {
                return;
            }

            bool isGuest = Service.Kind == ComposeServiceKind.Guest;
            foreach (ComposePort port in Service.Ports)
            {
                if (isGuest && port.IsUdp)
                {
                    udpPorts.Add(new PublishedPort(port.First, port.Target, port.Address, NetworkProtocol.Udp));
                }
                else if (isGuest && network is not null)
                {
                    published.Add(project.Publisher.Publish(port.Address, port.First, port.Last, network, port.Target));
                }
                else if (!port.IsUdp)
                {
                    int number = port.First > 0 && port.First == port.Last ? port.First : FreePort(port.Address, port.First, port.Last);
                    hostPorts[port.Target] = new IPEndPoint(AddressOf(port), number);
                }
            }

            if (!isGuest)
            {
                IEnumerable<int> own = Service.Kind == ComposeServiceKind.Static && Service.Ports.Count == 0 && Service.Expose.Count == 0 ? [80] : Service.Expose;
                foreach (int port in own.Where(port => !hostPorts.ContainsKey(port)))
                {
                    hostPorts[port] = new IPEndPoint(IPAddress.Loopback, FreePort(IPAddress.Loopback, 0, 0));
                }

                foreach ((int port, IPEndPoint host) in hostPorts)
                {
                    network?.SetHostPort(port, Wasi.Sockets.SocketAddress.FromEndPoint(host));
                }
            }
        }
    }

    /// <summary>
    /// Where a published port is reached from here. A helper is told its port only, and so listens at the loopback address; a site listens there for guests whose sockets are IPv4's.
    /// </summary>
    private IPAddress AddressOf(ComposePort port) =>
        Service.Kind == ComposeServiceKind.Process || port.Address.Equals(IPAddress.Any) || port.Address.Equals(IPAddress.IPv6Any)
            || (Service.Kind == ComposeServiceKind.Static && port.Address.AddressFamily == AddressFamily.InterNetworkV6)
            ? IPAddress.Loopback
            : port.Address;

    private void GiveBackPorts()
    {
        PortPublisher.Port[] ports;
        lock (gate)
        {
            network?.ClearHostPorts();
            network?.EndDemand();
            ports = [.. published];
            published.Clear();
            udpPorts.Clear();
            hostPorts.Clear();
            told.Clear();
        }

        foreach (PortPublisher.Port port in ports)
        {
            port.Dispose();
        }
    }

    private void Fail()
    {
        foreach (Replica replica in Replicas)
        {
            replica.Fail(CannotRun);
        }
    }

    /// <summary>A port that is free now; what will listen on it does so itself, a moment later.</summary>
    private static int FreePort(IPAddress address, int first, int last)
    {
        for (int port = first; port <= last; port++)
        {
            using var socket = new Socket(address.AddressFamily, SocketType.Stream, ProtocolType.Tcp);
            try
            {
                socket.Bind(new IPEndPoint(address, port));
                return ((IPEndPoint)socket.LocalEndPoint!).Port;
            }
            catch (SocketException) when (port < last)
            {
                // The next one.
            }
            catch (SocketException exception)
            {
                throw new IOException($"the host can't listen on {address}:{first}-{last}: {exception.Message}.", exception);
            }
        }

        throw new IOException($"the host has no free port from {first} to {last}.");
    }
}
