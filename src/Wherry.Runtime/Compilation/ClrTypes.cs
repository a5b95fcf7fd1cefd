using System.Collections.Immutable;
using System.Runtime.Intrinsics;
using Wherry.Execution;

namespace Wherry.Compilation;

/// <summary>How WebAssembly's types stand in compiled code.</summary>
internal static class ClrTypes
{
    private static readonly Type[] Tuples =
    [
        typeof(ValueTuple), typeof(ValueTuple<>), typeof(ValueTuple<,>), typeof(ValueTuple<,,>), typeof(ValueTuple<,,,>), typeof(ValueTuple<,,,,>),
        typeof(ValueTuple<,,,,,>), typeof(ValueTuple<,,,,,,>), typeof(ValueTuple<,,,,,,,>),
    ];

    /// <summary>The type of a value.</summary>
    public static Type Of(WasmValueKind kind) => kind switch
    {
        WasmValueKind.I32 => typeof(int),
        WasmValueKind.I64 => typeof(long),
        WasmValueKind.F32 => typeof(float),
        WasmValueKind.F64 => typeof(double),
        WasmValueKind.V128 => typeof(Vector128<byte>),
        _ => typeof(object),
    };

    /// <summary>The return type for these results: void, the one, or a tuple of seven and the rest.</summary>
    public static Type OfResults(ImmutableArray<WasmValueType> results) => results.Length switch
    {
        0 => typeof(void),
        1 => Of(results[0].Kind),
        _ => Tuple(results.AsSpan()),
    };

    /// <summary>The parameters of a compiled function; the instance comes last, so that a call leaves the others where they are.</summary>
    public static Type[] OfParameters(FunctionType type, Type? last = null)
    {
        var parameters = new Type[type.Parameters.Length + 1];
        for (int i = 0; i < type.Parameters.Length; i++)
        {
            parameters[i] = Of(type.Parameters[i].Kind);
        }

        parameters[^1] = last ?? typeof(GuestInstance);
        return parameters;
    }

    private static Type Tuple(ReadOnlySpan<WasmValueType> types)
    {
        int direct = Math.Min(types.Length, 7);
        var arguments = new Type[types.Length > 7 ? 8 : types.Length];
        for (int i = 0; i < direct; i++)
        {
            arguments[i] = Of(types[i].Kind);
        }

        if (types.Length > 7)
        {
            arguments[7] = Tuple(types[7..]);
        }

        return Tuples[arguments.Length].MakeGenericType(arguments);
    }
}
