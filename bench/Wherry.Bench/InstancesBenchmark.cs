using System.Diagnostics;
using System.Globalization;
using System.Runtime.CompilerServices;
using Wherry.Wasi;

namespace Wherry.Bench;

/// <summary>What a pooled instance costs: made and dropped, kept by the thousand, and after another one that wrote to its memory.</summary>
internal static class InstancesBenchmark
{
    /// <summary>The first argument of the process that measures.</summary>
    public const string Child = "instances-child";

    private const int Batch = 2_000;
    private const int Live = 10_000;
    private const int Pages = 16;

    // All that the reactor writes lies in it, so that Wasmtime's reactor has no page faults.
    private const int WasmtimeResidentBytes = 288 << 10;

    private const string Peer = ", Wasmtime";
    private const string Drop = "orders.wasm, instantiated and dropped, µs";
    private const string DropReactor = "reactor, instantiated and dropped, µs";
    private static readonly string Use = $"reactor, instantiated, {Pages} pages checked and written, dropped, µs";

    private static readonly TimeSpan Limit = TimeSpan.FromMinutes(3);

    private static readonly string Reactor =
        $"""
        (module
          (memory (export "memory") 17)
          (data (i32.const 1048576) "{string.Concat(Enumerable.Repeat("0123456789abcdef", 1024))}")
          (func (export "_initialize"))
          (func (export "write") (local $i i32)
            (loop $next
              (i32.store (i32.mul (local.get $i) (i32.const 16384)) (i32.const 0x5EC7E7))
              (br_if $next (i32.lt_u (local.tee $i (i32.add (local.get $i) (i32.const 1))) (i32.const {Pages})))))
          (func (export "check") (result i32) (local $i i32) (local $sum i32)
            (loop $next
              (local.set $sum (i32.or (local.get $sum) (i32.load (i32.mul (local.get $i) (i32.const 16384)))))
              (br_if $next (i32.lt_u (local.tee $i (i32.add (local.get $i) (i32.const 1))) (i32.const {Pages}))))
            (local.get $sum)))
        """;

    public static int Run(Settings settings)
    {
        int rounds = settings.Number("rounds", 5);
        string orders = Path.Combine(settings.Root, "examples", "orders", "orders.wasm");
        string reactor = Path.Combine(settings.Cache, "reactor.wasm");
        File.WriteAllBytes(reactor, WatConverter.ToBinary(Reactor));
        string[] modules = [Compile(settings, orders), Compile(settings, reactor)];
        string? library = settings.Optional("wasmtime-library");

        Console.WriteLine($"medians of {rounds} processes, each on one processor; a process's figure is the median of its batches of {Batch}");
        var figures = new List<(string Name, List<double> Values)>();
        for (int round = 0; round < rounds; round++)
        {
            Add(figures, Drop, Measure("drop", modules[0]));
            AddPeer(figures, Drop, "wasmtime-drop", orders, library);
            Add(figures, Use, Measure("reactor", modules[1]));
            AddPeer(figures, Use, "wasmtime-reactor", reactor, library);
            Add(figures, DropReactor, Measure("drop", modules[1]));
            AddPeer(figures, DropReactor, "wasmtime-drop", reactor, library);
            Add(figures, "orders.wasm by Linker.Instantiate, without a pool, µs", Measure("link", modules[0]));
            Add(figures, $"orders.wasm, {Live:N0} live, MB of RSS and page tables", Measure("live", modules[0]));
            Add(figures, $"the same, each having written one page, MB", Measure("live-written", modules[0]));
        }

        foreach ((string name, List<double> values) in figures)
        {
            double median = Statistics.Median(values);
            string rate = name.EndsWith("µs", StringComparison.Ordinal) ? string.Create(CultureInfo.InvariantCulture, $"{1e6 / median,14:N0} a second") : "";
            Console.WriteLine(string.Create(CultureInfo.InvariantCulture, $"{name,-76}{median,10:0.00}{rate}{Compare(figures, name, median)}"));
        }

        return figures.Any(figure => figure.Values.Exists(double.IsNaN)) ? 1 : 0;
    }

    /// <summary>Measures one figure: WHAT MODULE [LIBRARY].</summary>
    public static int RunChild(string[] arguments)
    {
        Console.WriteLine((arguments.Length > 2 ? MeasureWasmtime(arguments) : MeasureOwn(arguments)).ToString(CultureInfo.InvariantCulture));
        return 0;
    }

    private static double MeasureWasmtime(string[] arguments)
    {
        var peer = new WasmtimeInstances(arguments[2], File.ReadAllBytes(arguments[1]), arguments[0] == "wasmtime-drop" ? 0 : WasmtimeResidentBytes);
        return TimeBatches(arguments[0] == "wasmtime-drop" ? peer.Drop : peer.UseReactor, Batch);
    }

    private static double MeasureOwn(string[] arguments)
    {
        using var engine = new Engine();
        Module module = Module.UnsafeLoadPrecompiled(engine, arguments[1]);
        var linker = new Linker(engine);
        WasiContext.AddTo(linker, _ => new WasiOptions());
        return arguments[0] switch
        {
            "drop" => MeasureBatches(linker, module, static pool => pool.Instantiate().Dispose()),
            "reactor" => MeasureBatches(linker, module, UseReactor),
            "link" => MeasureLinking(linker, module),
            "live" => MeasureLive(linker, module, writes: false),
            _ => MeasureLive(linker, module, writes: true),
        };
    }

    private static double MeasureBatches(Linker linker, Module module, Action<InstancePool> use)
    {
        using var pool = new InstancePool(linker, module);
        return TimeBatches(() => use(pool), Batch);
    }

    private static double MeasureLinking(Linker linker, Module module) => TimeBatches(
        () =>
        {
            using var store = new Store(module.Engine);
            _ = linker.Instantiate(store, module);
        },
        Batch / 20);

    private static void UseReactor(InstancePool pool)
    {
        using PooledInstance instance = pool.Instantiate();
        if (instance.GetFunction<Func<int>>("check")!() != 0)
        {
            throw new InvalidOperationException("The instance before left something.");
        }

        instance.GetFunction<Action>("write")!();
    }

    private static double TimeBatches(Action use, int count)
    {
        if (OperatingSystem.IsLinux())
        {
            using var self = Process.GetCurrentProcess();
            self.ProcessorAffinity = 1;
        }

        var batches = new List<double>();
        for (int batch = 0; batch < 25; batch++)
        {
            long start = Stopwatch.GetTimestamp();
            for (int i = 0; i < count; i++)
            {
                use();
            }

            // The first ones compile.
            if (batch >= 5)
            {
                batches.Add(Stopwatch.GetElapsedTime(start).TotalMicroseconds / count);
            }
        }

        return Statistics.Median(batches);
    }

    private static double MeasureLive(Linker linker, Module module, bool writes)
    {
        using var pool = new InstancePool(linker, module);
        PooledInstance[] instances = MakeLive(pool, writes);
        GC.Collect();
        string[] status = File.ReadAllLines("/proc/self/status");
        double kilobytes = status.Where(line => line.StartsWith("VmRSS:", StringComparison.Ordinal) || line.StartsWith("VmPTE:", StringComparison.Ordinal))
            .Sum(line => double.Parse(line.Split(' ', StringSplitOptions.RemoveEmptyEntries)[1], CultureInfo.InvariantCulture));
        GC.KeepAlive(instances);
        return kilobytes / 1000 * 1.024;
    }

    [MethodImpl(MethodImplOptions.NoInlining)]
    private static PooledInstance[] MakeLive(InstancePool pool, bool writes)
    {
        var instances = new PooledInstance[Live];
        for (int i = 0; i < instances.Length; i++)
        {
            instances[i] = pool.Instantiate();
            if (writes)
            {
                using MemoryLease lease = instances[i].Instance.GetMemory("memory")!.Lease();
                lease.Span[100] = 1;
            }
        }

        return instances;
    }

    private static string Compile(Settings settings, string module)
    {
        string compiled = Path.Combine(settings.Cache, Path.GetFileNameWithoutExtension(module) + ".cwasm");
        Measurement run = MeasuredProcess.Run([.. settings.Wherry, "compile", module, "-o", compiled], Limit);
        return run.Succeeded ? compiled : throw new InvalidOperationException($"{module} can't be compiled.");
    }

    private static string Compare(List<(string Name, List<double> Values)> figures, string name, double median) =>
        figures.Find(figure => figure.Name == name + Peer).Values is { } theirs
            ? string.Create(CultureInfo.InvariantCulture, $"   × {median / Statistics.Median(theirs):0.00}")
            : "";

    private static void AddPeer(List<(string Name, List<double> Values)> figures, string name, string what, string module, string? library)
    {
        if (library is not null)
        {
            Add(figures, name + Peer, Measure(what, module, library));
        }
    }

    private static void Add(List<(string Name, List<double> Values)> figures, string name, double value)
    {
        int index = figures.FindIndex(figure => figure.Name == name);
        if (index < 0)
        {
            index = figures.Count;
            figures.Add((name, []));
        }

        figures[index].Values.Add(value);
    }

    private static double Measure(string what, params string[] files)
    {
        Measurement run = MeasuredProcess.Run(["dotnet", typeof(InstancesBenchmark).Assembly.Location, Child, what, .. files], Limit);
        return run.Succeeded ? double.Parse(run.Output, CultureInfo.InvariantCulture) : double.NaN;
    }
}
