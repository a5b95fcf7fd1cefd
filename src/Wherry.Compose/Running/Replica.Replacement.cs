using System.Diagnostics;
using System.Globalization;
using Wherry.Compose.Running.Workloads;
using Wherry.Wasi.Network.InProcess;

namespace Wherry.Compose.Running;

/// <content>Replacement: another workload takes the place of the one that runs, which goes on until its connections have ended.</content>
internal sealed partial class Replica
{
    private static readonly TimeSpan RetirementLook = TimeSpan.FromMilliseconds(50);

    private readonly Pulse skipDelay = new();
    private readonly Dictionary<Workload, Task> retiring = [];
    private readonly Pulse replaced = new();

    /// <summary>Whether somebody stopped it, so that only they start it again.</summary>
    public bool IsStopped => Volatile.Read(ref isStopped);

    private int RetiringCount
    {
        get
        {
            lock (gate)
            {
                return retiring.Count;
            }
        }
    }

    /// <summary>If it waits to be started again, it is started now.</summary>
    public void StartNow() => skipDelay.Set();

    /// <summary>Puts a workload that runs into the place of the one that ran till now.</summary>
    /// <param name="old">The one that should be running.</param>
    /// <param name="next">The other.</param>
    /// <param name="drain">How long the old one's connections may take to end.</param>
    /// <returns>False if the old one is no more; then the other is the caller's to end.</returns>
    public bool TryReplace(Workload old, Workload next, TimeSpan drain)
    {
        lock (gate)
        {
            if (isStopped || workload != old || old.Ended.IsCompleted)
            {
                return false;
            }

            // In this order, so that there is always one to connect to.
            next.Member?.Open();
            Volatile.Write(ref workload, next);
            Health = service.Service.HealthCheck is null ? ReplicaHealth.None : ReplicaHealth.Healthy;
            replaced.Set();
            retiring[old] = Task.Run(() => RetireAsync(old, drain));
        }

        service.OnChanged(hasEnded: false);
        return true;
    }

    /// <summary>Whether a workload has ended, or another has taken its place.</summary>
    private bool HasPassed(Workload current, out Workload? next)
    {
        lock (gate)
        {
            if (workload == current && current.Ended.IsCompleted)
            {
                workload = null;
            }

            next = workload == current ? null : workload;
            return workload != current;
        }
    }

    private async Task RetireAsync(Workload old, TimeSpan drain)
    {
        long start = Stopwatch.GetTimestamp();
        NetworkMember? member = old.Member;
        member?.StopListening();
        while (member?.IsInUse == true && !old.Ended.IsCompleted && !IsStopped && Stopwatch.GetElapsedTime(start) < drain)
        {
            await Task.WhenAny(old.Ended, Task.Delay(RetirementLook)).ConfigureAwait(false);
        }

        if (member?.IsInUse == true && !old.Ended.IsCompleted && !IsStopped)
        {
            service.Tell(Number, string.Create(CultureInfo.InvariantCulture, $"{member.OpenConnections} connections to the old version have not ended within {drain.TotalSeconds:0.###} s and are cut"));
        }

        old.AskToStop();
        TimeSpan left = drain - Stopwatch.GetElapsedTime(start);
        if (left <= TimeSpan.Zero || await Task.WhenAny(old.Ended, Task.Delay(left)).ConfigureAwait(false) != old.Ended)
        {
            old.Kill();
        }

        await old.Ended.ConfigureAwait(false);
        (old as IDisposable)?.Dispose();
        lock (gate)
        {
            retiring.Remove(old);
        }

        service.OnChanged(hasEnded: false);
    }

    private void KillRetiring()
    {
        Workload[] all;
        lock (gate)
        {
            all = [.. retiring.Keys];
        }

        foreach (Workload old in all)
        {
            old.Kill();
        }
    }

    /// <summary>When the replica has been stopped, earlier versions have had their time too.</summary>
    private async Task EndRetiringAsync()
    {
        KillRetiring();
        Task[] all;
        lock (gate)
        {
            all = [.. retiring.Values];
        }

        await Task.WhenAll(all).ConfigureAwait(false);
    }
}
