namespace Wherry.Compose.Running;

/// <summary>Lets tasks wait until something that they look at has changed.</summary>
internal sealed class Pulse
{
    private TaskCompletionSource next = New();

    /// <summary>Completes with the next change. Take it before looking.</summary>
    public Task Next => Volatile.Read(ref next).Task;

    public void Set() => Interlocked.Exchange(ref next, New()).TrySetResult();

    private static TaskCompletionSource New() => new(TaskCreationOptions.RunContinuationsAsynchronously);
}
