using System.Linq.Expressions;

namespace Wherry.Fuzz.Robustness;

/// <summary>Host functions of any signature of numbers and externref, which do nothing and return zeros.</summary>
internal static class StubFunctions
{
    private static readonly Dictionary<string, Delegate> Known = [];

    /// <returns>null if the signature has other types.</returns>
    public static Delegate? Find(FunctionType type)
    {
        if (type.Results.Length > 1 || type.Parameters.Length > 12 || !type.Parameters.Concat(type.Results).All(IsSimple))
        {
            return null;
        }

        string key = type.ToString();
        if (!Known.TryGetValue(key, out Delegate? stub))
        {
            ParameterExpression[] parameters = [.. type.Parameters.Select(parameter => Expression.Parameter(ClrType(parameter)))];
            Expression body = type.Results.IsEmpty ? Expression.Empty() : Expression.Default(ClrType(type.Results[0]));
            stub = Expression.Lambda(body, parameters).Compile(preferInterpretation: true);
            Known.Add(key, stub);
        }

        return stub;
    }

    private static bool IsSimple(WasmValueType type) => type.Kind is WasmValueKind.I32 or WasmValueKind.I64 or WasmValueKind.F32 or WasmValueKind.F64 || type == WasmValueType.ExternRef;

    private static Type ClrType(WasmValueType type) => type.Kind switch
    {
        WasmValueKind.I32 => typeof(int),
        WasmValueKind.I64 => typeof(long),
        WasmValueKind.F32 => typeof(float),
        WasmValueKind.F64 => typeof(double),
        _ => typeof(object),
    };
}
