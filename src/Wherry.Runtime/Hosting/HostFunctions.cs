using System.Collections.Concurrent;
using System.Runtime.CompilerServices;
using System.Text;
using Wherry.Types;

namespace Wherry.Hosting;

/// <summary>Makes functions that guests can call of delegates.</summary>
internal static class HostFunctions
{
    // The adapters, by delegate type and which results they check. The table doesn't keep delegate types that can be unloaded.
    private static readonly ConditionalWeakTable<Type, ConcurrentDictionary<string, HostAdapter>> s_adapters = [];

    /// <summary>For a delegate that no import gives a type.</summary>
    public static Function Create(Store store, Delegate function)
    {
        HostSignature signature = HostSignature.Of(function.GetType());
        DefinedType type = TypeRegistry.Intern(signature.GetDefaultType());
        return Create(store, instance: null, function, type, GetAdapter(function.GetType(), signature, type));
    }

    /// <summary>For an import of <paramref name="type"/>, which the definition fits.</summary>
    public static Function Create(Store store, Instance instance, HostDefinition definition, DefinedType type) =>
        Create(store, instance, definition.GetCallee(store), type, definition.GetAdapter(type));

    /// <summary>The same, with an adapter that is known.</summary>
    public static Function Create(Store store, Instance? instance, object callee, DefinedType type, HostAdapter adapter) =>
        new(type, adapter.Code, new HostFunction(adapter, callee, type.Function!, store, instance));

    /// <summary>What compiled code calls to reach delegates of a type as functions of a guest's type.</summary>
    public static HostAdapter GetAdapter(Type delegateType, HostSignature signature, DefinedType type)
    {
        FunctionType functionType = type.Function!;
        var checks = new bool[functionType.Results.Length];
        var key = new StringBuilder();
        for (int i = 0; i < checks.Length; i++)
        {
            checks[i] = !ValueConversion.AcceptsAnything(functionType.Results[i]);
            _ = key.Append(checks[i] ? '1' : '0');
        }

        ConcurrentDictionary<string, HostAdapter> adapters =
            s_adapters.GetValue(delegateType, static _ => new ConcurrentDictionary<string, HostAdapter>());
        return adapters.GetOrAdd(
            key.ToString(), static (_, state) => HostAdapter.Emit(state.signature, state.functionType, state.checks), (signature, functionType, checks));
    }
}
