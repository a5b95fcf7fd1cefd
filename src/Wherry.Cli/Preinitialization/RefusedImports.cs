using System.Linq.Expressions;
using System.Reflection;
using System.Runtime.Intrinsics;
using Wherry.Cli.Output;

namespace Wherry.Cli.Preinitialization;

/// <summary>Defines functions that a module imports and may not call while it is initialized: calling one ends it.</summary>
internal static class RefusedImports
{
    private static readonly ConstructorInfo Constructor = typeof(RefusedCallException).GetConstructor([typeof(string)])!;

    /// <summary>Defines all that the module imports and may not have. What it may have is defined after this.</summary>
    public static void Define(Linker linker, Module module, Permission allowed)
    {
        foreach (ModuleImport import in module.Imports)
        {
            if (import.Type.Function is { } type && Refuse(import, allowed) is { } reason)
            {
                linker.DefineFunction(import.Module, import.Name, CreateThrowing(type, reason));
            }
        }
    }

    private static string? Refuse(ModuleImport import, Permission allowed)
    {
        string name = Terminal.CleanName(import.Name);
        if (import.Module is not ("wasi_snapshot_preview1" or "wasi_unstable"))
        {
            return $"it called {Terminal.CleanName(import.Module)} {name}, which nothing provides before the module runs.";
        }

        Permission needed = Permissions.Of(import.Name);
        return (needed & ~allowed) == 0 ? null
            : $"it called {name}: all instances would share what that gave. --allow {Permissions.NameOf(needed)} permits it.";
    }

    private static Delegate CreateThrowing(FunctionType type, string reason)
    {
        Type result = type.Results.Length switch
        {
            0 => typeof(void),
            1 => ToClr(type.Results[0]),
            _ => Type.GetType($"System.ValueTuple`{type.Results.Length}")?.MakeGenericType([.. type.Results.Select(ToClr)])
                ?? throw CommandException.CannotRun("a function that the module imports has more than 8 results."),
        };
        ParameterExpression[] parameters = [.. type.Parameters.Select(parameter => Expression.Parameter(ToClr(parameter)))];
        Type delegateType = Expression.GetDelegateType([.. parameters.Select(parameter => parameter.Type), result]);
        return Expression.Lambda(delegateType, Expression.Throw(Expression.New(Constructor, Expression.Constant(reason)), result), parameters).Compile();
    }

    private static Type ToClr(WasmValueType type) => type.Kind switch
    {
        WasmValueKind.I32 => typeof(int),
        WasmValueKind.I64 => typeof(long),
        WasmValueKind.F32 => typeof(float),
        WasmValueKind.F64 => typeof(double),
        WasmValueKind.V128 => typeof(Vector128<byte>),
        _ => typeof(object),
    };
}
