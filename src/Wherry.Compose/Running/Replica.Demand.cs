using System.Globalization;
using Wherry.Compose.Running.Workloads;
using Wherry.Wasi.Network.InProcess;

namespace Wherry.Compose.Running;

/// <content>Starting on demand: waits for a connection, and leaves when none has been open for a while.</content>
internal sealed partial class Replica
{
    /// <summary>A guest that has been started for a connection and does not listen for so long won't.</summary>
    private static readonly TimeSpan ListeningLimit = TimeSpan.FromSeconds(60);

    private static readonly TimeSpan ShortestLook = TimeSpan.FromMilliseconds(10);

    // Whether the last run ended since nobody used it.
    private bool hasLeft;

    /// <summary>Waits until a connection wants it.</summary>
    /// <returns>False if it is to stop instead.</returns>
    private async Task<bool> WaitForDemandAsync()
    {
        while (true)
        {
            Task demand = service.Demand.Next;
            if (Volatile.Read(ref isStopped))
            {
                return false;
            }

            if (service.IsDemanded)
            {
                return true;
            }

            if (State != ReplicaState.Idle)
            {
                ExitCode = null;
                Set(ReplicaState.Idle);
            }

            await Task.WhenAny(demand, stopping.Task).ConfigureAwait(false);
        }
    }

    /// <summary>Lets a guest leave that nobody has used for a while.</summary>
    private async Task WatchUseAsync(Workload current, CancellationToken cancellationToken)
    {
        TimeSpan idle = service.Service.Idle > ShortestLook ? service.Service.Idle : ShortestLook;
        while (true)
        {
            // What waits for it to listen uses it already.
            NetworkMember? member = current.Member;
            TimeSpan left = idle - (service.IsDemanded ? TimeSpan.Zero : member?.Unused ?? TimeSpan.Zero);
            if (left > TimeSpan.Zero || member is null)
            {
                await Task.Delay(left > ShortestLook ? left : ShortestLook, cancellationToken).ConfigureAwait(false);
            }
            else if (member.TryStopListening())
            {
                hasLeft = true;
                service.Tell(Number, string.Create(CultureInfo.InvariantCulture, $"no connection for {idle.TotalSeconds:0.###} s: it leaves; the next one starts it again"));
                current.AskToStop();

                // Its door is shut for good: if it never rests, it would be in its successor's way.
                await Task.Delay(service.Service.StopGracePeriod, cancellationToken).ConfigureAwait(false);
                current.Kill();
                return;
            }
        }
    }

    /// <summary>Refuses connections that wait for a guest which does not listen.</summary>
    private async Task LimitDemandAsync(CancellationToken cancellationToken)
    {
        while (true)
        {
            await Task.Delay(ListeningLimit, cancellationToken).ConfigureAwait(false);
            if (hasLeft || !service.IsDemanded)
            {
                // What waits while the guest leaves is for the next.
                continue;
            }

            service.Tell(Number, string.Create(CultureInfo.InvariantCulture, $"it has not begun to listen within {ListeningLimit.TotalSeconds:0} s: connections that wait for it are refused"));
            service.RefuseDemand();
        }
    }
}
