using BenchmarkDotNet.Attributes;
using BenchmarkDotNet.Configs;
using BenchmarkDotNet.Jobs;
using BenchmarkDotNet.Toolchains.InProcess.Emit;

namespace Wherry.HostCalls;

/// <summary>Calls between .NET and a guest through typed delegates, beside calls of a plain delegate.</summary>
[Config(typeof(InProcess))]
[MemoryDiagnoser]
public class CallBenchmarks
{
    private const int Calls = 1_000;

    private const string Guest = """
        (module
          (import "host" "add" (func $add (param i32 i32) (result i32)))
          (func (export "add") (param i32 i32) (result i32) (i32.add (local.get 0) (local.get 1)))
          (func (export "loop") (param $n i32) (result i32) (local $sum i32)
            (loop $next
              (local.set $sum (call $add (local.get $sum) (local.get $n)))
              (br_if $next (local.tee $n (i32.sub (local.get $n) (i32.const 1)))))
            (local.get $sum)))
        """;

    private Func<int, int, int> _plain = null!;
    private Func<int, int, int> _guest = null!;
    private Func<int, int, int> _limited = null!;
    private Func<int, int> _loop = null!;

    /// <summary>Makes the guests.</summary>
    [GlobalSetup]
    public void Setup()
    {
        var adder = new Adder(0);
        _plain = adder.Add;
        var module = Module.Load(Engine.Default, WatConverter.ToBinary(Guest));
        Instance guest = Instantiate(module, null);
        _guest = guest.GetFunction<Func<int, int, int>>("add")!;
        _loop = guest.GetFunction<Func<int, int>>("loop")!;
        _limited = Instantiate(module, TimeSpan.FromHours(1)).GetFunction<Func<int, int, int>>("add")!;
    }

    /// <summary>A delegate to a method of .NET.</summary>
    [Benchmark(Baseline = true, OperationsPerInvoke = Calls)]
    public int PlainDelegate()
    {
        int sum = 0;
        Func<int, int, int> add = _plain;
        for (int i = 0; i < Calls; i++)
        {
            sum = add(sum, i);
        }

        return sum;
    }

    /// <summary>A delegate to a guest's function.</summary>
    [Benchmark(OperationsPerInvoke = Calls)]
    public int HostToGuest() => Sum(_guest);

    /// <summary>The same in a store with a time limit.</summary>
    [Benchmark(OperationsPerInvoke = Calls)]
    public int HostToGuestWithTimeLimit() => Sum(_limited);

    /// <summary>A guest's loop that calls a delegate of .NET.</summary>
    [Benchmark(OperationsPerInvoke = Calls)]
    public int GuestToHost() => _loop(Calls);

    private static int Sum(Func<int, int, int> add)
    {
        int sum = 0;
        for (int i = 0; i < Calls; i++)
        {
            sum = add(sum, i);
        }

        return sum;
    }

    private static Instance Instantiate(Module module, TimeSpan? timeLimit)
    {
        var adder = new Adder(0);
        var linker = new Linker(module.Engine);
        linker.DefineFunction("host", "add", (Func<int, int, int>)adder.Add);
        return linker.Instantiate(new Store(module.Engine, new StoreOptions { TimeLimit = timeLimit }), module);
    }

    private sealed class Adder(int zero)
    {
        public int Add(int a, int b) => a + b + zero;
    }

    private sealed class InProcess : ManualConfig
    {
        public InProcess() => AddJob(Job.ShortRun.WithToolchain(InProcessEmitToolchain.Instance).WithIterationCount(7));
    }
}
