using System.Runtime.CompilerServices;
using Wherry.Binary;
using Wherry.Execution;

namespace Wherry;

/// <summary>An instantiated module.</summary>
public sealed class Instance
{
    // Gives its place in the store's limit back when nothing references the instance any more.
    private readonly AccountClaim? _claim;
    private Memory? _defaultMemory;

    /// <param name="store">Its store.</param>
    /// <param name="module">Its module.</param>
    /// <param name="isOnly">Whether the store will never have another one: then it needs not give its place back.</param>
    /// <exception cref="LinkException">The store has too many.</exception>
    internal Instance(Store store, Module module, bool isOnly = false)
    {
        Module = module;
        Store = store;
        if (!store.Account.TryTakeInstance())
        {
            throw new LinkException($"The store's limit of {store.Options.Limits.Instances} instances is reached (ResourceLimits.Instances).");
        }

        _claim = isOnly ? null : new AccountClaim(store.Account, isInstance: true);
    }

    /// <summary>Its store.</summary>
    public Store Store { get; }

    /// <summary>Its module.</summary>
    public Module Module { get; }

    /// <summary>What it gives, by name.</summary>
    public IReadOnlyList<ModuleExport> Exports => Module.Exports;

    /// <summary>Its state, as compiled code sees it. Set by instantiation; it references this object.</summary>
    internal GuestInstance Guest { get; set; } = null!;

    /// <summary>What host functions take for its memory.</summary>
    internal Memory? DefaultMemory => _defaultMemory ?? FindDefaultMemory();

    /// <summary>An exported function as a delegate, or null if there is no such function.</summary>
    /// <exception cref="ArgumentException">The function has another signature.</exception>
    public T? GetFunction<T>(string name)
        where T : Delegate
    {
        Function? function = GetFunction(name);
        try
        {
            return function?.As<T>();
        }
        catch (ArgumentException exception)
        {
            throw new ArgumentException($"The export \"{name}\" can't be called so. {exception.Message}", exception);
        }
    }

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

    /// <inheritdoc/>
    public override string ToString() => Module.ToString();

    [MethodImpl(MethodImplOptions.NoInlining)]
    private Memory? FindDefaultMemory() => _defaultMemory = GetMemory("memory") ?? (Guest.Memories.Length > 0 ? Guest.Memories[0] : null);

    internal object? GetExport(string name, ExternalKind kind)
    {
        ArgumentNullException.ThrowIfNull(name);
        return Module.ExportsByName.TryGetValue(name, out object? found) && found is ExportDefinition export && export.Kind == kind ? GetExport(kind, export.Index) : null;
    }

    internal object GetExport(ExternalKind kind, int index) => kind switch
    {
        ExternalKind.Function => Guest.GetFunction(index),
        ExternalKind.Table => Guest.Tables[index],
        ExternalKind.Memory => Guest.Memories[index],
        ExternalKind.Global => Guest.Globals[index],
        _ => Guest.Tags[index],
    };
}
