using Wherry.Aot;
using Wherry.Compose.Logs;
using Wherry.Compose.Observing;
using Wherry.Compose.Running;
using Wherry.Compose.Running.Processors;
using Wherry.Compose.Running.Workloads;
using Wherry.Wasi.Network.InProcess;

namespace Wherry.Compose;

/// <summary>
/// Runs a project's services in this process: guests on threads, on a network of the project's own; static sites with Kestrel; helpers and containers, where allowed, as processes. Services start
/// when what they depend on is there, and are started again by their policy.
/// </summary>
public sealed class ProjectRunner : IAsyncDisposable, IDisposable
{
    private readonly Dictionary<string, ServiceRunner> services;
    private readonly Lazy<PortPublisher> publisher;
    private readonly CancellationTokenSource disposed = new();
    private readonly IDisposable? reading;
    private readonly ProjectMeter meter;

    /// <summary>Prepares a project. Nothing runs yet.</summary>
    /// <exception cref="ComposeFileException">The project asks for what the options don't allow.</exception>
    public ProjectRunner(ComposeProject project, ProjectRunnerOptions options)
    {
        ArgumentNullException.ThrowIfNull(project);
        ArgumentNullException.ThrowIfNull(options);
        Project = project;
        Options = options;
        CheckAllowed(project, options);
        Modules = new ModuleCatalog(options.CodeCache);
        VolumeFolder = options.VolumeFolder ?? Path.Combine(UserFolders.Data ?? throw new IOException("there is no place for volumes: the user has no home folder."), "volumes");
        TemporaryFolder = Directory.CreateTempSubdirectory("wherry-up-").FullName;
        reading = options.Log is { } log ? Logs.Read(log) : null;
        publisher = new Lazy<PortPublisher>(() => new PortPublisher(message => Logs.Add("wherry", 1, LogSource.Wherry, message)));
        HashSet<string> Named(Predicate<ComposeService> isMeant) => [.. project.Services.Where(service => isMeant(service)).Select(service => service.Name)];
        Observer = new TrafficObserver(Named(service => service.Kind == ComposeServiceKind.Static), Named(service => service.IsHttp));
        Network.Observer = Observer;
        services = project.Services.ToDictionary(service => service.Name, service => new ServiceRunner(this, service));
        meter = new ProjectMeter(this, Observer);
    }

    /// <summary>What is run.</summary>
    public ComposeProject Project { get; }

    internal ProjectRunnerOptions Options { get; }

    internal LogHub Logs { get; } = new();

    /// <summary>Set whenever a replica has ended.</summary>
    internal Pulse Ended { get; } = new();

    internal InProcessNetwork Network { get; } = new();

    internal TrafficObserver Observer { get; }

    internal PortPublisher Publisher => publisher.Value;

    internal ModuleCatalog Modules { get; }

    internal StartQueue Starts { get; } = new(4 * Environment.ProcessorCount);

    internal CpuLimiter Processors { get; } = new();

    internal string VolumeFolder { get; }

    internal string TemporaryFolder { get; }

    /// <summary>All replicas as they are now.</summary>
    public IReadOnlyList<ReplicaStatus> Status => [.. services.Values.SelectMany(service => service.Describe())];

    /// <summary>What has passed between services, and between them and the outside.</summary>
    public IReadOnlyList<TrafficStatus> Traffic => Observer.Status;

    internal ServiceRunner? Find(string name) => services.GetValueOrDefault(name);

    /// <summary>Starts services, each when what it depends on is there.</summary>
    /// <param name="names">The services, and what they depend on; null for all.</param>
    /// <param name="cancellationToken">Ends the waiting. What was started goes on.</param>
    /// <returns>Whether all were started; the log says why others were not.</returns>
    public async Task<bool> StartAsync(IReadOnlyCollection<string>? names = null, CancellationToken cancellationToken = default)
    {
        using var ending = CancellationTokenSource.CreateLinkedTokenSource(cancellationToken, disposed.Token);
        bool[] results = await Task.WhenAll(Select(names, withDependencies: true).Select(service => service.StartAsync(ending.Token))).ConfigureAwait(false);
        return Array.TrueForAll(results, isStarted => isStarted);
    }

    /// <summary>Stops services: those that depend on others before these.</summary>
    /// <param name="names">The services; null for all.</param>
    /// <param name="limit">How long each may take; null for its own time.</param>
    public async Task StopAsync(IReadOnlyCollection<string>? names = null, TimeSpan? limit = null)
    {
        ServiceRunner[] stopping = [.. Select(names, withDependencies: false)];
        var tasks = new Dictionary<string, Task>();
        foreach (ServiceRunner service in stopping)
        {
            _ = StopAfterDependents(service);
        }

        await Task.WhenAll(tasks.Values).ConfigureAwait(false);

        Task StopAfterDependents(ServiceRunner service)
        {
            if (!tasks.TryGetValue(service.Service.Name, out Task? task))
            {
                Task[] before = [.. stopping.Where(other => other.Service.DependsOn.Any(dependency => dependency.Service == service.Service.Name)).Select(StopAfterDependents)];
                task = StopAsync(before, service);
                tasks[service.Service.Name] = task;
            }

            return task;
        }

        async Task StopAsync(Task[] before, ServiceRunner service)
        {
            await Task.WhenAll(before).ConfigureAwait(false);
            await service.StopAsync(limit).ConfigureAwait(false);
        }
    }

    /// <summary>Stops services and starts them again, with those that ask for it when what they depend on is restarted.</summary>
    /// <param name="names">The services; null for all.</param>
    /// <param name="limit">How long each may take to stop; null for its own time.</param>
    public async Task RestartAsync(IReadOnlyCollection<string>? names = null, TimeSpan? limit = null)
    {
        HashSet<string> all = [.. Select(names, withDependencies: false).Select(service => service.Service.Name)];
        while (services.Values.FirstOrDefault(
            service => !all.Contains(service.Service.Name) && service.Service.DependsOn.Any(dependency => dependency.Restarts && all.Contains(dependency.Service))) is { } dependent)
        {
            all.Add(dependent.Service.Name);
        }

        SetRestarting(true);
        try
        {
            await StopAsync(all, limit).ConfigureAwait(false);
            await Task.WhenAll(all.Select(name => services[name].StartAsync(disposed.Token))).ConfigureAwait(false);
        }
        finally
        {
            SetRestarting(false);
        }

        void SetRestarting(bool value)
        {
            foreach (string name in all)
            {
                services[name].IsRestarting = value;
            }

            Ended.Set();
        }
    }

    /// <summary>Changes how many replicas a service has.</summary>
    public async Task ScaleAsync(string name, int replicas)
    {
        ServiceRunner service = services[name];
        service.Scale(replicas);
        await service.StartAsync(disposed.Token).ConfigureAwait(false);
    }

    /// <summary>
    /// Replaces a guest by another module, or by itself with other settings: the new version is started, new connections go to it as soon as it listens wherever the old one does, and the old one ends when its
    /// connections have.
    /// </summary>
    /// <param name="changed">The service as it is to be. It is started by it from now on; ports and networks can't change.</param>
    /// <param name="options">How long things may take; null for the defaults.</param>
    /// <param name="cancellationToken">Ends the waiting, and with it the update.</param>
    /// <returns>Null; or why nothing has changed.</returns>
    public async Task<string?> UpdateAsync(ComposeService changed, UpdateOptions? options = null, CancellationToken cancellationToken = default)
    {
        ArgumentNullException.ThrowIfNull(changed);
        ServiceRunner service = services[changed.Name];
        if (service.Service.Kind != ComposeServiceKind.Guest || changed.Kind != ComposeServiceKind.Guest)
        {
            return "only guests can be replaced while they run.";
        }

        using var ending = CancellationTokenSource.CreateLinkedTokenSource(cancellationToken, disposed.Token);
        options ??= new UpdateOptions();
        string? problem = await service.UpdateAsync(changed, options.Drain, options.StartLimit, ending.Token).ConfigureAwait(false);
        service.Tell(1, problem is null ? $"updated: {Path.GetFileName(changed.ModulePath)}" : $"not updated: {problem}");
        Modules.Keep(services.Values.Select(each => each.Service.ModulePath).OfType<string>().ToHashSet());
        return problem;
    }

    /// <summary>A service as it is started now; null if the project has none of the name.</summary>
    public ComposeService? FindService(string name) => Find(name)?.Service;

    /// <summary>Completes when all services have ended for good.</summary>
    /// <returns>0, or the code of the first that failed, in the file's order.</returns>
    public async Task<int> WaitForEndAsync(CancellationToken cancellationToken = default)
    {
        while (true)
        {
            Task change = Ended.Next;
            if (services.Values.All(service => service.HasEnded))
            {
                break;
            }

            await change.WaitAsync(cancellationToken).ConfigureAwait(false);
        }

        return services.Values.SelectMany(service => service.Replicas).Select(replica => replica.ExitCode ?? 0).FirstOrDefault(code => code != 0);
    }

    /// <summary>Starts services and waits until they run, and are healthy where they have a check.</summary>
    /// <param name="names">The services, and what they depend on; null or none for all.</param>
    /// <param name="cancellationToken">Ends the waiting.</param>
    /// <returns>Null when they do; else what is wrong, or nothing if the log says it.</returns>
    internal async Task<string?> StartUntilReadyAsync(IReadOnlyCollection<string>? names, CancellationToken cancellationToken)
    {
        using var ending = CancellationTokenSource.CreateLinkedTokenSource(cancellationToken);
        Task<string?> ready = WaitAsync();
        Task<string>[] loops = [.. Select(names, withDependencies: true).Select(service => service.WaitForCrashLoopAsync(ending.Token))];
        await Task.WhenAny((Task[])[ready, .. loops]).ConfigureAwait(false);
        if (!ready.IsCompleted && Array.Find(loops, loop => loop.IsCompletedSuccessfully) is { } found)
        {
            return await found.ConfigureAwait(false);
        }

        await ending.CancelAsync().ConfigureAwait(false);
        return await ready.ConfigureAwait(false);

        async Task<string?> WaitAsync()
        {
            if (!await StartAsync(names, cancellationToken).ConfigureAwait(false))
            {
                return "";
            }

            string?[] problems = await Task.WhenAll(Select(names, withDependencies: true).Select(async service => await service.WaitForAsync(
                service.Service.HealthCheck is null ? ComposeDependencyCondition.Started : ComposeDependencyCondition.Healthy, cancellationToken).ConfigureAwait(false) is { } problem
                    ? $"{service.Service.Name} {problem}" : null)).ConfigureAwait(false);
            return Array.Find(problems, problem => problem is not null);
        }
    }

    /// <summary>Ends all services at once.</summary>
    public void Kill()
    {
        foreach (ServiceRunner service in services.Values)
        {
            service.Kill();
        }
    }

    /// <summary>
    /// Connects to a port of a service, published or not: to a guest's without the system's network. Waits while none of its replicas listens, as when it is just being started; replicas get connections in
    /// turn.
    /// </summary>
    /// <param name="name">The service.</param>
    /// <param name="port">Its own port; a static site has one behind all numbers.</param>
    /// <param name="cancellationToken">Ends the waiting.</param>
    /// <returns>The connection, to be disposed.</returns>
    /// <exception cref="IOException">There is no such service, it is on no network, or it has ended for good.</exception>
    public ValueTask<Stream> ConnectAsync(string name, int port, CancellationToken cancellationToken = default)
    {
        ArgumentOutOfRangeException.ThrowIfNegativeOrZero(port);
        ArgumentOutOfRangeException.ThrowIfGreaterThan(port, ushort.MaxValue);
        return Find(name) is { } service ? service.ConnectAsync(port, cancellationToken) : throw new IOException($"there is no service \"{name}\" in the project.");
    }

    /// <summary>As <see cref="DisposeAsync"/>, waiting.</summary>
    public void Dispose() => DisposeAsync().AsTask().GetAwaiter().GetResult();

    /// <summary>Ends what still runs, at once, and removes what is temporary.</summary>
    public async ValueTask DisposeAsync()
    {
        if (disposed.IsCancellationRequested)
        {
            return;
        }

        await disposed.CancelAsync().ConfigureAwait(false);
        await StopAsync(limit: TimeSpan.Zero).ConfigureAwait(false);
        foreach (ServiceRunner service in services.Values)
        {
            await service.DisposeAsync().ConfigureAwait(false);
        }

        if (publisher.IsValueCreated)
        {
            publisher.Value.Dispose();
        }

        Processors.Dispose();
        Modules.Dispose();
        meter.Dispose();
        reading?.Dispose();
        disposed.Dispose();
        try
        {
            Directory.Delete(TemporaryFolder, recursive: true);
        }
        catch (IOException)
        {
            // Something still writes there.
        }
    }

    private static void CheckAllowed(ComposeProject project, ProjectRunnerOptions options)
    {
        var problems = new List<ComposeDiagnostic>();
        foreach (ComposeService service in project.Services)
        {
            string? problem = service.Kind switch
            {
                ComposeServiceKind.Process when !options.AllowsProcesses =>
                    $"services.{service.Name} runs a program of this machine, {service.Process[0]}, with all your rights. If you trust the file: --allow-processes",
                ComposeServiceKind.Container when !options.AllowsContainers =>
                    $"services.{service.Name}: the image {service.Image} is no module, and needs docker or podman. If you trust it: --allow-containers. Otherwise write image: ./app.wasm, or x-wherry: with static: FOLDER or process: [PROGRAM, …]",
                ComposeServiceKind.Container when ProcessLaunch.FindEngine() is null => $"services.{service.Name}: the image {service.Image} needs docker or podman, and neither is installed.",
                _ => null,
            };
            if (problem is not null)
            {
                problems.Add(new ComposeDiagnostic(ComposeSeverity.Error, service.Location, problem));
            }
        }

        foreach (string name in options.Replicas.Keys.Where(name => project.Services.All(service => service.Name != name)))
        {
            problems.Add(new ComposeDiagnostic(ComposeSeverity.Error, new SourceLocation(project.Files is [var first, ..] ? first : project.Folder, 0, 0), $"there is no service \"{name}\" to scale. There are {string.Join(", ", project.Services.Select(service => service.Name))}."));
        }

        foreach (ComposeService service in project.Services.Where(service => service.Kind != ComposeServiceKind.Guest && options.Replicas.GetValueOrDefault(service.Name) > 1))
        {
            problems.Add(new ComposeDiagnostic(ComposeSeverity.Error, service.Location, $"services.{service.Name} can't have {options.Replicas[service.Name]} replicas: only guests have more than one."));
        }

        if (problems.Count > 0)
        {
            throw new ComposeFileException(problems);
        }
    }

    private IEnumerable<ServiceRunner> Select(IReadOnlyCollection<string>? names, bool withDependencies)
    {
        if (names is null or { Count: 0 })
        {
            return services.Values;
        }

        var selected = new HashSet<string>();
        var open = new Queue<string>(names);
        while (open.TryDequeue(out string? name))
        {
            if (services.TryGetValue(name, out ServiceRunner? service) && selected.Add(name) && withDependencies)
            {
                foreach (ComposeDependency dependency in service.Service.DependsOn)
                {
                    open.Enqueue(dependency.Service);
                }
            }
        }

        return services.Values.Where(service => selected.Contains(service.Service.Name));
    }
}
