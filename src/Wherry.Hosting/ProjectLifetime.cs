using Microsoft.Extensions.Hosting;
using Wherry.Compose;

namespace Wherry.Hosting;

/// <summary>Starts the project with the application and stops it with it.</summary>
internal sealed class ProjectLifetime(ProjectRunner runner) : IHostedService
{
    /// <exception cref="InvalidOperationException">A service could not be started: the application is not either.</exception>
    public async Task StartAsync(CancellationToken cancellationToken)
    {
        if (!await runner.StartAsync(cancellationToken: cancellationToken).ConfigureAwait(false))
        {
            string failed = string.Join(", ", runner.Status.Where(status => status is { State: ReplicaState.Exited, ExitCode: not 0 }).Select(status => status.Service).Distinct());
            throw new InvalidOperationException($"Not all services could be started: {failed}. The log of Wherry.Services.NAME says why.");
        }
    }

    /// <summary>Waits for their graceful ends; kills what still runs when the application's own time is over.</summary>
    public async Task StopAsync(CancellationToken cancellationToken)
    {
        Task stopping = runner.StopAsync();
        using CancellationTokenRegistration killing = cancellationToken.Register(runner.Kill);
        await stopping.ConfigureAwait(false);
    }
}
