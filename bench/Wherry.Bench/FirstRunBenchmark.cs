using System.Diagnostics;
using System.Globalization;
using System.Net;
using System.Net.Sockets;

namespace Wherry.Bench;

/// <summary>
/// The first run of a program, of which nothing is compiled: large programs from start to end, and the order service in Go until it listens. Node runs as it does by default, which compiles in haste first and
/// well what turns out to run often.
/// </summary>
internal static class FirstRunBenchmark
{
    private const string Service = "orders-go";
    private const int Port = 21_950;

    // WASI's socket calls that node lacks. The first to listen has started.
    private const string NodeScript =
        """
        import { WASI } from 'node:wasi';
        import { readFileSync } from 'node:fs';
        const [, , file, ...rest] = process.argv;
        const wasi = new WASI({ version: 'preview1', args: [file, ...rest], env: {}, returnOnExit: true });
        const module = new WebAssembly.Module(readFileSync(file));
        const imports = wasi.getImportObject();
        const own = { ...imports.wasi_snapshot_preview1 };
        let instance;
        const sockets = {
            sock_open(family, type, result) { new DataView(instance.exports.memory.buffer).setUint32(result, 1000, true); return 0; },
            sock_bind() { return 0; },
            sock_setsockopt() { return 0; },
            fd_fdstat_set_flags() { return 0; },
            fd_fdstat_get(descriptor, result) { return descriptor === 1000 ? 0 : own.fd_fdstat_get(descriptor, result); },
            sock_listen() { process.stdout.write('listens\n'); process.reallyExit(0); },
        };
        for (const { module: from, name, kind } of WebAssembly.Module.imports(module)) {
            if (kind === 'function' && from === 'wasi_snapshot_preview1' && (name in sockets || !(name in imports[from]))) {
                imports[from][name] = sockets[name] ?? (() => 52);
            }
        }
        instance = new WebAssembly.Instance(module, imports);
        process.exitCode = wasi.start(instance);
        """;

    private static readonly TimeSpan Limit = TimeSpan.FromMinutes(3);

    public static int Run(Settings settings)
    {
        string[] programs = settings.Text("only", $"lua,quickjs,sqlite,zstd,{Service}").Split(',');
        int rounds = settings.Number("rounds", 3);
        string script = Path.Combine(settings.Cache, "first.mjs");
        File.WriteAllText(script, NodeScript);
        string[]? node = settings.Peer("node");

        Console.WriteLine($"medians of {rounds}, seconds: wall (CPU); {Service} until it listens, the others to their end; × is the wall time of wherry through that of the peer");
        Console.WriteLine($"{"program",-14}{"wherry",20}{"node",28}");
        double sum = 0, sumOfNode = 0;
        foreach (string program in programs)
        {
            var ours = new List<Measurement>();
            var theirs = new List<Measurement>();
            string module = program == Service
                ? Path.Combine(settings.Shared, "guests", Service, Service + ".wasm")
                : Path.Combine(settings.Shared, "bench", program + ".wasm");
            for (int round = 0; round < rounds; round++)
            {
                ours.Add(program == Service
                    ? RunUntilListening([.. settings.Wherry, "run", "--no-cache", "-p", string.Create(CultureInfo.InvariantCulture, $"{Port}:8080"), module])
                    : MeasuredProcess.Run([.. settings.Wherry, "run", "--no-cache", module], Limit));
                if (node is not null)
                {
                    theirs.Add(MeasuredProcess.Run([.. node, "--no-warnings", script, module], Limit));
                }
            }

            sum += Wall(ours);
            sumOfNode += Wall(theirs);
            bool isSame = program == Service || theirs.TrueForAll(time => time.Output == ours[0].Output);
            Console.WriteLine(string.Create(CultureInfo.InvariantCulture, $"{program,-14}{Cell(ours, true),20}{Cell(theirs, isSame),20} {$"×{Wall(ours) / Wall(theirs):0.00}",7}"));
        }

        Console.WriteLine(string.Create(CultureInfo.InvariantCulture, $"{"sum",-14}{sum,20:0.000}{sumOfNode,20:0.000} {$"×{sum / sumOfNode:0.00}",7}"));
        return 0;
    }

    private static double Wall(List<Measurement> times) => Statistics.Median(times.Select(time => time.Wall));

    private static string Cell(List<Measurement> times, bool isSame) => times.Count == 0 ? "-" : !isSame || !times.TrueForAll(time => time.Succeeded)
        ? "failed"
        : string.Create(CultureInfo.InvariantCulture, $"{Wall(times):0.000} ({Statistics.Median(times.Select(time => time.Processor)):0.000})");

    private static Measurement RunUntilListening(string[] command)
    {
        long start = Stopwatch.GetTimestamp();
        using Process process = MeasuredProcess.Start(command);
        _ = process.StandardOutput.ReadToEndAsync();
        _ = process.StandardError.ReadToEndAsync();
        bool listens = false;
        while (!listens && !process.HasExited && Stopwatch.GetElapsedTime(start) < Limit)
        {
            using var client = new Socket(AddressFamily.InterNetwork, SocketType.Stream, ProtocolType.Tcp);
            try
            {
                client.Connect(IPAddress.Loopback, Port);
                listens = true;
            }
            catch (SocketException)
            {
                Thread.Sleep(5);
            }
        }

        double wall = Stopwatch.GetElapsedTime(start).TotalSeconds;
        double processor = listens ? process.TotalProcessorTime.TotalSeconds : double.NaN;
        process.Kill(entireProcessTree: true);
        process.WaitForExit();
        return new Measurement(wall, processor, "", listens);
    }
}
