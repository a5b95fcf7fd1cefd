using System.Reflection;
using System.Runtime.CompilerServices;

namespace Wherry.Hosting;

/// <summary>Finds the methods of an object that guests may call.</summary>
internal static class AttributedMethods
{
    private static readonly ConditionalWeakTable<Type, (string Name, MethodInfo Method)[]> s_found = [];

    /// <exception cref="ArgumentException">There are none, or one can't be called by guests.</exception>
    public static IReadOnlyList<(string Name, MethodInfo Method)> Find(object target) =>
        s_found.GetValue(target.GetType(), static type => [.. Search(type)]);

    private static IEnumerable<(string Name, MethodInfo Method)> Search(Type target)
    {
        const BindingFlags All = BindingFlags.Instance | BindingFlags.Static | BindingFlags.Public | BindingFlags.NonPublic;
        bool isFound = false;
        foreach (MethodInfo method in target.GetMethods(All))
        {
            WasmFunctionAttribute? attribute = method.GetCustomAttribute<WasmFunctionAttribute>();
            if (attribute is null)
            {
                continue;
            }

            if (method.ContainsGenericParameters || method.GetParameters().Any(parameter => parameter.ParameterType.IsByRef))
            {
                throw new ArgumentException($"The method {target.Name}.{method.Name} is generic or has a parameter by reference: guests can't call it.", nameof(target));
            }

            isFound = true;
            yield return (attribute.Name, method);
        }

        if (!isFound)
        {
            throw new ArgumentException($"No method of {target.Name} carries the attribute WasmFunction.", nameof(target));
        }
    }

    /// <summary>What a guest calls when it calls the method.</summary>
    /// <exception cref="ArgumentException">Its signature can't be a guest's.</exception>
    public static HostDefinition Define(MethodInfo method, object target)
    {
        Type[] signature = [.. method.GetParameters().Select(parameter => parameter.ParameterType), method.ReturnType];
        Delegate function = method.CreateDelegate(DelegateTypes.Get(signature), method.IsStatic ? null : target);
        return new HostDefinition(function, HostSignature.Of(function));
    }
}
