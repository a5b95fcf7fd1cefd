using System.Globalization;
using System.Security.Cryptography;
using Wherry.Execution.Heap;
using Wherry.Text.Scripts;

namespace Wherry.Fuzz.Differential;

/// <summary>Runs modules in Wherry, and says what happened in the same lines as oracle.js.</summary>
internal sealed class EngineRunner : IDisposable
{
    private readonly GuestTurns turns = new();
    private readonly ExecutionWay way;
    private readonly Engine engine;
    private readonly StoreOptions storeOptions = new()
    {
        // All guests end by themselves; on a busy machine much later.
        TimeLimit = TimeSpan.FromSeconds(45),
        Limits = ResourceLimits.Default with { HeapBytes = 64 << 20, MemoryBytes = 256 << 20, TableElements = 1 << 20 },
    };

    public EngineRunner(ExecutionWay way)
    {
        this.way = way;
        engine = new Engine(ExecutionWays.Options(way));
    }

    public Engine Engine => engine;

    /// <summary>How often guests have been left while they waited, and entered again.</summary>
    public long WaitCount => turns.Count;

    public void Dispose() => engine.Dispose();

    /// <param name="checksums">Is given a checksum of each memory in the end.</param>
    /// <returns>null if a limit of this run stands in the way, so that the engines can't be compared.</returns>
    public List<string>? Run(byte[] bytes, TestPlan plan, List<ulong>? checksums = null)
    {
        Module module;
        try
        {
            module = Module.Load(engine, bytes);
        }
        catch (ModuleException error)
        {
            return [$"refused {error.Message}"];
        }

        return way == ExecutionWay.Pooled ? RunPooled(module, plan, checksums) : RunOnce(module, plan, checksums);
    }

    private List<string>? RunOnce(Module module, TestPlan plan, List<ulong>? checksums)
    {
        using var store = new Store(engine, storeOptions);
        return RunInstance(() => new Linker(engine).Instantiate(store, module), plan, checksums);
    }

    /// <summary>The second instance has the first one's memory, which nothing must be seen of.</summary>
    private List<string>? RunPooled(Module module, TestPlan plan, List<ulong>? checksums)
    {
        InstancePool pool;
        try
        {
            pool = new InstancePool(new Linker(engine), module, InstancePoolOptions.Default with { StoreOptions = storeOptions });
        }
        catch (TrapException)
        {
            // A segment does not fit: found out before any instance is made, so that the place where that is told is another.
            return RunOnce(module, plan, checksums);
        }

        using (pool)
        {
            List<string>? RunOne(List<ulong>? sums)
            {
                PooledInstance? pooled = null;
                List<string>? lines = RunInstance(() => (pooled = pool.Instantiate()).Instance, plan, sums);
                pooled?.Dispose();
                return lines;
            }

            List<string>? first = RunOne(null);
            List<string>? second = RunOne(checksums);
            return first is null || second is null || Comparison.Difference(second, first, "second of a pool") is not string difference ? second : [difference, .. second];
        }
    }

    private List<string>? RunInstance(Func<Instance> instantiate, TestPlan plan, List<ulong>? checksums)
    {
        List<string> lines = [];
        Instance instance;
        try
        {
            instance = instantiate();
        }
        catch (LinkException error)
        {
            return [$"refused {error.Message}"];
        }
        catch (Exception error)
        {
            return Describe(error, null) is string line ? [$"start: {line}"] : null;
        }

        foreach (PlannedCall call in plan.Calls)
        {
            if (RunCall(instance, call) is not string line)
            {
                return null;
            }

            lines.Add($"{call.Name}: {line}");
        }

        AddState(instance, plan, lines);
        foreach (string name in checksums is null ? [] : plan.Memories)
        {
            using MemoryLease lease = instance.GetMemory(name)!.Lease();
            checksums!.Add(AssertionScript.Checksum(lease.Span));
        }

        return lines;
    }

    private string? RunCall(Instance instance, PlannedCall call)
    {
        object?[] results;
        try
        {
            Function function = instance.GetFunction(call.Name)!;
            object?[] arguments = Array.ConvertAll(call.Arguments, Parse);
            results = ExecutionWays.IsSuspended(way) ? turns.Call(function, arguments) : function.Invoke(arguments);
        }
#pragma warning disable CA1031 // An exception that is none of the engine's own is a line that no other engine gives.
        catch (Exception error)
        {
            return Describe(error, instance);
        }
#pragma warning restore CA1031

        return string.Join(' ', results.Select(Show));
    }

    /// <summary>The line for a trap or exception; null for one of limits.</summary>
    private static string? Describe(Exception error, Instance? instance) => error switch
    {
        TrapException { Kind: TrapKind.TimeLimit or TrapKind.Interrupted or TrapKind.OutOfResources or TrapKind.StackExhausted } => null,
        TrapException trap => "trap " + trap.Kind switch
        {
            TrapKind.Unreachable => "unreachable",
            TrapKind.MemoryOutOfBounds => "memory",
            TrapKind.TableOutOfBounds or TrapKind.UndefinedElement => "table",
            TrapKind.UninitializedElement or TrapKind.IndirectCallTypeMismatch => "signature",
            TrapKind.IntegerDivideByZero => "zero",
            TrapKind.IntegerOverflow or TrapKind.InvalidConversionToInteger => "number",
            TrapKind.NullReference => "null",
            TrapKind.CastFailure => "cast",
            TrapKind.ArrayOutOfBounds => "array",
            TrapKind.UnalignedAtomic => "unaligned",
            TrapKind.ExpectedSharedMemory => "wait",
            _ => "resources",
        },
        WasmException exception => instance?.Exports.FirstOrDefault(export => export.Type.Kind == ExternalKind.Tag && instance.GetTag(export.Name) == exception.Tag) is ModuleExport tag
            ? $"exception {tag.Name}"
            : "exception",
        _ => $"error {error}",
    };

    private static void AddState(Instance instance, TestPlan plan, List<string> lines)
    {
        foreach (string name in plan.Memories)
        {
            using MemoryLease lease = instance.GetMemory(name)!.Lease();
            lines.Add(string.Create(CultureInfo.InvariantCulture, $"{name}: {lease.Span.Length} {Hash(lease)}"));
        }

        foreach (PlannedGlobal global in plan.Globals)
        {
            lines.Add($"{global.Name}: {Show(instance.GetGlobal(global.Name)!.Value)}");
        }

        foreach (string name in plan.Tables)
        {
            Table table = instance.GetTable(name)!;
            IEnumerable<string> elements = Enumerable.Range(0, Math.Min(table.Size, 64)).Select(i => Show(table[i]));
            lines.Add(string.Create(CultureInfo.InvariantCulture, $"{name}: {table.Size} {string.Join(' ', elements)}"));
        }
    }

#pragma warning disable CA5351 // Nothing is kept secret by it.
    private static string Hash(MemoryLease lease) => Convert.ToHexStringLower(MD5.HashData(lease.Span));
#pragma warning restore CA5351

    private static object? Parse(string text)
    {
        if (text == "null")
        {
            return null;
        }

        string value = text[4..];
        return text[..3] switch
        {
            "i32" => int.Parse(value, CultureInfo.InvariantCulture),
            "i64" => long.Parse(value, CultureInfo.InvariantCulture),
            "f32" => BitConverter.UInt32BitsToSingle(uint.Parse(value, NumberStyles.HexNumber, CultureInfo.InvariantCulture)),
            "f64" => BitConverter.UInt64BitsToDouble(ulong.Parse(value, NumberStyles.HexNumber, CultureInfo.InvariantCulture)),
            "i31" => I31.Create(int.Parse(value, CultureInfo.InvariantCulture)),
            _ => new HostReference(uint.Parse(value, CultureInfo.InvariantCulture)),
        };
    }

    private static string Show(object? value) => value switch
    {
        null => "null",
        int number => string.Create(CultureInfo.InvariantCulture, $"i32:{number}"),
        long number => string.Create(CultureInfo.InvariantCulture, $"i64:{number}"),
        float number => float.IsNaN(number) ? "f32:nan" : $"f32:{BitConverter.SingleToUInt32Bits(number):x8}",
        double number => double.IsNaN(number) ? "f64:nan" : $"f64:{BitConverter.DoubleToUInt64Bits(number):x16}",
        I31[] => string.Create(CultureInfo.InvariantCulture, $"i31:{I31.ValueOf(value)}"),
        Function => "func",
        HostReference host => string.Create(CultureInfo.InvariantCulture, $"ext:{host.Number}"),
        _ when HeapInstructions.TryGetType(value, out _) => "obj",
        _ => $"a {value.GetType().Name}",
    };
}
