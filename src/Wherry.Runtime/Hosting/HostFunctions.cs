using Wherry.Types;

namespace Wherry.Hosting;

/// <summary>Makes functions that guests can call of delegates.</summary>
internal static class HostFunctions
{
    /// <summary>For a delegate that no import gives a type.</summary>
    public static Function Create(Store store, Delegate function)
    {
        HostSignature signature = HostSignature.Of(function.GetType());
        DefinedType type = TypeRegistry.Intern(signature.GetDefaultType());
        return Create(store, instance: null, function, type, DelegateAdapters.Get(function.GetType(), signature, type));
    }

    /// <summary>For an import of <paramref name="type"/>, which the definition fits.</summary>
    public static Function Create(Store store, Instance instance, HostDefinition definition, DefinedType type) =>
        Create(store, instance, definition.GetCallee(store), type, definition.GetAdapter(type));

    /// <summary>The same, with an adapter that is known.</summary>
    public static Function Create(Store store, Instance? instance, object callee, DefinedType type, HostAdapter adapter) =>
        new(type, adapter.Code, new HostFunction(adapter, callee, type.Function!, store, instance));
}
