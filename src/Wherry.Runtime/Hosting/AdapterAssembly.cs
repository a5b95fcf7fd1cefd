using System.Reflection;
using System.Reflection.Emit;

namespace Wherry.Hosting;

/// <summary>
/// Where adapters between guests and delegates are emitted: an assembly for each, which goes when the last delegate or function that uses it goes, since
/// the delegate's type may be of an assembly that can go too.
/// </summary>
internal static class AdapterAssembly
{
    private const string Name = "Wherry.Adapters";

    private static readonly ConstructorInfo s_ignoresAccessChecks = CreateIgnoresAccessChecksAttribute();

    /// <summary>A class for static methods that may use this type and the engine's internals.</summary>
    public static TypeBuilder DefineType(Type delegateType)
    {
        AssemblyBuilder assembly = AssemblyBuilder.DefineDynamicAssembly(new AssemblyName(Name), AssemblyBuilderAccess.RunAndCollect);
        foreach (string name in GetAssemblies(delegateType).Append(typeof(AdapterAssembly).Assembly).Select(part => part.GetName().Name!).Distinct())
        {
            assembly.SetCustomAttribute(new CustomAttributeBuilder(s_ignoresAccessChecks, [name]));
        }

        return assembly.DefineDynamicModule(Name).DefineType("Adapter", TypeAttributes.Abstract | TypeAttributes.Sealed | TypeAttributes.Public);
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

    // The CLR lets an assembly that carries this attribute use another's internals: delegate types are often not public.
    private static ConstructorInfo CreateIgnoresAccessChecksAttribute()
    {
        AssemblyBuilder assembly = AssemblyBuilder.DefineDynamicAssembly(new AssemblyName("Wherry.AccessChecks"), AssemblyBuilderAccess.Run);
        TypeBuilder type = assembly.DefineDynamicModule("Wherry.AccessChecks").DefineType(
            "System.Runtime.CompilerServices.IgnoresAccessChecksToAttribute", TypeAttributes.Public | TypeAttributes.Sealed, typeof(Attribute));
        ConstructorBuilder constructor = type.DefineConstructor(MethodAttributes.Public, CallingConventions.Standard, [typeof(string)]);
        ILGenerator generator = constructor.GetILGenerator();
        generator.Emit(OpCodes.Ldarg_0);
        generator.Emit(OpCodes.Call, typeof(Attribute).GetConstructor(BindingFlags.Instance | BindingFlags.NonPublic, [])!);
        generator.Emit(OpCodes.Ret);
        type.SetCustomAttribute(new CustomAttributeBuilder(
            typeof(AttributeUsageAttribute).GetConstructor([typeof(AttributeTargets)])!, [AttributeTargets.Assembly],
            [typeof(AttributeUsageAttribute).GetProperty(nameof(AttributeUsageAttribute.AllowMultiple))!], [true]));
        return type.CreateType().GetConstructor([typeof(string)])!;
    }
}
