namespace Wherry.Execution.Suspension;

/// <summary>A thread that runs guests by turns, which is told when one of them keeps it while it waits.</summary>
internal abstract class GuestThread
{
    [ThreadStatic]
    private static GuestThread? t_current;

    /// <summary>That of the current thread, if it is one.</summary>
    public static GuestThread? Current
    {
        get => t_current;
        set => t_current = value;
    }

    /// <summary>The guest waits and keeps the thread.</summary>
    public abstract void BeginBlocking();

    /// <summary>The wait is over.</summary>
    public abstract void EndBlocking();
}
