using System.Linq.Expressions;
using System.Runtime.CompilerServices;

namespace Wherry.Hosting;

/// <summary>Finds a delegate type for a signature.</summary>
internal static class DelegateTypes
{
    private static readonly Type[] s_actions =
    [
        typeof(Action), typeof(Action<>), typeof(Action<,>), typeof(Action<,,>), typeof(Action<,,,>), typeof(Action<,,,,>), typeof(Action<,,,,,>),
        typeof(Action<,,,,,,>), typeof(Action<,,,,,,,>), typeof(Action<,,,,,,,,>), typeof(Action<,,,,,,,,,>),
    ];

    private static readonly Type[] s_functions =
    [
        typeof(Func<>), typeof(Func<,>), typeof(Func<,,>), typeof(Func<,,,>), typeof(Func<,,,,>), typeof(Func<,,,,,>), typeof(Func<,,,,,,>),
        typeof(Func<,,,,,,,>), typeof(Func<,,,,,,,,>), typeof(Func<,,,,,,,,,>), typeof(Func<,,,,,,,,,,>),
    ];

    /// <param name="signature">The parameters, then the result.</param>
    public static Type Get(Type[] signature)
    {
        if (signature.Length > s_functions.Length || signature.Any(type => type.IsByRef || type.IsPointer || type.IsByRefLike))
        {
            return GetUnusual(signature);
        }

        if (signature[^1] != typeof(void))
        {
            return s_functions[signature.Length - 1].MakeGenericType(signature);
        }

        return signature.Length == 1 ? typeof(Action) : s_actions[signature.Length - 1].MakeGenericType(signature[..^1]);
    }

    // Apart, since it loads an assembly that is needed for nothing else.
    [MethodImpl(MethodImplOptions.NoInlining)]
    private static Type GetUnusual(Type[] signature) => Expression.GetDelegateType(signature);
}
