using System.Globalization;

namespace Wherry.Bench;

/// <summary>The benchmark's options: <c>--name value</c>.</summary>
internal sealed class Settings
{
    private readonly Dictionary<string, string> values = [];

    public Settings(string[] arguments)
    {
        for (int i = 0; i + 1 < arguments.Length; i += 2)
        {
            values[arguments[i].TrimStart('-')] = arguments[i + 1];
        }
    }

    public string Root { get; } = FindRoot();

    public string Shared => Text("shared", Path.GetFullPath(Path.Combine(Root, "..", "shared")));

    /// <summary>Where compiled modules and native programs are kept from run to run.</summary>
    public string Cache => Directory.CreateDirectory(Text("cache", Path.Combine(Root, "artifacts", "bench"))).FullName;

    public string[] Wherry => Words("wherry", $"dotnet {Path.Combine(Root, "src", "Wherry.Cli", "bin", "Release", "net10.0", "wherry.dll")}")!;

    /// <summary>The command of a peer, or null if it is not there or was switched off with "none".</summary>
    public string[]? Peer(string name) => Words(name, FindOnPath(name));

    public int Number(string name, int otherwise) => values.TryGetValue(name, out string? text) ? int.Parse(text, CultureInfo.InvariantCulture) : otherwise;

    public string Text(string name, string otherwise) => values.GetValueOrDefault(name, otherwise);

    public string? Optional(string name) => values.GetValueOrDefault(name);

    public static string? FindOnPath(string program) => (Environment.GetEnvironmentVariable("PATH") ?? "")
        .Split(Path.PathSeparator).Select(folder => Path.Combine(folder, program)).FirstOrDefault(File.Exists);

    public static int ShowHelp()
    {
        Console.WriteLine(
            """
            Measures Wherry beside its peers in the same run.

              compute   the programs of ../shared/bench, as processes: medians of wall and CPU time, ratios, geometric means.
                        "wherry" is code compiled ahead of time, as WasmEdge's is; "wherry jit" is a run without it
              first     programs of which nothing is compiled yet (lua, quickjs, sqlite, zstd, and orders-go until it listens), beside node as it is by default
              compile   how long compiling ahead of time takes, beside WasmEdge's compiler (--only; default quickjs,sqlite,zstd,lua)
              gains     the collector's heap, exceptions, tail calls, calls through references, atomics; vectors as processes
              threads   a program with pthreads: the same sum by one thread and by as many as there are processors, as processes
              interrupt how long a guest takes to stop, whatever it does: from cancelling, or from the end of its time limit, to the exception
              instances what a pooled instance costs: made and dropped, kept by the thousand, after one that wrote to its memory
              waiting   thousands of order services in one process, which have no thread while they wait: threads, memory, time to start, CPU while
                        idle, p99 of random requests; and one service under wrk, against a thread for the guest
              soak      ten minutes of wherry up with the order service on MariaDB, and all that goes wrong: no acknowledged order may be lost, and the
                        process may not grow. Exit code 1 if that is not so
              paced     how long a service at 127.0.0.1:PORT takes to answer "/", asked at a pace that it easily keeps up with (used by bench/up)
              fuel      what counting instructions costs: the programs of ../shared/bench with and without
              safepoints what it costs that guests can be interrupted: the same
              lifetimes what stays in memory of modules that were loaded, run and dropped: one compiled ahead of time, and different ones
              system-calls  fd_write, clock_time_get and random_get from a guest beside the system's own, called from .NET
              http      the order services under wrk: requests a second, p50, p99, RSS, CPU when idle

            Peers are found on the PATH or named; "none" leaves one out. Options, each with a value:

              --wherry COMMAND       default: the build of this project
              --wasmedge COMMAND     for example "chroot /opt/debian wasmedge"; modules are compiled ahead of time first
              --wasmedge-aot FOLDER  modules that are compiled already, NAME.so, as the command sees the folder
              --node COMMAND         V8's optimizing compiler only (compute, gains); as it is by default (first)
              --gcc COMMAND          the same C programs, natively (compute)
              --native FILE          the same order service, natively (http); default ../shared/guests/orders-rust/orders-native
              --shared FOLDER        default ../shared
              --only A,B             some programs or services
              --wasmtime COMMAND     a peer for compute and threads
              --wasmtime-aot FOLDER  compute: modules that are compiled already, NAME.wasmtime, as the command sees the folder
              --wasmtime-library FILE  instances: libwasmtime.so, for example of its NuGet package
              --threads A,B          threads: 1 and the number of processors
              --code aot|jit         fuel, safepoints: code compiled ahead of time (the default), or jitted
              --rounds N             compute, gains, threads, fuel, safepoints: runs of each, interleaved (3); interrupt: interruptions of each (20);
                                     instances: processes for each figure (5); lifetimes: of the module that is compiled ahead of time (10,000); system-calls: 40
              --modules N            lifetimes: different jitted modules (1,000)
              --versions N           lifetimes: different modules compiled ahead of time (80)
              --repetitions N        gains: calls of each in a run (7); system-calls: calls in a round (20,000)
              --argument N           compute, fuel, safepoints: the programs' argument, which makes them shorter; threads: how many numbers
              --seconds N            http: how long wrk runs (4)
              --connections A,B      http: 1,50,1000
              --services N           waiting: how many (10,000; 0 for none). On a thousand ports from --port N (21,000) at each of 127.0.77.1, 127.0.77.2, …
              --minutes N            soak: how long (10); --seconds N for less; the service is published at --port N (21,900)
              --port N               paced: the service's; --seconds N (10), --per-second N (200), --name TEXT
              --cache FOLDER         default artifacts/bench
            """);
        return 2;
    }

    private string[]? Words(string name, string? otherwise)
    {
        string? text = values.GetValueOrDefault(name, otherwise!);
        return text is null or "none" ? null : text.Split(' ', StringSplitOptions.RemoveEmptyEntries);
    }

    private static string FindRoot()
    {
        for (DirectoryInfo? folder = new(AppContext.BaseDirectory); folder is not null; folder = folder.Parent)
        {
            if (File.Exists(Path.Combine(folder.FullName, "Wherry.slnx")))
            {
                return folder.FullName;
            }
        }

        throw new InvalidOperationException("The benchmark runs outside of the project.");
    }
}
