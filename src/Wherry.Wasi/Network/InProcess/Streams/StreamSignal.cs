using Wherry.Wasi.Native;
using Wherry.Wasi.Waiting;

namespace Wherry.Wasi.Network.InProcess.Streams;

/// <summary>An eventfd of a <see cref="Waiter"/> that is readable when something has changed at any of some ends of streams, so that they take part in a poll(2). They are watched until this is disposed.</summary>
/// <remarks>Made and disposed by who has the guest's turn, since the waiter's handles are.</remarks>
internal sealed class StreamSignal : IStreamWatcher, IDisposable
{
    private readonly Waiter waiter;
    private readonly StreamEnd[] ends;

    public StreamSignal(Waiter waiter, params StreamEnd[] ends)
    {
        this.waiter = waiter;
        this.ends = ends;
        Handle = waiter.TakeHandle();
        foreach (StreamEnd end in ends)
        {
            end.Watch(this);
        }
    }

    public int Handle { get; }

    /// <summary>Before a look at the ends.</summary>
    public void Clear() => Waiter.Drain(Handle);

    void IStreamWatcher.OnStreamChanged() => Waiter.Signal(Handle);

    public void Dispose()
    {
        // In this order: nobody signals it any more when another wait takes it.
        foreach (StreamEnd end in ends)
        {
            end.Unwatch(this);
        }

        waiter.GiveBack(Handle);
    }
}
