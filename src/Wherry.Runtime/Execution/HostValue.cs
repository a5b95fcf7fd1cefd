using System.Diagnostics.CodeAnalysis;
using System.Runtime.Intrinsics;
using Wherry.Execution.Heap;
using Wherry.Types;

namespace Wherry.Execution;

/// <summary>Checks and converts boxed values that the host gives to guests.</summary>
internal static class HostValue
{
    /// <exception cref="ArgumentException">The value is not of the reference type, or a function of another store.</exception>
    public static void Check(object? value, WasmValueType type, Store store, string parameterName)
    {
        if (!IsOfType(value, type))
        {
            Throw(value, type, parameterName);
        }

        if (!IsOfStore(value, type, store))
        {
            throw new ArgumentException("The function is of another store: guests of different stores can't call each other.", parameterName);
        }
    }

    /// <summary>
    /// Whether guests of a store may call a value. A function of another store would run without that store knowing: its memory might be given back, and be another guest's, while it runs.
    /// What is given as an external value can't be called.
    /// </summary>
    public static bool IsOfStore(object? value, WasmValueType type, Store store) =>
        value is not Function function || type.HeapType.Kind is HeapTypeKind.Extern or HeapTypeKind.Any || function.Store == store;

    /// <summary>The value as compiled code holds it: int, long, float, double, vector or reference.</summary>
    /// <exception cref="ArgumentException">The value is not of the type.</exception>
    public static object? Convert(object? value, WasmValueType type, Store store, string parameterName)
    {
        if (type.IsReference)
        {
            Check(value, type, store, parameterName);
            return value;
        }

        object? converted = type.Kind switch
        {
            WasmValueKind.I32 => value switch
            {
                int => value,
                uint unsigned => (int)unsigned,
                bool condition => condition ? 1 : 0,
                byte or sbyte or short or ushort or char => System.Convert.ToInt32(value, provider: null),
                _ => null,
            },
            WasmValueKind.I64 => value switch
            {
                long => value,
                ulong unsigned => (long)unsigned,
                int number => (long)number,
                uint number => (long)number,
                _ => null,
            },
            WasmValueKind.F32 => value as float?,
            WasmValueKind.F64 => value as double?,
            WasmValueKind.V128 => value as Vector128<byte>?,
            _ => value,
        };

        if (converted is null)
        {
            Throw(value, type, parameterName);
        }

        return converted;
    }

    /// <summary>Whether a reference is of a type.</summary>
    public static bool IsOfType(object? value, WasmValueType type)
    {
        if (value is null)
        {
            return type.IsReference && type.IsNullable;
        }

        HeapType heap = type.HeapType;
        return type.IsReference && heap.Kind switch
        {
            HeapTypeKind.Func => value is Function,
            HeapTypeKind.Extern or HeapTypeKind.Any => true,
            HeapTypeKind.Eq => HeapInstructions.IsEq(value),
            HeapTypeKind.I31 => HeapInstructions.IsI31(value),
            HeapTypeKind.Struct => HeapInstructions.IsStruct(value),
            HeapTypeKind.Array => HeapInstructions.IsArray(value),
            HeapTypeKind.Defined => value switch
            {
                Function function => IsOfType(function.DefinedType, heap),
                _ => HeapInstructions.TryGetType(value, out int identity) && IsOfType(identity, heap),
            },
            _ => false,
        };
    }

    private static bool IsOfType(DefinedType type, HeapType heap) => heap.IsExact ? ReferenceEquals(type, heap.Defined) : type.IsSubtypeOf(heap.Defined!);

    private static bool IsOfType(int identity, HeapType heap) => heap.Defined!.Kind != CompositeKind.Function
        && (heap.IsExact ? identity == heap.Defined.Identity : HeapInstructions.IsSubtype(identity, heap.Defined.Identity, heap.Defined.Depth, TypeAncestors.Instance));

    [DoesNotReturn]
    private static void Throw(object? value, WasmValueType type, string parameterName) =>
        throw new ArgumentException($"{(value is null ? "null" : $"A value of type {value.GetType().Name}")} is not a value of type {type}.", parameterName);
}
