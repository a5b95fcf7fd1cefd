using System.Runtime.CompilerServices;
using System.Runtime.Intrinsics;

namespace Wherry.Execution;

/// <summary>The values of an exception. Most have one number, which needs no array.</summary>
internal sealed class ExceptionPayload
{
    private readonly UInt128[] _numbers;
    private readonly object?[] _references;

    public ExceptionPayload(int count)
    {
        _numbers = count == 0 ? [] : new UInt128[count];
        _references = count == 0 ? [] : new object?[count];
    }

    /// <exception cref="ArgumentException">A value is not of its type.</exception>
    public ExceptionPayload(FunctionType type, ReadOnlySpan<object?> values, Store store)
        : this(values.Length)
    {
        for (int i = 0; i < values.Length; i++)
        {
            WasmValueType parameter = type.Parameters[i];
            switch (parameter.Kind)
            {
                case WasmValueKind.I32:
                    Number<int>(i) = Unbox<int>(values[i], i, parameter);
                    break;
                case WasmValueKind.I64:
                    Number<long>(i) = Unbox<long>(values[i], i, parameter);
                    break;
                case WasmValueKind.F32:
                    Number<float>(i) = Unbox<float>(values[i], i, parameter);
                    break;
                case WasmValueKind.F64:
                    Number<double>(i) = Unbox<double>(values[i], i, parameter);
                    break;
                case WasmValueKind.V128:
                    Number<Vector128<byte>>(i) = Unbox<Vector128<byte>>(values[i], i, parameter);
                    break;
                default:
                    HostValue.Check(values[i], parameter, store, $"value {i}");
                    _references[i] = values[i];
                    break;
            }
        }
    }

    /// <summary>A number's place, to be read or written as its own type.</summary>
    public ref T Number<T>(int index) => ref Unsafe.As<UInt128, T>(ref _numbers[index]);

    public ref object? Reference(int index) => ref _references[index];

    public object?[] ToObjects(FunctionType type)
    {
        var values = new object?[type.Parameters.Length];
        for (int i = 0; i < values.Length; i++)
        {
            values[i] = type.Parameters[i].Kind switch
            {
                WasmValueKind.I32 => Number<int>(i),
                WasmValueKind.I64 => Number<long>(i),
                WasmValueKind.F32 => Number<float>(i),
                WasmValueKind.F64 => Number<double>(i),
                WasmValueKind.V128 => Number<Vector128<byte>>(i),
                _ => _references[i],
            };
        }

        return values;
    }

    private static T Unbox<T>(object? value, int index, WasmValueType type) =>
        value is T typed ? typed : throw new ArgumentException($"Value {index} must be {type}, not {value ?? "null"}.");
}
