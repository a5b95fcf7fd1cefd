using Wherry.Execution;

namespace Wherry;

/// <summary>An instantiated module.</summary>
public sealed class Instance
{
    internal Instance(Store store, Module module)
    {
        Store = store;
        Module = module;
    }

    /// <summary>Its store.</summary>
    public Store Store { get; }

    /// <summary>Its module.</summary>
    public Module Module { get; }

    /// <summary>What it gives, by name.</summary>
    public IReadOnlyList<ModuleExport> Exports => Module.Exports;

    /// <summary>Its state, as compiled code sees it. Set by instantiation.</summary>
    internal GuestInstance Guest { get; set; } = null!;

    /// <summary>An exported function as a delegate, or null if there is no such function.</summary>
    /// <exception cref="ArgumentException">The function has another signature.</exception>
    public T? GetFunction<T>(string name)
        where T : Delegate => GetFunction(name)?.As<T>();

    /// <summary>An exported function, or null.</summary>
    public Function? GetFunction(string name) => (Function?)GetExport(name, ExternalKind.Function);

    /// <summary>An exported memory, or null.</summary>
    public Memory? GetMemory(string name) => (Memory?)GetExport(name, ExternalKind.Memory);

    /// <summary>An exported table, or null.</summary>
    public Table? GetTable(string name) => (Table?)GetExport(name, ExternalKind.Table);

    /// <summary>An exported global, or null.</summary>
    public Global? GetGlobal(string name) => (Global?)GetExport(name, ExternalKind.Global);

    /// <summary>An exported tag, or null.</summary>
    public Tag? GetTag(string name) => (Tag?)GetExport(name, ExternalKind.Tag);

    internal object? GetExport(string name, ExternalKind kind) => throw new NotImplementedException($"{name}{kind}");
}
