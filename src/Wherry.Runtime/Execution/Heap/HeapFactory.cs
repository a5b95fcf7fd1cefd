using System.Reflection;
using Wherry.Compilation;
using Wherry.Types;

namespace Wherry.Execution.Heap;

/// <summary>
/// Makes structs and arrays outside of compiled code, for constant expressions: by reflection, since each is run once.
/// </summary>
internal static class HeapFactory
{
    private const BindingFlags Static = BindingFlags.Static | BindingFlags.Public;

    /// <summary>A struct with these field values, or with defaults if there are none.</summary>
    public static object NewStruct(DefinedType type, ReadOnlySpan<ConstantValue> values, GuestHeap heap)
    {
        bool isSample = heap.Charge(HeapTypes.StructBytes(type));
        if (isSample)
        {
            heap.BeginSample();
        }

        var result = (GuestStruct)Activator.CreateInstance(HeapTypes.OfStruct(type))!;
        result.Type = type.Identity;
        int extraFields = LongGuestStruct.ExtraFields(type.Fields.Length);
        LongGuestStruct.Extra? extra = null;
        if (extraFields > 0)
        {
            extra = new LongGuestStruct.Extra(extraFields);
            HeapTypes.Member(type, GuestStruct.InlineFields).SetValue(result, extra);
        }

        for (int i = 0; i < values.Length; i++)
        {
            FieldType field = type.Fields[i];
            if (i < GuestStruct.InlineFields)
            {
                HeapTypes.Member(type, i).SetValue(result, Box(values[i], field));
            }
            else if (field.Type.IsReference)
            {
                extra!.References[i - GuestStruct.InlineFields] = values[i].Reference;
            }
            else if (field.Type.Kind == WasmValueKind.V128)
            {
                values[i].GetVector(out LongGuestStruct.Bits<System.Runtime.Intrinsics.Vector128<byte>>(extra!, i - GuestStruct.InlineFields));
            }
            else
            {
                LongGuestStruct.Bits<long>(extra!, i - GuestStruct.InlineFields) = values[i].Bits;
            }
        }

        if (isSample)
        {
            heap.Register(result);
        }

        return result;
    }

    /// <summary>An array of equal elements; without a value, of defaults.</summary>
    public static object NewArray(DefinedType type, ConstantValue? value, int length, GuestHeap heap)
    {
        FieldType element = type.Fields[0];
        if (value is not { } given)
        {
            return Call(nameof(ArrayInstructions.NewDefault), element, length, type, heap)!;
        }

        return element.Type.IsReference
            ? ArrayInstructions.NewOfReference(given.Reference, length, type, heap)
            : Call(nameof(ArrayInstructions.New), element, Box(given, element), length, type, heap)!;
    }

    /// <summary>An array of these elements.</summary>
    public static object NewArray(DefinedType type, ReadOnlySpan<ConstantValue> values, GuestHeap heap)
    {
        FieldType element = type.Fields[0];
        object result = NewArray(type, null, values.Length, heap);
        for (int i = 0; i < values.Length; i++)
        {
            if (element.Type.IsReference)
            {
                ArrayInstructions.ElementOfReference(result, i) = values[i].Reference;
            }
            else
            {
                _ = Call(nameof(ArrayInstructions.Fill), element, result, i, Box(values[i], element), 1);
            }
        }

        return result;
    }

    private static object? Call(string method, FieldType element, params object?[] arguments) =>
        typeof(ArrayInstructions).GetMethod(method, Static)!.MakeGenericMethod(HeapTypes.ElementStorage(element))
            .Invoke(null, BindingFlags.DoNotWrapExceptions, null, arguments, null);

    private static object? Box(ConstantValue value, FieldType field) => field.Packing switch
    {
        Packing.I8 => (byte)value.Bits,
        Packing.I16 => (ushort)value.Bits,
        _ => field.Type.Kind switch
        {
            WasmValueKind.I32 => (int)value.Bits,
            WasmValueKind.I64 => value.Bits,
            WasmValueKind.F32 => BitConverter.Int32BitsToSingle((int)value.Bits),
            WasmValueKind.F64 => BitConverter.Int64BitsToDouble(value.Bits),
            WasmValueKind.V128 => value.BoxVector(),
            _ => value.Reference,
        },
    };
}
