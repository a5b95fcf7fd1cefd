using System.Reflection;
using System.Reflection.Emit;
using System.Runtime.CompilerServices;

namespace Wherry.Hosting;

/// <summary>
/// Where adapters between guests and delegates are emitted: an assembly for all delegate types that never go, and otherwise one for each, which goes when the last
/// delegate or function that uses it goes. Making an assembly takes longer than making an adapter.
/// </summary>
internal static class AdapterAssembly
{
    private const string Name = "Wherry.Adapters";
    private const TypeAttributes StaticClass = TypeAttributes.Abstract | TypeAttributes.Sealed | TypeAttributes.Public;

    // Delegate types are often not public.
    private static readonly ConstructorInfo s_ignoresAccessChecks = typeof(IgnoresAccessChecksToAttribute).GetConstructor([typeof(string)])!;

    // By the assemblies that they have access to.
    private static readonly Dictionary<string, ModuleBuilder> s_lasting = [];
    private static int s_count;

    /// <summary>Held while adapters are emitted: Reflection.Emit does not promise to be safe for threads.</summary>
    public static Lock Gate { get; } = new();

    /// <summary>A class for static methods that may use this type and the engine's internals.</summary>
    public static TypeBuilder DefineType(Type delegateType)
    {
        string[] accessible = [.. GetAssemblies(delegateType).Append(typeof(AdapterAssembly).Assembly).Select(part => part.GetName().Name!).Distinct()];
        if (delegateType.IsCollectible)
        {
            return DefineModule(accessible).DefineType("Adapter", StaticClass);
        }

        string key = string.Join('\n', accessible);
        if (!s_lasting.TryGetValue(key, out ModuleBuilder? module))
        {
            module = DefineModule(accessible);
            s_lasting.Add(key, module);
        }

        return module.DefineType($"Adapter{s_count++}", StaticClass);
    }

    private static ModuleBuilder DefineModule(string[] accessible)
    {
        AssemblyBuilder assembly = AssemblyBuilder.DefineDynamicAssembly(new AssemblyName(Name), AssemblyBuilderAccess.RunAndCollect);
        foreach (string name in accessible)
        {
            assembly.SetCustomAttribute(new CustomAttributeBuilder(s_ignoresAccessChecks, [name]));
        }

        return assembly.DefineDynamicModule(Name);
    }

    private static IEnumerable<Assembly> GetAssemblies(Type type)
    {
        yield return type.Assembly;
        foreach (Type argument in type.GetGenericArguments())
        {
            foreach (Assembly assembly in GetAssemblies(argument))
            {
                yield return assembly;
            }
        }
    }
}
