using Wherry.Compilation;
using Wherry.Execution.Heap;
using Wherry.Execution.Pooling;
using Wherry.Execution.Suspension;
using Wherry.Types;

namespace Wherry.Execution;

/// <summary>The state of an instance as compiled code sees it. Each module's code has a subclass with the fields of its own globals.</summary>
internal abstract unsafe class GuestInstance
{
    /// <summary>A function whose local is below this address traps. Set when a thread enters, and beyond all addresses to interrupt.</summary>
    public nint StackLimit;

    /// <summary>Whether the guest is being left or entered again: see <see cref="GuestSuspension"/>. Looked at behind calls.</summary>
    public int SuspensionState;

    /// <summary>How many functions are under way that can't be left, as those count that can and called them.</summary>
    public int SuspensionBlocks;

    /// <summary>The store's, if its engine compiles for it.</summary>
    public GuestSuspension Suspension = null!;

    /// <summary>How far above the safepoint page <see cref="SafepointBase"/> points; a guarded memory starts there.</summary>
    public const int SafepointDistance = 32_768;

    /// <summary>Loop heads read the byte that lies <see cref="SafepointDistance"/> below: unreadable to interrupt.</summary>
    public byte* SafepointBase;

    public byte* Memory0Base;

    /// <summary>See <see cref="Memory.ProbeBase"/>.</summary>
    public byte* Memory0ProbeBase;

    /// <summary>A zero of which the JIT does not know.</summary>
    public long Zero;

    public Memory Memory0 = null!;

    public Table Table0 = null!;

    /// <summary>The elements of the first table, if its declared size is fixed: calls through it then need one load less.</summary>
    public object?[] Table0Elements = [];

    public Memory[] Memories = null!;

    public Table[] Tables = null!;

    public Function[] ImportedFunctions = null!;

    /// <summary>Null where the subclass has a field.</summary>
    public Global[] Globals = null!;

    public Tag[] Tags = null!;

    /// <summary>Where functions that return exceptions leave them.</summary>
    public PendingException PendingException = null!;

    /// <summary>Shared by all instances of a module: see <see cref="CompiledModule.PrepareLarge"/>.</summary>
    public bool[] LargeFunctionsReady = null!;

    public Instance Instance = null!;

    public Store Store = null!;

    public CompiledModule Code = null!;

    public DefinedType[] Types = null!;

    /// <summary>What casts look at.</summary>
    public TypeAncestors Ancestors = TypeAncestors.Instance;

    /// <summary>Accounts for structs and arrays.</summary>
    public GuestHeap Heap = null!;

    /// <summary>The references of small integers, for compiled code; none before the first is needed.</summary>
    public I31[]?[] CommonIntegers = [];

    /// <summary>The store's, if its engine compiles for profiling.</summary>
    public SampleRequest? SampleRequest;

    /// <summary>The store's, if its engine is deterministic.</summary>
    public FrameBudget? FrameBudget;

    /// <summary>The store's, if its engine counts instructions.</summary>
    public Meter? Meter;

    /// <summary>The elements of each segment; empty once dropped.</summary>
    public object?[][] Elements = null!;

    /// <summary>Whether each data segment was dropped.</summary>
    public bool[] DroppedData = null!;

    /// <summary>What a pooled instance was made from; null for any other.</summary>
    public InstanceTemplate? Template;

    /// <summary>The memories of a pooled instance that go back to the pool.</summary>
    public Memory[] PooledMemories = [];

    private FunctionList _functions;
    private FunctionList _resolved;

    /// <summary>Fills the fields that hold numbers of types, where the code of the module has such.</summary>
    public virtual void InitializeTypeNumbers(DefinedType[] types)
    {
    }

    /// <summary>The function of an index, imported ones first; always the same object for the same index. Its code is not looked for before it is called.</summary>
    public Function GetFunction(int index)
    {
        if (index < ImportedFunctions.Length)
        {
            return ImportedFunctions[index] is { Target: not null } imported ? imported : Template!.BindImport(this, index);
        }

        // A pool has looked for the code of most functions already.
        return Template is not null ? ResolveFunction(index) : _functions.Get(index) ?? _functions.Set(index, Code.Definition.Functions.Length, UnresolvedFunction.Create(this, index));
    }

    /// <summary>The function of an index as a reference for the guest: one that goes straight to the code, if that is known.</summary>
    public Function GetReference(int index) => _resolved.Get(index) ?? GetFunction(index);

    /// <summary>The index of a function that this instance has a reference to, or -1.</summary>
    public int FindIndex(Function function)
    {
        int import = Array.IndexOf(ImportedFunctions, function);
        return import >= 0 ? import
            : function.Target is UnresolvedFunction unresolved ? (unresolved.Instance == this ? unresolved.Index : -1)
            : _resolved.IndexOf(function);
    }

    /// <summary>A function of this module that goes straight to its code.</summary>
    public Function ResolveFunction(int index) => _resolved.Get(index) ?? _resolved.Set(index, Code.Definition.Functions.Length, Code.CreateResolved(index, this));

    /// <summary>Takes note of the tables, once they are there.</summary>
    public void SetTables(Table[] tables)
    {
        Tables = tables;
        if (tables.Length > 0)
        {
            Table0 = tables[0];
            if (Code.Definition.Tables[0].Type.IsOfFixedSize)
            {
                // Of another one it would be the array as it was before the table grew.
                Table0Elements = tables[0].Elements;
            }
        }
    }

    /// <summary>Another instance with the same values in all fields.</summary>
    public GuestInstance Clone() => (GuestInstance)MemberwiseClone();
}
