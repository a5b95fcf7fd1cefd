using Wherry.Binary;
using Wherry.Compilation;
using Wherry.Hosting;
using Wherry.Types;

namespace Wherry.Execution.Pooling;

/// <summary>
/// All of a module's instances that does not depend on the instance, made once: what is imported, and an instance with the globals, tables and segments that a new one has. A new one is
/// a copy of its fields with a store and memories of its own. What no instance can change is shared: the tables that only call_indirect reads, whose functions lack a target, and the imported functions until one is
/// called. All else is made anew for each.
/// </summary>
internal sealed unsafe class InstanceTemplate
{
    private readonly GuestInstance _prototype;
    private readonly HostDefinition[] _imports;
    private readonly HostAdapter?[] _adapters;
    private readonly MemoryLayout _memories;
    private readonly TableTemplate? _tables;
    private readonly bool _hasPassiveData;
    private readonly InitialState _initial;
    private readonly bool _needsCompletion;

    // One that may wait though it was compiled as one that does not, or -1.
    private readonly int _waitingImport;
    private readonly List<(int Index, GlobalType Type, ConstantValue Value)> _globalObjects = [];

    /// <param name="code">The module's code.</param>
    /// <param name="imports">What it imports, in the order of its imports.</param>
    /// <param name="initial">Its constants.</param>
    /// <param name="memories">Its memories.</param>
    /// <param name="limits">What each instance's store allows.</param>
    /// <exception cref="LinkException">A limit stands in the way.</exception>
    public InstanceTemplate(CompiledModule code, object[] imports, InitialState initial, MemoryLayout memories, ResourceLimits limits)
    {
        Code = code;
        _imports = [.. imports.OfType<HostDefinition>()];
        _memories = memories;
        ModuleDefinition definition = code.Definition;
        _adapters = new HostAdapter?[definition.ImportedFunctionCount];
        _prototype = code.CreateInstance();
        _prototype.Template = this;
        _prototype.ImportedFunctions = ShareImports();
        _prototype.Memories = [];
        _initial = initial;
        if (initial.HasSimpleGlobals)
        {
            SetGlobals(initial);
        }

        if (initial.HasConstantTables && !code.Layout.HasReturnedExceptions)
        {
            _tables = new TableTemplate(code, _prototype.ImportedFunctions, initial, limits.TableElements);
        }

        _prototype.DroppedData = Array.ConvertAll(definition.Data, static segment => segment.Mode == SegmentMode.Active);
        _hasPassiveData = Array.Exists(_prototype.DroppedData, static isDropped => !isDropped);
        _waitingImport = FindWaitingImport();
        _needsCompletion = !initial.HasSimpleGlobals || _tables is null || memories.HasData || definition.Tags.Length > 0 || definition.Start is not null;
    }

    public CompiledModule Code { get; }

    private ModuleDefinition Definition => Code.Definition;

    /// <summary>Called by the code that instances share for an import: the function that this instance calls from now on.</summary>
    public static Function GetImport(object instance, int import)
    {
        var guest = (GuestInstance)instance;
        return guest.ImportedFunctions[import] is { Target: not null } function ? function : guest.Template!.BindImport(guest, import);
    }

    /// <summary>Makes an instance's own function of an import.</summary>
    public Function BindImport(GuestInstance guest, int import)
    {
        HostDefinition host = _imports[import];
        DefinedType type = Definition.Functions[import];
        HostAdapter adapter = _adapters[import] ??= host.GetAdapter(type);
        Function function = HostFunctions.Create(guest.Store, guest.Instance, host.GetCallee(guest.Store), type, adapter);
        if (ReferenceEquals(guest.ImportedFunctions, _prototype.ImportedFunctions))
        {
            guest.ImportedFunctions = [.. guest.ImportedFunctions];
        }

        return guest.ImportedFunctions[import] = function;
    }

    /// <summary>Makes an instance and runs its start function. If that fails, the store is to be disposed.</summary>
    /// <exception cref="LinkException">A limit stands in the way.</exception>
    /// <exception cref="TrapException">The start function trapped.</exception>
    public Instance Instantiate(Store store)
    {
        var instance = new Instance(store, Code.Module, isOnly: true);
        GuestInstance guest = _prototype.Clone();
        instance.Guest = guest;
        guest.Instance = instance;
        guest.Store = store;
        guest.Heap = store.Heap;
        guest.PendingException = store.PendingException;
        guest.Meter = store.Meter;
        guest.SampleRequest = store.SampleRequest;
        guest.FrameBudget = store.FrameBudget;
        _memories.Create(guest);
        store.RegisterPooled(guest);
        if (_waitingImport >= 0)
        {
            store.RefuseSuspension($"its import {_waitingImport} may wait, which was not foreseen");
        }

        if (guest.SafepointBase == null)
        {
            guest.SafepointBase = store.SafepointPage + GuestInstance.SafepointDistance;
        }

        if (_hasPassiveData)
        {
            guest.DroppedData = [.. guest.DroppedData];
        }

        if (_globalObjects.Count > 0)
        {
            CreateGlobals(guest);
        }

        _tables?.Create(guest);
        if (_needsCompletion)
        {
            Complete(guest);
        }

        return instance;
    }

    private void Complete(GuestInstance guest)
    {
        Exception? trap = null;
        guest.Store.EnterUnbiased();
        try
        {
            Instantiation.Complete(guest, _initial, _tables is not null, _memories.HasImage);
        }
        catch (Exception exception) when ((trap = guest.Store.Translate(exception)) is not null)
        {
            // Thrown below, where the stack of the guest is gone.
        }
        finally
        {
            guest.Store.ExitUnbiased();
        }

        if (trap is not null)
        {
            throw TrapTranslator.Complete(trap);
        }
    }

    private int FindWaitingImport()
    {
        for (int i = 0; Code.Suspension is { } suspension && i < Definition.ImportedFunctionCount; i++)
        {
            if (_imports[i].IsAsynchronous && !suspension.Plan.Reaches(i))
            {
                return i;
            }
        }

        return -1;
    }

    private Function[] ShareImports()
    {
        var functions = new Function[Definition.ImportedFunctionCount];
        for (int i = 0; i < functions.Length; i++)
        {
            DefinedType type = Definition.Functions[i];
            functions[i] = new Function(type, ImportStubs.Get(i, type.Function!));
        }

        return functions;
    }

    private void SetGlobals(InitialState initial)
    {
        GlobalDefinition[] globals = Definition.Globals;
        for (int i = 0; i < globals.Length; i++)
        {
            if (Code.GetCreatedGlobalField(i) is { } field)
            {
                field.SetValue(_prototype, Instantiation.Box(initial.Globals[i], globals[i].Type.ValueType.Kind));
            }
            else
            {
                _globalObjects.Add((i, globals[i].Type, initial.Globals[i]));
            }
        }
    }

    private void CreateGlobals(GuestInstance guest)
    {
        guest.Globals = new Global[Definition.Globals.Length];
        foreach ((int index, GlobalType type, ConstantValue value) in _globalObjects)
        {
            guest.Globals[index] = Instantiation.CreateGlobal(guest.Store, type, value);
        }
    }
}
