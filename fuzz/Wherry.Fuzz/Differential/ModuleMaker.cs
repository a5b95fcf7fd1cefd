using System.Text.Json;
using Wherry.Fuzz.Generation;

namespace Wherry.Fuzz.Differential;

/// <summary>Where a module comes from.</summary>
internal enum Source : byte
{
    /// <summary>The generator of this project.</summary>
    Generator,

    /// <summary><c>wasm-tools smith</c>.</summary>
    Smith,

    /// <summary><c>wasm-tools mutate</c>, of modules of the two others.</summary>
    Mutate,
}

/// <summary>Makes the modules of a run, the same for the same seed and number.</summary>
/// <param name="isBeyondV8">Whether all are made by our generator, with what V8 lacks.</param>
internal sealed class ModuleMaker(ulong runSeed, ExternalTool? wasmTools, int generatedOfTen, bool isBeyondV8 = false) : IDisposable
{
    private readonly string configuration = Path.GetTempFileName();

    public void Dispose() => File.Delete(configuration);

    /// <returns>null if the tool made nothing of this seed.</returns>
    public byte[]? Create(int index, out Source source)
    {
        var random = new Randomness(Randomness.Mix(runSeed, (ulong)index));
        int pick = random.Next(10);
        source = wasmTools is null || isBeyondV8 || pick < generatedOfTen ? Source.Generator : random.Next(3) < 2 ? Source.Smith : Source.Mutate;
        switch (source)
        {
            case Source.Generator:
                return ModuleGenerator.Generate(random.NextU64(), !isBeyondV8 && random.OneIn(10), isBeyondV8);
            case Source.Smith:
                return Smith(random, isPlain: false);
            default:
                byte[]? seed = random.OneIn(2) ? ModuleGenerator.Generate(random.NextU64(), isPlain: true, isBeyondV8: false) : Smith(random, isPlain: true);

                // Sometimes more than one thing is changed.
                for (int i = random.Next(1, 2); i > 0 && seed is not null; i--)
                {
                    seed = Mutate(seed, random);
                }

                return seed;
        }
    }

    private byte[]? Smith(Randomness random, bool isPlain)
    {
        bool has(int part) => !isPlain && random.OneIn(part);
        File.WriteAllText(configuration, JsonSerializer.Serialize(new Dictionary<string, object>
        {
            ["canonicalize-nans"] = true,
            ["export-everything"] = true,
            ["max-imports"] = 0,
            ["min-funcs"] = 1,
            ["max-funcs"] = random.Next(2, 6),
            ["max-instructions"] = random.Next(50, 200),
            ["max-types"] = 12,
            ["max-globals"] = 8,
            ["max-data-segments"] = 4,
            ["max-element-segments"] = 4,
            ["max-elements"] = 8,
            ["max-tables"] = random.Next(1, 3),
            ["max-table-elements"] = 100,
            ["table-max-size-required"] = true,
            ["min-memories"] = random.Next(2),
            ["max-memories"] = isPlain ? 1 : random.Next(1, 3),
            ["memory-max-size-required"] = true,
            ["max-memory32-bytes"] = 4 * 65536,
            ["max-memory64-bytes"] = 4 * 65536,
            ["memory64-enabled"] = has(2),
            ["gc-enabled"] = !isPlain && !random.OneIn(3),
            ["exceptions-enabled"] = has(2),
            ["tail-call-enabled"] = !isPlain,
            ["threads-enabled"] = has(3),
            ["simd-enabled"] = random.OneIn(2),
            ["relaxed-simd-enabled"] = false,
            ["disallow-traps"] = !random.OneIn(4),
            ["allow-start-export"] = random.OneIn(4),
            ["generate-custom-sections"] = false,
        }));
        return wasmTools!.Run(random.Bytes(random.Next(500, 4000)), "smith", "--ensure-termination", "--fuel", "100", "--config", configuration);
    }

    private byte[]? Mutate(byte[] module, Randomness random)
    {
        string seed = random.Next(int.MaxValue).ToString(System.Globalization.CultureInfo.InvariantCulture);
        return random.OneIn(2)
            ? wasmTools!.Run(module, "mutate", "--seed", seed)
            : wasmTools!.Run(module, "mutate", "--preserve-semantics", "--seed", seed);
    }
}
