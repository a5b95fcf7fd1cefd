using Wherry.Wasi.Polling;

namespace Wherry.Wasi;

// Waiting for several things at once.
public sealed partial class WasiContext
{
    private Poller? poller;

    internal Poller Poller => poller ??= new Poller(this);

    internal ValueTask<int> PollOneoffAsync(GuestCall call, uint subscriptions, uint events, uint count, uint eventCountAddress) =>
        Poller.PollAsync(call, subscriptions, events, count, eventCountAddress, edge: false);

    /// <summary>As poll_oneoff, but what was told once is not told again until it changes.</summary>
    internal ValueTask<int> EpollOneoffAsync(GuestCall call, uint subscriptions, uint events, uint count, uint eventCountAddress) =>
        Poller.PollAsync(call, subscriptions, events, count, eventCountAddress, edge: true);

    partial void DisposePolling() => poller?.Dispose();
}
