using System.Globalization;

namespace Wherry.Bench;

/// <summary>Whole processes over programs that only compute.</summary>
internal static class ComputeBenchmark
{
    private static readonly TimeSpan Limit = TimeSpan.FromMinutes(3);

    private const string NodeScript =
        """
        import { WASI } from 'node:wasi';
        import { readFileSync } from 'node:fs';
        const [, , file, ...rest] = process.argv;
        const wasi = new WASI({ version: 'preview1', args: [file, ...rest], env: {} });
        const instance = new WebAssembly.Instance(new WebAssembly.Module(readFileSync(file)), wasi.getImportObject());
        process.exitCode = wasi.start(instance);
        """;

    public static int Run(Settings settings) => Run(settings, name => name is not ("hello" or "lua-eh"), Engines);

    /// <summary>The vector programs only, beside node.</summary>
    public static int RunVectors(Settings settings) => Run(
        settings, name => name.EndsWith("-simd", StringComparison.Ordinal), (settings, folder) => Engines(settings, folder).Where(engine => engine.Name is "wherry" or "node"));

    private static int Run(
        Settings settings, Func<string, bool> isIncluded, Func<Settings, string, IEnumerable<(string Name, Func<string, string[]?> Command)>> findEngines)
    {
        string folder = Path.Combine(settings.Shared, "bench");
        string[]? only = settings.Optional("only")?.Split(',');
        string[] programs = [.. Directory.GetFiles(folder, "*.wasm").Select(file => Path.GetFileNameWithoutExtension(file)!)
            .Where(name => only?.Contains(name) ?? isIncluded(name)).Order(StringComparer.Ordinal)];
        (string Name, Func<string, string[]?> Command)[] engines = [.. findEngines(settings, folder)];
        string[] argument = settings.Optional("argument") is { } text ? [text] : [];
        int rounds = settings.Number("rounds", 3);

        Console.WriteLine($"medians of {rounds}, seconds: wall (CPU); × is the wall time of wherry, compiled ahead of time, through that of the peer");
        Console.WriteLine($"{"program",-14}" + string.Concat(engines.Select(engine => $"{engine.Name,26}")));
        var ratios = engines.ToDictionary(engine => engine.Name, _ => new List<double>());
        (string Program, double Ratio) worst = ("", 0);
        foreach (string program in programs)
        {
            var times = engines.ToDictionary(engine => engine.Name, _ => new List<Measurement>());
            var commands = engines.ToDictionary(engine => engine.Name, engine => engine.Command(program));
            string? expected = null;
            var wrong = new List<string>();
            for (int round = 0; round < rounds; round++)
            {
                foreach ((string name, string[]? command) in commands)
                {
                    if (command is null || wrong.Contains(name))
                    {
                        continue;
                    }

                    Measurement measurement = MeasuredProcess.Run([.. command, .. argument], Limit);
                    expected ??= measurement.Succeeded ? measurement.Output : null;
                    if (!measurement.Succeeded || measurement.Output != expected)
                    {
                        wrong.Add(name);
                    }

                    times[name].Add(measurement);
                }
            }

            double ours = Statistics.Median(times["wherry"].Select(time => time.Wall));
            double best = 0;
            Console.Write($"{program,-14}");
            foreach ((string name, _) in engines)
            {
                double wall = Statistics.Median(times[name].Select(time => time.Wall)), processor = Statistics.Median(times[name].Select(time => time.Processor));
                bool isGood = times[name].Count > 0 && !wrong.Contains(name);
                double ratio = ours / wall;
                if (isGood && name != "wherry" && !wrong.Contains("wherry"))
                {
                    ratios[name].Add(ratio);
                    best = name is "wherry jit" or "gcc -O3" ? best : Math.Max(best, ratio);
                }

                string cell = isGood
                    ? string.Create(CultureInfo.InvariantCulture, $"{wall:0.000} ({processor:0.000})") + (name == "wherry" ? "" : string.Create(CultureInfo.InvariantCulture, $" ×{ratio:0.00}"))
                    : wrong.Contains(name) ? "failed" : "-";
                Console.Write($"{cell,26}");
            }

            Console.WriteLine();
            worst = best > worst.Ratio ? (program, best) : worst;
        }

        Console.Write($"{"geomean",-14}");
        foreach ((string name, _) in engines)
        {
            Console.Write($"{(ratios[name].Count == 0 ? "" : string.Create(CultureInfo.InvariantCulture, $"×{Statistics.GeometricMean(ratios[name]):0.000} of {ratios[name].Count}")),26}");
        }

        Console.WriteLine();
        if (worst.Ratio > 0)
        {
            Console.WriteLine(string.Create(CultureInfo.InvariantCulture, $"worst against the best of the other engines: {worst.Program} ×{worst.Ratio:0.00}"));
        }

        return 0;
    }

    /// <summary>Compiles a module each time, since files of another build of the engine don't fit.</summary>
    public static string? Precompile(Settings settings, string module)
    {
        string compiled = Path.Combine(settings.Cache, Path.GetFileNameWithoutExtension(module) + ".cwasm");
        return MeasuredProcess.Run([.. settings.Wherry, "compile", module, "-o", compiled], Limit).Succeeded ? compiled : null;
    }

    private static IEnumerable<(string Name, Func<string, string[]?> Command)> Engines(Settings settings, string folder)
    {
        string Module(string program) => Path.Combine(folder, program + ".wasm");
        yield return ("wherry", program => Precompile(settings, Module(program)) is { } compiled ? [.. settings.Wherry, "run", compiled] : null);
        yield return ("wherry jit", program => [.. settings.Wherry, "run", "--no-cache", Module(program)]);
        if (settings.Peer("wasmedge") is { } wasmEdge)
        {
            yield return ("wasmedge aot", program =>
                WasmEdgeCompiler.Compile(settings, wasmEdge, Module(program)) is { } compiled ? [.. wasmEdge, "--run-mode", "aot", compiled] : null);
        }

        if (settings.Peer("wasmtime") is { } wasmtime)
        {
            yield return ("wasmtime", program =>
                WasmtimeCompiler.Compile(settings, wasmtime, Module(program)) is { } compiled ? [.. wasmtime, "run", "--allow-precompiled", compiled] : null);
        }

        if (settings.Peer("node") is { } node)
        {
            string script = Path.Combine(settings.Cache, "wasi.mjs");
            File.WriteAllText(script, NodeScript);
            yield return ("node", program => [.. node, "--no-warnings", "--no-liftoff", "--no-wasm-tier-up", script, Module(program)]);
        }

        if (settings.Peer("gcc") is { } gcc)
        {
            yield return ("gcc -O3", program => CompileNatively(settings, gcc, folder, program));
        }
    }

    /// <summary>The program from its one source file; programs around libraries are left out.</summary>
    private static string[]? CompileNatively(Settings settings, string[] gcc, string folder, string program)
    {
        bool isVector = program.EndsWith("-simd", StringComparison.Ordinal);
        string plain = isVector ? program[..^"-simd".Length] : program;
        string source = Path.Combine(folder, "src", plain + ".c");
        string native = Path.Combine(settings.Cache, program + "-native");
        if (!File.Exists(source) || (isVector && File.Exists(Path.Combine(folder, "src", plain + "_simd.c"))))
        {
            return null;
        }

        if (!File.Exists(native) && !MeasuredProcess.Run([.. gcc, "-O3", .. isVector ? ["-march=native"] : Array.Empty<string>(), "-o", native, source, "-lm"], Limit).Succeeded)
        {
            return null;
        }

        return [native];
    }
}
