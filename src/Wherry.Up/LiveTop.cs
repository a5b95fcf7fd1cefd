using System.Diagnostics;
using System.Runtime.InteropServices;
using System.Text.Json.Nodes;
using Spectre.Console;
using Wherry.Cli;
using TextTable = Spectre.Console.Table;

namespace Wherry.Up;

/// <summary><c>wherry top</c> on a terminal: a table that follows what happens, until Ctrl+C or the project's end.</summary>
internal static class LiveTop
{
    private static readonly TimeSpan Interval = TimeSpan.FromSeconds(1);

    /// <param name="ask">Asks the project; throws <see cref="IOException"/> when it has ended.</param>
    public static int Run(Func<IReadOnlyCollection<JsonObject>> ask)
    {
        // What does not run at all is told as ever.
        IReadOnlyCollection<JsonObject> replicas = ask();
        using var interrupted = new ManualResetEventSlim();
        using PosixSignalRegistration interrupt = PosixSignalRegistration.Create(PosixSignal.SIGINT, End);
        using PosixSignalRegistration terminate = PosixSignalRegistration.Create(PosixSignal.SIGTERM, End);
        var rows = new TopTable();
        bool hasEnded = false;

        // The rows that fit: a live display that is taller than the terminal can't be drawn over.
        AnsiConsole.Live(Draw(rows.Rows(replicas, Now))).Overflow(VerticalOverflow.Ellipsis).AutoClear(false).Start(context =>
        {
            while (!interrupted.Wait(Interval))
            {
                try
                {
                    replicas = ask();
                }
                catch (IOException)
                {
                    hasEnded = true;
                    return;
                }

                context.UpdateTarget(Draw(rows.Rows(replicas, Now)));
            }
        });
        if (hasEnded)
        {
            Console.Out.WriteLine("The project has ended.");
        }

        return hasEnded ? ExitCodes.Success : ExitCodes.Interrupted;

        void End(PosixSignalContext context)
        {
            context.Cancel = true;
            interrupted.Set();
        }
    }

    private static TimeSpan Now => Stopwatch.GetElapsedTime(0);

    private static TextTable Draw(IReadOnlyList<string[]> rows)
    {
        var table = new TextTable { Border = TableBorder.Simple };
        foreach (string column in TopTable.Head)
        {
            table.AddColumn(new TableColumn(new Spectre.Console.Text(column, new Style(decoration: Decoration.Bold))) { Alignment = column is "MEMORY" or "CPU" or "CONNECTIONS" or "RESTARTS" ? Justify.Right : Justify.Left });
        }

        foreach (string[] row in rows)
        {
            table.AddRow(row.Select((cell, column) => new Spectre.Console.Text(cell, column == 2 ? StyleOf(cell) : Style.Plain)));
        }

        return table;
    }

    private static Style StyleOf(string state) => new(state switch
    {
        "running" => Color.Green,
        "idle" or "exited (0)" => Color.Grey,
        "created" or "waiting" or "starting" or "stopping" => Color.Yellow,
        _ when state.StartsWith("running", StringComparison.Ordinal) => Color.Green,
        _ => Color.Red,
    });
}
