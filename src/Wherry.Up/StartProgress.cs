using System.Globalization;
using Wherry.Compose;

namespace Wherry.Up;

/// <summary>Shows on the terminal's last line what is being started, until all is.</summary>
internal sealed class StartProgress(LogPrinter printer, Func<IReadOnlyList<ReplicaStatus>> look)
{
    private static readonly TimeSpan Interval = TimeSpan.FromMilliseconds(120);

    private int turn;

    /// <summary>Shows it until nothing is being made ready any more.</summary>
    /// <param name="starting">While this goes on there may be more to come.</param>
    /// <param name="cancellationToken">Ends it.</param>
    public async Task RunAsync(Task starting, CancellationToken cancellationToken)
    {
        try
        {
            while (true)
            {
                bool isLast = starting.IsCompleted;
                string? text = Describe(look(), turn++);
                printer.SetStatus(text);
                if (isLast && text is null)
                {
                    return;
                }

                await Task.Delay(Interval, cancellationToken).ConfigureAwait(false);
            }
        }
        catch (OperationCanceledException)
        {
            printer.SetStatus(null);
        }
    }

    /// <summary>Such as <c>⠋ 2 of 4 started: web compiling, db waiting</c>; null when there is nothing to wait for.</summary>
    public static string? Describe(IReadOnlyList<ReplicaStatus> replicas, int turn)
    {
        const string Turns = "⠋⠙⠹⠸⠼⠴⠦⠧⠇⠏";
        ReplicaStatus[] wanted = [.. replicas.Where(replica => replica.State != ReplicaState.Created)];
        ReplicaStatus[] open = [.. wanted.Where(replica => replica.State is ReplicaState.Waiting or ReplicaState.Starting || replica.Health == ReplicaHealth.Starting)];
        if (open.Length == 0)
        {
            return null;
        }

        IEnumerable<string> names = open.Select(replica => string.Create(CultureInfo.InvariantCulture, $"{replica.Service}-{replica.Replica} {Doing(replica)}"));
        return string.Create(CultureInfo.InvariantCulture, $"{Turns[turn % Turns.Length]} {wanted.Length - open.Length} of {wanted.Length} started: {string.Join(", ", names)}");
    }

    private static string Doing(ReplicaStatus replica) => replica.State switch
    {
        ReplicaState.Starting when replica.Kind == ComposeServiceKind.Guest => "is being compiled",
        ReplicaState.Starting => "starts",
        ReplicaState.Running => "is not healthy yet",
        _ => "waits",
    };
}
