using System.Diagnostics.CodeAnalysis;
using System.Reflection;
using Wherry.Binary;
using Wherry.Diagnostics;
using Wherry.Execution;
using Wherry.Hosting;

namespace Wherry;

/// <summary>Names what modules may import, and instantiates them. Define all first; then any number of threads may instantiate.</summary>
public sealed class Linker
{
    // The values are LinkerModules: collections of this type are loaded already where a command starts.
    private readonly Dictionary<string, object> _modules = [];

    /// <summary>A linker without definitions.</summary>
    public Linker(Engine engine)
    {
        ArgumentNullException.ThrowIfNull(engine);
        Engine = engine;
    }

    /// <summary>The engine of the modules.</summary>
    public Engine Engine { get; }

    /// <summary>
    /// Whether a definition replaces earlier ones of the same name. If not, several definitions stand beside each other, and the first whose type fits
    /// an import is taken.
    /// </summary>
    public bool AllowShadowing { get; set; }

    /// <summary>Defines a function.</summary>
    public void Define(string module, string name, Function function) => Add(module, name, function);

    /// <summary>Defines a memory.</summary>
    public void Define(string module, string name, Memory memory) => Add(module, name, memory);

    /// <summary>Defines a table.</summary>
    public void Define(string module, string name, Table table) => Add(module, name, table);

    /// <summary>Defines a global.</summary>
    public void Define(string module, string name, Global global) => Add(module, name, global);

    /// <summary>Defines an exception tag.</summary>
    public void Define(string module, string name, Tag tag) => Add(module, name, tag);

    /// <summary>Defines a host function, for instances of any store.</summary>
    /// <param name="function">
    /// Parameters: optionally a <see cref="Caller"/> first, then int or uint for i32, long or ulong for i64, float, double, Vector128 of byte, object or Function
    /// for references, optionally a <see cref="CancellationToken"/> last. Result: none, one, a tuple, or a ValueTask of these.
    /// </param>
    /// <exception cref="ArgumentException">The signature can't be a guest's.</exception>
    public void DefineFunction(string module, string name, Delegate function)
    {
        ArgumentNullException.ThrowIfNull(function);
        Type type = function.GetType();
        Add(module, name, new DelegateDefinition(HostSignature.Of(type), type, _ => function));
    }

    /// <summary>Defines the methods of an object that carry a <see cref="WasmFunctionAttribute"/>, as <see cref="DefineFunction"/> does.</summary>
    /// <exception cref="ArgumentException">There are none, or one has a signature that can't be a guest's.</exception>
    public void DefineMethods(string module, object target)
    {
        ArgumentNullException.ThrowIfNull(target);
        DefineMethods(module, target.GetType(), _ => target);
    }

    /// <summary>
    /// Defines the methods of <typeparamref name="T"/> that carry a <see cref="WasmFunctionAttribute"/>, each store's guests on an object of their own: it is made when the first of
    /// these functions is linked (in an <see cref="InstancePool"/>: called). If it is <see cref="IDisposable"/>, it is disposed with the store.
    /// </summary>
    /// <param name="module">The module name.</param>
    /// <param name="create">Makes the object of a store.</param>
    /// <exception cref="ArgumentException">There are no such methods, or one has a signature that can't be a guest's.</exception>
    public void DefineMethods<T>(string module, Func<Store, T> create)
        where T : class
    {
        ArgumentNullException.ThrowIfNull(create);
        object key = new();
        DefineMethods(module, typeof(T), store => store.GetHostObject(key, create));
    }

    /// <summary>Defines methods whose adapters were written when they were built.</summary>
    /// <param name="replaces">Whether they stand in the place of what has their names already. If not, that stays before them.</param>
    internal void DefineMethods(string module, HostMethodTable methods, Func<Store, object> getTarget, bool replaces) => GetModule(module).Add(methods, getTarget, replaces);

    internal bool IsDefined(string module, string name) => FindDefinitions(module, name) is not null;

    /// <summary>Defines all exports of an instance under a module name.</summary>
    public void DefineInstance(string module, Instance instance)
    {
        ArgumentNullException.ThrowIfNull(instance);
        foreach (ExportDefinition export in instance.Module.Definition.Exports)
        {
            Add(module, export.Name, instance.GetExport(export.Kind, export.Index));
        }
    }

    /// <summary>Finds what the module imports, makes an instance, and runs its start function.</summary>
    /// <exception cref="LinkException">An import is missing or of another type, or a limit stands in the way.</exception>
    /// <exception cref="TrapException">A segment doesn't fit, or the start function trapped.</exception>
    public Instance Instantiate(Store store, Module module)
    {
        ArgumentNullException.ThrowIfNull(store);
        ArgumentNullException.ThrowIfNull(module);
        if (store.Engine != module.Engine)
        {
            throw new ArgumentException("The store and the module are of different engines.", nameof(store));
        }

        var instance = new Instance(store, module);
        ResolvedImports imports = Resolve(store, module, instance);
        store.CheckSuspension(module.Code, imports.Functions);
        Exception? trap = null;
        store.EnterUnbiased();
        try
        {
            Instantiation.Instantiate(instance, imports);
        }
        catch (Exception exception) when ((trap = store.Translate(exception)) is not null)
        {
            // Thrown below, where the stack of the guest is gone.
        }
        finally
        {
            store.ExitUnbiased();
        }

        if (trap is not null)
        {
            throw TrapTranslator.Complete(trap);
        }

        return instance;
    }

    /// <summary>What a module imports, for instances that have a store each: host functions and shared memories.</summary>
    /// <exception cref="LinkException">An import is missing, of another type, or of one store.</exception>
    internal object[] ResolveForPool(Module module)
    {
        ModuleDefinition definition = module.Definition;
        var found = new object[definition.Imports.Length];
        for (int i = 0; i < found.Length; i++)
        {
            ImportDefinition import = definition.Imports[i];
            found[i] = Find(null, module, import);
            if (found[i] is not (HostDefinition or Memory { Type.IsShared: true }))
            {
                throw new LinkException($"The import \"{ErrorText.Clean(import.Module)}\" \"{ErrorText.Clean(import.Name)}\" can't be pooled: the instances of a pool have a store each, and what is defined is of one store. "
                    + "Define host functions by Linker.DefineFunction or DefineMethods, and shared memories made for the engine.");
            }
        }

        return found;
    }

    private void DefineMethods(string module, Type target, Func<Store, object> getTarget)
    {
        foreach ((string name, MethodInfo method) in AttributedMethods.Find(target))
        {
            Add(module, name, AttributedMethods.Define(method, getTarget));
        }
    }

    private void Add(string module, string name, object definition)
    {
        ArgumentNullException.ThrowIfNull(module);
        ArgumentNullException.ThrowIfNull(name);
        ArgumentNullException.ThrowIfNull(definition);
        GetModule(module).Add(name, definition, AllowShadowing);
    }

    private LinkerModule GetModule(string module)
    {
        if (!_modules.TryGetValue(module, out object? names))
        {
            names = new LinkerModule();
            _modules.Add(module, names);
        }

        return (LinkerModule)names;
    }

    private ResolvedImports Resolve(Store store, Module module, Instance instance)
    {
        ModuleDefinition definition = module.Definition;
        var imports = new ResolvedImports(
            new Function[definition.ImportedFunctionCount],
            new Table[definition.ImportedTableCount],
            new Memory[definition.ImportedMemoryCount],
            new Global[definition.ImportedGlobalCount],
            new Tag[definition.ImportedTagCount]);
        foreach (ImportDefinition import in definition.Imports)
        {
            object given = Find(store, module, import);
            switch (import.Kind)
            {
                case ExternalKind.Function:
                    imports.Functions[import.Index] = given is HostDefinition host
                        ? HostFunctions.Create(store, instance, host, definition.Functions[import.Index])
                        : (Function)given;
                    break;
                case ExternalKind.Table:
                    imports.Tables[import.Index] = (Table)given;
                    break;
                case ExternalKind.Memory:
                    imports.Memories[import.Index] = (Memory)given;
                    break;
                case ExternalKind.Global:
                    imports.Globals[import.Index] = (Global)given;
                    break;
                default:
                    imports.Tags[import.Index] = (Tag)given;
                    break;
            }
        }

        return imports;
    }

    private List<object>? FindDefinitions(string module, string name) =>
        _modules.TryGetValue(module, out object? names) ? ((LinkerModule)names).Find(name) : null;

    // Without a store: for instances that have one each.
    private object Find(Store? store, Module module, ImportDefinition import)
    {
        if (FindDefinitions(import.Module, import.Name) is not { } definitions)
        {
            ThrowUnknown(module, import);
            return null;
        }

        foreach (object definition in definitions)
        {
            if (ImportMatcher.Matches(definition, module.Definition, import))
            {
                if (store is not null && GetStore(definition) is Store other && other != store)
                {
                    throw new LinkException($"The import \"{ErrorText.Clean(import.Module)}\" \"{ErrorText.Clean(import.Name)}\" is defined by something of another store: what instances share must be of one store, except for shared memories.");
                }

                return definition;
            }
        }

        ThrowIncompatible(module, import, definitions);
        return null;
    }

    private static Store? GetStore(object definition) => definition switch
    {
        Function function => function.Store,
        Table table => table.Store,
        Memory memory => memory.Type.IsShared ? null : memory.Store,
        Global global => global.Store,
        Tag tag => tag.Store,
        _ => null,
    };

    [DoesNotReturn]
    private void ThrowUnknown(Module module, ImportDefinition import)
    {
        string wanted = ErrorText.Clean(Module.DescribeExternal(module.Definition, import.Kind, import.Index).ToString());
        string[] names = _modules.TryGetValue(import.Module, out object? defined) ? [.. ((LinkerModule)defined).Names.Order(StringComparer.Ordinal)] : [];
        string help = import.Module.StartsWith("wasi_snapshot_preview1", StringComparison.Ordinal) && names.Length == 0
            ? "It is of WASI preview 1: add Wherry.Wasi's WasiContext to the linker."
            : names.Length == 0
                ? $"Nothing is defined under the module name \"{ErrorText.Clean(import.Module)}\": define it with Linker.DefineFunction, or load the module that exports it and use Linker.DefineInstance."
                : $"Under \"{ErrorText.Clean(import.Module)}\" there is: {string.Join(", ", names.Take(20))}{(names.Length > 20 ? ", …" : "")}.";
        throw new LinkException($"unknown import: {module} needs \"{ErrorText.Clean(import.Module)}\" \"{ErrorText.Clean(import.Name)}\", a {wanted}. {help}");
    }

    [DoesNotReturn]
    private static void ThrowIncompatible(Module module, ImportDefinition import, List<object> definitions)
    {
        string wanted = ErrorText.Clean(Module.DescribeExternal(module.Definition, import.Kind, import.Index).ToString());
        string found = string.Join(" and ", definitions.Select(definition => $"a {ImportMatcher.Describe(definition)}"));
        throw new LinkException($"incompatible import type: {module} needs \"{ErrorText.Clean(import.Module)}\" \"{ErrorText.Clean(import.Name)}\" as a {wanted}, but it is defined as {found}.");
    }
}
