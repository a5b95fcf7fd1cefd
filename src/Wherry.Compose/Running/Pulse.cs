namespace Wherry.Compose.Running;

/// <summary>Lets tasks wait until something that they look at has changed.</summary>
/// <param name="isInline">Whether those who wait go on within <see cref="Set"/>, until they wait again.</param>
internal sealed class Pulse(bool isInline = false)
{
    private TaskCompletionSource next = New(isInline);

    /// <summary>Completes with the next change. Take it before looking.</summary>
    public Task Next => Volatile.Read(ref next).Task;

    public void Set() => Interlocked.Exchange(ref next, New(isInline)).TrySetResult();

    private static TaskCompletionSource New(bool isInline) => new(isInline ? TaskCreationOptions.None : TaskCreationOptions.RunContinuationsAsynchronously);
}
