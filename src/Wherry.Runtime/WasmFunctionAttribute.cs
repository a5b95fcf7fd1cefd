namespace Wherry;

/// <summary>Makes a method a host function for <see cref="Linker.DefineMethods(string, object)"/>.</summary>
/// <param name="name">The name that guests import it by.</param>
[AttributeUsage(AttributeTargets.Method)]
public sealed class WasmFunctionAttribute(string name) : Attribute
{
    /// <summary>The name that guests import it by.</summary>
    public string Name { get; } = name;
}
