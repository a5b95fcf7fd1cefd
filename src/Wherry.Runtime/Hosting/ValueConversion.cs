using System.Reflection.Emit;
using System.Runtime.Intrinsics;

namespace Wherry.Hosting;

/// <summary>Which .NET types stand for a WebAssembly type in delegates and host functions, and the IL between them and compiled code.</summary>
internal static class ValueConversion
{
    /// <summary>Whether values of the .NET type can be given or taken for the WebAssembly type.</summary>
    public static bool Fits(Type type, WasmValueType value) => value.Kind switch
    {
        WasmValueKind.I32 => type == typeof(int) || type == typeof(uint),
        WasmValueKind.I64 => type == typeof(long) || type == typeof(ulong),
        WasmValueKind.F32 => type == typeof(float),
        WasmValueKind.F64 => type == typeof(double),
        WasmValueKind.V128 => type == typeof(Vector128<byte>),
        _ => value.HeapType.Kind switch
        {
            HeapTypeKind.Func => type == typeof(object) || type == typeof(Function),
            HeapTypeKind.Defined => type == typeof(object) || (type == typeof(Function) && value.HeapType.Defined!.Function is not null),
            HeapTypeKind.Extern => !type.IsValueType && !type.IsByRef && !type.IsPointer,
            _ => type == typeof(object),
        },
    };

    /// <summary>Whether any .NET value may be given for the type: then it needs no check.</summary>
    public static bool AcceptsAnything(WasmValueType value) =>
        !value.IsReference || (value.IsNullable && value.HeapType.Kind is HeapTypeKind.Extern or HeapTypeKind.Any);

    /// <summary>From compiled code to .NET: only references of a narrower type need anything.</summary>
    public static void EmitToHost(ILGenerator generator, Type type)
    {
        if (!type.IsValueType && type != typeof(object))
        {
            generator.Emit(OpCodes.Castclass, type);
        }
    }

    /// <summary>The WebAssembly type that a .NET type stands for when nothing else tells, or null.</summary>
    public static WasmValueType? GetDefault(Type type) =>
        type == typeof(int) || type == typeof(uint) ? WasmValueType.I32
        : type == typeof(long) || type == typeof(ulong) ? WasmValueType.I64
        : type == typeof(float) ? WasmValueType.F32
        : type == typeof(double) ? WasmValueType.F64
        : type == typeof(Vector128<byte>) ? WasmValueType.V128
        : type == typeof(Function) ? WasmValueType.FuncRef
        : type.IsValueType || type.IsByRef || type.IsPointer ? null
        : WasmValueType.ExternRef;
}
