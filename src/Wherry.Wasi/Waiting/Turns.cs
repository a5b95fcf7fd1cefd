namespace Wherry.Wasi.Waiting;

/// <summary>
/// Lets the threads of a guest use one context: each takes a turn for a call and gives it away while it waits, so that descriptors, sockets and streams are
/// only ever touched by one of them. A context whose guest has no threads takes no turns. It is not bound to a thread: what waits may go on elsewhere.
/// </summary>
internal sealed class Turns : IDisposable
{
    private SemaphoreSlim? gate;

    /// <summary>Whether there may be threads.</summary>
    public bool AreTaken => gate is not null;

    /// <summary>From now on turns are taken. No call may be under way.</summary>
    public void Begin() => gate ??= new SemaphoreSlim(1, 1);

    /// <summary>Takes a turn, to be disposed.</summary>
    public Turn Take()
    {
        gate?.Wait();
        return new Turn(gate);
    }

    /// <summary>Before a wait: others may go on.</summary>
    public void Leave() => gate?.Release();

    /// <summary>After a wait.</summary>
    public void Resume() => gate?.Wait();

    /// <summary>After a wait for a task.</summary>
    public Task ResumeAsync() => gate?.WaitAsync() ?? Task.CompletedTask;

    public void Dispose() => gate?.Dispose();
}

/// <summary>A call's turn.</summary>
internal readonly struct Turn(SemaphoreSlim? gate) : IDisposable
{
    public void Dispose() => gate?.Release();
}
