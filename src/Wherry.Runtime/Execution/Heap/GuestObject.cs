using Wherry.Types;

namespace Wherry.Execution.Heap;

/// <summary>A struct or an array on the guest's heap, which is the CLR's own (specification, 4.2.9, 4.2.10).</summary>
internal abstract class GuestObject(DefinedType type)
{
    /// <summary>Its exact type: casts look at nothing else.</summary>
    public readonly DefinedType Type = type;

    public override string ToString() => Type.ToString();
}
