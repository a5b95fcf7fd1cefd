using System.Globalization;
using System.Runtime.InteropServices;
using System.Runtime.Intrinsics;
using Wherry.Execution.Heap;

namespace Wherry.Text.Scripts;

/// <summary>Converts a script's values to the engine's and compares results with patterns.</summary>
internal static class ResultMatcher
{
    public static object? ToArgument(ScriptValue value)
    {
        switch (value.Kind)
        {
            case ScriptValueKind.I32:
                return (int)value.Bits;
            case ScriptValueKind.I64:
                return (long)value.Bits;
            case ScriptValueKind.F32 when value.Nan == NanPattern.None:
                return BitConverter.UInt32BitsToSingle((uint)value.Bits);
            case ScriptValueKind.F64 when value.Nan == NanPattern.None:
                return BitConverter.UInt64BitsToDouble(value.Bits);
            case ScriptValueKind.V128:
                Span<byte> bytes = stackalloc byte[16];
                value.Vector!.CopyTo(bytes);
                return MemoryMarshal.Read<Vector128<byte>>(bytes);
            case ScriptValueKind.Null:
                return null;
            case ScriptValueKind.Extern or ScriptValueKind.Host when value.Bits <= uint.MaxValue:
                return new HostReference((uint)value.Bits);
            default:
                throw new NotSupportedException($"{value} is a pattern, not an argument");
        }
    }

    public static bool Matches(ScriptValue expected, object? actual) => expected.Kind switch
    {
        ScriptValueKind.I32 => actual is int number && (uint)number == expected.Bits,
        ScriptValueKind.I64 => actual is long number && (ulong)number == expected.Bits,
        ScriptValueKind.F32 => actual is float number && ScriptValue.FloatMatches(32, expected.Bits, expected.Nan, BitConverter.SingleToUInt32Bits(number)),
        ScriptValueKind.F64 => actual is double number && ScriptValue.FloatMatches(64, expected.Bits, expected.Nan, BitConverter.DoubleToUInt64Bits(number)),
        ScriptValueKind.V128 => actual is Vector128<byte> vector && expected.Vector!.Matches(MemoryMarshal.AsBytes(new ReadOnlySpan<Vector128<byte>>(in vector))),
        ScriptValueKind.Null => actual is null,
        ScriptValueKind.Extern when expected.Bits > uint.MaxValue => actual is not null and not ValueType,
        ScriptValueKind.Extern or ScriptValueKind.Host => actual is HostReference host && host.Number == expected.Bits,
        ScriptValueKind.Func => actual is Function,
        ScriptValueKind.Any => actual is not null and not ValueType and not Function,
        ScriptValueKind.Eq => HeapInstructions.IsEq(actual),
        ScriptValueKind.I31 => HeapInstructions.IsI31(actual),
        ScriptValueKind.Struct => actual is GuestStruct,
        ScriptValueKind.Array => GuestArray.IsArray(actual),
        ScriptValueKind.Exn => actual is not null and not ValueType and not Function,
        _ => expected.Alternatives!.Any(alternative => Matches(alternative, actual)),
    };

    public static string Show(object? value) => value switch
    {
        null => "ref.null",
        int number => string.Create(CultureInfo.InvariantCulture, $"i32 {number}"),
        long number => string.Create(CultureInfo.InvariantCulture, $"i64 {number}"),
        float number => $"f32 {ScriptValue.ShowFloat(32, BitConverter.SingleToUInt32Bits(number), NanPattern.None)}",
        double number => $"f64 {ScriptValue.ShowFloat(64, BitConverter.DoubleToUInt64Bits(number), NanPattern.None)}",
        Vector128<byte> vector => $"v128 i32x4 {string.Join(' ', Enumerable.Range(0, 4).Select(i => $"0x{vector.AsUInt32()[i]:x8}"))}",
        HostReference host => string.Create(CultureInfo.InvariantCulture, $"ref.extern {host.Number}"),
        Function => "ref.func",
        I31[] => "ref.i31",
        GuestStruct => "ref.struct",
        _ when GuestArray.IsArray(value) => "ref.array",
        _ => value.GetType().Name,
    };
}
