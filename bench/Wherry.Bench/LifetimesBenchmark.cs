using System.Diagnostics;
using System.Globalization;
using System.Runtime.CompilerServices;

namespace Wherry.Bench;

/// <summary>What is left in memory of modules that were loaded, run and dropped: many times the same one that was compiled ahead of time, and many different ones that are jitted.</summary>
internal static class LifetimesBenchmark
{
    private const int CompiledAtATime = 40;

    public static int Run(Settings settings)
    {
        int same = settings.Number("rounds", 10_000), different = settings.Number("modules", 1_000), versions = settings.Number("versions", 2 * CompiledAtATime);
        string file = Path.Combine(settings.Cache, "lifetimes.cwasm");
        using var engine = new Engine();
        _ = Precompiler.Compile(Module.Load(engine, CreateModule(0)), file);
        Measure($"one module compiled ahead of time, {same} rounds", same, _ => Use(Module.UnsafeLoadPrecompiled(engine, file), 0));
        Measure($"{different} different modules, jitted, each dropped", different, number => Use(Module.Load(engine, CreateModule(number)), number));

        string[] files = [.. Enumerable.Range(1, versions).Select(number => Path.Combine(settings.Cache, $"lifetimes-{number}.cwasm"))];
        for (int i = 0; i < files.Length; i++)
        {
            _ = Precompiler.Compile(Module.Load(engine, CreateModule(i + 1)), files[i]);
        }

        Measure($"{versions} different modules compiled ahead of time, which stay", versions, number => Use(Module.UnsafeLoadPrecompiled(engine, files[number - 1]), number));
        Array.ForEach(files, File.Delete);
        return 0;
    }

    private static void Measure(string what, int rounds, Action<int> use)
    {
        // What a first tenth leaves is made once: caches, arenas, the JIT's own memory.
        int first = rounds / 10;
        for (int i = 1; i <= first; i++)
        {
            use(i);
        }

        (long resident, long managed) = MeasureMemory();
        for (int i = first + 1; i <= rounds; i++)
        {
            use(i);
        }

        (long residentAfter, long managedAfter) = MeasureMemory();
        Console.WriteLine(string.Create(
            CultureInfo.InvariantCulture,
            $"{what,-62} RSS {resident >> 10,8} -> {residentAfter >> 10,8} KB   heap {managed >> 10,7} -> {managedAfter >> 10,7} KB   {(residentAfter - resident) / 1024.0 / (rounds - first),8:0.000} KB of RSS a round"));
    }

    [MethodImpl(MethodImplOptions.NoInlining)]
    private static void Use(Module module, int number)
    {
        using var store = new Store(module.Engine);
        Instance instance = new Linker(module.Engine).Instantiate(store, module);
        if (instance.GetFunction<Func<int, int>>("run")!(1) != number + 1)
        {
            throw new InvalidOperationException("A module gave a wrong result.");
        }
    }

    private static byte[] CreateModule(int number) => WatConverter.ToBinary(string.Create(
        CultureInfo.InvariantCulture,
        $"""
        (module
          (memory 17)
          (global $g (mut i32) (i32.const 0))
          (table 2 funcref)
          (elem (i32.const 0) $add)
          (func $add (param i32) (result i32) (i32.add (local.get 0) (i32.const {number})))
          (func (export "run") (param i32) (result i32)
            (global.set $g (call_indirect (param i32) (result i32) (local.get 0) (i32.const 0)))
            (i32.store (i32.const 70000) (global.get $g))
            (i32.load (i32.const 70000))))
        """));

    private static (long Resident, long Managed) MeasureMemory()
    {
        for (int i = 0; i < 3; i++)
        {
            GC.Collect();
            GC.WaitForPendingFinalizers();
        }

        using Process process = Process.GetCurrentProcess();
        return (process.WorkingSet64, GC.GetTotalMemory(forceFullCollection: true));
    }
}
