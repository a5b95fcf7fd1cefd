using System.Linq.Expressions;
using System.Reflection;

namespace Wherry.Hosting;

/// <summary>Finds the methods of an object that guests may call.</summary>
internal static class AttributedMethods
{
    /// <exception cref="ArgumentException">There are none, or one can't be called by guests.</exception>
    public static IEnumerable<(string Name, Delegate Function)> Find(object target)
    {
        const BindingFlags All = BindingFlags.Instance | BindingFlags.Static | BindingFlags.Public | BindingFlags.NonPublic;
        bool isFound = false;
        foreach (MethodInfo method in target.GetType().GetMethods(All))
        {
            WasmFunctionAttribute? attribute = method.GetCustomAttribute<WasmFunctionAttribute>();
            if (attribute is null)
            {
                continue;
            }

            if (method.ContainsGenericParameters || method.GetParameters().Any(parameter => parameter.ParameterType.IsByRef))
            {
                throw new ArgumentException($"The method {target.GetType().Name}.{method.Name} is generic or has a parameter by reference: guests can't call it.", nameof(target));
            }

            isFound = true;
            Type[] signature = [.. method.GetParameters().Select(parameter => parameter.ParameterType), method.ReturnType];
            yield return (attribute.Name, method.CreateDelegate(Expression.GetDelegateType(signature), method.IsStatic ? null : target));
        }

        if (!isFound)
        {
            throw new ArgumentException($"No method of {target.GetType().Name} carries the attribute WasmFunction.", nameof(target));
        }
    }
}
