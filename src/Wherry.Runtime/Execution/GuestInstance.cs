namespace Wherry.Execution;

/// <summary>The state of an instance as compiled code sees it. Each module's code has a subclass with the fields of its own globals.</summary>
internal abstract unsafe class GuestInstance
{
    /// <summary>A function whose local is below this address traps. Set when a thread enters, and beyond all addresses to interrupt.</summary>
    public nint StackLimit;

    /// <summary>A byte that loop heads read: unreadable to interrupt.</summary>
    public byte* SafepointPage;

    public Memory Memory0 = null!;

    public byte* Memory0Base;

    public Memory[] Memories = [];

    public Table[] Tables = [];

    public Function[] ImportedFunctions = [];

    /// <summary>Null where the subclass has a field.</summary>
    public Global[] Globals = [];

    public Tag[] Tags = [];

    public Instance Instance = null!;

    public Store Store = null!;

    /// <summary>The function of an index, imported ones first; always the same object for the same index.</summary>
    public abstract Function GetFunction(int index);
}
