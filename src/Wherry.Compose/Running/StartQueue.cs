namespace Wherry.Compose.Running;

/// <summary>Guests that are to be started, some at a time: thousands at once would stand before those that run, for as long as it takes to start them all.</summary>
/// <param name="most">How many may be in the middle of it.</param>
internal sealed class StartQueue(int most)
{
    private readonly Lock gate = new();
    private readonly Queue<Action> waiting = new();
    private int begun;

    /// <summary>Begins, or does so later. <see cref="End"/> must follow.</summary>
    /// <param name="begin">Must not wait. What it throws comes to who began it, or to who ended the one before it.</param>
    public void Begin(Action begin)
    {
        lock (gate)
        {
            if (begun >= most)
            {
                waiting.Enqueue(begin);
                return;
            }

            begun++;
        }

        Run(begin);
    }

    /// <summary>One has been started, or won't be.</summary>
    public void End()
    {
        Action? next;
        lock (gate)
        {
            if (!waiting.TryDequeue(out next))
            {
                begun--;
            }
        }

        if (next is not null)
        {
            Run(next);
        }
    }

    private void Run(Action begin)
    {
        try
        {
            begin();
        }
        catch
        {
            // Nothing will end that has not begun.
            End();
            throw;
        }
    }
}
