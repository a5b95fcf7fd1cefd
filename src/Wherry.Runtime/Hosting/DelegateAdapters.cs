using System.Collections.Concurrent;
using System.Runtime.CompilerServices;
using System.Text;
using Wherry.Types;

namespace Wherry.Hosting;

/// <summary>The adapters for delegates, emitted when they are first needed.</summary>
internal static class DelegateAdapters
{
    // By delegate type and which results they check. The table doesn't keep delegate types that can be unloaded.
    private static readonly ConditionalWeakTable<Type, ConcurrentDictionary<string, HostAdapter>> s_adapters = [];

    /// <summary>What compiled code calls to reach delegates of a type as functions of a guest's type.</summary>
    public static HostAdapter Get(Type delegateType, HostSignature signature, DefinedType type)
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
