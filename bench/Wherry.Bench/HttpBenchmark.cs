using System.Diagnostics;
using System.Globalization;
using System.Net;
using System.Net.Sockets;
using System.Text.RegularExpressions;

namespace Wherry.Bench;

/// <summary>The order services under load from wrk, beside the server on the same machine.</summary>
internal static partial class HttpBenchmark
{
    private const string Orders =
        """[{"order_id":1,"product_id":12,"quantity":2,"amount":56.0,"shipping":15.0,"tax":2.0,"shipping_address":"Mataderos 2312"},{"order_id":2,"product_id":15,"quantity":3,"amount":256.0,"shipping":30.0,"tax":16.0,"shipping_address":"1234 NW Bobcat"},{"order_id":3,"product_id":11,"quantity":5,"amount":536.0,"shipping":50.0,"tax":24.0,"shipping_address":"20 Havelock"},{"order_id":4,"product_id":8,"quantity":8,"amount":126.0,"shipping":20.0,"tax":12.0,"shipping_address":"224 Pandan Loop"},{"order_id":5,"product_id":24,"quantity":1,"amount":46.0,"shipping":10.0,"tax":2.0,"shipping_address":"No.10 Jalan Besar"}]""";

    public static async Task<int> RunAsync(Settings settings)
    {
        if (Settings.FindOnPath("wrk") is not { } wrk)
        {
            Console.Error.WriteLine("wrk is not on the PATH: apt-get install wrk");
            return 1;
        }

        int seconds = settings.Number("seconds", 4);
        string[] connections = settings.Text("connections", "1,50,1000").Split(',');
        string[]? only = settings.Optional("only")?.Split(',');
        Console.WriteLine($"wrk -t1, {seconds} s each");
        Console.WriteLine($"{"service",-24}{"path",-9}{"connections",12}{"requests/s",12}{"p50",10}{"p99",10}{"errors",8}{"RSS MB",8}");
        foreach ((string name, Func<int, (string[] Command, (string, string)[] Environment)?> command, string[] paths) in Services(settings))
        {
            if (only is not null && !only.Contains(name))
            {
                continue;
            }

            int port = FreePort();
            if (command(port) is not { } server)
            {
                continue;
            }

            using Process process = MeasuredProcess.Start(server.Command, server.Environment);
            process.OutputDataReceived += (_, _) => { };
            process.ErrorDataReceived += (_, _) => { };
            process.BeginOutputReadLine();
            process.BeginErrorReadLine();
            try
            {
                if (!await WaitAsync(port, process))
                {
                    Console.WriteLine($"{name,-24}did not start");
                    continue;
                }

                using var client = new HttpClient { BaseAddress = new Uri($"http://127.0.0.1:{port}") };
                if (paths.Contains("/orders"))
                {
                    using var body = new StringContent(Orders);
                    (await client.PostAsync(new Uri("/create_orders", UriKind.Relative), body)).EnsureSuccessStatusCode();
                }

                foreach (string path in paths)
                {
                    foreach (string count in connections)
                    {
                        Measurement run = MeasuredProcess.Run(
                            [wrk, "-t1", $"-c{count}", $"-d{seconds}s", "--latency", $"http://127.0.0.1:{port}{path}"], TimeSpan.FromSeconds(seconds + 60));
                        Console.WriteLine(
                            $"{name,-24}{path,-9}{count,12}{Find(Requests(), run.Output),12}{Find(Median(), run.Output),10}{Find(Slow(), run.Output),10}{Errors(run.Output),8}{Memory(process, "VmRSS"),8}");
                    }
                }

                process.Refresh();
                TimeSpan before = process.TotalProcessorTime;
                await Task.Delay(TimeSpan.FromSeconds(5));
                process.Refresh();
                Console.WriteLine(string.Create(
                    CultureInfo.InvariantCulture,
                    $"{name,-24}idle for 5 s: {(process.TotalProcessorTime - before).TotalMilliseconds:0} ms of CPU; most memory it had: {Memory(process, "VmHWM")} MB"));
            }
            finally
            {
                process.Kill(entireProcessTree: true);
                await process.WaitForExitAsync();
            }
        }

        return 0;
    }

    private static IEnumerable<(string Name, Func<int, (string[] Command, (string, string)[] Environment)?> Command, string[] Paths)> Services(Settings settings)
    {
        string rust = Path.Combine(settings.Root, "examples", "orders", "orders.wasm");
        string go = Path.Combine(settings.Shared, "guests", "orders-go", "orders-go.wasm");
        string native = settings.Text("native", Path.Combine(settings.Shared, "guests", "orders-rust", "orders-native"));
        string[]? wasmEdge = settings.Peer("wasmedge");
        string[] both = ["/", "/orders"], root = ["/"];

        (string[], (string, string)[])? Wherry(string module, int port) => File.Exists(module)
            ? ([.. settings.Wherry, "run", "--no-cache", "-p", $"{port}:8080", ComputeBenchmark.Precompile(settings, module) ?? module], [])
            : null;
        (string[], (string, string)[])? Edge(string module, int port) =>
            wasmEdge is not null && File.Exists(module) && WasmEdgeCompiler.Compile(settings, wasmEdge, module) is { } compiled
                ? ([.. wasmEdge, "--run-mode", "aot", "--env", $"PORT={port}", compiled], [])
                : null;

        yield return ("orders wherry", port => Wherry(rust, port), both);
        yield return ("orders wasmedge aot", port => Edge(rust, port), both);
        yield return ("orders native", port => File.Exists(native) ? ([native], [("PORT", $"{port}")]) : null, both);
        yield return ("orders-go wherry", port => Wherry(go, port), root);
        yield return ("orders-go wasmedge aot", port => Edge(go, port), root);
    }

    private static async Task<bool> WaitAsync(int port, Process process)
    {
        using var client = new HttpClient { Timeout = TimeSpan.FromSeconds(10) };
        for (int attempt = 0; attempt < 600 && !process.HasExited; attempt++)
        {
            try
            {
                using HttpResponseMessage response = await client.GetAsync(new Uri($"http://127.0.0.1:{port}/"));
                return response.IsSuccessStatusCode;
            }
            catch (Exception exception) when (exception is HttpRequestException or TaskCanceledException)
            {
                await Task.Delay(50);
            }
        }

        return false;
    }

    private static int FreePort()
    {
        using var listener = new TcpListener(IPAddress.Loopback, 0);
        listener.Start();
        return ((IPEndPoint)listener.LocalEndpoint).Port;
    }

    private static string Memory(Process process, string field)
    {
        try
        {
            string line = File.ReadLines($"/proc/{process.Id}/status").First(line => line.StartsWith(field, StringComparison.Ordinal));
            return (int.Parse(line.Split(' ', '\t').First(word => word.Length > 0 && char.IsAsciiDigit(word[0])), CultureInfo.InvariantCulture) / 1024)
                .ToString(CultureInfo.InvariantCulture);
        }
        catch (Exception exception) when (exception is IOException or InvalidOperationException)
        {
            return "-";
        }
    }

    private static string Find(Regex pattern, string text) => pattern.Match(text) is { Success: true } match ? match.Groups[1].Value : "-";

    private static string Errors(string text)
    {
        int errors = 0;
        if (SocketErrors().Match(text) is { Success: true } socket)
        {
            errors += socket.Groups.Cast<Group>().Skip(1).Sum(group => int.Parse(group.Value, CultureInfo.InvariantCulture));
        }

        if (StatusErrors().Match(text) is { Success: true } status)
        {
            errors += int.Parse(status.Groups[1].Value, CultureInfo.InvariantCulture);
        }

        return errors.ToString(CultureInfo.InvariantCulture);
    }

    [GeneratedRegex(@"Requests/sec:\s+(\S+)")]
    private static partial Regex Requests();

    [GeneratedRegex(@"50%\s+(\S+)")]
    private static partial Regex Median();

    [GeneratedRegex(@"99%\s+(\S+)")]
    private static partial Regex Slow();

    [GeneratedRegex(@"Socket errors: connect (\d+), read (\d+), write (\d+), timeout (\d+)")]
    private static partial Regex SocketErrors();

    [GeneratedRegex(@"Non-2xx or 3xx responses: (\d+)")]
    private static partial Regex StatusErrors();
}
