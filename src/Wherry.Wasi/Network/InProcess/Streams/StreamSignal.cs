using Wherry.Wasi.Waiting;

namespace Wherry.Wasi.Network.InProcess.Streams;

/// <summary>An eventfd that is readable when something has changed at any of some ends of streams, so that they take part in a poll(2) with other handles. They are watched until this is disposed.</summary>
internal sealed class StreamSignal : IStreamWatcher, IDisposable
{
    private readonly SignalHandle signal = new();
    private readonly StreamEnd[] ends;

    public StreamSignal(StreamEnd[] ends)
    {
        this.ends = ends;
        Handle = signal.GetHandle();
        foreach (StreamEnd end in ends)
        {
            end.Watch(this);
        }
    }

    public int Handle { get; }

    /// <summary>Before a look at the ends.</summary>
    public void Clear() => signal.Clear();

    void IStreamWatcher.OnStreamChanged() => signal.Set();

    public void Dispose()
    {
        foreach (StreamEnd end in ends)
        {
            end.Unwatch(this);
        }

        signal.Close();
    }
}
