using System.Buffers.Binary;
using System.Globalization;
using System.Text;
using Wherry.Text.Printing;

namespace Wherry.Fuzz.Differential;

/// <summary>
/// Writes what was seen of a module as a script of assertions, for engines that run such scripts: results, traps, globals, and of each memory a checksum that a second module computes.
/// What the form can't say (an i31 as an argument, say) ends the script, as all that comes after depends on it.
/// </summary>
internal static class AssertionScript
{
    private const ulong Start = 0xCBF2_9CE4_8422_2325;
    private const ulong Factor = 0x0000_0100_0000_01B3;

    /// <param name="lines">What happened, from <see cref="EngineRunner"/>.</param>
    /// <param name="checksums">Those of the plan's memories, in its order.</param>
    /// <returns>null if nothing can be said of the module.</returns>
    public static string? Write(Module module, TestPlan plan, List<string> lines, IReadOnlyList<ulong> checksums)
    {
        if (lines is [string only] && (only.StartsWith("refused", StringComparison.Ordinal) || only.StartsWith("start: ", StringComparison.Ordinal)))
        {
            return null;
        }

        var output = new TextOutput();
        output.Append("(module binary ").Quote(module.Definition.Bytes.Span).Append(")\n");
        Dictionary<string, ExternalType> exports = module.Exports.ToDictionary(export => export.Name, export => export.Type);
        for (int i = 0; i < plan.Calls.Length; i++)
        {
            PlannedCall call = plan.Calls[i];
            FunctionType type = exports[call.Name].Function!;
            if (Arguments(call, type) is not string arguments)
            {
                return output.ToString();
            }

            // Where an access is both, it may be called unaligned or out of bounds.
            bool isEither = module.Definition.FeaturesUsed.HasFlag(WasmFeatures.Threads) && lines[i].EndsWith(": trap memory", StringComparison.Ordinal);
            string outcome = lines[i][(call.Name.Length + 2)..];
            string invoke = $"(invoke {TextOutput.Quote(call.Name)}{arguments})";
            output.Append(outcome.StartsWith("exception", StringComparison.Ordinal) ? $"(assert_exception {invoke})"
                : outcome.StartsWith("trap ", StringComparison.Ordinal) ? $"(assert_trap {invoke} \"{(isEither ? "" : Words(outcome[5..]))}\")"
                : Results(outcome, type) is string results ? $"(assert_return {invoke}{results})"
                : invoke);
            output.Append("\n");
        }

        foreach ((PlannedGlobal global, string line) in plan.Globals.Zip(lines.Skip(plan.Calls.Length + plan.Memories.Length)))
        {
            if (Result(line[(global.Name.Length + 2)..], exports[global.Name].Global!.ValueType) is string value)
            {
                output.Append($"(assert_return (get {TextOutput.Quote(global.Name)}) {value})\n");
            }
        }

        output.Append("(register \"module\")\n");
        foreach ((string memory, ulong checksum) in plan.Memories.Zip(checksums))
        {
            output.Append(Checker(memory, exports[memory].Memory!));
            output.Append(string.Create(CultureInfo.InvariantCulture, $"(assert_return (invoke \"checksum\") (i64.const {(long)checksum}))\n"));
        }

        return output.ToString();
    }

    /// <summary>The checksum of a memory of whole words.</summary>
    public static ulong Checksum(ReadOnlySpan<byte> memory)
    {
        ulong sum = Start;
        for (; memory.Length >= sizeof(ulong); memory = memory[sizeof(ulong)..])
        {
            sum = (sum ^ BinaryPrimitives.ReadUInt64LittleEndian(memory)) * Factor;
        }

        return sum;
    }

    private static string Checker(string memory, MemoryType type)
    {
        string address = type.Is64Bit ? "i64" : "i32";
        string limits = string.Create(CultureInfo.InvariantCulture, $"{(type.Is64Bit ? "i64 " : "")}0{(type.IsShared ? $" {type.Maximum} shared" : "")}{(type.PageSizeLog2 == 16 ? "" : " (pagesize 1)")}");
        return string.Create(
            CultureInfo.InvariantCulture,
            $"""
            (module
              (import "module" {TextOutput.Quote(memory)} (memory {limits}))
              (func (export "checksum") (result i64) (local $at {address}) (local $sum i64)
                (local.set $sum (i64.const {Start}))
                (block
                  (loop
                    (br_if 1 (i64.gt_u
                      (i64.add ({(type.Is64Bit ? "i64.add (i64.const 0)" : "i64.extend_i32_u")} (local.get $at)) (i64.const 8))
                      (i64.shl ({(type.Is64Bit ? "i64.add (i64.const 0)" : "i64.extend_i32_u")} (memory.size)) (i64.const {type.PageSizeLog2}))))
                    (local.set $sum (i64.mul (i64.xor (local.get $sum) (i64.load (local.get $at))) (i64.const {(long)Factor})))
                    (local.set $at ({address}.add (local.get $at) ({address}.const 8)))
                    (br 0)))
                (local.get $sum)))

            """);
    }

    private static string? Arguments(PlannedCall call, FunctionType type)
    {
        var text = new StringBuilder();
        for (int i = 0; i < call.Arguments.Length; i++)
        {
            if (Argument(call.Arguments[i], type.Parameters[i]) is not string argument)
            {
                return null;
            }

            text.Append(' ').Append(argument);
        }

        return text.ToString();
    }

    private static string? Argument(string value, WasmValueType type) =>
        value == "null" ? $"(ref.null {Top(type)})"
        : value.StartsWith("ext:", StringComparison.Ordinal) && Top(type) == "extern" ? $"(ref.extern {value[4..]})"
        : Number(value);

    private static string? Results(string outcome, FunctionType type)
    {
        string[] values = outcome.Split(' ', StringSplitOptions.RemoveEmptyEntries);
        var text = new StringBuilder();
        for (int i = 0; i < values.Length; i++)
        {
            if (Result(values[i], type.Results[i]) is not string result)
            {
                return null;
            }

            text.Append(' ').Append(result);
        }

        return text.ToString();
    }

    private static string? Result(string value, WasmValueType type) =>
        value == "null" ? "(ref.null)"
        : value == "func" ? "(ref.func)"
        : value.StartsWith("i31:", StringComparison.Ordinal) && Top(type) == "any" ? "(ref.i31)"
        : value.StartsWith("ext:", StringComparison.Ordinal) && Top(type) == "extern" ? $"(ref.extern {value[4..]})"
        : Number(value);

    private static string? Number(string value)
    {
        if (value.EndsWith(":nan", StringComparison.Ordinal))
        {
            return null;
        }

        string digits = value[(value.IndexOf(':', StringComparison.Ordinal) + 1)..];
        var output = new TextOutput();
        return value[..Math.Min(3, value.Length)] switch
        {
            "i32" => $"(i32.const {digits})",
            "i64" => $"(i64.const {digits})",
            "f32" => $"(f32.const {output.Float32(uint.Parse(digits, NumberStyles.HexNumber, CultureInfo.InvariantCulture))})",
            "f64" => $"(f64.const {output.Float64(ulong.Parse(digits, NumberStyles.HexNumber, CultureInfo.InvariantCulture))})",
            _ => null,
        };
    }

    private static string Top(WasmValueType type) => type.HeapType.Kind switch
    {
        HeapTypeKind.Func or HeapTypeKind.NoFunc => "func",
        HeapTypeKind.Extern or HeapTypeKind.NoExtern => "extern",
        HeapTypeKind.Exn or HeapTypeKind.NoExn => "exn",
        HeapTypeKind.Defined when type.HeapType.Defined!.Function is not null => "func",
        _ => "any",
    };

    /// <summary>What the message of a trap must have in it, of what all engines say alike.</summary>
    private static string Words(string kind) => kind switch
    {
        "unreachable" => "unreachable",
        "memory" or "table" or "array" => "out of bounds",
        "zero" => "integer divide by zero",
        "number" => "integer",
        "null" => "null",
        "cast" => "cast failure",
        "wait" => "expected shared memory",
        _ => "",
    };
}
