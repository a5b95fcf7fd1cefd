using System.Diagnostics;
using System.Globalization;
using Wherry.Compose.Running.Health;
using Wherry.Compose.Running.Workloads;
using Wherry.Wasi.Network;

namespace Wherry.Compose.Running;

/// <summary>One replica of a service: runs its workload, and runs it again by the service's policy.</summary>
internal sealed partial class Replica(ServiceRunner service, int number)
{
    private const int CannotRun = 126;
    private const int StoppedBeforeStart = 143;

    private static readonly TimeSpan FirstDelay = TimeSpan.FromMilliseconds(100);
    private static readonly TimeSpan LongestDelay = TimeSpan.FromMinutes(1);

    /// <summary>A run of this length was a success: the next failure is the first one again.</summary>
    private static readonly TimeSpan GoodRun = TimeSpan.FromSeconds(10);

    private readonly Lock gate = new();
    private TaskCompletionSource stopping = new(TaskCreationOptions.RunContinuationsAsynchronously);
    private Task supervision = Task.CompletedTask;
    private Workload? workload;
    private bool isStopped;

    public int Number { get; } = number;

    /// <summary>Where its guests have connected to.</summary>
    public EgressRecord Egress { get; } = new();

    public ReplicaState State { get; private set; }

    public ReplicaHealth Health { get; private set; }

    public int? ExitCode { get; private set; }

    public int Restarts { get; private set; }

    public DateTimeOffset Since { get; private set; } = DateTimeOffset.Now;

    /// <summary>Whether it has run at least once since it was started by somebody.</summary>
    public bool HasRun { get; private set; }

    /// <summary>Whether its health check has succeeded at least once since then.</summary>
    public bool HasBeenHealthy { get; private set; }

    public bool HasEnded => State is ReplicaState.Exited;

    public Workload? Workload => Volatile.Read(ref workload);

    /// <summary>It is to be started by <see cref="StartUnlessStopped"/>, unless it is stopped before; what it waits for is being waited for.</summary>
    public void SetWaiting()
    {
        lock (gate)
        {
            isStopped = false;
        }

        Set(ReplicaState.Waiting);
    }

    /// <summary>What it is run from is being made ready.</summary>
    public void SetStarting()
    {
        if (!IsStopped)
        {
            Set(ReplicaState.Starting);
        }
    }

    /// <summary>It is not started after all: somebody has stopped it meanwhile, or nobody wants it any more.</summary>
    public void GiveUp()
    {
        lock (gate)
        {
            if (!supervision.IsCompleted || State == ReplicaState.Exited)
            {
                return;
            }
        }

        Set(ReplicaState.Exited);
    }

    /// <summary>It will not be started.</summary>
    public void Fail(int exitCode)
    {
        ExitCode = exitCode;
        Set(ReplicaState.Exited);
    }

    /// <summary>As <see cref="Start"/>, unless it was stopped after <see cref="SetWaiting"/>.</summary>
    public void StartUnlessStopped()
    {
        lock (gate)
        {
            if (!isStopped)
            {
                Start();
                return;
            }
        }

        GiveUp();
    }

    /// <summary>Begins to run it, unless it does.</summary>
    public void Start()
    {
        lock (gate)
        {
            if (!supervision.IsCompleted)
            {
                return;
            }

            stopping = new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously);
            isStopped = false;
            Restarts = 0;
            HasRun = false;
            HasBeenHealthy = false;
            supervision = Task.Run(SuperviseAsync);
        }
    }

    /// <summary>Asks it to end and waits; kills it when the time is over.</summary>
    public async Task StopAsync(TimeSpan limit)
    {
        Task ending;
        lock (gate)
        {
            ending = supervision;
            isStopped = true;
            stopping.TrySetResult();
        }

        Workload? running = Workload;
        if (running is not null && !ending.IsCompleted)
        {
            Set(ReplicaState.Stopping);
            running.AskToStop();
            if (await Task.WhenAny(ending, Task.Delay(limit)).ConfigureAwait(false) != ending)
            {
                if (limit > TimeSpan.Zero)
                {
                    service.Tell(Number, string.Create(CultureInfo.InvariantCulture, $"it did not stop within {limit.TotalSeconds:0.#} s and is killed"));
                }

                running.Kill();
            }
        }

        await ending.ConfigureAwait(false);
        await EndRetiringAsync().ConfigureAwait(false);
        if (State != ReplicaState.Exited)
        {
            Set(ReplicaState.Exited);
        }
    }

    /// <summary>Ends it at once.</summary>
    public void Kill()
    {
        lock (gate)
        {
            isStopped = true;
            stopping.TrySetResult();
        }

        Workload?.Kill();
        KillRetiring();
    }

    public ReplicaStatus Describe(IReadOnlyList<string> ports)
    {
        Workload? running = Workload;
        return new ReplicaStatus(service.Service.Name, Number, service.Service.Kind, State, Health, ExitCode, Restarts, Since, ports, running?.MemoryBytes, running?.CpuTime)
        {
            Connections = running?.Member?.OpenConnections,
            Accepted = running?.Member?.AcceptedConnections,
            Retiring = RetiringCount,
            Egress = Egress.Entries,
        };
    }

    private async Task SuperviseAsync()
    {
        TimeSpan delay = service.Service.Restart.Delay ?? FirstDelay;
        while (true)
        {
            if (service.Service.StartsOnDemand && !await WaitForDemandAsync().ConfigureAwait(false))
            {
                Set(ReplicaState.Exited);
                return;
            }

            long start = Stopwatch.GetTimestamp();
            int exitCode = await RunOnceAsync().ConfigureAwait(false);
            ExitCode = exitCode;
            if (Volatile.Read(ref isStopped))
            {
                Set(ReplicaState.Exited);
                return;
            }

            if (hasLeft || Stopwatch.GetElapsedTime(start) >= GoodRun)
            {
                delay = service.Service.Restart.Delay ?? FirstDelay;
            }

            if (hasLeft)
            {
                continue;
            }

            ComposeRestart policy = service.Service.Restart;
            if (service.Service.StartsOnDemand)
            {
                // Whoever waits may have been what ended it, and comes again if it likes.
                service.RefuseDemand();
                service.Tell(Number, $"exited with code {(uint)exitCode}; the next connection starts it again");
            }
            else if (policy.Condition != ComposeRestartCondition.Always && (policy.Condition != ComposeRestartCondition.OnFailure || exitCode == 0))
            {
                service.Tell(Number, $"exited with code {(uint)exitCode}");
                Set(ReplicaState.Exited);
                return;
            }
            else if (policy.MaximumAttempts is { } most && Restarts >= most)
            {
                service.Tell(Number, $"exited with code {(uint)exitCode}, after {Restarts} restarts");
                Set(ReplicaState.Exited);
                return;
            }
            else
            {
                service.Tell(Number, string.Create(CultureInfo.InvariantCulture, $"exited with code {(uint)exitCode}; it is started again in {delay.TotalSeconds:0.###} s"));
            }

            Set(ReplicaState.Restarting);
            if (await Task.WhenAny(Task.Delay(delay), stopping.Task, skipDelay.Next).ConfigureAwait(false) == stopping.Task)
            {
                Set(ReplicaState.Exited);
                return;
            }

            delay = delay + delay < LongestDelay ? delay + delay : LongestDelay;
            Restarts++;
        }
    }

    private async Task<int> RunOnceAsync()
    {
        Set(ReplicaState.Starting);
        hasLeft = false;
        Workload current;
        try
        {
            current = service.CreateWorkload(this);
        }
        catch (Exception exception) when (exception is IOException or UnauthorizedAccessException)
        {
            service.Tell(Number, $"it can't be started: {exception.Message}");
            return CannotRun;
        }

        Health = service.Service.HealthCheck is null ? ReplicaHealth.None : ReplicaHealth.Starting;
        lock (gate)
        {
            if (isStopped)
            {
                // Whoever stops it looks for what runs after having said so, and has found nothing.
                (current as IDisposable)?.Dispose();
                return StoppedBeforeStart;
            }

            workload = current;
        }

        current.Start();
        await current.Running.ConfigureAwait(false);
        HasRun |= current.HasRun;
        if (!current.Ended.IsCompleted)
        {
            if (!Volatile.Read(ref isStopped))
            {
                Set(ReplicaState.Running);
            }
            else
            {
                current.AskToStop();
            }
        }

        while (true)
        {
            Workload? next = await AttendAsync(current).ConfigureAwait(false);
            if (next is null)
            {
                break;
            }

            current = next;
        }

        int exitCode = await current.Ended.ConfigureAwait(false);
        (current as IDisposable)?.Dispose();
        return exitCode;
    }

    /// <summary>Looks after a workload until it has ended, or another has taken its place.</summary>
    /// <returns>The one that has taken its place; null when it has ended.</returns>
    private async Task<Workload?> AttendAsync(Workload current)
    {
        using var ended = new CancellationTokenSource();
        List<Task> monitors = [];
        hasLeft = false;
        if (!current.Ended.IsCompleted)
        {
            if (service.Service.HealthCheck is { } check)
            {
                monitors.Add(new HealthMonitor(check, current, SetHealth).RunAsync(ended.Token));
            }

            if (service.Service.StartsOnDemand)
            {
                monitors.Add(WatchUseAsync(current, ended.Token));
                monitors.Add(LimitDemandAsync(ended.Token));
            }
        }

        Workload? next;
        while (true)
        {
            Task change = replaced.Next;
            if (HasPassed(current, out next))
            {
                break;
            }

            await Task.WhenAny(current.Ended, change).ConfigureAwait(false);
        }

        await ended.CancelAsync().ConfigureAwait(false);
        try
        {
            await Task.WhenAll(monitors).ConfigureAwait(false);
        }
        catch (OperationCanceledException)
        {
            // They have ended with what they watched.
        }

        return next;
    }

    private void SetHealth(ReplicaHealth health)
    {
        Health = health;
        HasBeenHealthy |= health == ReplicaHealth.Healthy;
        if (health == ReplicaHealth.Unhealthy)
        {
            service.Tell(Number, "it is unhealthy: its health check has failed as often as allowed");
        }

        service.Changed.Set();
    }

    private void Set(ReplicaState state)
    {
        State = state;
        Since = DateTimeOffset.Now;
        if (state is ReplicaState.Exited or ReplicaState.Restarting or ReplicaState.Starting or ReplicaState.Idle)
        {
            Health = ReplicaHealth.None;
        }

        service.OnChanged(hasEnded: state == ReplicaState.Exited);
    }
}
