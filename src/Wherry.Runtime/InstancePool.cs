using Wherry.Binary;
using Wherry.Execution;
using Wherry.Execution.Pooling;

namespace Wherry;

/// <summary>
/// Makes instances of one module in microseconds. What does not depend on the instance is prepared once: imports, the first contents of memories, tables and globals. Each
/// instance has a store of its own; its memory is one that another instance was done with, restored to what the module says (copy on write, where the system has it). Any number of threads may use a pool.
/// </summary>
/// <remarks>
/// Instances can't share anything but host functions and shared memories made for the engine: a module that imports other memories, tables, globals or tags, or functions of other guests, can't be
/// pooled. The start function runs for each instance; <c>_initialize</c> is for the caller to call, as for any instance.
/// </remarks>
public sealed class InstancePool : IDisposable
{
    private readonly object[] _imports;
    private readonly InitialState _initial;
    private readonly MemoryLayout _memories;
    private InstanceTemplate _template;
    private int _inUse;
    private bool _isDisposed;

    /// <summary>Prepares instances of a module.</summary>
    /// <param name="linker">Defines what the module imports. What is defined later does not count.</param>
    /// <param name="module">The module.</param>
    /// <param name="options">How instances are made.</param>
    /// <exception cref="LinkException">An import is missing, of another type, or can't be shared by instances that have a store each; or a limit stands in the way.</exception>
    /// <exception cref="TrapException">A segment does not fit.</exception>
    public InstancePool(Linker linker, Module module, InstancePoolOptions? options = null)
    {
        ArgumentNullException.ThrowIfNull(linker);
        ArgumentNullException.ThrowIfNull(module);
        if (linker.Engine != module.Engine)
        {
            throw new ArgumentException("The linker and the module are of different engines.", nameof(linker));
        }

        Options = options ?? InstancePoolOptions.Default;
        ArgumentOutOfRangeException.ThrowIfNegative(Options.MaximumInstances, nameof(options));
        ArgumentOutOfRangeException.ThrowIfNegative(Options.MaximumIdleInstances, nameof(options));
        ArgumentOutOfRangeException.ThrowIfNegative(Options.ResidentBytes, nameof(options));
        Module = module;
        _imports = linker.ResolveForPool(module);
        _initial = new InitialState(module.Code);
        _memories = new MemoryLayout(module.Engine, module.Definition, _initial, [.. _imports.OfType<Memory>()], Options);
        _template = new InstanceTemplate(module.Code, _imports, _initial, _memories, Options.StoreOptions.Limits);
    }

    /// <summary>The module.</summary>
    public Module Module { get; }

    /// <summary>The options that it was made with.</summary>
    public InstancePoolOptions Options { get; }

    /// <summary>How many instances are in use: neither disposed nor found by the garbage collector.</summary>
    public int InstancesInUse => Volatile.Read(ref _inUse);

    /// <summary>How many instances' memories are kept for the next ones.</summary>
    internal int IdleCount => _memories.IdleCount;

    /// <summary>Makes an instance and runs its start function.</summary>
    /// <param name="userState">The <see cref="Store.UserState"/> of its store, which host functions find there.</param>
    /// <exception cref="LinkException">A limit stands in the way, or the system has no memory or address space left. Other instances are not harmed.</exception>
    /// <exception cref="TrapException">The start function trapped.</exception>
    public PooledInstance Instantiate(object? userState = null)
    {
        ObjectDisposedException.ThrowIf(_isDisposed, this);

        // Code that was compiled ahead of time meanwhile is used from now on.
        InstanceTemplate template = _template;
        if (template.Code != Module.Code)
        {
            _template = template = new InstanceTemplate(Module.Code, _imports, _initial, _memories, Options.StoreOptions.Limits);
        }

        if (Interlocked.Increment(ref _inUse) > Options.MaximumInstances)
        {
            _ = Interlocked.Decrement(ref _inUse);
            throw new LinkException($"The pool's limit of {Options.MaximumInstances} instances is reached (InstancePoolOptions.MaximumInstances): dispose those that are done with.");
        }

        var place = new PoolPlace(this);
        Store? store = null;
        bool isDone = false;
        try
        {
            store = new Store(Module.Engine, Options.StoreOptions) { UserState = userState, PoolPlace = place };
            var instance = new PooledInstance(template.Instantiate(store));
            isDone = true;
            return instance;
        }
        finally
        {
            if (!isDone)
            {
                store?.Dispose();
                place.Dispose();
            }
        }
    }

    /// <summary>Gives the memories that it keeps back to the system, and makes no more instances. Those in use stay; their memories go back to the system when they are disposed.</summary>
    public void Dispose()
    {
        _isDisposed = true;
        _memories.Close();
    }

    internal void GivePlaceBack() => Interlocked.Decrement(ref _inUse);
}
