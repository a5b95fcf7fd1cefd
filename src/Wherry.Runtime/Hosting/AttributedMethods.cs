using System.Reflection;
using System.Runtime.CompilerServices;

namespace Wherry.Hosting;

/// <summary>Finds the methods of an object that guests may call.</summary>
internal static class AttributedMethods
{
    private static readonly ConditionalWeakTable<Type, AttributedMethod[]> s_found = [];

    /// <exception cref="ArgumentException">There are none, or one can't be called by guests.</exception>
    public static IReadOnlyList<AttributedMethod> Find(Type target) => s_found.GetValue(target, Search);

    private static AttributedMethod[] Search(Type target)
    {
        const BindingFlags All = BindingFlags.Instance | BindingFlags.Static | BindingFlags.Public | BindingFlags.NonPublic;
        var found = new List<AttributedMethod>();
        foreach (MethodInfo method in target.GetMethods(All))
        {
            if (method.GetCustomAttributes(typeof(WasmFunctionAttribute), inherit: true) is not [WasmFunctionAttribute attribute, ..])
            {
                continue;
            }

            if (method.ContainsGenericParameters || Array.Exists(method.GetParameters(), parameter => parameter.ParameterType.IsByRef))
            {
                throw new ArgumentException($"The method {target.Name}.{method.Name} is generic or has a parameter by reference: guests can't call it.", nameof(target));
            }

            found.Add(new AttributedMethod(attribute.Name, method));
        }

        return found.Count > 0 ? [.. found] : throw new ArgumentException($"No method of {target.Name} carries the attribute WasmFunction.", nameof(target));
    }

    /// <summary>What a guest calls when it calls the method.</summary>
    /// <exception cref="ArgumentException">Its signature can't be a guest's.</exception>
    public static HostDefinition Define(MethodInfo method, Func<Store, object> getTarget)
    {
        Type type = DelegateTypes.Get([.. method.GetParameters().Select(parameter => parameter.ParameterType), method.ReturnType]);
        return new DelegateDefinition(HostSignature.Of(type), type, store => method.CreateDelegate(type, method.IsStatic ? null : getTarget(store)));
    }
}

/// <summary>A method that guests may call.</summary>
/// <param name="Name">What guests call it.</param>
/// <param name="Method">The method.</param>
internal sealed record AttributedMethod(string Name, MethodInfo Method);
