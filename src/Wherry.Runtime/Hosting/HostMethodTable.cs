namespace Wherry.Hosting;

/// <summary>The methods of a class that guests may call. Wherry.Generators writes it: a guest imports few of many, and what none imports is not looked at.</summary>
internal abstract class HostMethodTable
{
    /// <summary>What guests call them.</summary>
    public abstract string[] Names { get; }

    /// <summary>A method by its name, or null.</summary>
    /// <param name="form">Methods of one name differ in type: which of them.</param>
    public abstract HostMethod? Find(string name, int form);
}
