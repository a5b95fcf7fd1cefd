using Wherry.Wasi.Scheduling;
using Wherry.Wasi.Tests.Network;
using Wherry.Wasi.Tests.Polling;
using Wherry.Wasi.Tests.Sockets;

namespace Wherry.Wasi.Tests.Scheduling;

/// <summary>What is waited for, with guests that have no thread of their own.</summary>
public sealed class PollWithoutThreadTests : PollTests
{
    public PollWithoutThreadTests() => GuestsWithoutThread.Scheduler = GuestScheduler.Shared;

    [Fact]
    public void The_guests_have_no_thread()
    {
        using var guest = new SocketGuest();
        Assert.NotNull(guest.Context.Waiter.GuestWait);
        Assert.Equal(-1, guest.Context.Poller.Set.Handle);
    }
}

/// <summary>TCP, with guests that have no thread of their own.</summary>
public sealed class TcpWithoutThreadTests : TcpTests
{
    public TcpWithoutThreadTests() => GuestsWithoutThread.Scheduler = GuestScheduler.Shared;
}

/// <summary>UDP, with guests that have no thread of their own.</summary>
public sealed class UdpWithoutThreadTests : UdpTests
{
    public UdpWithoutThreadTests() => GuestsWithoutThread.Scheduler = GuestScheduler.Shared;
}

/// <summary>The network inside the process, with guests that have no thread of their own.</summary>
public sealed class InProcessNetworkWithoutThreadTests : InProcessNetworkTests
{
    public InProcessNetworkWithoutThreadTests() => GuestsWithoutThread.Scheduler = GuestScheduler.Shared;
}

/// <summary>UDP inside the process, with guests that have no thread of their own.</summary>
public sealed class DatagramWithoutThreadTests : DatagramTests
{
    public DatagramWithoutThreadTests() => GuestsWithoutThread.Scheduler = GuestScheduler.Shared;
}

/// <summary>Connections inside the process, with guests that have no thread of their own.</summary>
public sealed class StreamWithoutThreadTests : StreamTests
{
    public StreamWithoutThreadTests() => GuestsWithoutThread.Scheduler = GuestScheduler.Shared;
}
