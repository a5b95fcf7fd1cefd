using System.Reflection;

namespace Wherry.Wasi.Scheduling;

/// <summary>Which of the functions that guests import may wait.</summary>
internal static class WaitingImports
{
    private static readonly Lazy<HashSet<string>> OwnWaiting = new(static () => Find(waits: true));
    private static readonly Lazy<HashSet<string>> OwnOthers = new(static () => Find(waits: false));

    /// <summary>For <see cref="EngineOptions.MayWait"/>. Of what WASI does not have, nothing is known.</summary>
    public static bool MayWait(string module, string name) => OwnWaiting.Value.Contains(name) || !OwnOthers.Value.Contains(name);

    private static HashSet<string> Find(bool waits) =>
    [
        .. new[] { typeof(WasiContext), typeof(UnstableFunctions) }
            .SelectMany(static type => type.GetMethods(BindingFlags.Instance | BindingFlags.Public | BindingFlags.NonPublic))
            .Select(static method => (Method: method, Attribute: method.GetCustomAttribute<WasmFunctionAttribute>()))
            .Where(pair => pair.Attribute is not null && pair.Method.ReturnType.IsGenericType == waits)
            .Select(static pair => pair.Attribute!.Name),
    ];
}
