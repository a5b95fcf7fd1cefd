using Wherry.Wasi.Scheduling;

namespace Wherry.Compose.Running;

/// <content>Starting on demand: the ports that connections may come to before anything runs.</content>
internal sealed partial class ServiceRunner
{
    /// <summary>Set when a connection waits for a replica that is not running.</summary>
    public Pulse Demand { get; } = new(isInline: true);

    /// <summary>Whether a connection waits for a replica that is not running.</summary>
    public bool IsDemanded => network?.HasParked == true;

    /// <summary>Nothing will come for the connections that wait: they are refused.</summary>
    public void RefuseDemand() => network?.RefuseParked();

    /// <summary>
    /// Loads the module, so that the first connection does not wait for that and what is wrong with it is known at once, and takes connections from now on.
    /// </summary>
    private async Task PrepareDemandAsync()
    {
        if (Service.StartsOnDemand && network is not null)
        {
            await Task.Run(() => project.Modules.Get(Service)).ConfigureAwait(false);
            network.StartOnDemand(Service.Ports.Where(port => !port.IsUdp).Select(port => port.Target).Concat(Service.Expose), GuestScheduler.IsSupported ? new DemandWork(Demand).Post : Demand.Set);
        }
    }

    /// <summary>
    /// Whoever waits for a connection goes on where the guest will run: each thread that would have to be woken in between would be waited for, on a busy machine for milliseconds.
    /// </summary>
    private sealed class DemandWork(Pulse demand) : IGuestWork
    {
        public void Post() => GuestScheduler.Shared.Post(this);

        public void Execute() => demand.Set();
    }
}
