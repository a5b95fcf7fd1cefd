using System.Runtime.CompilerServices;
using System.Runtime.Intrinsics;
using Wherry.Execution;

namespace Wherry;

/// <summary>A global variable.</summary>
public sealed class Global
{
    // Compiled code reads and writes these. Bits holds i32, i64, and floats by their bits.
    internal long Bits;
    internal object? Reference;
    internal readonly VectorCell? Vector;

    internal Global(Store store, GlobalType type)
    {
        Store = store;
        Type = type;
        if (type.ValueType.Kind == WasmValueKind.V128)
        {
            Vector = CreateCell();
        }
    }

    /// <summary>Its store.</summary>
    public Store Store { get; }

    /// <summary>Its type.</summary>
    public GlobalType Type { get; }

    /// <summary>Its value, boxed: int, long, float, double, a vector of bytes or a reference.</summary>
    /// <exception cref="InvalidOperationException">It is set, but not mutable.</exception>
    /// <exception cref="ArgumentException">It is set to a value of another type.</exception>
    public object? Value
    {
        get => Type.ValueType.Kind switch
        {
            WasmValueKind.I32 => (int)Bits,
            WasmValueKind.I64 => Bits,
            WasmValueKind.F32 => BitConverter.Int32BitsToSingle((int)Bits),
            WasmValueKind.F64 => BitConverter.Int64BitsToDouble(Bits),
            WasmValueKind.V128 => Vector!.Value,
            _ => Reference,
        };

        set
        {
            if (!Type.IsMutable)
            {
                throw new InvalidOperationException("The global is not mutable.");
            }

            SetValue(value);
        }
    }

    /// <summary>A global for guests of a store to import.</summary>
    /// <exception cref="ArgumentException">The value is of another type.</exception>
    public static Global Create(Store store, GlobalType type, object? value)
    {
        ArgumentNullException.ThrowIfNull(store);
        ArgumentNullException.ThrowIfNull(type);
        var global = new Global(store, type);
        global.SetValue(value);
        return global;
    }

    private void SetValue(object? value)
    {
        value = HostValue.Convert(value, Type.ValueType, Store, nameof(value));
        switch (Type.ValueType.Kind)
        {
            case WasmValueKind.I32:
                Bits = (int)value!;
                break;
            case WasmValueKind.I64:
                Bits = (long)value!;
                break;
            case WasmValueKind.F32:
                Bits = BitConverter.SingleToInt32Bits((float)value!);
                break;
            case WasmValueKind.F64:
                Bits = BitConverter.DoubleToInt64Bits((double)value!);
                break;
            case WasmValueKind.V128:
                Vector!.Value = (Vector128<byte>)value!;
                break;
            default:
                Reference = value;
                break;
        }
    }

    // Apart, so that its type is loaded only for it.
    [MethodImpl(MethodImplOptions.NoInlining)]
    private static VectorCell CreateCell() => new();

    /// <summary>A vector's value. Were it a field of every global, the runtime would take a millisecond to load the vector's type with the first module.</summary>
    internal sealed class VectorCell
    {
        internal Vector128<byte> Value;
    }
}
