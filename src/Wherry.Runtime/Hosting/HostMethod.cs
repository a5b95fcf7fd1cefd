using System.Reflection;

namespace Wherry.Hosting;

/// <summary>A method in a linker that becomes a host function when a guest imports it: a guest imports few of many.</summary>
/// <param name="method">The method.</param>
/// <param name="getTarget">The object whose method it is, for a store.</param>
internal sealed class HostMethod(MethodInfo method, Func<Store, object> getTarget)
{
    private HostDefinition? _definition;

    // Two threads may both make it: either one will do.
    public HostDefinition Definition => _definition ??= AttributedMethods.Define(method, getTarget);
}
