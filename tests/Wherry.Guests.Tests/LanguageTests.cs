using System.Globalization;
using System.Text;

namespace Wherry.Guests.Tests;

/// <summary>Programs of languages that lean on more of WebAssembly than C does, on the engine: they print what they print on V8.</summary>
public sealed class LanguageTests
{
    [Theory]
    [InlineData(BoundsChecks.Guard)]
    [InlineData(BoundsChecks.Explicit)]
    public void A_MoonBit_program_runs_on_the_collectors_heap(BoundsChecks checks)
    {
        var engine = new Engine(new EngineOptions { BoundsChecks = checks });
        using var store = new Store(engine);
        var linker = new Linker(engine);
        StringBuilder output = new();
        linker.DefineFunction("spectest", "print_char", (int character) => { output.Append((char)character); });
        linker.Instantiate(store, Load(engine, "moonbit/program.wasm")).GetFunction("_start")!.Invoke();
        Assert.Equal(Expected("moonbit/program.txt"), output.ToString());
    }

    [Theory]
    [InlineData("program.wasm", BoundsChecks.Guard)]
    [InlineData("program.wasm", BoundsChecks.Explicit)]
    [InlineData("program-optimized.wasm", BoundsChecks.Guard)]
    [InlineData("program-optimized.wasm", BoundsChecks.Explicit)]
    public void An_AssemblyScript_program_runs_with_a_collector_of_its_own(string file, BoundsChecks checks)
    {
        var engine = new Engine(new EngineOptions { BoundsChecks = checks });
        using var store = new Store(engine);
        var linker = new Linker(engine);
        StringBuilder output = new();
        linker.DefineFunction("env", "print", (Caller caller, int pointer, int length) =>
        {
            output.Append(Encoding.UTF8.GetString(Span(caller, (uint)pointer, (uint)length))).Append('\n');
        });
        linker.DefineFunction("env", "abort", (Caller caller, int message, int source, int line, int column) =>
        {
            string text = string.Create(CultureInfo.InvariantCulture, $"{Utf16(caller, (uint)message)} at {Utf16(caller, (uint)source)}:{line}:{column}");
            throw new InvalidOperationException(text);
        });
        Instance instance = linker.Instantiate(store, Load(engine, "assemblyscript/" + file));
        instance.GetFunction("main")!.Invoke();
        foreach (int index in new[] { 1, 3, 7 })
        {
            string result;
            try
            {
                result = $"{instance.GetFunction("fail")!.Invoke(index)[0]}";
            }
            catch (InvalidOperationException exception)
            {
                result = exception.Message;
            }

            output.Append(CultureInfo.InvariantCulture, $"{index}: {result}\n");
        }

        Assert.Equal(Expected("assemblyscript/program.txt"), output.ToString());
    }

    /// <summary>C programs with vectors, and Lua, whose errors are exceptions. V8 printed these lines for the same arguments.</summary>
    [Theory]
    [InlineData("bytes-simd", "3", "6711f9b0\n")]
    [InlineData("gemm-simd", "130", "1.122352e+06\n")]
    [InlineData("mandel-simd", "200", "3288753\n")]
    [InlineData("matmul-simd", "150", "161949596.000\n")]
    [InlineData("stencil-simd", "5", "1.113394352e+06\n")]
    [InlineData("lua-eh", "4", "3\n119149\t12000\t5\t100001\t6400040000.0 160000.0\n")]
    public async Task A_program_of_C_prints_what_it_prints_on_V8(string program, string argument, string expected)
    {
        string module = Repository.Shared($"bench/{program}.wasm");
        foreach (string checks in new[] { "guard", "explicit" })
        {
            Result result = (await RunningCommand.WherryAsync("run", "--bounds-checks", checks, module, argument)).Expect(0);
            Assert.Equal(expected, result.Output);
        }
    }

    private static ReadOnlySpan<byte> Span(Caller caller, uint pointer, uint length) =>
        caller.TryGetSpan(pointer, length, out Span<byte> span) ? span : throw new InvalidOperationException("outside of memory");

    /// <summary>A string of AssemblyScript: its length in bytes lies before it.</summary>
    private static string Utf16(Caller caller, uint pointer) =>
        Encoding.Unicode.GetString(Span(caller, pointer, BitConverter.ToUInt32(Span(caller, pointer - 4, 4))));

    private static string File(string name) => Path.Combine(Repository.Root, "tests", "Wherry.Guests.Tests", "Programs", name);

    private static Module Load(Engine engine, string name) => Module.LoadFile(engine, File(name));

    private static string Expected(string name) => System.IO.File.ReadAllText(File(name));
}
