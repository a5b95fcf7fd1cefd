using System.Text;
using Wherry.Tests;
using Wherry.Wasi.Tests.Determinism;

namespace Wherry.Wasi.Tests.Metering;

/// <summary>Real programs: how many instructions they execute, told by the programs themselves (rewritten to count) and by the engine.</summary>
public sealed class ProgramCountTests
{
    public static TheoryData<string, string, ulong> Programs => new()
    {
        { "qsort", "1000", 493_134 },
        { "sha256", "1", 142_775_108 },
        { "json", "1", 370_839_027 },
    };

    [Theory]
    [MemberData(nameof(Programs))]
    public void A_program_takes_the_same_fuel_in_every_way(string program, string argument, ulong expected)
    {
        byte[] bytes = File.ReadAllBytes(SharedFiles.Find($"bench/{program}.wasm"));
        var plain = new Engine();
        using (var store = new Store(plain))
        {
            string output = Run(store, Module.Load(plain, CountingTransformation.Transform(bytes)), argument, out Instance instance);
            Assert.Equal(expected, (ulong)(long)instance.GetGlobal(CountingTransformation.Export)!.Value!);
            foreach ((_, EngineOptions options) in ExecutionWays.Of(Ways.Metered(BoundsChecks.Guard)))
            {
                var engine = new Engine(options);
                using var metered = new Store(engine);
                Assert.Equal(output, Run(metered, Module.Load(engine, bytes), argument, out _));
                Assert.Equal(expected, metered.FuelConsumed - metered.Meter!.ConsumedBySizes);
            }
        }
    }

    private static string Run(Store store, Module module, string argument, out Instance instance)
    {
        using var output = new MemoryStream();
        using var context = new WasiContext(new WasiOptions { Arguments = ["program", argument], StandardOutput = output });
        var linker = new Linker(store.Engine);
        context.AddTo(linker);
        instance = linker.Instantiate(store, module);
        Assert.Equal(0, WasiCommand.Run(instance));
        return Encoding.UTF8.GetString(output.ToArray());
    }
}
