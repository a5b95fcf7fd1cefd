using Wherry.Wasi.Network.InProcess;

namespace Wherry.Compose.Running.Workloads;

/// <summary>One run of a replica, from its start to its end.</summary>
internal abstract class Workload
{
    private readonly TaskCompletionSource running = new(TaskCreationOptions.RunContinuationsAsynchronously);
    private readonly TaskCompletionSource<int> ended = new(TaskCreationOptions.RunContinuationsAsynchronously);

    /// <summary>Completes when it runs, or has ended without.</summary>
    public Task Running => running.Task;

    /// <summary>Whether it has begun to run.</summary>
    public bool HasRun { get; private set; }

    /// <summary>Completes with the exit code.</summary>
    public Task<int> Ended => ended.Task;

    /// <summary>Memory that it has, in bytes.</summary>
    public virtual long? MemoryBytes => null;

    /// <summary>Processor time that it has used.</summary>
    public virtual TimeSpan? CpuTime => null;

    /// <summary>The guest's place on the network, while it has one.</summary>
    public virtual NetworkMember? Member => null;

    /// <summary>Begins. What goes wrong ends it with a message in its log.</summary>
    public abstract void Start();

    /// <summary>Asks it to end, in its own time.</summary>
    public abstract void AskToStop();

    /// <summary>Ends it.</summary>
    public abstract void Kill();

    /// <summary>A stream to one of the replica's own ports, for health checks.</summary>
    /// <exception cref="IOException">Nobody listens there.</exception>
    public abstract ValueTask<Stream> ConnectAsync(int port, CancellationToken cancellationToken);

    /// <summary>Runs a health check's command.</summary>
    public virtual Task<bool> TryCommandAsync(IReadOnlyList<string> command, CancellationToken cancellationToken) => Task.FromResult(false);

    protected void SetRunning()
    {
        HasRun = true;
        running.TrySetResult();
    }

    protected void SetEnded(int exitCode)
    {
        ended.TrySetResult(exitCode);
        running.TrySetResult();
    }
}
