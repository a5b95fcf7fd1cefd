using Wherry.Wasi.Abi;
using Wherry.Wasi.Determinism;
using Wherry.Wasi.Polling;

namespace Wherry.Wasi;

// Waiting for several things at once.
public sealed partial class WasiContext
{
    private Poller? poller;

    internal Poller Poller => poller ??= new Poller(this);

    internal ValueTask<int> PollOneoffAsync(GuestCall call, uint subscriptions, uint events, uint count, uint eventCountAddress) =>
        VirtualClock is { } clock
            ? new((int)VirtualPoll.Poll(this, clock, call, subscriptions, events, count, eventCountAddress))
            : Turns.AreTaken
            ? ThreadPoll.PollAsync(this, call, subscriptions, events, count, eventCountAddress)
            : Poller.PollAsync(call, subscriptions, events, count, eventCountAddress, edge: false);

    /// <summary>As poll_oneoff, but what was told once is not told again until it changes; a guest with threads may be told again.</summary>
    internal ValueTask<int> EpollOneoffAsync(GuestCall call, uint subscriptions, uint events, uint count, uint eventCountAddress) =>
        VirtualClock is { } clock
            ? new((int)VirtualPoll.Poll(this, clock, call, subscriptions, events, count, eventCountAddress))
            : Turns.AreTaken
            ? ThreadPoll.PollAsync(this, call, subscriptions, events, count, eventCountAddress)
            : Poller.PollAsync(call, subscriptions, events, count, eventCountAddress, edge: true);

    /// <summary>How long a subscription to a clock still has to wait.</summary>
    internal Errno GetRemaining(in Subscription subscription, out long remaining)
    {
        ulong now = 0;
        remaining = 0;
        if ((subscription.ClockFlags & ~Subscription.AbsoluteTime) != 0)
        {
            return Errno.Inval;
        }

        bool absolute = (subscription.ClockFlags & Subscription.AbsoluteTime) != 0;
        switch ((ClockId)subscription.Clock)
        {
            case ClockId.RealTime:
                now = absolute ? RealTime : 0;
                break;
            case ClockId.Monotonic:
                now = absolute ? MonotonicTime : 0;
                break;
            case ClockId.ProcessCpuTime or ClockId.ThreadCpuTime:
                return Errno.Notsup;
            default:
                return Errno.Inval;
        }

        remaining = (long)Math.Min(subscription.Timeout > now ? subscription.Timeout - now : 0, long.MaxValue);
        return Errno.Success;
    }

    partial void DisposePolling() => poller?.Dispose();
}
