using System.Diagnostics;
using System.Globalization;
using Wherry.Compose.Running.Health;
using Wherry.Compose.Running.Workloads;

namespace Wherry.Compose.Running;

/// <content>Updates: new replicas are started beside the old ones, and take their places when they are as far.</content>
internal sealed partial class ServiceRunner
{
    private static readonly TimeSpan ReadinessLook = TimeSpan.FromMilliseconds(20);

    /// <summary>Where the old one listened on nothing, the new one is taken for good when it has run for so long.</summary>
    private static readonly TimeSpan Settling = TimeSpan.FromMilliseconds(500);

    private readonly SemaphoreSlim updating = new(1, 1);

    /// <summary>Replaces what runs by what a changed description says. Ports and networks stay.</summary>
    /// <param name="next">The description: a guest's.</param>
    /// <param name="drain">How long connections to what runs now may take to end.</param>
    /// <param name="startLimit">How long the new replicas may take to be as far as the old ones.</param>
    /// <param name="cancellationToken">Ends the waiting, and so the update.</param>
    /// <returns>Null; or what is wrong: then nothing has changed.</returns>
    public async Task<string?> UpdateAsync(ComposeService next, TimeSpan drain, TimeSpan startLimit, CancellationToken cancellationToken)
    {
        // One of its own, whatever it says: workloads are told apart by what they were started from.
        next = next with { };
        await updating.WaitAsync(cancellationToken).ConfigureAwait(false);
        try
        {
            await Task.Run(() => project.Modules.Get(next), cancellationToken).ConfigureAwait(false);
            await WaitUntilSettledAsync(next, startLimit, cancellationToken).ConfigureAwait(false);
            version++;
            if (await ReplaceAsync(next, drain, startLimit, cancellationToken).ConfigureAwait(false) is { } problem)
            {
                return problem;
            }

            foreach (Replica replica in Replicas)
            {
                replica.StartNow();
                if (replica is { State: ReplicaState.Exited, IsStopped: false })
                {
                    TakePorts();
                    replica.Start();
                }
            }

            return await ReplaceLateAsync(next, drain, startLimit, cancellationToken).ConfigureAwait(false);
        }
        catch (Exception exception) when (exception is IOException or UnauthorizedAccessException or ModuleException or TextFormatException)
        {
            return exception.Message;
        }
        finally
        {
            updating.Release();
        }
    }

    /// <summary>Those that had ended by themselves may have been started again, from the old description, before the new one was in its place.</summary>
    private async Task<string?> ReplaceLateAsync(ComposeService next, TimeSpan drain, TimeSpan startLimit, CancellationToken cancellationToken)
    {
        await WaitUntilSettledAsync(next, startLimit, cancellationToken).ConfigureAwait(false);
        while (Replicas.Where(replica => IsOld(replica, next)).Select(replica => replica.Number).ToArray() is { Length: > 0 } old)
        {
            if (await ReplaceAsync(next, drain, startLimit, cancellationToken).ConfigureAwait(false) is { } problem)
            {
                return $"replica {string.Join(", ", old)} had ended by itself meanwhile and runs as the old version until it ends again, beside new ones: {problem}";
            }

            await WaitUntilSettledAsync(next, startLimit, cancellationToken).ConfigureAwait(false);
        }

        return null;
    }

    private static bool IsOld(Replica replica, ComposeService next) => replica.State == ReplicaState.Running && replica.Workload is GuestWorkload workload && !ReferenceEquals(workload.Service, next);

    /// <summary>Starts new workloads beside all that run from another description, and puts them into their places when all are as far.</summary>
    /// <returns>Null; or what is wrong: then nothing has changed.</returns>
    private async Task<string?> ReplaceAsync(ComposeService next, TimeSpan drain, TimeSpan startLimit, CancellationToken cancellationToken)
    {
        List<(Replica Replica, Workload Old, Workload New)> pairs = [];
        bool isDone = false;
        try
        {
            foreach (Replica replica in Replicas)
            {
                if (IsOld(replica, next) && replica.Workload is { } old)
                {
                    GuestWorkload started = CreateGuest(next, replica, isHeld: true);
                    pairs.Add((replica, old, started));
                    started.Start();
                }
            }

            string?[] problems = await Task.WhenAll(pairs.Select(pair => WaitUntilReadyAsync(pair.Old, pair.New, next, startLimit, cancellationToken))).ConfigureAwait(false);
            if (Array.Find(problems, problem => problem is not null) is { } problem)
            {
                return problem;
            }

            Service = next;
            isDone = true;
            foreach ((Replica replica, Workload old, Workload started) in pairs)
            {
                if (!replica.TryReplace(old, started, drain))
                {
                    // It has ended by itself meanwhile, and comes back; or it was stopped.
                    await EndAsync([started]).ConfigureAwait(false);
                }
            }

            return null;
        }
        finally
        {
            if (!isDone)
            {
                await EndAsync(pairs.Select(pair => pair.New)).ConfigureAwait(false);
            }
        }
    }

    /// <summary>A replica that is just being started would be of the old version, and left out.</summary>
    private async Task WaitUntilSettledAsync(ComposeService next, TimeSpan limit, CancellationToken cancellationToken)
    {
        using var waiting = CancellationTokenSource.CreateLinkedTokenSource(cancellationToken);
        waiting.CancelAfter(limit);
        try
        {
            while (true)
            {
                Task change = Changed.Next;
                if (Replicas.All(replica => replica.State is not (ReplicaState.Starting or ReplicaState.Stopping) || replica.Workload is GuestWorkload { Service: var service } && ReferenceEquals(service, next)))
                {
                    return;
                }

                await change.WaitAsync(waiting.Token).ConfigureAwait(false);
            }
        }
        catch (OperationCanceledException) when (!cancellationToken.IsCancellationRequested)
        {
            throw new IOException("the old version is still being started or stopped");
        }
    }

    private static async Task EndAsync(IEnumerable<Workload> workloads)
    {
        Workload[] all = [.. workloads];
        foreach (Workload workload in all)
        {
            workload.Kill();
        }

        await Task.WhenAll(all.Select(workload => workload.Ended)).ConfigureAwait(false);
    }

    /// <summary>Waits until a new workload listens wherever the old one does, and is healthy if there is a check.</summary>
    /// <returns>Null, or why it is not to be waited for.</returns>
    private static async Task<string?> WaitUntilReadyAsync(Workload old, Workload next, ComposeService service, TimeSpan limit, CancellationToken cancellationToken)
    {
        long start = Stopwatch.GetTimestamp();
        IReadOnlyCollection<int> ports = old.Member?.ListeningPorts ?? [];
        using var ended = CancellationTokenSource.CreateLinkedTokenSource(cancellationToken);
        ReplicaHealth health = service.HealthCheck is null ? ReplicaHealth.Healthy : ReplicaHealth.Starting;
        Task monitor = Task.CompletedTask;
        try
        {
            while (true)
            {
                TimeSpan passed = Stopwatch.GetElapsedTime(start);
                if (next.Ended.IsCompleted)
                {
                    return $"the new version has ended with code {(uint)await next.Ended.ConfigureAwait(false)}: see wherry logs";
                }

                IReadOnlyCollection<int> own = next.Member?.ListeningPorts ?? [];
                int[] missing = [.. ports.Where(port => !own.Contains(port))];
                bool isThere = missing.Length == 0 && next.Running.IsCompleted && (ports.Count > 0 || passed >= Settling);
                if (isThere && health == ReplicaHealth.Healthy)
                {
                    return null;
                }

                if (isThere && service.HealthCheck is { } check && monitor.IsCompleted)
                {
                    monitor = new HealthMonitor(check with { StartInterval = ReadinessLook }, next, value => health = value).RunAsync(ended.Token);
                }

                if (health == ReplicaHealth.Unhealthy || passed >= limit)
                {
                    string within = string.Create(CultureInfo.InvariantCulture, $"within {limit.TotalSeconds:0.###} s");
                    return health == ReplicaHealth.Unhealthy ? "the new version is unhealthy"
                        : missing.Length > 0 ? $"the new version did not listen on port {string.Join(", ", missing)} {within}"
                        : isThere ? $"the new version was not healthy {within}"
                        : $"the new version did not start {within}";
                }

                await Task.WhenAny(next.Ended, Task.Delay(ReadinessLook, cancellationToken)).ConfigureAwait(false);
                cancellationToken.ThrowIfCancellationRequested();
            }
        }
        finally
        {
            await ended.CancelAsync().ConfigureAwait(false);
            try
            {
                await monitor.ConfigureAwait(false);
            }
            catch (OperationCanceledException)
            {
                // It has ended with the wait.
            }
        }
    }
}
