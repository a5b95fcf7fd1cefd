using System.Diagnostics;
using Wherry.Diagnostics;
using Wherry.Text;
using Wherry.Text.Scripts;

namespace Wherry.Fuzz.Robustness;

/// <summary>What became of an input.</summary>
/// <param name="Outcome">Counted under this name.</param>
/// <param name="Problem">What must not be, or null.</param>
/// <param name="AllocatedBytes">All that was allocated, an upper bound of what was needed at once.</param>
internal sealed record InputResult(string Outcome, string? Problem, double Milliseconds, long AllocatedBytes);

/// <summary>
/// Decodes, validates, prints, reads and links an input. It must come out as a module or as one clear error of the public exception types, with a place in the
/// input.
/// </summary>
internal sealed class InputRunner : IDisposable
{
    private readonly Engine engine = new(EngineOptions.Default with { Features = (WasmFeatures)(-1) });
    private readonly StoreOptions storeOptions = new()
    {
        TimeLimit = TimeSpan.FromMilliseconds(200),
        Limits = ResourceLimits.Default with { HeapBytes = 16 << 20, TableElements = 1_000_000 },
    };

    public void Dispose() => engine.Dispose();

    public InputResult Run(Seed input)
    {
        long allocated = GC.GetAllocatedBytesForCurrentThread();
        long start = Stopwatch.GetTimestamp();
        string outcome;
        string? problem = null;
        try
        {
            outcome = input.Kind switch
            {
                InputKind.Binary => RunBinary(input.Bytes),
                InputKind.Text => RunText(input.Bytes),
                _ => RunScript(input.Bytes),
            };
        }
        catch (ModuleException error)
        {
            outcome = error is MalformedModuleException ? "malformed module" : "invalid module";
            problem = CheckMessage(error.Message);
            if (input.Kind == InputKind.Binary && (error.Offset < 0 || error.Offset > input.Bytes.Length))
            {
                problem = $"the offset {error.Offset} is outside of the input: {error.Message}";
            }
        }
        catch (TextFormatException error)
        {
            outcome = "malformed text";
            problem = error.Line < 1 || error.Column < 1 || error.Line > input.Bytes.AsSpan().Count((byte)'\n') + 1
                ? $"line {error.Line}, column {error.Column} is outside of the input: {error.Message}"
                : CheckMessage(error.Reason);
        }
        catch (ProblemException error)
        {
            outcome = "problem";
            problem = error.Message;
        }
#pragma warning disable CA1031 // Any other exception is what this looks for.
        catch (Exception error)
        {
            outcome = "problem";
            problem = error.ToString();
        }
#pragma warning restore CA1031

        double milliseconds = Stopwatch.GetElapsedTime(start).TotalMilliseconds;
        return new InputResult(outcome, problem, milliseconds, GC.GetAllocatedBytesForCurrentThread() - allocated);
    }

    private string RunBinary(byte[] bytes)
    {
        // The printer reads what is not valid too.
        string? text = null;
        try
        {
            text = WatConverter.ToText(bytes);
        }
        catch (MalformedModuleException)
        {
            // Loading it says the same, or that it is invalid.
        }

        Module module = Module.Load(engine, bytes, "input");
        if (text is null)
        {
            throw new ProblemException("a valid module can't be printed");
        }

        ReadBack(text);
        return Link(module, new Randomness((ulong)bytes.Length));
    }

    private void ReadBack(string text)
    {
        try
        {
            _ = Module.Load(engine, WatConverter.ToBinary(text));
        }
        catch (Exception error) when (error is TextFormatException or ModuleException)
        {
            throw new ProblemException($"a valid module is printed so that it can't be read: {error.Message}");
        }
    }

    private string RunText(byte[] bytes)
    {
        byte[] binary = WatConverter.ToBinary(bytes, "input", emitNames: true);
        Module module = Module.Load(engine, binary, "input");
        return Link(module, new Randomness((ulong)bytes.Length));
    }

    private static string RunScript(byte[] bytes)
    {
        ScriptCommand[] commands = ScriptParser.Parse(new TextSource(bytes, "input"));
        foreach (ScriptCommand command in commands)
        {
            if (command is ModuleCommand module)
            {
                try
                {
                    _ = module.Source.ToBytes(WatOptions.Default);
                }
                catch (TextFormatException)
                {
                    // Of many modules in a script the rest may be fine.
                }
            }
        }

        return "script";
    }

    private string Link(Module module, Randomness random)
    {
        DebugInformation information = module.DebugInformation;
        for (int function = 0; function < Math.Min(4, module.Definition.Functions.Length); function++)
        {
            _ = information.Describe(new GuestLocation(module, function, module.Definition.Bytes.Length / (function + 1)));
        }

        using var store = new Store(engine, storeOptions);
        try
        {
            _ = CreateLinker(store, module, random).Instantiate(store, module);
            return "instance";
        }
        catch (LinkException error)
        {
            return CheckMessage(error.Message) is string problem ? throw new ProblemException(problem) : "link error";
        }
        catch (TrapException error)
        {
            return CheckMessage(error.Message) is string problem ? throw new ProblemException(problem) : "trap when instantiated";
        }
        catch (WasmException)
        {
            return "exception when instantiated";
        }
    }

    private Linker CreateLinker(Store store, Module module, Randomness random)
    {
        var linker = new Linker(engine) { AllowShadowing = true };
        SpectestModule.AddTo(linker, store, engine.Options.Features);
        foreach (ModuleImport import in module.Imports)
        {
            try
            {
                Define(linker, store, import, random.OneIn(16));
            }
            catch (Exception error) when (error is LinkException or ArgumentException)
            {
                // Beyond a limit, or null where none may be: then the import is missing.
            }
        }

        return linker;
    }

    private static void Define(Linker linker, Store store, ModuleImport import, bool isOther)
    {
        if (isOther)
        {
            linker.Define(import.Module, import.Name, Global.Create(store, new GlobalType(WasmValueType.I64, true), 1L));
        }
        else if (import.Type.Function is FunctionType function && StubFunctions.Find(function) is Delegate stub)
        {
            linker.DefineFunction(import.Module, import.Name, stub);
        }
        else if (import.Type.Memory is MemoryType memory)
        {
            linker.Define(import.Module, import.Name, Memory.Create(store, memory));
        }
        else if (import.Type.Table is TableType table)
        {
            linker.Define(import.Module, import.Name, Table.Create(store, table));
        }
        else if (import.Type.Global is GlobalType global)
        {
            linker.Define(import.Module, import.Name, Global.Create(store, global, global.ValueType.Kind switch
            {
                WasmValueKind.I32 => 1,
                WasmValueKind.I64 => 1L,
                WasmValueKind.F32 => 1f,
                WasmValueKind.F64 => 1d,
                WasmValueKind.V128 => System.Runtime.Intrinsics.Vector128<byte>.One,
                _ => null,
            }));
        }
    }

    private static string? CheckMessage(string message) =>
        string.IsNullOrWhiteSpace(message) ? "an error without a message" : message.Length > 10_000 ? $"a message of {message.Length} characters: {message[..120]}" : null;

    private sealed class ProblemException(string message) : Exception(message);
}
