using System.Globalization;
using Microsoft.Extensions.Diagnostics.HealthChecks;
using Wherry.Compose;
using Wherry.Compose.Running;

namespace Wherry.Hosting;

/// <summary>A service's health: good when all replicas run and their own checks succeed, or sleep until they are needed, or there are to be none, or have ended as they should; degraded when only some do.</summary>
internal sealed class ServiceHealthCheck(ProjectRunner runner, string service) : IHealthCheck
{
    public Task<HealthCheckResult> CheckHealthAsync(HealthCheckContext context, CancellationToken cancellationToken = default)
    {
        ReplicaStatus[] replicas = [.. runner.Status.Where(status => status.Service == service)];
        ServiceRunner running = runner.Find(service)!;
        int good = replicas.Count(status => IsGood(status) || (running.Service.StartsOnDemand && IsWaking(status)));
        string description = string.Join(", ", replicas.Select(Describe));
        HealthStatus health = good == replicas.Length && (good > 0 || running.WantedReplicas == 0) ? HealthStatus.Healthy
            : good > 0 ? HealthStatus.Degraded
            : context.Registration.FailureStatus;
        return Task.FromResult(new HealthCheckResult(health, description.Length == 0 ? "no replicas" : description));
    }

    private static bool IsGood(ReplicaStatus status) => status switch
    {
        { State: ReplicaState.Running, Health: ReplicaHealth.None or ReplicaHealth.Healthy } => true,
        { State: ReplicaState.Idle } or { State: ReplicaState.Exited, ExitCode: 0 } => true,
        _ => false,
    };

    /// <summary>What starts on demand is as good while it does as it was before.</summary>
    private static bool IsWaking(ReplicaStatus status) => status.State is ReplicaState.Starting || status is { State: ReplicaState.Running, Health: ReplicaHealth.Starting };

    private static string Describe(ReplicaStatus status)
    {
        string state = status.State.ToString().ToLowerInvariant();
        string health = status.Health == ReplicaHealth.None ? "" : $" ({status.Health.ToString().ToLowerInvariant()})";
        string code = status is { State: ReplicaState.Exited, ExitCode: { } number } ? string.Create(CultureInfo.InvariantCulture, $" with code {(uint)number}") : "";
        return string.Create(CultureInfo.InvariantCulture, $"{status.Service}-{status.Replica} {state}{health}{code}");
    }
}
