using System.Globalization;
using Wherry.Wasi;

namespace Wherry.Bench;

/// <summary>
/// What counting instructions and being interruptible cost: the programs of ../shared/bench with and without, in turn. Each run is a process of its own that measures the processor time of
/// the guest alone; its code is compiled ahead of time before, or jitted meanwhile.
/// </summary>
internal static class MeteringBenchmark
{
    /// <summary>The first argument of the process that runs a guest.</summary>
    public const string Child = "metering-child";

    private const string Plain = "plain";
    private const string Fuel = "fuel";
    private const string Uninterruptible = "uninterruptible";

    private static readonly TimeSpan Limit = TimeSpan.FromMinutes(3);

    public static int RunFuel(Settings settings) => Run(settings, Plain, Fuel, "with fuel");

    public static int RunSafepoints(Settings settings) => Run(settings, Uninterruptible, Plain, "interruptible");

    /// <summary>Runs a guest: WAY FILE ARGUMENT…; prints its processor time in seconds, then what it printed.</summary>
    public static int RunChild(ReadOnlySpan<string> arguments)
    {
        using var engine = new Engine(OptionsOf(arguments[0]));
        Module module = arguments[1].EndsWith(".cwasm", StringComparison.Ordinal) ? Module.UnsafeLoadPrecompiled(engine, arguments[1]) : Module.LoadFile(engine, arguments[1]);
        using var output = new MemoryStream();
        using var store = new Store(engine);
        using var context = new WasiContext(new WasiOptions { Arguments = ["program", .. arguments[2..]], StandardOutput = output });
        var linker = new Linker(engine);
        context.AddTo(linker);
        Instance instance = linker.Instantiate(store, module);
        int exitCode = 0;
        double seconds = 0;
        var thread = new Thread(
            () =>
            {
                TimeSpan start = Environment.CpuUsage.TotalTime;
                exitCode = WasiCommand.Run(instance);
                seconds = (Environment.CpuUsage.TotalTime - start).TotalSeconds;
            },
            16 << 20);
        thread.Start();
        thread.Join();
        Console.WriteLine(seconds.ToString(CultureInfo.InvariantCulture));
        Console.OpenStandardOutput().Write(output.GetBuffer().AsSpan(0, (int)output.Length));
        return exitCode;
    }

    private static int Run(Settings settings, string without, string with, string title)
    {
        bool isJitted = settings.Text("code", "aot") == "jit";
        int rounds = settings.Number("rounds", 3);
        string[] argument = settings.Optional("argument") is { } text ? [text] : [];
        string[]? only = settings.Optional("only")?.Split(',');
        string[] modules = [.. Directory.GetFiles(Path.Combine(settings.Shared, "bench"), "*.wasm")
            .Where(file => Path.GetFileNameWithoutExtension(file) is var name && (only?.Contains(name) ?? name != "hello")).Order(StringComparer.Ordinal)];
        Console.WriteLine($"processor seconds of the guest, {(isJitted ? "jitted" : "compiled ahead of time")}, minima of {rounds}; × is the time {title} through that without");
        Console.WriteLine($"{"program",-14}{"without",10}{title,16}");
        var ratios = new List<double>();
        foreach (string module in modules)
        {
            string program = Path.GetFileNameWithoutExtension(module);
            string[] files = [.. new[] { without, with }.Select(way => isJitted ? module : Precompile(settings, module, way))];
            var times = new List<double>[] { [], [] };
            string? expected = null;
            bool isGood = true;
            for (int round = 0; round < rounds && isGood; round++)
            {
                for (int turn = 0; turn < 2 && isGood; turn++)
                {
                    // Neither is always first.
                    int i = turn ^ (round & 1);
                    Measurement run = MeasuredProcess.Run(["dotnet", typeof(MeteringBenchmark).Assembly.Location, Child, i == 0 ? without : with, files[i], .. argument], Limit);
                    string[] parts = run.Output.Split('\n', 2);
                    expected ??= parts[^1];
                    isGood = run.Succeeded && parts.Length == 2 && parts[1] == expected;
                    times[i].Add(isGood ? double.Parse(parts[0], CultureInfo.InvariantCulture) : double.NaN);
                }
            }

            double ratio = times[1].Min() / times[0].Min();
            Console.WriteLine(isGood
                ? string.Create(CultureInfo.InvariantCulture, $"{program,-14}{times[0].Min(),10:0.000}{times[1].Min(),16:0.000} ×{ratio:0.00}")
                : $"{program,-14} failed");
            if (isGood)
            {
                ratios.Add(ratio);
            }
        }

        Console.WriteLine(string.Create(CultureInfo.InvariantCulture, $"{"geomean",-40} ×{Statistics.GeometricMean(ratios):0.000} of {ratios.Count}, at most ×{ratios.DefaultIfEmpty(double.NaN).Max():0.00}"));
        return ratios.Count == modules.Length ? 0 : 1;
    }

    private static string Precompile(Settings settings, string module, string way)
    {
        string compiled = Path.Combine(settings.Cache, $"{Path.GetFileNameWithoutExtension(module)}-{way}.cwasm");
        using var engine = new Engine(OptionsOf(way));
        _ = Precompiler.Compile(Module.LoadFile(engine, module), compiled);
        return compiled;
    }

    private static EngineOptions OptionsOf(string way) => new() { FuelCosts = way == Fuel ? FuelCosts.Default : null, IsInterruptible = way != Uninterruptible };
}
