using System.Buffers;
using System.Globalization;
using System.Runtime.Intrinsics;
using Wherry.Execution.Heap;

namespace Wherry.Cli.Running;

/// <summary>Reads arguments that are text by the type of the function they are for, and writes results.</summary>
internal static class Invocation
{
    private static readonly SearchValues<char> FloatCharacters = SearchValues.Create("0123456789+-.eE");

    public static object?[] ParseArguments(string name, FunctionType type, IReadOnlyList<string> arguments)
    {
        if (arguments.Count != type.Parameters.Length)
        {
            throw CommandException.Usage(
                $"{name} takes {Count(type.Parameters.Length, "argument")}, {type}, but {arguments.Count} {(arguments.Count == 1 ? "was" : "were")} given.");
        }

        var values = new object?[arguments.Count];
        for (int i = 0; i < values.Length; i++)
        {
            values[i] = Parse(name, i, type.Parameters[i], arguments[i]);
        }

        return values;
    }

    public static string Format(object? value) => value switch
    {
        null => "null",
        int or long => ((IFormattable)value).ToString(null, CultureInfo.InvariantCulture),
        float number => FormatFloat(number, number.ToString("R", CultureInfo.InvariantCulture)),
        double number => FormatFloat(number, number.ToString("R", CultureInfo.InvariantCulture)),
        Vector128<byte> vector => "0x" + vector.AsUInt64().GetElement(1).ToString("x16", CultureInfo.InvariantCulture)
            + vector.AsUInt64().GetElement(0).ToString("x16", CultureInfo.InvariantCulture),
        I31[] => I31.ValueOf(value).ToString(CultureInfo.InvariantCulture),
        Function function => $"function {function.Type}",
        _ => "reference",
    };

    private static string FormatFloat(double value, string text) =>
        double.IsNaN(value) ? "nan" : double.IsInfinity(value) ? (value > 0 ? "inf" : "-inf") : text;

    private static object Parse(string name, int index, WasmValueType type, string text)
    {
        object? value = type.Kind switch
        {
            WasmValueKind.I32 => ParseInteger(text, int.MinValue, uint.MaxValue) is { } number ? (object)unchecked((int)number) : null,
            WasmValueKind.I64 => ParseInteger(text, long.MinValue, ulong.MaxValue) is { } number ? (object)unchecked((long)number) : null,
            WasmValueKind.F32 => ParseFloat(text) is { } number ? (object)ParseSingle(text, number) : null,
            WasmValueKind.F64 => ParseFloat(text),
            _ => throw CommandException.Usage($"{name}: argument {index + 1} is of type {type}, which can't be written on the command line."),
        };
        return value ?? throw CommandException.Usage($"{name}: argument {index + 1}, '{text}', is not {Describe(type)}.");
    }

    private static string Describe(WasmValueType type) => type.Kind switch
    {
        WasmValueKind.I32 => "an i32 (a whole number from -2147483648 to 4294967295, or 0x…)",
        WasmValueKind.I64 => "an i64 (a whole number from -9223372036854775808 to 18446744073709551615, or 0x…)",
        WasmValueKind.F32 => "an f32 (a number such as 1.5, inf or nan)",
        _ => "an f64 (a number such as 1.5, inf or nan)",
    };

    /// <summary>The value's low 64 bits, if it is a number between both.</summary>
    private static ulong? ParseInteger(string text, Int128 least, Int128 most)
    {
        bool isNegative = text.StartsWith('-');
        ReadOnlySpan<char> digits = text.AsSpan(isNegative || text.StartsWith('+') ? 1 : 0);
        bool isHexadecimal = digits.StartsWith("0x", StringComparison.OrdinalIgnoreCase);
        UInt128 magnitude;
        bool parsed = isHexadecimal
            ? UInt128.TryParse(digits[2..], NumberStyles.AllowHexSpecifier, CultureInfo.InvariantCulture, out magnitude)
            : UInt128.TryParse(digits, NumberStyles.None, CultureInfo.InvariantCulture, out magnitude);
        if (!parsed || magnitude > ulong.MaxValue)
        {
            return null;
        }

        Int128 value = isNegative ? -(Int128)magnitude : (Int128)magnitude;
        return value >= least && value <= most ? unchecked((ulong)value) : null;
    }

    private static double? ParseFloat(string text) => text switch
    {
        "inf" or "+inf" => double.PositiveInfinity,
        "-inf" => double.NegativeInfinity,
        "nan" or "+nan" => double.NaN,
        "-nan" => -double.NaN,
        _ when text.AsSpan().ContainsAnyExcept(FloatCharacters) => null,
        _ => double.TryParse(text, NumberStyles.Float, CultureInfo.InvariantCulture, out double value) ? value : null,
    };

    // Read once, not by way of the double, which would round twice.
    private static float ParseSingle(string text, double value) =>
        double.IsFinite(value) && float.TryParse(text, NumberStyles.Float, CultureInfo.InvariantCulture, out float single) ? single : (float)value;

    private static string Count(int count, string noun) => $"{count} {noun}{(count == 1 ? "" : "s")}";
}
