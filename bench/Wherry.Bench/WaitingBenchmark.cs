using System.Diagnostics;
using System.Globalization;
using System.Net;
using System.Net.Sockets;
using System.Text;
using System.Text.RegularExpressions;

namespace Wherry.Bench;

/// <summary>What services cost that wait: thousands of order services in one process, each on a port of its own, which have no thread while they wait. And what that costs a service under load, beside a thread for the guest.</summary>
internal static partial class WaitingBenchmark
{
    private const string Order = """{"order_id":1,"product_id":12,"quantity":2,"amount":56.0,"shipping":15.0,"tax":2.0,"shipping_address":"Mataderos 2312"}""";

    private const int DefaultPort = 21_000;

    private static readonly TimeSpan Limit = TimeSpan.FromMinutes(3);

    public static async Task<int> RunAsync(Settings settings)
    {
        int count = settings.Number("services", 10_000);
        int port = settings.Number("port", DefaultPort);
        int seconds = settings.Number("seconds", 10);
        string module = ComputeBenchmark.Precompile(settings, Path.Combine(settings.Root, "examples", "orders", "orders.wasm"))
            ?? throw new InvalidOperationException("orders.wasm can't be compiled.");
        if (count > 0)
        {
            await MeasureManyAsync(count, port, seconds, module);
        }

        if (Settings.FindOnPath("wrk") is { } wrk && settings.Number("rounds", 5) > 0)
        {
            await MeasureLoadAsync(wrk, settings, port, module);
        }

        return 0;
    }

    private static async Task MeasureManyAsync(int count, int port, int seconds, string module)
    {
        using Host host = Host.Start(WaitingHost.Turns, count, port, module);

        // The first ones show what is below a wait, as in any process that runs the module.
        await host.StartServicesAsync(0, 1);
        await UseAsync(WaitingHost.EndPointOf(port, 0));
        double start = await host.StartServicesAsync(1, count - 1);
        Console.WriteLine(Text($"{count:N0} services, time until all listen, s {start,30:0.0}"));
        var watch = Stopwatch.StartNew();
        for (int i = 0; i < count; i++)
        {
            await UseAsync(WaitingHost.EndPointOf(port, i));
        }

        Console.WriteLine(Text($"then /create_order and /orders of each, one after the other, s {watch.Elapsed.TotalSeconds,11:0.0}"));
        await Task.Delay(TimeSpan.FromSeconds(2));
        HostState before = await host.DescribeAsync();
        await Task.Delay(TimeSpan.FromSeconds(seconds));
        HostState state = await host.DescribeAsync(collects: false);
        Console.WriteLine(Text($"threads while all are idle {state.Threads,46:0}"));
        Console.WriteLine(Text($"services that wait without a thread {state.Waiting,37:0}   ended: {state.Ended:0} {state.Failure}"));
        Console.WriteLine(Text($"VmRSS + VmPTE for each, KB {before.Resident / count / 1024,46:0.0}"));
        Console.WriteLine(Text($"   of that, pages that the guest wrote, KB {before.Guest / count / 1024,31:0.0}"));
        Console.WriteLine(Text($"   pages of the module's first memory, which all share, KB {before.Shared / count / 1024,16:0.0}"));
        Console.WriteLine(Text($"   the rest, KB {(before.Resident - before.Guest - before.Shared) / count / 1024,58:0.0}"));
        Console.WriteLine(Text($"mappings, of 65,530; handles {state.Mappings,44:0}   {state.Handles:0}"));
        Console.WriteLine(Text($"CPU while idle, % of a core {(state.Processor - before.Processor) / seconds / 1e9 * 100,45:0.00}"));
        (double median, double slow, int errors) = await MeasureRandomAsync(count, port, seconds);
        Console.WriteLine(Text($"/orders of random ones, 200 a second: p50, p99, ms {median,22:0.00}{slow,8:0.00}   errors: {errors}"));
    }

    private static async Task MeasureLoadAsync(string wrk, Settings settings, int port, string module)
    {
        int rounds = settings.Number("rounds", 5);
        int wrkSeconds = settings.Number("wrk-seconds", 4);
        using Host threads = Host.Start(WaitingHost.Threads, 1, port, module);
        using Host turns = Host.Start(WaitingHost.Turns, 3, port + 1, module);
        await threads.StartServicesAsync(0, 1);
        await UseAsync(WaitingHost.EndPointOf(port, 0));
        for (int i = 0; i < 3; i++)
        {
            await turns.StartServicesAsync(i, 1);
            await UseAsync(WaitingHost.EndPointOf(port + 1, i));
        }

        foreach (int connections in new[] { 1, 50 })
        {
            var ratios = new List<double>();
            var own = new List<double>();
            for (int round = 0; round < rounds; round++)
            {
                double thread = Load(wrk, WaitingHost.EndPointOf(port, 0), connections, wrkSeconds);
                double turn = Load(wrk, WaitingHost.EndPointOf(port + 1, 2), connections, wrkSeconds);
                own.Add(turn);
                ratios.Add(turn / thread);
            }

            Console.WriteLine(Text(
                $"/orders on {connections} connections, requests a second; against a thread for the guest {Statistics.Median(own):0}   × {Statistics.Median(ratios):0.00} ({ratios.Min():0.00}–{ratios.Max():0.00})"));
        }
    }

    private static double Load(string wrk, IPEndPoint service, int connections, int seconds)
    {
        Measurement run = MeasuredProcess.Run([wrk, "-t1", $"-c{connections}", $"-d{seconds}s", $"http://{service}/orders"], Limit);
        return double.Parse(Requests().Match(run.Output).Groups[1].Value, CultureInfo.InvariantCulture);
    }

    private static async Task<(double Median, double Slow, int Errors)> MeasureRandomAsync(int count, int port, int seconds)
    {
        const int PerSecond = 200;
        var random = new Random(4711);
        var requests = new List<Task<double>>();
        long start = Stopwatch.GetTimestamp();
        for (int i = 0; i < seconds * PerSecond; i++)
        {
            TimeSpan due = TimeSpan.FromSeconds((double)i / PerSecond);
            TimeSpan early = due - Stopwatch.GetElapsedTime(start);
            if (early > TimeSpan.Zero)
            {
                await Task.Delay(early);
            }

            IPEndPoint target = WaitingHost.EndPointOf(port, random.Next(count));
            long asked = Stopwatch.GetTimestamp();
            requests.Add(Task.Run(async () =>
            {
                try
                {
                    await AskAsync(target, "GET /orders HTTP/1.1\r\nHost: h\r\nConnection: close\r\n\r\n");
                    return Stopwatch.GetElapsedTime(asked).TotalMilliseconds;
                }
                catch (Exception exception) when (exception is SocketException or IOException)
                {
                    return double.NaN;
                }
            }));
        }

        double[] all = await Task.WhenAll(requests);
        double[] times = [.. all.Where(time => !double.IsNaN(time)).Order()];
        return (times[times.Length / 2], times[times.Length * 99 / 100], all.Length - times.Length);
    }

    private static async Task UseAsync(IPEndPoint service)
    {
        _ = await AskAsync(service, "GET /init HTTP/1.1\r\nHost: h\r\nConnection: close\r\n\r\n");
        _ = await AskAsync(service, $"POST /create_order HTTP/1.1\r\nHost: h\r\nConnection: close\r\nContent-Length: {Order.Length}\r\n\r\n{Order}");
        string orders = await AskAsync(service, "GET /orders HTTP/1.1\r\nHost: h\r\nConnection: close\r\n\r\n");
        if (!orders.Contains("Mataderos", StringComparison.Ordinal))
        {
            throw new InvalidOperationException($"The service at {service} answered: {orders}");
        }
    }

    private static async Task<string> AskAsync(IPEndPoint service, string request)
    {
        using var socket = new Socket(AddressFamily.InterNetwork, SocketType.Stream, ProtocolType.Tcp) { NoDelay = true };
        await socket.ConnectAsync(service);
        await socket.SendAsync(Encoding.ASCII.GetBytes(request));
        var answer = new byte[4096];
        int length = 0;
        while (length < answer.Length && await socket.ReceiveAsync(answer.AsMemory(length)) is var received and > 0)
        {
            length += received;
        }

        return Encoding.UTF8.GetString(answer, 0, length);
    }

    private static string Text(FormattableString text) => text.ToString(CultureInfo.InvariantCulture);

    [GeneratedRegex(@"Requests/sec:\s+(\S+)")]
    private static partial Regex Requests();

    private readonly record struct HostState(double Threads, double Resident, double Guest, double Shared, double Processor, double Waiting, double Ended, double Mappings, double Handles, string Failure);

    private sealed class Host(Process process) : IDisposable
    {
        public static Host Start(string way, int count, int port, string module)
        {
            var start = new ProcessStartInfo("dotnet", [typeof(WaitingBenchmark).Assembly.Location, WaitingHost.Child, way, $"{count}", $"{port}", module])
            {
                RedirectStandardInput = true,
                RedirectStandardOutput = true,
            };
            return new Host(Process.Start(start)!);
        }

        /// <returns>The seconds that it took until they listened.</returns>
        public async Task<double> StartServicesAsync(int first, int count)
        {
            string[] words = (await AskAsync($"start {first} {count}")).Split(' ', 2);
            return words[1].Length == 0 ? double.Parse(words[0], CultureInfo.InvariantCulture) : throw new InvalidOperationException(words[1]);
        }

        public async Task<HostState> DescribeAsync(bool collects = true)
        {
            string[] words = (await AskAsync(collects ? "describe" : "look")).Split(' ', 10);
            double[] numbers = [.. words.Take(9).Select(word => double.Parse(word, CultureInfo.InvariantCulture))];
            return new HostState(numbers[0], numbers[1], numbers[2], numbers[3], numbers[4], numbers[5], numbers[6], numbers[7], numbers[8], words[9]);
        }

        public void Dispose()
        {
            process.StandardInput.Close();
            if (!process.WaitForExit(TimeSpan.FromSeconds(30)))
            {
                process.Kill();
            }

            process.Dispose();
        }

        private async Task<string> AskAsync(string question)
        {
            await process.StandardInput.WriteLineAsync(question);
            await process.StandardInput.FlushAsync();
            return await process.StandardOutput.ReadLineAsync() ?? throw new InvalidOperationException("The process with the services has ended.");
        }
    }
}
