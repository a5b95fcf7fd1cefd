using System.Globalization;
using System.Text.Json.Serialization;

namespace Wherry.Fuzz.Differential;

/// <summary>A call of an export.</summary>
internal sealed record PlannedCall([property: JsonPropertyName("n")] string Name, [property: JsonPropertyName("a")] string[] Arguments, [property: JsonPropertyName("r")] string[] Results);

/// <summary>An exported global to compare.</summary>
internal sealed record PlannedGlobal([property: JsonPropertyName("n")] string Name, [property: JsonPropertyName("t")] string Type);

/// <summary>What is done with a module, on each engine alike. Also the form in which requests go to V8.</summary>
internal sealed record TestPlan
{
    [JsonPropertyName("wasm")]
    public string? Module { get; init; }

    [JsonPropertyName("calls")]
    public required PlannedCall[] Calls { get; init; }

    [JsonPropertyName("memories")]
    public required string[] Memories { get; init; }

    [JsonPropertyName("globals")]
    public required PlannedGlobal[] Globals { get; init; }

    [JsonPropertyName("tables")]
    public required string[] Tables { get; init; }

    /// <summary>Those with 64-bit indices.</summary>
    [JsonPropertyName("wideTables")]
    public required string[] WideTables { get; init; }

    /// <summary>The memory in which an instrumented module notes what it executes.</summary>
    [JsonPropertyName("coverage")]
    public string? Coverage { get; init; }

    /// <summary>Calls of every export that the host can call, some times each, in an order of its own.</summary>
    public static TestPlan Create(Module module, Randomness random)
    {
        List<PlannedCall> calls = [];
        foreach (ModuleExport export in module.Exports)
        {
            if (export.Type.Function is FunctionType type && type.Parameters.All(CanPass) && type.Results.All(CanShow))
            {
                for (int i = type.Parameters.IsEmpty ? 1 : 3; i > 0; i--)
                {
                    calls.Add(new PlannedCall(export.Name, [.. type.Parameters.Select(parameter => PickArgument(parameter, random))], [.. type.Results.Select(Name)]));
                }
            }
        }

        string[] Exported(ExternalKind kind, Func<ExternalType, bool>? filter = null) =>
            [.. module.Exports.Where(export => export.Type.Kind == kind && (filter is null || filter(export.Type))).Select(export => export.Name)];
        return new TestPlan
        {
            Calls = [.. calls],
            Memories = Exported(ExternalKind.Memory),
            Tables = Exported(ExternalKind.Table, type => CanShow(type.Table!.ElementType)),
            WideTables = Exported(ExternalKind.Table, type => type.Table!.Is64Bit),
            Globals =
            [
                .. module.Exports.Where(export => export.Type.Global is GlobalType global && CanShow(global.ValueType))
                    .Select(export => new PlannedGlobal(export.Name, Name(export.Type.Global!.ValueType))),
            ],
        };
    }

    private static bool IsException(WasmValueType type) => type.IsReference && type.HeapType.Kind is HeapTypeKind.Exn or HeapTypeKind.NoExn;

    private static bool CanShow(WasmValueType type) => type.Kind != WasmValueKind.V128 && !IsException(type);

    /// <summary>JavaScript can make no vectors, no exceptions, and no structs: where those are asked for, null must do.</summary>
    private static bool CanPass(WasmValueType type) =>
        CanShow(type) && (type.IsDefaultable || type.HeapType.Kind is HeapTypeKind.Extern or HeapTypeKind.Any or HeapTypeKind.Eq or HeapTypeKind.I31);

    private static string PickArgument(WasmValueType type, Randomness random) => type.Kind switch
    {
        WasmValueKind.I32 => string.Create(CultureInfo.InvariantCulture, $"i32:{(int)random.EdgeInteger(32)}"),
        WasmValueKind.I64 => string.Create(CultureInfo.InvariantCulture, $"i64:{(long)random.EdgeInteger(64)}"),
        WasmValueKind.F32 => string.Create(CultureInfo.InvariantCulture, $"f32:{WithoutNan(Generation.EdgeFloats.Single(random)):x8}"),
        WasmValueKind.F64 => string.Create(CultureInfo.InvariantCulture, $"f64:{WithoutNan(Generation.EdgeFloats.Double(random)):x16}"),
        _ when type.IsNullable && (random.OneIn(3) || type.HeapType.Kind is not (HeapTypeKind.Extern or HeapTypeKind.Any or HeapTypeKind.Eq or HeapTypeKind.I31)) => "null",
        _ when type.HeapType.Kind == HeapTypeKind.Extern => string.Create(CultureInfo.InvariantCulture, $"ext:{random.Next(4)}"),
        _ => string.Create(CultureInfo.InvariantCulture, $"i31:{random.Next(-1000, 1000)}"),
    };

    // JavaScript does not keep the payload of a NaN.
    private static uint WithoutNan(uint bits) => (bits & 0x7FFF_FFFF) > 0x7F80_0000 ? 0x3F80_0000 : bits;

    private static ulong WithoutNan(ulong bits) => (bits & long.MaxValue) > 0x7FF0_0000_0000_0000 ? 0x3FF0_0000_0000_0000 : bits;

    private static string Name(WasmValueType type) => type.Kind switch
    {
        WasmValueKind.I32 => "i32",
        WasmValueKind.I64 => "i64",
        WasmValueKind.F32 => "f32",
        WasmValueKind.F64 => "f64",
        _ => "ref",
    };
}
