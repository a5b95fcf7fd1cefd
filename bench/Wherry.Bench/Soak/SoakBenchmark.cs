using System.Diagnostics;
using System.Globalization;

namespace Wherry.Bench.Soak;

/// <summary>
/// <c>wherry up</c> for minutes with the order service on MariaDB, clients that note each order that was acknowledged, and all that goes wrong in such a time: killed replicas, traps, endless loops, floods of
/// half-open connections, slow readers, restarts and crashes of the database. At the end no acknowledged order may be missing, and the process must be no larger than it was.
/// </summary>
internal static class SoakBenchmark
{
    private const int DefaultMinutes = 10;
    private const int DefaultPort = 21_900;
    private const int Writers = 6;

    public static async Task<int> RunAsync(Settings settings)
    {
        TimeSpan length = settings.Optional("seconds") is not null ? TimeSpan.FromSeconds(settings.Number("seconds", 0)) : TimeSpan.FromMinutes(settings.Number("minutes", DefaultMinutes));
        await using SoakProject project = await SoakProject.StartAsync(settings, settings.Number("port", DefaultPort));
        var ledger = new OrderLedger();
        var size = new ProcessSize(project.ProcessId);
        using var troubles = new Troubles(project);
        using var clientsEnd = new CancellationTokenSource();
        using var troublesEnd = new CancellationTokenSource(length);
        Task[] clients =
        [
            .. Enumerable.Range(0, Writers).Select(number => new OrderClient(project.Address, ledger, number).RunAsync(clientsEnd.Token)),
            new OrderReader(project.Address, ledger).RunAsync(clientsEnd.Token),
        ];
        var watch = Stopwatch.StartNew();
        Task[] all = [size.WatchAsync(troublesEnd.Token), .. troubles.Start(troublesEnd.Token)];
        foreach (Task each in all)
        {
            await each;
        }

        // Whoever is in the middle of a request is let go.
        await clientsEnd.CancelAsync();
        await Task.WhenAll(clients);
        string[] missing = await new OrderReader(project.Address, ledger).CheckAtEndAsync(project.IsRunning);
        bool runs = project.IsRunning();

        Print($"{watch.Elapsed.TotalMinutes:0.0} minutes: {ledger.Acknowledged} orders acknowledged, {ledger.Deleted} of them deleted later, {ledger.Unanswered} requests failed, {ledger.Looks} looks at all orders");
        Print($"{troubles}");
        Print($"orders that were acknowledged and lost: {missing.Length + ledger.Missing.Count} {string.Join(", ", missing.Concat(ledger.Missing.Select(id => $"{id}")).Take(10))}");
        Console.WriteLine("process, medians              second third   last third   largest");
        bool isFlat = size.Report(Console.Out);
        Console.WriteLine(runs ? "the process has gone on to the end" : "THE PROCESS HAS ENDED");
        bool isGood = runs && isFlat && missing.Length == 0 && ledger.Missing.IsEmpty && ledger.Acknowledged > 0 && ledger.Looks > 0 && troubles.AllHappened;
        Console.WriteLine(isGood ? "passed" : "FAILED");
        return isGood ? 0 : 1;
    }

    private static void Print(FormattableString text) => Console.WriteLine(text.ToString(CultureInfo.InvariantCulture));
}
