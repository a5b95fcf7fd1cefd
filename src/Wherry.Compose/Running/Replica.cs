using System.Diagnostics;
using System.Globalization;
using Wherry.Compose.Running.Health;
using Wherry.Compose.Running.Workloads;

namespace Wherry.Compose.Running;

/// <summary>One replica of a service: runs its workload, and runs it again by the service's policy.</summary>
internal sealed class Replica(ServiceRunner service, int number)
{
    private const int CannotRun = 126;

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

    public ReplicaState State { get; private set; }

    public ReplicaHealth Health { get; private set; }

    public int? ExitCode { get; private set; }

    public int Restarts { get; private set; }

    public DateTimeOffset Since { get; private set; } = DateTimeOffset.Now;

    public bool HasEnded => State is ReplicaState.Exited;

    public Workload? Workload => Volatile.Read(ref workload);

    /// <summary>What it waits for is being waited for.</summary>
    public void SetWaiting() => Set(ReplicaState.Waiting);

    /// <summary>It will not be started.</summary>
    public void Fail(int exitCode)
    {
        ExitCode = exitCode;
        Set(ReplicaState.Exited);
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
    }

    public ReplicaStatus Describe(IReadOnlyList<string> ports) =>
        new(service.Service.Name, Number, service.Service.Kind, State, Health, ExitCode, Restarts, Since, ports, Workload?.MemoryBytes, Workload?.CpuTime);

    private async Task SuperviseAsync()
    {
        int failures = 0;
        TimeSpan delay = service.Service.Restart.Delay ?? FirstDelay;
        while (true)
        {
            long start = Stopwatch.GetTimestamp();
            int exitCode = await RunOnceAsync().ConfigureAwait(false);
            ExitCode = exitCode;
            if (Volatile.Read(ref isStopped))
            {
                Set(ReplicaState.Exited);
                return;
            }

            if (Stopwatch.GetElapsedTime(start) >= GoodRun)
            {
                failures = 0;
                delay = service.Service.Restart.Delay ?? FirstDelay;
            }

            failures++;
            ComposeRestart policy = service.Service.Restart;
            bool again = policy.Condition == ComposeRestartCondition.Always || (policy.Condition == ComposeRestartCondition.OnFailure && exitCode != 0);
            if (!again || (policy.MaximumAttempts is { } most && Restarts >= most))
            {
                service.Tell(Number, $"exited with code {(uint)exitCode}{(again ? $", after {Restarts} restarts" : "")}");
                Set(ReplicaState.Exited);
                return;
            }

            service.Tell(Number, string.Create(CultureInfo.InvariantCulture, $"exited with code {(uint)exitCode}; it is started again in {delay.TotalSeconds:0.###} s"));
            Set(ReplicaState.Restarting);
            if (await Task.WhenAny(Task.Delay(delay), stopping.Task).ConfigureAwait(false) == stopping.Task)
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
        Volatile.Write(ref workload, current);
        using var ended = new CancellationTokenSource();
        Task health = Task.CompletedTask;
        current.Start();
        await current.Running.ConfigureAwait(false);
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

            if (service.Service.HealthCheck is { } check)
            {
                health = new HealthMonitor(check, current, SetHealth).RunAsync(ended.Token);
            }
        }

        int exitCode = await current.Ended.ConfigureAwait(false);
        await ended.CancelAsync().ConfigureAwait(false);
        try
        {
            await health.ConfigureAwait(false);
        }
        catch (OperationCanceledException)
        {
            // It has ended with what it watched.
        }

        Volatile.Write(ref workload, null);
        (current as IDisposable)?.Dispose();
        return exitCode;
    }

    private void SetHealth(ReplicaHealth health)
    {
        Health = health;
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
        if (state is ReplicaState.Exited or ReplicaState.Restarting or ReplicaState.Starting)
        {
            Health = ReplicaHealth.None;
        }

        service.OnChanged(hasEnded: state == ReplicaState.Exited);
    }
}
